use burn::{module::Module, tensor::Tensor};
use ocelli_nn::Pass;

use crate::resnet::ResNet;

/// A network that gives each picture one score per class, of whichever family.
///
/// The family leaves no trace in state-dict keys: they are the network's own.
#[derive(Module, Debug)]
pub enum Classifier {
    /// A residual network.
    ResNet(ResNet),
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
        match self {
            Self::ResNet(network) => network.forward(x, pass),
        }
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
        match self {
            Self::ResNet(network) => network.forward_features(x, pass),
        }
    }

    /// What the keys of the last layer begin with.
    #[must_use]
    pub fn head(&self) -> &'static str {
        match self {
            Self::ResNet(_) => "fc.",
        }
    }

    /// The layers from first to last, each by what its keys begin with, for learning rates that
    /// fall layer by layer.
    #[must_use]
    pub fn layer_prefixes(&self) -> Vec<Vec<String>> {
        match self {
            Self::ResNet(network) => network.layer_prefixes(),
        }
    }
}
