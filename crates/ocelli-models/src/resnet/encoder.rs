use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::max_pool2d,
    layers::{BatchNorm2d, Conv2d},
};
use rand_chacha::ChaCha8Rng;

use super::{
    Block, STEM_CHANNELS, STEM_POOL, Variant, forward_stage, forward_stem, layer_prefixes, plans,
    stage, stem,
};
use crate::encoder::{StageShape, Wanted};

/// A residual network without its last layer. Field names are torchvision's.
///
/// Its stages are the first convolution and the four groups of blocks.
#[derive(Module, Debug)]
pub struct ResNetEncoder {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    #[module(skip)]
    shapes: Vec<StageShape>,
}

impl ResNetEncoder {
    /// Freshly drawn layers. Where one of the last three stages is `dilated`, its stride becomes a
    /// dilation of all that follows: torchvision's `replace_stride_with_dilation`.
    #[must_use]
    pub fn new(
        variant: &Variant,
        in_channels: usize,
        dilated: [bool; 3],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let (conv1, bn1) = stem(in_channels, generator, device);
        let plans = plans(variant, dilated);
        let [layer1, layer2, layer3, layer4] =
            plans.map(|(plan, rest)| stage(plan, rest, generator, device));
        let mut shapes = vec![StageShape { channels: STEM_CHANNELS, stride: 2 }];
        let mut stride = 4;
        for (plan, _) in plans {
            stride *= plan.stride;
            shapes.push(StageShape { channels: plan.out_channels(), stride });
        }
        Self { conv1, bn1, layer1, layer2, layer3, layer4, shapes }
    }

    /// The stages' channels and strides, from first to last.
    pub(crate) fn stages(&self) -> &[StageShape] {
        &self.shapes
    }

    /// Runs the stages; those wanted are kept.
    pub(crate) fn forward(&self, x: Tensor<4>, pass: &Pass, wanted: &mut Wanted<'_>) {
        let x = forward_stem(&self.conv1, &self.bn1, x, pass);
        wanted.offer(0, &x);
        let mut x = max_pool2d(x, STEM_POOL);
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        for (index, stage) in stages.into_iter().enumerate() {
            x = forward_stage(stage, x, pass);
            wanted.offer(index + 1, &x);
        }
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        layer_prefixes([&self.layer1, &self.layer2, &self.layer3, &self.layer4])
    }
}
