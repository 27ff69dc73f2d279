use burn::{module::Module, tensor::Tensor};
use ocelli_nn::Pass;

use crate::{
    convnext::ConvNeXt, efficientnet::EfficientNet, mobilenet::MobileNet, resnet::ResNet, vgg::Vgg,
};

/// A network that gives each picture one score per class, of whichever family.
///
/// The family leaves no trace in state-dict keys: they are the network's own.
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
    /// pass, is a single picture so small that a normalization sees one value per channel.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        with_network!(self, network => network.forward(x, pass))
    }

    /// What the last layer sees: the features that describe a picture.
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

    /// What the keys of the last layer begin with.
    #[must_use]
    pub fn head(&self) -> &'static str {
        match self {
            Self::ResNet(_) => "fc.",
            Self::EfficientNet(_) => "classifier.1.",
            Self::Vgg(_) => "classifier.6.",
            Self::MobileNet(_) => "classifier.3.",
            Self::ConvNeXt(_) => "classifier.2.",
        }
    }

    /// The layers from first to last, each by what its keys begin with, for learning rates that
    /// fall layer by layer.
    #[must_use]
    pub fn layer_prefixes(&self) -> Vec<Vec<String>> {
        with_network!(self, network => network.layer_prefixes())
    }
}
