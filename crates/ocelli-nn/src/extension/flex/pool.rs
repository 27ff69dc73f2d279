use std::sync::Arc;

use burn::backend::flex::FlexTensor;
use ocelli_kernels::Isa;
use ocelli_kernels::pool::{
    Pool2dShape,
    adaptive_average::{self, AdaptivePool2dShape},
    average,
    max::{self, Taps},
};

use super::dense::{Dense, tensor};
use crate::functional::PoolGeometry;

/// A mean counts padding, as zeros.
const COUNT_PADDING: bool = true;

pub(super) fn max_pool(x: FlexTensor, geometry: PoolGeometry) -> FlexTensor {
    let x = Dense::new(x);
    let shape = shape(x.shape(), geometry);
    tensor(max::forward(Isa::active(), &shape, x.values()), y_shape(&shape))
}

pub(super) fn max_pool_with_taps(x: FlexTensor, geometry: PoolGeometry) -> (FlexTensor, Arc<Taps>) {
    let x = Dense::new(x);
    let shape = shape(x.shape(), geometry);
    let (y, taps) = max::forward_with_taps(Isa::active(), &shape, x.values());
    (tensor(y, y_shape(&shape)), Arc::new(taps))
}

pub(super) fn max_pool_gradient(
    dy: FlexTensor,
    taps: &Taps,
    geometry: PoolGeometry,
    x_shape: [usize; 4],
) -> FlexTensor {
    let dy = Dense::new(dy);
    let shape = shape(x_shape, geometry);
    tensor(max::input_gradient(Isa::active(), &shape, taps, dy.values()), x_shape)
}

pub(super) fn average_pool(x: FlexTensor, geometry: PoolGeometry) -> FlexTensor {
    let x = Dense::new(x);
    let shape = shape(x.shape(), geometry);
    tensor(average::forward(Isa::active(), &shape, COUNT_PADDING, x.values()), y_shape(&shape))
}

pub(super) fn average_pool_gradient(
    dy: FlexTensor,
    geometry: PoolGeometry,
    x_shape: [usize; 4],
) -> FlexTensor {
    let dy = Dense::new(dy);
    let shape = shape(x_shape, geometry);
    tensor(average::input_gradient(Isa::active(), &shape, COUNT_PADDING, dy.values()), x_shape)
}

pub(super) fn adaptive_average_pool(x: FlexTensor, size: [usize; 2]) -> FlexTensor {
    let x = Dense::new(x);
    let [batch, _, _, channels] = x.shape();
    let shape = adaptive_shape(x.shape(), size);
    let y = adaptive_average::forward(Isa::active(), &shape, x.values());
    tensor(y, [batch, size[0], size[1], channels])
}

pub(super) fn adaptive_average_pool_gradient(dy: FlexTensor, x_shape: [usize; 4]) -> FlexTensor {
    let dy = Dense::new(dy);
    let [_, height, width, _] = dy.shape();
    let shape = adaptive_shape(x_shape, [height, width]);
    tensor(adaptive_average::input_gradient(Isa::active(), &shape, dy.values()), x_shape)
}

fn shape([batch, height, width, channels]: [usize; 4], geometry: PoolGeometry) -> Pool2dShape {
    let PoolGeometry { kernel, stride, padding } = geometry;
    Pool2dShape { batch, size: [height, width], channels, kernel, stride, padding }
}

fn y_shape(shape: &Pool2dShape) -> [usize; 4] {
    let [height, width] = shape.output_size();
    [shape.batch, height, width, shape.channels]
}

fn adaptive_shape(
    [batch, height, width, channels]: [usize; 4],
    output_size: [usize; 2],
) -> AdaptivePool2dShape {
    AdaptivePool2dShape { batch, size: [height, width], channels, output_size }
}
