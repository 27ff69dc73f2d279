//! Residual networks: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015),
//! table 1.
//!
//! As in torchvision, the bottleneck block has its stride in the 3x3 convolution, not in the first
//! 1x1 ("ResNet v1.5", half a point more accurate), and the last normalization of a block starts
//! at 1, not at 0. Wide ResNets (Zagoruyko and Komodakis, 2016) have 3x3 convolutions of twice the
//! width, and blocks that are as wide as ever outside.

mod block;
mod encoder;

use block::{Block, stage};
use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
pub use encoder::ResNetEncoder;
use ocelli_nn::{
    Pass,
    functional::{Activation, PoolGeometry, global_average_pool, max_pool2d},
    init::Initializer,
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Conv2dNormActivation, Linear},
};
use rand_chacha::ChaCha8Rng;

use crate::ModelEntry;

/// The two kinds of residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1 down to a quarter of the channels, 3x3, 1x1 up again.
    Bottleneck,
}

impl BlockKind {
    /// Output channels of a block per channel of its 3x3 convolution.
    #[must_use]
    pub const fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// A member of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The name to build it by.
    pub name: &'static str,
    /// Its kind of block.
    pub block: BlockKind,
    /// Blocks in each of the four stages.
    pub depths: [usize; 4],
    /// How many times wider its 3x3 convolutions are than the paper's.
    pub width_factor: usize,
    /// Weights, with 1000 classes and 3 input channels.
    pub parameters: usize,
}

/// The members of the family.
pub const VARIANTS: [Variant; 6] = {
    use BlockKind::{Basic, Bottleneck};
    const fn variant(
        name: &'static str,
        block: BlockKind,
        depths: [usize; 4],
        parameters: usize,
    ) -> Variant {
        Variant { name, block, depths, width_factor: 1, parameters }
    }
    [
        variant("resnet18", Basic, [2, 2, 2, 2], 11_689_512),
        variant("resnet34", Basic, [3, 4, 6, 3], 21_797_672),
        variant("resnet50", Bottleneck, [3, 4, 6, 3], 25_557_032),
        variant("resnet101", Bottleneck, [3, 4, 23, 3], 44_549_160),
        variant("resnet152", Bottleneck, [3, 8, 36, 3], 60_192_808),
        Variant {
            width_factor: 2,
            ..variant("wide_resnet50_2", Bottleneck, [3, 4, 6, 3], 68_883_240)
        },
    ]
};

/// Channels of the 3x3 convolutions in each stage.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// Stride of the first block of each stage.
const STRIDES: [usize; 4] = [1, 2, 2, 2];
/// The first convolution's channels.
const STEM_CHANNELS: usize = 64;
/// The pooling between the first convolution and the first stage.
const STEM_POOL: PoolGeometry = PoolGeometry { kernel: [3, 3], stride: [2, 2], padding: [1, 1] };

/// What the keys of the last layer begin with.
pub(crate) const HEAD: &str = "fc.";
/// Five halvings, rounded up, leave one pixel of this many.
const SINGLE_VALUE_SIZE: usize = 32;

/// A residual network. Field names are torchvision's.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    fc: Linear,
}

impl ResNet {
    /// A network with freshly drawn weights: convolutions as in the paper, normalizations as the
    /// identity, the last layer as PyTorch draws it.
    #[must_use]
    pub fn new(
        variant: &Variant,
        in_channels: usize,
        classes: usize,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let (conv1, bn1) = stem(in_channels, generator, device);
        let plans = plans(variant, [false; 3]);
        let stages = plans.map(|(plan, rest)| stage(plan, rest, generator, device));
        let [layer1, layer2, layer3, layer4] = stages;
        let features = plans[3].0.out_channels();
        let fc = Linear::new(features, classes, generator, device);
        Self { conv1, bn1, layer1, layer2, layer3, layer4, fc }
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        let mut layers = layer_prefixes(stages);
        layers.push(vec![HEAD.to_owned()]);
        layers
    }

    /// How many features [`Self::forward_features`] gives.
    pub(crate) fn feature_width(&self) -> usize {
        self.fc.in_features()
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
        self.fc.forward(self.forward_features(x, pass))
    }

