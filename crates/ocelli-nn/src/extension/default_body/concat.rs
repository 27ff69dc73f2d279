use burn::backend::{Backend, tensor::FloatTensor};
use burn::tensor::Slice;

use super::four;

const CHANNELS: usize = 3;

pub(crate) fn concat_channels<B: Backend>(
    first: FloatTensor<B>,
    second: FloatTensor<B>,
) -> FloatTensor<B> {
    B::float_cat(vec![first, second], CHANNELS)
}

pub(crate) fn split_channels<B: Backend>(
    x: FloatTensor<B>,
    channels: usize,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = four::<B>(&x);
    let part = |x: FloatTensor<B>, from: usize, to: usize| {
        B::float_slice(x, &[0..n, 0..h, 0..w, from..to].map(Slice::from))
    };
    (part(x.clone(), 0, channels), part(x, channels, c))
}
