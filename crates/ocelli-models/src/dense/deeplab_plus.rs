//! DeepLabV3+: Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image
//! Segmentation" (2018), figure 2, on a ResNet with an output stride of 16.
//!
//! As in the authors' implementation: rates of 6, 12 and 18, a tenth of the pyramid's result is
//! dropped, the encoder's result is enlarged to the size of the first group of blocks, of which 48
//! channels are left, and two 3x3 convolutions see both. Convolutions are not separable, as the
//! paper has it for ResNets.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::{Activation, ResizeMode, concat_channels, resize2d},
    layers::{Conv2d, Conv2dConfig},
};
use rand_chacha::ChaCha8Rng;

use super::{
    DenseOutput,
    aspp::{Aspp, CHANNELS, same_convolution},
};
use crate::{
    BuildError,
    conv_norm::{ConvNorm, conv_norm},
    encoder::{Encoder, EncoderConfig},
};

/// The only name of the family.
pub(super) const NAME: &str = "deeplabv3plus_resnet50";
/// What the keys of the last layer begin with.
pub(super) const HEAD: &str = "classifier.";
/// What the keys of the backbone begin with.
const BACKBONE: &str = "backbone.";
/// The last stage has no stride.
const DILATED: [bool; 3] = [false, false, true];
/// Dilations of the pyramid.
const RATES: [usize; 3] = [6, 12, 18];
/// What the pyramid drops.
const DROPOUT: f64 = 0.1;
/// Channels that are left of the finer features.
const LOW_LEVEL_CHANNELS: usize = 48;
/// The first group of blocks, and the last.
const WANTED: [usize; 2] = [1, 4];
const BILINEAR: ResizeMode = ResizeMode::Bilinear { align_corners: false };

/// DeepLabV3+ on a ResNet-50.
#[derive(Module, Debug)]
pub struct DeepLabPlus {
    backbone: Encoder,
    aspp: Aspp,
    low_level: ConvNorm,
    decoder: Vec<ConvNorm>,
    classifier: Conv2d,
}

impl DeepLabPlus {
    /// A network with freshly drawn weights.
    pub(super) fn new(
        dropout: Option<f64>,
        [in_channels, outputs]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, BuildError> {
        let backbone = EncoderConfig::new("resnet50")
            .with_in_channels(in_channels)
            .with_dilated(DILATED)
            .init(generator, device)?;
        let stages = backbone.stages();
        let [low, last] = WANTED.map(|stage| stages[stage].channels);
        let aspp = Aspp::new(last, RATES, dropout.unwrap_or(DROPOUT), generator, device);
        let low_level = same_convolution([low, LOW_LEVEL_CHANNELS], [1, 1], generator, device);
        let decoder = [CHANNELS + LOW_LEVEL_CHANNELS, CHANNELS]
            .map(|from| same_convolution([from, CHANNELS], [3, 1], generator, device));
        let classifier = Conv2dConfig::new(CHANNELS, outputs, [1, 1]).init(generator, device);
        Ok(Self { backbone, aspp, low_level, decoder: decoder.into(), classifier })
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h, w, outputs]`
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> DenseOutput {
        let [_, height, width, _] = x.dims();
        let mut stages = self.backbone.forward(x, pass, &WANTED).into_iter();
        let (Some(low), Some(last)) = (stages.next(), stages.next()) else {
            unreachable!("both stages are wanted");
        };
        let x = self.aspp.forward(last, pass);
        let low = conv_norm(&self.low_level, low, Activation::Relu, pass);
        let [_, low_height, low_width, _] = low.dims();
        let x = resize2d(x, [low_height, low_width], BILINEAR);
        let x = self.decoder.iter().fold(concat_channels([low, x]), |x, layers| {
            conv_norm(layers, x, Activation::Relu, pass)
        });
        let scores = resize2d(self.classifier.forward(x), [height, width], BILINEAR);
        DenseOutput { scores, auxiliary: None }
    }

    pub(super) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let mut layers = self.backbone.layer_prefixes(BACKBONE);
        let heads = ["aspp.", "low_level.", "decoder.0.", "decoder.1.", HEAD];
        layers.extend(heads.map(|key| vec![key.to_owned()]));
        layers
    }

    #[expect(clippy::unused_self, reason = "other families have heads that depend on the model")]
    pub(super) fn head_prefixes(&self) -> Vec<&'static str> {
        vec![HEAD]
    }

    #[expect(clippy::unused_self, reason = "other families have no encoder")]
    pub(super) fn encoder_prefix(&self) -> Option<&'static str> {
        Some(BACKBONE)
    }
}