    /// The mean of the last stage's output over the picture.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, features]`, 512 or 2048 of them
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        global_average_pool(self.forward_map(x, pass))
    }

    /// The last stage's output.
    pub(crate) fn forward_map(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let mut x = max_pool2d(forward_stem(&self.conv1, &self.bn1, x, pass), STEM_POOL);
        for stage in [&self.layer1, &self.layer2, &self.layer3, &self.layer4] {
            x = forward_stage(stage, x, pass);
        }
        x
    }

    /// The scores that follow from the last stage's output.
    pub(crate) fn forward_from_map(&self, map: Tensor<4>, _pass: &Pass) -> Tensor<2> {
        self.fc.forward(global_average_pool(map))
    }
}

/// The first convolution and its normalization.
fn stem(in_channels: usize, generator: &mut ChaCha8Rng, device: &Device) -> (Conv2d, BatchNorm2d) {
    let convolution = Conv2dConfig::new(in_channels, STEM_CHANNELS, [7, 7])
        .with_stride([2, 2])
        .with_padding([3, 3])
        .without_bias()
        .with_initializer(Initializer::RESNET_CONVOLUTION)
        .init(generator, device);
    (convolution, BatchNorm2d::new(STEM_CHANNELS, device))
}

/// The first block of each stage, with the number of blocks and the dilation of those after it.
///
/// Where one of the last three stages is `dilated`, its stride becomes a dilation of all that
/// follows: torchvision's `replace_stride_with_dilation`.
fn plans(variant: &Variant, dilated: [bool; 3]) -> [(block::Plan, [usize; 2]); 4] {
    let mut in_channels = STEM_CHANNELS;
    let mut dilation = 1;
    [0, 1, 2, 3].map(|index| {
        let replaced = index > 0 && dilated[index - 1];
        let plan = block::Plan {
            kind: variant.block,
            in_channels,
            planes: WIDTHS[index],
            width_factor: variant.width_factor,
            stride: if replaced { 1 } else { STRIDES[index] },
            dilation,
        };
        if replaced {
            dilation *= STRIDES[index];
        }
        in_channels = plan.out_channels();
        (plan, [variant.depths[index], dilation])
    })
}

fn forward_stem(conv1: &Conv2d, bn1: &BatchNorm2d, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
    Conv2dNormActivation::new(conv1, bn1).with_activation(Activation::Relu).forward(x, pass)
}

fn forward_stage(stage: &[Block], x: Tensor<4>, pass: &Pass) -> Tensor<4> {
    stage.iter().fold(x, |x, block| block.forward(x, pass))
}

/// Stem and blocks, each by what its keys begin with.
fn layer_prefixes(stages: [&Vec<Block>; 4]) -> Vec<Vec<String>> {
    let blocks = stages.into_iter().enumerate().flat_map(|(stage, blocks)| {
        (0..blocks.len()).map(move |block| vec![format!("layer{}.{block}.", stage + 1)])
    });
    let stem = vec!["conv1.".to_owned(), "bn1.".to_owned()];
    [stem].into_iter().chain(blocks).collect()
}

/// The family as the catalogue lists it.
pub(crate) fn entries() -> impl Iterator<Item = ModelEntry> {
    VARIANTS.iter().map(|variant| ModelEntry {
        name: variant.name,
        family: "ResNet",
        parameters: variant.parameters,
        multiply_adds: multiply_adds(variant, 224),
        least_size: 1,
        single_value_size: SINGLE_VALUE_SIZE,
        least_pictures: 1,
        head: HEAD,
        paper: "He et al., Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385",
    })
}

/// Multiply-adds of convolutions and the last layer, for one square colour picture and 1000
/// classes.
fn multiply_adds(variant: &Variant, size: usize) -> u64 {
    // Every stride-2 layer of the family keeps half the pixels, rounded up.
    let size = size.div_ceil(2);
    let mut total = size * size * 7 * 7 * 3 * STEM_CHANNELS;
    let mut size = size.div_ceil(2);
    let mut channels = STEM_CHANNELS;
    for (first, [depth, _]) in plans(variant, [false; 3]) {
        for index in 0..depth {
            let stride = if index == 0 { first.stride } else { 1 };
            let plan = block::Plan { in_channels: channels, stride, ..first };
            total += plan.multiply_adds(size);
            size = size.div_ceil(stride);
            channels = plan.out_channels();
        }
    }
    (total + channels * 1000) as u64
}
