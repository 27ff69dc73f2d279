use burn::backend::{
    Backend, TensorMetadata,
    ops::{InterpolateMode, InterpolateOptions},
    tensor::FloatTensor,
};
use burn::tensor::{Shape, TensorData};
use ocelli_kernels::resample::Mode;
use ocelli_kernels::{Isa, dropout as dropping};

use super::convolution::{nchw_from_nhwc, nhwc_from_nchw};
use super::four;

/// Which numbers are dropped is a function of key and index on every device, so it is computed on
/// the host.
pub(crate) fn dropout<B: Backend>(x: FloatTensor<B>, probability: f64, key: u64) -> FloatTensor<B> {
    let shape = x.shape();
    let ones = vec![1.0; shape.num_elements()];
    let factors = dropping::dropout(Isa::active(), ones.into(), probability, key);
    let factors = B::float_from_data(TensorData::new(factors, shape), &x.device());
    B::float_mul(x, factors)
}

pub(crate) fn scale_channels<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
) -> FloatTensor<B> {
    let [n, _, _, c] = four::<B>(&x);
    B::float_mul(x, B::float_reshape(scale, Shape::new([n, 1, 1, c])))
}

pub(crate) fn scale_channels_gradient<B: Backend>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = four::<B>(&x);
    let products = B::float_reshape(B::float_mul(dy.clone(), x), Shape::new([n, h * w, c]));
    let dscale = B::float_reshape(B::float_sum_dim(products, 1), Shape::new([n, c]));
    (scale_channels::<B>(dy, scale), dscale)
}

pub(crate) fn resize<B: Backend>(
    x: FloatTensor<B>,
    size: [usize; 2],
    mode: Mode,
) -> FloatTensor<B> {
    nhwc_from_nchw::<B>(B::interpolate(nchw_from_nhwc::<B>(x), size, options(mode)))
}

pub(crate) fn resize_gradient<B: Backend>(
    dy: FloatTensor<B>,
    [n, h, w, c]: [usize; 4],
    mode: Mode,
) -> FloatTensor<B> {
    let [_, height, width, _] = four::<B>(&dy);
    // Only its shape is looked at.
    let x = B::float_empty(Shape::new([n, c, h, w]), &dy.device(), dy.dtype().into());
    let dy = nchw_from_nhwc::<B>(dy);
    nhwc_from_nchw::<B>(B::interpolate_backward(x, dy, [height, width], options(mode)))
}

fn options(mode: Mode) -> InterpolateOptions {
    match mode {
        Mode::Nearest => InterpolateOptions::new(InterpolateMode::Nearest),
        Mode::Bilinear { align_corners } => {
            InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(align_corners)
        }
    }
}
