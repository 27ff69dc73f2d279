use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::Pass;
use rand_chacha::ChaCha8Rng;

use super::{Features, LAST_CHANNELS, features, forward_parts};
use crate::encoder::{StageShape, Wanted};

/// The last part of each stage, its channels and its stride.
const STAGES: [(usize, StageShape); 5] = [
    (1, StageShape { channels: 16, stride: 2 }),
    (3, StageShape { channels: 24, stride: 4 }),
    (6, StageShape { channels: 40, stride: 8 }),
    (12, StageShape { channels: 112, stride: 16 }),
    (16, StageShape { channels: LAST_CHANNELS, stride: 32 }),
];

/// A MobileNetV3 without its classifier. Field names are torchvision's.
///
/// A stage ends before each halving, and the last one after the last convolution.
#[derive(Module, Debug)]
pub struct MobileNetEncoder {
    features: Vec<Features>,
}

impl MobileNetEncoder {
    /// Freshly drawn layers.
    #[must_use]
    pub fn new(in_channels: usize, generator: &mut ChaCha8Rng, device: &Device) -> Self {
        Self { features: features(in_channels, generator, device) }
    }

    /// The stages' channels and strides, from first to last.
    pub(crate) fn stages() -> Vec<StageShape> {
        STAGES.iter().map(|&(_, shape)| shape).collect()
    }

    /// Runs the stages; those wanted are kept.
    pub(crate) fn forward(&self, x: Tensor<4>, pass: &Pass, wanted: &mut Wanted<'_>) {
        let _ = forward_parts(&self.features, x, pass, |part, x| {
            if let Some(stage) = STAGES.iter().position(|&(end, _)| end == part) {
                wanted.offer(stage, x);
            }
        });
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        (0..self.features.len()).map(|index| vec![format!("features.{index}.")]).collect()
    }
}
