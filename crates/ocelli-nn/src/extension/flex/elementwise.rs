use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;
use ocelli_kernels::activation::Activation;
use ocelli_kernels::resample::{self, Mode, ResampleShape};
use ocelli_kernels::{Isa, channel_scale, dropout as dropping, elementwise, reduction};

use super::dense::{Dense, tensor, tensor_of};

pub(super) fn activation(x: FlexTensor, activation: Activation) -> FlexTensor {
    let (shape, mut x) = with_shape(x);
    tensor_of(elementwise::activate(Isa::active(), x.values_or_memory(), activation), shape)
}

pub(super) fn activation_gradient(
    dy: FlexTensor,
    x: FlexTensor,
    activation: Activation,
) -> FlexTensor {
    let (shape, dy) = with_shape(dy);
    let x = Dense::new(x);
    let dx =
        elementwise::activation_gradient(Isa::active(), x.values(), dy.into_values(), activation);
    tensor_of(dx, shape)
}

pub(super) fn channel_sum(x: FlexTensor) -> FlexTensor {
    let x = Dense::new(x);
    let [.., channels] = x.shape::<4>();
    tensor(reduction::channel_sums(Isa::active(), x.values(), channels), [channels])
}

pub(super) fn dropout(x: FlexTensor, probability: f64, key: u64) -> FlexTensor {
    let (shape, mut x) = with_shape(x);
    tensor_of(dropping::dropout(Isa::active(), x.values_or_memory(), probability, key), shape)
}

pub(super) fn scale_channels(
    x: FlexTensor,
    scale: FlexTensor,
    residual: Option<FlexTensor>,
) -> FlexTensor {
    let (mut x, scale, residual) = (Dense::new(x), Dense::new(scale), residual.map(Dense::new));
    let shape: [usize; 4] = x.shape();
    let y = channel_scale::scale_channels(
        Isa::active(),
        x.values_or_memory(),
        scale.values(),
        shape[3],
        residual.as_ref().map(Dense::values),
    );
    tensor(y, shape)
}

pub(super) fn scale_channels_gradient(
    dy: FlexTensor,
    x: FlexTensor,
    scale: FlexTensor,
) -> (FlexTensor, FlexTensor) {
    let (dy, x, scale) = (Dense::new(dy), Dense::new(x), Dense::new(scale));
    let shape: [usize; 4] = x.shape();
    let [n, _, _, c] = shape;
    let (dx, dscale) = channel_scale::scale_channels_gradient(
        Isa::active(),
        x.values(),
        scale.values(),
        c,
        dy.into_values(),
    );
    (tensor(dx, shape), tensor(dscale, [n, c]))
}

pub(super) fn resize(x: FlexTensor, output_size: [usize; 2], mode: Mode) -> FlexTensor {
    let x = Dense::new(x);
    let [batch, height, width, channels] = x.shape();
    let shape = ResampleShape { batch, size: [height, width], channels, output_size };
    let y = resample::forward(Isa::active(), &shape, mode, x.values());
    tensor(y, [batch, output_size[0], output_size[1], channels])
}

pub(super) fn resize_gradient(dy: FlexTensor, x_shape: [usize; 4], mode: Mode) -> FlexTensor {
    let dy = Dense::new(dy);
    let [batch, height, width, channels] = x_shape;
    let [_, out_height, out_width, _] = dy.shape();
    let output_size = [out_height, out_width];
    let shape = ResampleShape { batch, size: [height, width], channels, output_size };
    tensor(resample::input_gradient(Isa::active(), &shape, mode, dy.values()), x_shape)
}

/// A tensor of any number of axes.
fn with_shape(tensor: FlexTensor) -> (Shape, Dense) {
    (tensor.layout().shape().clone(), Dense::new(tensor))
}
