//! A convolution and its normalization, numbered 0 and 1 in state dicts: torchvision's
//! `Conv2dNormActivation`.

use burn::tensor::{Device, Tensor};
use ocelli_nn::{
    Pass,
    functional::Activation,
    init::Initializer,
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Conv2dNormActivation},
};
use rand_chacha::ChaCha8Rng;

/// The two layers.
pub(crate) type ConvNorm = (Conv2d, BatchNorm2d);

/// What a [`ConvNorm`] is to be; it keeps the size but for its stride.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvNormPlan {
    pub(crate) in_channels: usize,
    pub(crate) out_channels: usize,
    /// Side of the window.
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) groups: usize,
    /// Added to the variance.
    pub(crate) epsilon: f64,
    /// Share of the new batch in the running statistics.
    pub(crate) momentum: f64,
}

impl ConvNormPlan {
    /// Makes the layers, with Kaiming's weights over the fan out.
    pub(crate) fn init(&self, generator: &mut ChaCha8Rng, device: &Device) -> ConvNorm {
        let convolution = Conv2dConfig::new(self.in_channels, self.out_channels, [self.kernel; 2])
            .with_stride([self.stride; 2])
            .with_padding([(self.kernel - 1) / 2; 2])
            .with_groups(self.groups)
            .without_bias()
            .with_initializer(Initializer::RESNET_CONVOLUTION)
            .init(generator, device);
        let normalization = BatchNorm2d::new(self.out_channels, device)
            .with_epsilon(self.epsilon)
            .with_momentum(self.momentum);
        (convolution, normalization)
    }

    /// Multiply-adds for one picture of `size` x `size` pixels.
    pub(crate) fn multiply_adds(&self, size: usize) -> u64 {
        let pixels = size.div_ceil(self.stride).pow(2);
        let taps = self.kernel.pow(2);
        (pixels * taps * self.out_channels * self.in_channels / self.groups) as u64
    }
}

/// Convolves, normalizes, and applies the activation.
pub(crate) fn conv_norm(
    (convolution, normalization): &ConvNorm,
    x: Tensor<4>,
    activation: Activation,
    pass: &Pass,
) -> Tensor<4> {
    conv_norm_of(convolution, normalization, x, activation, pass)
}

/// The same of layers that have other numbers in state dicts.
pub(crate) fn conv_norm_of(
    convolution: &Conv2d,
    normalization: &BatchNorm2d,
    x: Tensor<4>,
    activation: Activation,
    pass: &Pass,
) -> Tensor<4> {
    Conv2dNormActivation::new(convolution, normalization)
        .with_activation(activation)
        .forward(x, pass)
}

/// The multiple of 8 nearest to `channels`, but not less than nine tenths of it: torchvision's
/// `_make_divisible`.
pub(crate) const fn divisible_by_8(channels: usize) -> usize {
    let rounded = (channels + 4) / 8 * 8;
    let rounded = if rounded < 8 { 8 } else { rounded };
    if rounded * 10 < channels * 9 { rounded + 8 } else { rounded }
}
