use burn::backend::flex::FlexTensor;
use ocelli_kernels::conv2d::transposed::{self, TransposedShape};
use ocelli_kernels::conv2d::{self, Conv2dShape, Settings};

use super::dense::{Dense, tensor};
use crate::cpu;
use crate::functional::ConvGeometry;

/// What is done to the result before it is written.
pub(super) struct Epilogue {
    pub(super) bias: Option<FlexTensor>,
    pub(super) residual: Option<FlexTensor>,
    pub(super) relu: bool,
}

pub(super) fn forward(
    x: FlexTensor,
    weight: FlexTensor,
    geometry: ConvGeometry,
    epilogue: Epilogue,
) -> FlexTensor {
    let (x, weight) = (Dense::new(x), Dense::new(weight));
    let bias = epilogue.bias.map(Dense::new);
    let residual = epilogue.residual.map(Dense::new);
    let shape = shape(x.shape(), weight.shape(), geometry);
    let epilogue = conv2d::Epilogue {
        bias: bias.as_ref().map(Dense::values),
        residual: residual.as_ref().map(Dense::values),
        relu: epilogue.relu,
    };
    let y = conv2d::forward(settings(), &shape, x.values(), weight.values(), epilogue);
    let [height, width] = shape.output_size();
    tensor(y, [shape.batch, height, width, shape.out_channels])
}

pub(super) fn input_gradient(
    weight: FlexTensor,
    dy: FlexTensor,
    geometry: ConvGeometry,
    x_shape: [usize; 4],
) -> FlexTensor {
    let (weight, dy) = (Dense::new(weight), Dense::new(dy));
    let shape = shape(x_shape, weight.shape(), geometry);
    tensor(conv2d::input_gradient(settings(), &shape, weight.values(), dy.values()), x_shape)
}

pub(super) fn weight_gradient(
    x: FlexTensor,
    dy: FlexTensor,
    geometry: ConvGeometry,
    weight_shape: [usize; 4],
) -> FlexTensor {
    let (x, dy) = (Dense::new(x), Dense::new(dy));
    let shape = shape(x.shape(), weight_shape, geometry);
    tensor(conv2d::weight_gradient(settings(), &shape, x.values(), dy.values()), weight_shape)
}

/// The result has `size` pixels.
pub(super) fn transposed_forward(
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    geometry: ConvGeometry,
    size: [usize; 2],
) -> FlexTensor {
    let (x, weight, bias) = (Dense::new(x), Dense::new(weight), bias.map(Dense::new));
    let [batch, height, width, in_channels] = x.shape();
    let [_, group_channels, kernel_height, kernel_width] = weight.shape();
    let ConvGeometry { stride, padding, dilation, groups } = geometry;
    let mut shape = TransposedShape {
        batch,
        size: [height, width],
        in_channels,
        out_channels: group_channels * groups,
        kernel: [kernel_height, kernel_width],
        stride,
        padding,
        output_padding: [0, 0],
        dilation,
        groups,
    };
    let least = shape.output_size();
    shape.output_padding = [0, 1].map(|axis| size[axis] - least[axis]);
    let bias = bias.as_ref().map(Dense::values);
    let y = transposed::forward(settings(), &shape, x.values(), weight.values(), bias);
    tensor(y, [batch, size[0], size[1], shape.out_channels])
}

fn settings() -> Settings {
    Settings { exact_convolution: cpu::exact_convolution(), ..Settings::active() }
}

fn shape(
    [batch, height, width, in_channels]: [usize; 4],
    [out_channels, group_channels, kernel_height, kernel_width]: [usize; 4],
    geometry: ConvGeometry,
) -> Conv2dShape {
    let ConvGeometry { stride, padding, dilation, groups } = geometry;
    assert_eq!(
        in_channels,
        group_channels * groups,
        "a convolution's picture has {in_channels} channels, its weight {group_channels} for each of {groups} groups"
    );
    Conv2dShape {
        batch,
        size: [height, width],
        in_channels,
        out_channels,
        kernel: [kernel_height, kernel_width],
        stride,
        padding,
        dilation,
        groups,
    }
}
