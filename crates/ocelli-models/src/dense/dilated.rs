//! FCN and DeepLabV3 on a dilated ResNet: Chen et al., "Rethinking Atrous Convolution for Semantic
//! Image Segmentation" (2017), section 3, with an output stride of 8 and rates of 12, 24 and 36; the
//! FCN is its baseline, with two convolutions in the pyramid's place.
//!
//! As in torchvision, keys included: the scores are enlarged bilinearly, in training passes an
//! auxiliary head scores the last stage but one, and DeepLab's head ends in a 3x3 convolution.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::{Activation, ResizeMode, resize2d},
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Dropout},
};
use rand_chacha::ChaCha8Rng;

use super::{
    DenseOutput,
    aspp::{Aspp, CHANNELS, same_convolution},
};
use crate::{
    BuildError,
    conv_norm::conv_norm_of,
    encoder::{Encoder, EncoderConfig},
    placeholder::Placeholder,
};

/// A member of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) backbone: &'static str,
    /// Whether a pyramid looks at the features, as in DeepLab.
    pub(super) pyramid: bool,
}

/// The members of the family.
pub(super) const VARIANTS: [Variant; 3] = [
    Variant { name: "fcn_resnet50", backbone: "resnet50", pyramid: false },
    Variant { name: "deeplabv3_resnet50", backbone: "resnet50", pyramid: true },
    Variant { name: "deeplabv3_resnet101", backbone: "resnet101", pyramid: true },
];

/// The last two stages have no stride.
const DILATED: [bool; 3] = [false, true, true];
/// Dilations of the pyramid.
const RATES: [usize; 3] = [12, 24, 36];
/// What the pyramid drops.
const PYRAMID_DROPOUT: f64 = 0.5;
/// What an FCN's head drops.
const FCN_DROPOUT: f64 = 0.1;
/// What the keys of the scoring layer begin with.
pub(super) const HEAD: &str = "classifier.4.";
/// What the keys of the backbone begin with.
const BACKBONE: &str = "backbone.";
/// What the keys of the auxiliary head begin with.
pub(crate) const AUXILIARY: &str = "aux_classifier.";

/// FCN or DeepLabV3 on a dilated ResNet. Field names are torchvision's.
#[derive(Module, Debug)]
pub struct Dilated {
    backbone: Encoder,
    classifier: Head,
    aux_classifier: Option<FcnHead>,
}

#[expect(clippy::large_enum_variant, reason = "there is one, and its tensors weigh more")]
#[derive(Module, Debug)]
enum Head {
    Fcn(FcnHead),
    DeepLab(DeepLabHead),
}

/// Numbered as torchvision numbers it.
type FcnHead = (Conv2d, BatchNorm2d, Placeholder, Dropout, Conv2d);
/// Numbered as torchvision numbers it.
type DeepLabHead = (Aspp, Conv2d, BatchNorm2d, Placeholder, Conv2d);

impl Dilated {
    /// A network with freshly drawn weights, as torchvision draws them.
    pub(super) fn new(
        variant: &Variant,
        (auxiliary, dropout): (bool, Option<f64>),
        [in_channels, outputs]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, BuildError> {
        let backbone = EncoderConfig::new(variant.backbone)
            .with_in_channels(in_channels)
            .with_dilated(DILATED)
            .init(generator, device)?;
        let [.., before_last, last] = backbone.stages()[..] else {
            unreachable!("a ResNet has five stages");
        };
        let fcn_dropout = dropout.unwrap_or(FCN_DROPOUT);
        let classifier = if variant.pyramid {
            let dropout = dropout.unwrap_or(PYRAMID_DROPOUT);
            let pyramid = Aspp::new(last.channels, RATES, dropout, generator, device);
            let (convolution, normalization) =
                same_convolution([CHANNELS; 2], [3, 1], generator, device);
            let score = Conv2dConfig::new(CHANNELS, outputs, [1, 1]).init(generator, device);
            Head::DeepLab((pyramid, convolution, normalization, Placeholder, score))
        } else {
            Head::Fcn(fcn_head([last.channels, outputs], fcn_dropout, generator, device))
        };
        let aux_classifier = auxiliary
            .then(|| fcn_head([before_last.channels, outputs], fcn_dropout, generator, device));
        Ok(Self { backbone, classifier, aux_classifier })
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h, w, outputs]`
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> DenseOutput {
        let [_, height, width, _] = x.dims();
        let enlarged =
            |y| resize2d(y, [height, width], ResizeMode::Bilinear { align_corners: false });
        let auxiliary = self.aux_classifier.as_ref().filter(|_| pass.is_train());
        let wanted: &[usize] = if auxiliary.is_some() { &[3, 4] } else { &[4] };
        let mut stages = self.backbone.forward(x, pass, wanted);
        let last = stages.pop().expect("the last stage is always wanted");
        let auxiliary = auxiliary
            .zip(stages.pop())
            .map(|(head, stage)| enlarged(forward_fcn_head(head, stage, &pass.child(1))));
        let scores = enlarged(self.classifier.forward(last, &pass.child(0)));
        DenseOutput { scores, auxiliary }
    }

    pub(super) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let mut layers = self.backbone.layer_prefixes(BACKBONE);
        let hidden: &[&str] = match self.classifier {
            Head::Fcn(_) => &["classifier.0.", "classifier.1."],
            Head::DeepLab(_) => {
                layers.push(vec!["classifier.0.".into()]);
                &["classifier.1.", "classifier.2."]
            }
        };
        layers.push(hidden.iter().map(|&key| key.into()).collect());
        layers.push(vec![HEAD.into()]);
        if self.aux_classifier.is_some()
            && let Some(last) = layers.last_mut()
        {
            last.push(AUXILIARY.into());
        }
        layers
    }

    pub(super) fn head_prefixes(&self) -> Vec<&'static str> {
        let auxiliary = self.aux_classifier.as_ref().map(|_| "aux_classifier.4.");
        [HEAD].into_iter().chain(auxiliary).collect()
    }

    #[expect(clippy::unused_self, reason = "other families have no encoder")]
    pub(super) fn encoder_prefix(&self) -> Option<&'static str> {
        Some(BACKBONE)
    }
}

impl Head {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        match self {
            Self::Fcn(head) => forward_fcn_head(head, x, pass),
            Self::DeepLab((pyramid, convolution, normalization, _, score)) => {
                let x = pyramid.forward(x, pass);
                score.forward(conv_norm_of(convolution, normalization, x, Activation::Relu, pass))
            }
        }
    }
}

/// A 3x3 convolution to a quarter of the channels, and the scores.
fn fcn_head(
    [channels, outputs]: [usize; 2],
    dropout: f64,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> FcnHead {
    let hidden = channels / 4;
    let (convolution, normalization) =
        same_convolution([channels, hidden], [3, 1], generator, device);
    let score = Conv2dConfig::new(hidden, outputs, [1, 1]).init(generator, device);
    (convolution, normalization, Placeholder, Dropout::new(dropout), score)
}

fn forward_fcn_head(
    (convolution, normalization, _, dropout, score): &FcnHead,
    x: Tensor<4>,
    pass: &Pass,
) -> Tensor<4> {
    let x = conv_norm_of(convolution, normalization, x, Activation::Relu, pass);
    score.forward(dropout.forward(x, &pass.of_part(convolution)))
}
