use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::Pass;
use rand_chacha::ChaCha8Rng;

use super::{Layer, Variant, WIDTHS, features, forward_features, layer_prefixes};
use crate::encoder::{StageShape, Wanted};

/// The convolutions of a VGG. Field names are torchvision's.
///
/// Its stages end after each pooling.
#[derive(Module, Debug)]
pub struct VggEncoder {
    features: Vec<Layer>,
}

impl VggEncoder {
    /// Freshly drawn layers.
    #[must_use]
    pub fn new(
        variant: &Variant,
        in_channels: usize,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        Self { features: features(variant, in_channels, generator, device) }
    }

    /// The stages' channels and strides, from first to last.
    pub(crate) fn stages() -> Vec<StageShape> {
        let shape =
            |(index, channels): (usize, usize)| StageShape { channels, stride: 2_usize << index };
        WIDTHS.into_iter().enumerate().map(shape).collect()
    }

    /// Runs the stages; those wanted are kept.
    pub(crate) fn forward(&self, x: Tensor<4>, pass: &Pass, wanted: &mut Wanted<'_>) {
        let mut stage = 0;
        let _ = forward_features(&self.features, x, pass, |pooled| {
            wanted.offer(stage, pooled);
            stage += 1;
        });
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        layer_prefixes(&self.features)
    }
}
