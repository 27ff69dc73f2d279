use burn::backend::{
    Backend, TensorMetadata, get_device_settings,
    tensor::{Device, FloatTensor},
};
use burn::tensor::Shape;

use super::convolution::{nchw_from_nhwc, nhwc_from_nchw};
use crate::extension::Winners;
use crate::functional::PoolGeometry;

/// Neighbouring taps of a pooling window are neighbours in the picture.
const NO_DILATION: [usize; 2] = [1, 1];
/// A window that the picture ends in is left out.
const NO_CEILING: bool = false;
/// A mean counts padding, as zeros.
const COUNT_PADDING: bool = true;

pub(crate) fn max_pool<B: Backend>(x: FloatTensor<B>, geometry: PoolGeometry) -> FloatTensor<B> {
    let PoolGeometry { kernel, stride, padding } = geometry;
    let x = nchw_from_nhwc::<B>(x);
    nhwc_from_nchw::<B>(B::max_pool2d(x, kernel, stride, padding, NO_DILATION, NO_CEILING))
}

pub(crate) fn max_pool_with_winners<B: Backend>(
    x: FloatTensor<B>,
    geometry: PoolGeometry,
) -> (FloatTensor<B>, Winners<B>) {
    let PoolGeometry { kernel, stride, padding } = geometry;
    let int_dtype = get_device_settings::<B>(&x.device()).int_dtype;
    let x = nchw_from_nhwc::<B>(x);
    let pooled =
        B::max_pool2d_with_indices(x, kernel, stride, padding, NO_DILATION, NO_CEILING, int_dtype);
    (nhwc_from_nchw::<B>(pooled.output), Winners::Indices(pooled.indices))
}

pub(crate) fn max_pool_gradient<B: Backend>(
    dy: FloatTensor<B>,
    winners: Winners<B>,
    geometry: PoolGeometry,
    shape: [usize; 4],
) -> FloatTensor<B> {
    let PoolGeometry { kernel, stride, padding } = geometry;
    let Winners::Indices(indices) = winners else {
        panic!("taps of the CPU device's kernels, on another device")
    };
    let x = like_nchw::<B>(shape, &dy);
    let gradient = B::max_pool2d_with_indices_backward(
        x,
        kernel,
        stride,
        padding,
        NO_DILATION,
        NO_CEILING,
        nchw_from_nhwc::<B>(dy),
        indices,
    );
    nhwc_from_nchw::<B>(gradient.x_grad)
}

pub(crate) fn average_pool<B: Backend>(
    x: FloatTensor<B>,
    geometry: PoolGeometry,
) -> FloatTensor<B> {
    let PoolGeometry { kernel, stride, padding } = geometry;
    let x = nchw_from_nhwc::<B>(x);
    nhwc_from_nchw::<B>(B::avg_pool2d(x, kernel, stride, padding, COUNT_PADDING, NO_CEILING))
}

pub(crate) fn average_pool_gradient<B: Backend>(
    dy: FloatTensor<B>,
    geometry: PoolGeometry,
    shape: [usize; 4],
) -> FloatTensor<B> {
    let PoolGeometry { kernel, stride, padding } = geometry;
    let x = like_nchw::<B>(shape, &dy);
    let dy = nchw_from_nhwc::<B>(dy);
    let dx = B::avg_pool2d_backward(x, dy, kernel, stride, padding, COUNT_PADDING, NO_CEILING);
    nhwc_from_nchw::<B>(dx)
}

pub(crate) fn adaptive_average_pool<B: Backend>(
    x: FloatTensor<B>,
    size: [usize; 2],
) -> FloatTensor<B> {
    nhwc_from_nchw::<B>(B::adaptive_avg_pool2d(nchw_from_nhwc::<B>(x), size))
}

pub(crate) fn adaptive_average_pool_gradient<B: Backend>(
    dy: FloatTensor<B>,
    shape: [usize; 4],
) -> FloatTensor<B> {
    let x = like_nchw::<B>(shape, &dy);
    nhwc_from_nchw::<B>(B::adaptive_avg_pool2d_backward(x, nchw_from_nhwc::<B>(dy)))
}

/// A channels-first tensor of which only the shape will be looked at.
fn like_nchw<B: Backend>([n, h, w, c]: [usize; 4], like: &FloatTensor<B>) -> FloatTensor<B> {
    let device: Device<B> = like.device();
    B::float_empty(Shape::new([n, c, h, w]), &device, like.dtype().into())
}
