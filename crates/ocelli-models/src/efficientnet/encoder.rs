use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::Pass;
use rand_chacha::ChaCha8Rng;

use super::{DROP_RATE, FEATURES, Features, Variant, features, forward_parts, layer_prefixes};
use crate::encoder::{StageShape, Wanted};

/// An EfficientNetV2 without its classifier. Field names are torchvision's.
///
/// A stage ends before each halving, and the last one after the last convolution.
#[derive(Module, Debug)]
pub struct EfficientNetEncoder {
    features: Vec<Features>,
    /// The last part of each stage.
    #[module(skip)]
    ends: Vec<usize>,
    #[module(skip)]
    shapes: Vec<StageShape>,
}

impl EfficientNetEncoder {
    /// Freshly drawn layers.
    #[must_use]
    pub fn new(
        variant: &Variant,
        in_channels: usize,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let (mut ends, mut shapes) = (Vec::new(), Vec::new());
        let mut stride = 2;
        for (index, stage) in variant.stages.iter().enumerate() {
            stride *= stage.stride;
            match variant.stages.get(index + 1) {
                Some(next) if next.stride == 1 => {}
                Some(_) => {
                    ends.push(index + 1);
                    shapes.push(StageShape { channels: stage.channels, stride });
                }
                None => {
                    ends.push(index + 2);
                    shapes.push(StageShape { channels: FEATURES, stride });
                }
            }
        }
        let features = features(variant, DROP_RATE, in_channels, generator, device);
        Self { features, ends, shapes }
    }

    /// The stages' channels and strides, from first to last.
    pub(crate) fn stages(&self) -> &[StageShape] {
        &self.shapes
    }

    /// Runs the stages; those wanted are kept.
    pub(crate) fn forward(&self, x: Tensor<4>, pass: &Pass, wanted: &mut Wanted<'_>) {
        let _ = forward_parts(&self.features, x, pass, |part, x| {
            if let Some(stage) = self.ends.iter().position(|&end| end == part) {
                wanted.offer(stage, x);
            }
        });
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        layer_prefixes(&self.features)
    }
}
