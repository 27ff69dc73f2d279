use burn::backend::{Backend, TensorMetadata, ops::ConvOptions, tensor::FloatTensor};
use burn::tensor::Shape;

use super::{four, over_pictures};
use crate::extension::{Optional, VisionOperations};
use crate::functional::{Activation, ConvGeometry};

pub(crate) fn convolution<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Optional<B>,
    geometry: ConvGeometry,
) -> FloatTensor<B> {
    let x = nchw_from_nhwc::<B>(x);
    nhwc_from_nchw::<B>(B::conv2d(x, weight, bias.into_option(), options(geometry)))
}

pub(crate) fn convolution_activation<B: VisionOperations>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Optional<B>,
    residual: Optional<B>,
    geometry: ConvGeometry,
    activation: Activation,
) -> FloatTensor<B> {
    let mut y = B::convolution(x, weight, bias, geometry);
    if let Some(residual) = residual.into_option() {
        y = B::float_add(y, residual);
    }
    B::activation(y, activation)
}

pub(crate) fn convolution_input_gradient<B: Backend>(
    weight: FloatTensor<B>,
    dy: FloatTensor<B>,
    geometry: ConvGeometry,
    [n, h, w, c]: [usize; 4],
) -> FloatTensor<B> {
    // Only its shape is looked at.
    let x = B::float_empty(Shape::new([n, c, h, w]), &dy.device(), dy.dtype().into());
    let dy = nchw_from_nhwc::<B>(dy);
    nhwc_from_nchw::<B>(B::conv2d_x_backward(x, weight, dy, options(geometry)))
}

pub(crate) fn convolution_weight_gradient<B: Backend>(
    x: FloatTensor<B>,
    dy: FloatTensor<B>,
    geometry: ConvGeometry,
    shape: [usize; 4],
) -> FloatTensor<B> {
    // Only its shape is looked at.
    let weight = B::float_empty(Shape::new(shape), &dy.device(), dy.dtype().into());
    let (x, dy) = (nchw_from_nhwc::<B>(x), nchw_from_nhwc::<B>(dy));
    B::conv2d_weight_backward(x, weight, dy, options(geometry))
}

/// A convolution's gradient, run forward.
pub(crate) fn transposed_convolution<B: VisionOperations>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Optional<B>,
    geometry: ConvGeometry,
    [height, width]: [usize; 2],
) -> FloatTensor<B> {
    let [n, _, _, _] = four::<B>(&x);
    let [_, group_channels, _, _] = four::<B>(&weight);
    let shape = [n, height, width, group_channels * geometry.groups];
    let y = B::convolution_input_gradient(weight, x, geometry, shape);
    match bias.into_option() {
        Some(bias) => B::float_add(y, over_pictures::<B>(bias)),
        None => y,
    }
}

fn options(geometry: ConvGeometry) -> ConvOptions<2> {
    let ConvGeometry { stride, padding, dilation, groups } = geometry;
    ConvOptions::new(stride, padding, dilation, groups)
}

/// The channels-first view of a channels-last tensor.
pub(super) fn nchw_from_nhwc<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(x, &[0, 3, 1, 2])
}

/// The channels-last view of a channels-first tensor.
pub(super) fn nhwc_from_nchw<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(x, &[0, 2, 3, 1])
}
