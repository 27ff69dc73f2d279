//! Backbones for models that say something of every pixel: what a picture looks like at several
//! scales, by stage.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::Pass;
use rand_chacha::ChaCha8Rng;

use crate::{
    BuildError,
    catalogue::{catalogue, nearest},
    efficientnet::{self, EfficientNetEncoder},
    mobilenet::{self, MobileNetEncoder},
    resnet::{self, ResNetEncoder},
    vgg::{self, VggEncoder},
};

/// What comes out of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageShape {
    /// Channels of its result.
    pub channels: usize,
    /// Pixels of the picture for one of its result, along each side. Sizes are rounded up, a VGG's
    /// down.
    pub stride: usize,
}

/// A classifier without its classifier: features by stage, from the finest to the coarsest.
///
/// State-dict keys are those of torchvision's classifier of the same name.
#[expect(clippy::large_enum_variant, reason = "there is one, and its tensors weigh more")]
#[derive(Module, Debug)]
pub enum Encoder {
    /// A residual network.
    ResNet(ResNetEncoder),
    /// A VGG.
    Vgg(VggEncoder),
    /// An EfficientNetV2.
    EfficientNet(EfficientNetEncoder),
    /// A MobileNetV3.
    MobileNet(MobileNetEncoder),
}

/// Which encoder to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// The name of the classifier.
    pub name: String,
    /// Channels of the pictures.
    pub in_channels: usize,
    /// Which of the last three stages have their stride replaced by a dilation of all that follows:
    /// torchvision's `replace_stride_with_dilation`. ResNets alone can.
    pub dilated: [bool; 3],
}

impl EncoderConfig {
    /// An encoder for colour pictures, with the classifier's strides.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), in_channels: 3, dilated: [false; 3] }
    }

    /// The same for pictures of so many channels.
    #[must_use]
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self { in_channels, ..self }
    }

    /// The same with strides replaced by dilation.
    #[must_use]
    pub fn with_dilated(self, dilated: [bool; 3]) -> Self {
        Self { dilated, ..self }
    }

    /// Makes the encoder, with freshly drawn weights.
    ///
    /// # Errors
    /// [`BuildError`] for an unknown name, a classifier that is no encoder, or a dilation that it
    /// can't have.
    pub fn init(&self, generator: &mut ChaCha8Rng, device: &Device) -> Result<Encoder, BuildError> {
        let Self { ref name, in_channels, dilated } = *self;
        crate::build::check_count("input channels", in_channels)?;
        if let Some(variant) = resnet::VARIANTS.iter().find(|variant| variant.name == name) {
            let encoder = ResNetEncoder::new(variant, in_channels, dilated, generator, device);
            return Ok(Encoder::ResNet(encoder));
        }
        let encoder = if let Some(variant) = vgg::VARIANTS.iter().find(|v| v.name == name) {
            Encoder::Vgg(VggEncoder::new(variant, in_channels, generator, device))
        } else if let Some(variant) = efficientnet::VARIANTS.iter().find(|v| v.name == name) {
            let encoder = EfficientNetEncoder::new(variant, in_channels, generator, device);
            Encoder::EfficientNet(encoder)
        } else if name == mobilenet::LARGE {
            Encoder::MobileNet(MobileNetEncoder::new(in_channels, generator, device))
        } else {
            let known: Vec<String> = encoders().map(Into::into).collect();
            let nearest = nearest(name, &known).map(Into::into);
            return Err(BuildError::UnknownModel { found: name.clone(), nearest, known });
        };
        if dilated.contains(&true) {
            return Err(BuildError::NoOption { what: "dilated", model: name.clone() });
        }
        Ok(encoder)
    }
}

/// The classifiers that there are encoders of.
fn encoders() -> impl Iterator<Item = &'static str> {
    catalogue().into_iter().map(|entry| entry.name).filter(|name| !name.starts_with("convnext"))
}

/// Evaluates the last argument with the encoder, of whichever family.
macro_rules! with_encoder {
    ($encoder:expr, $network:ident => $body:expr) => {
        match $encoder {
            Self::ResNet($network) => $body,
            Self::Vgg($network) => $body,
            Self::EfficientNet($network) => $body,
            Self::MobileNet($network) => $body,
        }
    };
}

impl Encoder {
    /// The stages' channels and strides, from first to last.
    #[must_use]
    pub fn stages(&self) -> Vec<StageShape> {
        match self {
            Self::ResNet(network) => network.stages().to_vec(),
            Self::Vgg(_) => VggEncoder::stages(),
            Self::EfficientNet(network) => network.stages().to_vec(),
            Self::MobileNet(_) => MobileNetEncoder::stages(),
        }
    }

    /// What the stages `wanted` make of pictures, in the order of the stages; the others' results
    /// are let go of.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h', w', channels]` each, see [`Self::stages`]
    ///
    /// # Panics
    /// If a stage is wanted that there isn't, `x` has another number of channels than the encoder
    /// was built for, or nothing is left of a picture in a VGG.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass, wanted: &[usize]) -> Vec<Tensor<4>> {
        let mut kept = Wanted { stages: wanted, results: Vec::with_capacity(wanted.len()) };
        with_encoder!(self, network => network.forward(x, pass, &mut kept));
        assert_eq!(
            kept.results.len(),
            wanted.len(),
            "stages {wanted:?} are wanted of an encoder of {}",
            self.stages().len()
        );
        kept.results
    }

    /// What every stage makes of pictures.
    ///
    /// # Shapes
    /// As [`Self::forward`].
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_all(&self, x: Tensor<4>, pass: &Pass) -> Vec<Tensor<4>> {
        let wanted: Vec<usize> = (0..self.stages().len()).collect();
        self.forward(x, pass, &wanted)
    }

    /// The layers from first to last, each by what its keys begin with, after `prefix`.
    pub(crate) fn layer_prefixes(&self, prefix: &str) -> Vec<Vec<String>> {
        let layers = with_encoder!(self, network => network.layer_prefixes());
        let prefixed =
            |keys: Vec<String>| keys.iter().map(|key| format!("{prefix}{key}")).collect();
        layers.into_iter().map(prefixed).collect()
    }
}

/// Keeps the results of stages that are wanted.
pub(crate) struct Wanted<'a> {
    stages: &'a [usize],
    results: Vec<Tensor<4>>,
}

impl Wanted<'_> {
    pub(crate) fn offer(&mut self, stage: usize, result: &Tensor<4>) {
        if self.stages.contains(&stage) {
            self.results.push(result.clone());
        }
    }
}
