//! `[model]`: the network.

use ocelli_models::{DenseConfig, ModelConfig, UpSampling};
use serde::{Deserialize, Serialize};

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSection {
    /// A name that `ocelli models` lists. Default `resnet18`.
    pub name: String,
    /// Where the first weights come from: `none` (a fresh start), a `.safetensors` or `.pth` file,
    /// `https://…` with `#sha256=…`, `torchvision://resnet18/IMAGENET1K_V1`, or
    /// `hf://timm/resnet18.a1_in1k`.
    pub weights: String,
    /// The share of numbers that the classifier's dropout drops in training. By default the model's
    /// own, as torchvision has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// The chance that training drops the last residual branch, earlier ones less. By default the
    /// model's own, as torchvision has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stochastic_depth: Option<f64>,
    /// Segmentation and colorization: where the encoder's first weights come from, as `weights`; a
    /// classifier's, whose last layer is left out.
    #[serde(skip_serializing_if = "is_none")]
    pub encoder_weights: String,
    /// How often `unet` halves the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// The channels of `unet`'s first stage; each further one has twice as many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Whether `unet` normalizes after each convolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_norm: Option<bool>,
    /// Whether a U-Net's decoder sees what the encoder saw before each halving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_connections: Option<bool>,
    /// How a U-Net doubles the picture again: `bilinear` or `transposed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_sampling: Option<UpSampling>,
    /// Whether training also scores from the middle of the encoder, as torchvision's `aux_loss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auxiliary: Option<bool>,
}

fn is_none(source: &String) -> bool {
    source == "none"
}

impl Default for ModelSection {
    fn default() -> Self {
        Self {
            name: "resnet18".to_owned(),
            weights: "none".to_owned(),
            encoder_weights: "none".to_owned(),
            dropout: None,
            stochastic_depth: None,
            depth: None,
            width: None,
            batch_norm: None,
            skip_connections: None,
            up_sampling: None,
            auxiliary: None,
        }
    }
}

impl ModelSection {
    /// The classifier to build for so many classes.
    #[must_use]
    pub fn classifier(&self, classes: usize) -> ModelConfig {
        ModelConfig {
            dropout: self.dropout,
            stochastic_depth: self.stochastic_depth,
            ..ModelConfig::new(&self.name, classes)
        }
    }

    /// The network to build that gives `outputs` values for each pixel of `in_channels` channels.
    #[must_use]
    pub fn dense(&self, in_channels: usize, outputs: usize) -> DenseConfig {
        DenseConfig {
            in_channels,
            depth: self.depth,
            width: self.width,
            batch_norm: self.batch_norm,
            skip_connections: self.skip_connections,
            up_sampling: self.up_sampling,
            auxiliary: self.auxiliary,
            dropout: self.dropout,
            ..DenseConfig::new(&self.name, outputs)
        }
    }
}
