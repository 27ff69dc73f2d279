//! Models that say something of every pixel: the scores of its classes, or its colours.

mod aspp;
mod build;
mod catalogue;
mod deeplab_plus;
mod dilated;
mod fcn;
mod unet;
mod unet_resnet;

use burn::{module::Module, tensor::Tensor};
use ocelli_nn::Pass;
use serde::{Deserialize, Serialize};

pub use build::build_dense;
pub use catalogue::dense_catalogue;
pub(crate) use catalogue::narrowed;
use deeplab_plus::DeepLabPlus;
pub(crate) use dilated::AUXILIARY;
use dilated::Dilated;
use fcn::Fcn;
use unet::Unet;
use unet_resnet::UnetResNet;

/// How a decoder enlarges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpSampling {
    /// Between the four nearest pixels.
    Bilinear,
    /// With a transposed convolution, which is learned.
    Transposed,
}

/// Which dense model to build. An option of `None` is as the model has it; one that the model
/// doesn't have is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseConfig {
    /// A name from the [`dense_catalogue`].
    pub name: String,
    /// Values per pixel: classes, or channels of colour.
    pub outputs: usize,
    /// Channels of the pictures: 3 for colour, 1 for gray.
    pub in_channels: usize,
    /// How many times a U-Net halves the picture.
    pub depth: Option<usize>,
    /// Channels of a U-Net's first stage; each further stage has twice as many.
    pub width: Option<usize>,
    /// Whether a U-Net's convolutions are normalized.
    pub batch_norm: Option<bool>,
    /// Whether a U-Net's decoder sees what the encoder saw at the same size.
    pub skip_connections: Option<bool>,
    /// How a U-Net's decoder enlarges.
    pub up_sampling: Option<UpSampling>,
    /// Whether the last stage but one learns to score as well.
    pub auxiliary: Option<bool>,
    /// The share of numbers that each dropout layer drops in training.
    pub dropout: Option<f64>,
}

impl DenseConfig {
    /// A model for colour pictures, with its family's options.
    #[must_use]
    pub fn new(name: impl Into<String>, outputs: usize) -> Self {
        Self {
            name: name.into(),
            outputs,
            in_channels: 3,
            depth: None,
            width: None,
            batch_norm: None,
            skip_connections: None,
            up_sampling: None,
            auxiliary: None,
            dropout: None,
        }
    }

    /// The same for pictures of so many channels.
    #[must_use]
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self { in_channels, ..self }
    }

    /// The same, in which nothing is dropped at random.
    #[must_use]
    pub fn without_dropping(self) -> Self {
        Self { dropout: Some(0.0), ..self }
    }
}

/// What a dense model says of pictures.
#[derive(Clone, Debug)]
pub struct DenseOutput {
    /// `[n, h, w, outputs]`: scores before any softmax.
    pub scores: Tensor<4>,
    /// The same of the auxiliary head, in training passes of models that have one.
    pub auxiliary: Option<Tensor<4>>,
}

/// A network that gives each pixel its values, of whichever family.
///
/// The family leaves no trace in state-dict keys: they are the network's own.
#[expect(clippy::large_enum_variant, reason = "there is one, and its tensors weigh more")]
#[derive(Module, Debug)]
pub enum DenseModel {
    /// A U-Net.
    Unet(Unet),
    /// A fully convolutional network after Long et al.
    Fcn(Fcn),
    /// A U-Net on a ResNet.
    UnetResNet(UnetResNet),
    /// FCN or DeepLabV3 on a dilated ResNet, as torchvision has them.
    Dilated(Dilated),
    /// DeepLabV3+ on a ResNet.
    DeepLabPlus(DeepLabPlus),
}

/// Evaluates the last argument with the network, of whichever family.
macro_rules! with_network {
    ($model:expr, $network:ident => $body:expr) => {
        match $model {
            Self::Unet($network) => $body,
            Self::Fcn($network) => $body,
            Self::UnetResNet($network) => $body,
            Self::Dilated($network) => $body,
            Self::DeepLabPlus($network) => $body,
        }
    };
}

impl DenseModel {
    /// The values of each pixel, at the picture's own size.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h, w, outputs]`
    ///
    /// # Panics
    /// If `x` has another number of channels than the model was built for, or, in a training pass,
    /// a normalization sees one value per channel: see [`ModelEntry::learns_from`](crate::ModelEntry::learns_from).
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> DenseOutput {
        with_network!(self, network => network.forward(x, pass))
    }

    /// The layers from first to last, each by what its keys begin with, for learning rates that
    /// fall layer by layer.
    #[must_use]
    pub fn layer_prefixes(&self) -> Vec<Vec<String>> {
        with_network!(self, network => network.layer_prefixes())
    }

    /// What the keys of the layers begin with whose shape depends on the number of outputs.
    #[must_use]
    pub fn head_prefixes(&self) -> Vec<&'static str> {
        with_network!(self, network => network.head_prefixes())
    }

    /// What the keys of the backbone begin with, where the model has one that classifies too.
    #[must_use]
    pub fn encoder_prefix(&self) -> Option<&'static str> {
        with_network!(self, network => network.encoder_prefix())
    }
}
