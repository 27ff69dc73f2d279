//! EfficientNetV2: Tan and Le, "EfficientNetV2: Smaller Models and Faster Training" (2021), table 4
//! and, for M and L, the authors' published configurations.
//!
//! As in torchvision: normalizations add 1e-3 to the variance, the squeeze of a block is a quarter
//! of its *input* channels, and the chance that a block is dropped grows from 0 to nearly 0.2.

mod block;
mod encoder;

use block::{Block, Plan};
use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
pub use encoder::EfficientNetEncoder;
use ocelli_nn::{
    Pass,
    functional::{Activation, global_average_pool},
    init::{Fan, Initializer},
    layers::{Dropout, Linear},
};
use rand_chacha::ChaCha8Rng;

use crate::{
    ModelEntry,
    conv_norm::{ConvNorm, ConvNormPlan, conv_norm},
};

/// The two kinds of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// A 3x3 convolution that expands, and a 1x1 one that projects: "Fused-MBConv".
    Fused,
    /// 1x1 expansion, depthwise 3x3, squeeze-and-excitation, 1x1 projection: "MBConv".
    Inverted,
}

/// A stage: `depth` blocks of one kind, the first of which changes stride and channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its kind of block.
    pub kind: BlockKind,
    /// How many times more channels a block has inside.
    pub expansion: usize,
    /// The first block's stride.
    pub stride: usize,
    /// Channels of its result.
    pub channels: usize,
    /// Blocks.
    pub depth: usize,
}

const fn fused(expansion: usize, stride: usize, channels: usize, depth: usize) -> Stage {
    Stage { kind: BlockKind::Fused, expansion, stride, channels, depth }
}

const fn inverted(expansion: usize, stride: usize, channels: usize, depth: usize) -> Stage {
    Stage { kind: BlockKind::Inverted, expansion, stride, channels, depth }
}

/// A member of the family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// The name to build it by.
    pub name: &'static str,
    /// Its stages; the stem has as many channels as the first.
    pub stages: &'static [Stage],
    /// How much of the features the classifier drops in training.
    pub dropout: f64,
    /// Weights, with 1000 classes and 3 input channels.
    pub parameters: usize,
}

/// The members of the family.
pub const VARIANTS: [Variant; 3] = [
    Variant {
        name: "efficientnet_v2_s",
        stages: &[
            fused(1, 1, 24, 2),
            fused(4, 2, 48, 4),
            fused(4, 2, 64, 4),
            inverted(4, 2, 128, 6),
            inverted(6, 1, 160, 9),
            inverted(6, 2, 256, 15),
        ],
        dropout: 0.2,
        parameters: 21_458_488,
    },
    Variant {
        name: "efficientnet_v2_m",
        stages: &[
            fused(1, 1, 24, 3),
            fused(4, 2, 48, 5),
            fused(4, 2, 80, 5),
            inverted(4, 2, 160, 7),
            inverted(6, 1, 176, 14),
            inverted(6, 2, 304, 18),
            inverted(6, 1, 512, 5),
        ],
        dropout: 0.3,
        parameters: 54_139_356,
    },
    Variant {
        name: "efficientnet_v2_l",
        stages: &[
            fused(1, 1, 32, 4),
            fused(4, 2, 64, 7),
            fused(4, 2, 96, 7),
            inverted(4, 2, 192, 10),
            inverted(6, 1, 224, 19),
            inverted(6, 2, 384, 25),
            inverted(6, 1, 640, 7),
        ],
        dropout: 0.4,
        parameters: 118_515_272,
    },
];

/// The features' channels.
const FEATURES: usize = 1280;
/// The chance that a block after the last would be dropped.
const DROP_RATE: f64 = 0.2;

/// What the keys of the last layer begin with.
pub(crate) const HEAD: &str = "classifier.1.";
/// Five halvings, rounded up, leave one pixel of this many.
const SINGLE_VALUE_SIZE: usize = 32;

/// How much a network drops at random in training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drop {
    /// The share of the features that the classifier drops.
    pub dropout: f64,
    /// The chance that a block after the last would be dropped; earlier ones less.
    pub stochastic_depth: f64,
}

impl Drop {
    /// What a member of the family drops, where nothing else is asked for.
    #[must_use]
    pub fn of(variant: &Variant, dropout: Option<f64>, stochastic_depth: Option<f64>) -> Self {
        Self {
            dropout: dropout.unwrap_or(variant.dropout),
            stochastic_depth: stochastic_depth.unwrap_or(DROP_RATE),
        }
    }
}

/// An EfficientNetV2. Field names are torchvision's.
#[derive(Module, Debug)]
pub struct EfficientNet {
    features: Vec<Features>,
    classifier: (Dropout, Linear),
}

/// A part of the features.
#[expect(clippy::large_enum_variant, reason = "a network has few, and their tensors weigh more")]
#[derive(Module, Debug)]
enum Features {
    /// First and last.
    Convolution(ConvNorm),
    Stage(Vec<Block>),
}

impl EfficientNet {
    /// A network with freshly drawn weights, as torchvision draws them.
    #[must_use]
    pub fn new(
        variant: &Variant,
        drop: Drop,
        [in_channels, classes]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let features = features(variant, drop.stochastic_depth, in_channels, generator, device);
        let uniform = Initializer::Uniform { fan: Fan::Out, gain: 1.0 };
        let linear = Linear::with_initializer(FEATURES, classes, uniform, generator, device);
        Self { features, classifier: (Dropout::new(drop.dropout), linear) }
    }

    /// How many features [`Self::forward_features`] gives.
    pub(crate) fn feature_width(&self) -> usize {
        let (_, linear) = &self.classifier;
        linear.in_features()
    }

