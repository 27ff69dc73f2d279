use burn::{module::Module, tensor::Tensor};
use ocelli_nn::Pass;

use crate::{
    convnext::{self, ConvNeXt},
    efficientnet::{self, EfficientNet},
    mobilenet::{self, MobileNet},
    resnet::{self, ResNet},
    vgg::{self, Vgg},
};

/// A network that gives each picture one score per class, of whichever family.
///
/// The family leaves no trace in state-dict keys: they are the network's own.
#[expect(clippy::large_enum_variant, reason = "there is one, and its tensors weigh more")]
#[derive(Module, Debug)]
pub enum Classifier {
    /// A residual network.
    ResNet(ResNet),
    /// An EfficientNetV2.
    EfficientNet(EfficientNet),
    /// A VGG.
    Vgg(Vgg),
    /// A MobileNetV3.
    MobileNet(MobileNet),
    /// A ConvNeXt.
    ConvNeXt(ConvNeXt),
}

/// Evaluates the last argument with the network, of whichever family.
macro_rules! with_network {
    ($classifier:expr, $network:ident => $body:expr) => {
        match $classifier {
            Self::ResNet($network) => $body,
            Self::EfficientNet($network) => $body,
            Self::Vgg($network) => $body,
            Self::MobileNet($network) => $body,
            Self::ConvNeXt($network) => $body,
        }
    };
}

impl Classifier {
    /// One score per class, before any softmax.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, classes]`
    ///
    /// # Panics
    /// If `x` has another number of channels than the model was built for, or, in a training
    /// pass, is a single picture so small that a normalization sees one value per channel, or is
    /// smaller than the family can take: see [`ModelEntry`](crate::ModelEntry).
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        with_network!(self, network => network.forward(x, pass))
    }

    /// What the last layer sees: the features that describe a picture. In a training pass, what a
    /// dropout just before the last layer drops is dropped.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, features]`
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        with_network!(self, network => network.forward_features(x, pass))
    }

    /// How many features [`Self::forward_features`] gives.
    #[must_use]
    pub fn feature_width(&self) -> usize {
        with_network!(self, network => network.feature_width())
    }

    /// The last feature map: what the picture looks like to the network while it still has places.
    /// It is what Grad-CAM weighs.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h', w', channels]`, a 32nd of the picture's side, a VGG's a
    /// 16th; rounded up, a VGG's and a ConvNeXt's down
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_map(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        with_network!(self, network => network.forward_map(x, pass))
    }

    /// The scores that follow from the last feature map: with [`Self::forward_map`] before it, what
    /// [`Self::forward`] does.
    ///
    /// # Shapes
    /// `[n, h', w', channels]` → `[n, classes]`
    ///
    /// # Panics
    /// If `map` has another number of channels than the network's.
    #[must_use]
    pub fn forward_from_map(&self, map: Tensor<4>, pass: &Pass) -> Tensor<2> {
        with_network!(self, network => network.forward_from_map(map, pass))
    }

    /// What the keys of the last layer begin with.
    #[must_use]
    pub fn head(&self) -> &'static str {
        match self {
            Self::ResNet(_) => resnet::HEAD,
            Self::EfficientNet(_) => efficientnet::HEAD,
            Self::Vgg(_) => vgg::HEAD,
            Self::MobileNet(_) => mobilenet::HEAD,
            Self::ConvNeXt(_) => convnext::HEAD,
        }
    }

    /// The layers from first to last, each by what its keys begin with, for learning rates that
    /// fall layer by layer.
    #[must_use]
    pub fn layer_prefixes(&self) -> Vec<Vec<String>> {
        with_network!(self, network => network.layer_prefixes())
    }
}
