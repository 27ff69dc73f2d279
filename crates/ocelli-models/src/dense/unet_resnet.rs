//! U-Net on a ResNet: the decoder of Ronneberger et al. (2015) beside the stages of an encoder that
//! has learned to classify, as the library "segmentation models" (Iakubovskii, 2019) made common,
//! whose keys it has.
//!
//! As there: pictures are enlarged by repeating pixels, two normalized 3x3 convolutions see them
//! beside what the encoder saw, the finest step has nothing beside it, and a 3x3 convolution of 16
//! channels scores. Each enlarged picture takes the size of the one beside it, so that any size
//! works.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::{Activation, ResizeMode, concat_channels, resize2d},
    init::{Fan, Initializer},
    layers::{BatchNorm2d, Conv2d, Conv2dConfig},
};
use rand_chacha::ChaCha8Rng;

use super::DenseOutput;
use crate::{
    BuildError,
    conv_norm::{ConvNorm, conv_norm},
    encoder::{Encoder, EncoderConfig},
};

/// Names, and the classifiers whose encoder they have.
pub(super) const VARIANTS: [(&str, &str); 3] =
    [("unet_resnet18", "resnet18"), ("unet_resnet34", "resnet34"), ("unet_resnet50", "resnet50")];
/// What the keys of the last layer begin with.
pub(super) const HEAD: &str = "segmentation_head.0.";
/// What the keys of the encoder begin with.
const ENCODER: &str = "encoder.";
/// Channels after each step, from the coarsest to the finest.
const CHANNELS: [usize; 5] = [256, 128, 64, 32, 16];
/// Of the decoder's convolutions, and near to it of the last.
const WEIGHTS: Initializer =
    Initializer::KaimingUniform { fan: Fan::In, gain: std::f64::consts::SQRT_2 };
const HEAD_WEIGHTS: Initializer = Initializer::KaimingUniform { fan: Fan::In, gain: 1.0 };

/// A U-Net on a ResNet.
#[derive(Module, Debug)]
pub struct UnetResNet {
    encoder: Encoder,
    decoder: Decoder,
    segmentation_head: [Conv2d; 1],
}

#[derive(Module, Debug)]
struct Decoder {
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Block {
    conv1: ConvNorm,
    conv2: ConvNorm,
}

impl UnetResNet {
    /// A network with freshly drawn weights.
    pub(super) fn new(
        backbone: &str,
        [in_channels, outputs]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, BuildError> {
        let encoder =
            EncoderConfig::new(backbone).with_in_channels(in_channels).init(generator, device)?;
        let mut stages = encoder.stages().into_iter().rev().map(|stage| stage.channels);
        let mut below = stages.next().unwrap_or_default();
        let mut convolution = |from, to, initializer, bias: bool| {
            let config = Conv2dConfig::new(from, to, [3, 3])
                .with_padding([1, 1])
                .with_initializer(initializer);
            let config = if bias { config.with_zero_bias() } else { config.without_bias() };
            config.init(generator, device)
        };
        let blocks = CHANNELS
            .into_iter()
            .map(|to| {
                let from = std::mem::replace(&mut below, to) + stages.next().unwrap_or(0);
                let mut layers =
                    |from| (convolution(from, to, WEIGHTS, false), BatchNorm2d::new(to, device));
                Block { conv1: layers(from), conv2: layers(to) }
            })
            .collect();
        let head = convolution(below, outputs, HEAD_WEIGHTS, true);
        Ok(Self { encoder, decoder: Decoder { blocks }, segmentation_head: [head] })
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h, w, outputs]`
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> DenseOutput {
        let [_, height, width, _] = x.dims();
        let mut stages = self.encoder.forward_all(x, pass).into_iter().rev();
        let mut x = stages.next().expect("an encoder has stages");
        for block in &self.decoder.blocks {
            x = match stages.next() {
                Some(skip) => {
                    let [_, height, width, _] = skip.dims();
                    concat_channels([resize2d(x, [height, width], ResizeMode::Nearest), skip])
                }
                None => resize2d(x, [height, width], ResizeMode::Nearest),
            };
            x = conv_norm(&block.conv1, x, Activation::Relu, pass);
            x = conv_norm(&block.conv2, x, Activation::Relu, pass);
        }
        let [head] = &self.segmentation_head;
        DenseOutput { scores: head.forward(x), auxiliary: None }
    }

    pub(super) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let mut layers = self.encoder.layer_prefixes(ENCODER);
        let blocks = 0..self.decoder.blocks.len();
        layers.extend(blocks.map(|block| vec![format!("decoder.blocks.{block}.")]));
        layers.push(vec![HEAD.to_owned()]);
        layers
    }

    #[expect(clippy::unused_self, reason = "other families have heads that depend on the model")]
    pub(super) fn head_prefixes(&self) -> Vec<&'static str> {
        vec![HEAD]
    }

    #[expect(clippy::unused_self, reason = "other families have no encoder")]
    pub(super) fn encoder_prefix(&self) -> Option<&'static str> {
        Some(ENCODER)
    }
}
