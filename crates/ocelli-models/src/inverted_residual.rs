//! What the inside of an inverted residual block is made of: convolutions with their
//! normalizations, and squeeze-and-excitation before the last of them (Sandler et al.,
//! "MobileNetV2", 2018; Howard et al., "Searching for MobileNetV3", 2019, figure 4).

use burn::{module::Module, tensor::Device};
use ocelli_nn::{functional::Activation, init::Initializer, layers::SqueezeExcitation};
use rand_chacha::ChaCha8Rng;

use crate::conv_norm::{ConvNorm, ConvNormPlan};

/// A part of a block, numbered as torchvision numbers them.
#[expect(clippy::large_enum_variant, reason = "a network has few, and their tensors weigh more")]
#[derive(Module, Debug)]
pub(crate) enum Part {
    Convolution(ConvNorm),
    SqueezeExcitation(SqueezeExcitation),
}

/// The squeeze-and-excitation of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Squeeze {
    /// Channels, and those between squeeze and excitation.
    pub(crate) channels: [usize; 2],
    /// What follows the squeeze, and the excitation.
    pub(crate) activations: [Activation; 2],
}

/// The parts of a block, drawn in their order.
pub(crate) fn parts(
    convolutions: &[ConvNormPlan],
    squeeze: Option<Squeeze>,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Vec<Part> {
    let mut parts = Vec::with_capacity(convolutions.len() + 1);
    for (index, convolution) in convolutions.iter().enumerate() {
        if let Some(Squeeze { channels, activations }) = squeeze
            && index + 1 == convolutions.len()
        {
            parts.push(Part::SqueezeExcitation(SqueezeExcitation::new(
                channels,
                activations,
                Initializer::RESNET_CONVOLUTION,
                generator,
                device,
            )));
        }
        parts.push(Part::Convolution(convolution.init(generator, device)));
    }
    parts
}