    /// One score per class, before any softmax.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, classes]`
    ///
    /// # Panics
    /// If `x` has another number of channels than the network was built for, or, in a training
    /// pass, is a single picture of at most 32 pixels, of which one value per channel is left.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (_, linear) = &self.classifier;
        linear.forward(self.forward_features(x, pass))
    }

    /// The mean of the last convolution's output over the picture, after the dropout.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, 1280]`
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.features_of(self.forward_map(x, pass), pass)
    }

    /// The last convolution's output.
    pub(crate) fn forward_map(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        forward_parts(&self.features, x, pass, |_, _| {})
    }

    /// The scores that follow from the last convolution's output.
    pub(crate) fn forward_from_map(&self, map: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (_, linear) = &self.classifier;
        linear.forward(self.features_of(map, pass))
    }

    fn features_of(&self, map: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (dropout, _) = &self.classifier;
        dropout.forward(global_average_pool(map), &pass.child(self.features.len()))
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let mut layers = layer_prefixes(&self.features);
        layers.push(vec![HEAD.to_owned()]);
        layers
    }
}

/// The convolutional layers of a member of the family.
fn features(
    variant: &Variant,
    drop_rate: f64,
    in_channels: usize,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Vec<Features> {
    let mut features =
        vec![Features::Convolution(stem(variant, in_channels).init(generator, device))];
    let total: usize = variant.stages.iter().map(|stage| stage.depth).sum();
    let mut index = 0;
    for stage in plans(variant) {
        let blocks = stage.into_iter().map(|plan| {
            let rate = drop_rate * index as f64 / total as f64;
            index += 1;
            Block::new(&plan, rate, generator, device)
        });
        features.push(Features::Stage(blocks.collect()));
    }
    features.push(Features::Convolution(last(variant).init(generator, device)));
    features
}

/// Runs the convolutional layers; `after` sees the number and the result of each part.
fn forward_parts(
    features: &[Features],
    x: Tensor<4>,
    pass: &Pass,
    mut after: impl FnMut(usize, &Tensor<4>),
) -> Tensor<4> {
    let mut x = x;
    for (index, part) in features.iter().enumerate() {
        x = match part {
            Features::Convolution(layers) => conv_norm(layers, x, Activation::Silu, pass),
            Features::Stage(blocks) => {
                let pass = pass.child(index);
                blocks.iter().enumerate().fold(x, |x, (index, block)| {
                    block.forward(x, &pass.of_part(block).child(index))
                })
            }
        };
        after(index, &x);
    }
    x
}

/// The convolutions and blocks, each by what its keys begin with.
fn layer_prefixes(features: &[Features]) -> Vec<Vec<String>> {
    let mut layers = Vec::new();
    for (index, part) in features.iter().enumerate() {
        match part {
            Features::Convolution(_) => layers.push(vec![format!("features.{index}.")]),
            Features::Stage(blocks) => layers
                .extend((0..blocks.len()).map(|block| vec![format!("features.{index}.{block}.")])),
        }
    }
    layers
}

/// What normalizations of the family have.
const EPSILON: f64 = 1e-3;
const MOMENTUM: f64 = 0.1;

fn stem(variant: &Variant, in_channels: usize) -> ConvNormPlan {
    block::convolution([in_channels, variant.stages[0].channels], 3, 2)
}

fn last(variant: &Variant) -> ConvNormPlan {
    let channels = variant.stages[variant.stages.len() - 1].channels;
    block::convolution([channels, FEATURES], 1, 1)
}

/// The blocks of each stage.
fn plans(variant: &Variant) -> Vec<Vec<Plan>> {
    let mut channels = variant.stages[0].channels;
    variant
        .stages
        .iter()
        .map(|stage| {
            (0..stage.depth)
                .map(|index| {
                    let stride = if index == 0 { stage.stride } else { 1 };
                    let in_channels = std::mem::replace(&mut channels, stage.channels);
                    Plan {
                        kind: stage.kind,
                        expansion: stage.expansion,
                        in_channels,
                        out_channels: stage.channels,
                        stride,
                    }
                })
                .collect()
        })
        .collect()
}

/// The family as the catalogue lists it.
pub(crate) fn entries() -> impl Iterator<Item = ModelEntry> {
    VARIANTS.iter().map(|variant| ModelEntry {
        name: variant.name,
        family: "EfficientNetV2",
        parameters: variant.parameters,
        multiply_adds: multiply_adds(variant, 224),
        least_size: 1,
        single_value_size: SINGLE_VALUE_SIZE,
        least_pictures: 1,
        head: HEAD,
        paper: "Tan and Le, EfficientNetV2: Smaller Models and Faster Training, 2021, arXiv:2104.00298",
    })
}

/// Multiply-adds of convolutions and linear layers, for one square colour picture and 1000
/// classes.
fn multiply_adds(variant: &Variant, size: usize) -> u64 {
    let mut total = stem(variant, 3).multiply_adds(size);
    let mut size = size.div_ceil(2);
    for plan in plans(variant).into_iter().flatten() {
        total += plan.multiply_adds(size);
        size = size.div_ceil(plan.stride);
    }
    total + last(variant).multiply_adds(size) + (FEATURES * 1000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiply_adds_are_those_that_torchvision_publishes_for_the_sizes_of_its_weights() {
        let published = [(384, 8.366), (480, 24.582), (480, 56.080)];
        for (variant, (size, billions)) in VARIANTS.iter().zip(published) {
            let found = multiply_adds(variant, size) as f64 / 1e9;
            assert!((found - billions).abs() < 5e-4, "{}: {found}", variant.name);
        }
    }
}
