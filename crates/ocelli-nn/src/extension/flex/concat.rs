use burn::backend::flex::FlexTensor;
use ocelli_kernels::concat;

use super::dense::{Dense, tensor};

pub(super) fn concat(first: FlexTensor, second: FlexTensor) -> FlexTensor {
    let (first, second) = (Dense::new(first), Dense::new(second));
    let ([n, h, w, a], [_, _, _, b]) = (first.shape::<4>(), second.shape::<4>());
    let joined = concat::concat(n * h * w, &[(first.values(), a), (second.values(), b)]);
    tensor(joined, [n, h, w, a + b])
}

pub(super) fn split(x: FlexTensor, channels: usize) -> (FlexTensor, FlexTensor) {
    let x = Dense::new(x);
    let [n, h, w, c] = x.shape::<4>();
    let others = c - channels;
    let [first, second] = concat::split(n * h * w, x.values(), &[channels, others])
        .try_into()
        .expect("as many parts as channel counts");
    (tensor(first, [n, h, w, channels]), tensor(second, [n, h, w, others]))
}
