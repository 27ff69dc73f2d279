//! Residual networks: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015),
//! table 1.
//!
//! As in torchvision, the bottleneck block has its stride in the 3x3 convolution, not in the first
//! 1x1 ("ResNet v1.5", half a point more accurate), and the last normalization of a block starts
//! at 1, not at 0. Wide ResNets (Zagoruyko and Komodakis, 2016) have 3x3 convolutions of twice the
//! width, and blocks that are as wide as ever outside.

mod block;

use block::{Block, stage};
use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
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
        let conv1 = Conv2dConfig::new(in_channels, STEM_CHANNELS, [7, 7])
            .with_stride([2, 2])
            .with_padding([3, 3])
            .without_bias()
            .with_initializer(Initializer::RESNET_CONVOLUTION)
            .init(generator, device);
        let mut channels = STEM_CHANNELS;
        let [layer1, layer2, layer3, layer4] = [0, 1, 2, 3].map(|index| {
            let plan = block::Plan {
                kind: variant.block,
                in_channels: channels,
                planes: WIDTHS[index],
                width_factor: variant.width_factor,
                stride: STRIDES[index],
            };
            channels = plan.out_channels();
            stage(plan, variant.depths[index], generator, device)
        });
        Self {
            conv1,
            bn1: BatchNorm2d::new(STEM_CHANNELS, device),
            layer1,
            layer2,
            layer3,
            layer4,
            fc: Linear::new(channels, classes, generator, device),
        }
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        let blocks = stages.into_iter().enumerate().flat_map(|(stage, blocks)| {
            (0..blocks.len()).map(move |block| vec![format!("layer{}.{block}.", stage + 1)])
        });
        let stem = vec!["conv1.".to_owned(), "bn1.".to_owned()];
        [stem].into_iter().chain(blocks).chain([vec![HEAD.to_owned()]]).collect()
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
        let x = Conv2dNormActivation::new(&self.conv1, &self.bn1)
            .with_activation(Activation::Relu)
            .forward(x, pass);
        let mut x = max_pool2d(x, STEM_POOL);
        for stage in [&self.layer1, &self.layer2, &self.layer3, &self.layer4] {
            for block in stage {
                x = block.forward(x, pass);
            }
        }
        global_average_pool(x)
    }
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
    for ((width, stride), depth) in WIDTHS.into_iter().zip(STRIDES).zip(variant.depths) {
        for index in 0..depth {
            let stride = if index == 0 { stride } else { 1 };
            let plan = block::Plan {
                kind: variant.block,
                in_channels: channels,
                planes: width,
                width_factor: variant.width_factor,
                stride,
            };
            total += plan.multiply_adds(size);
            size = size.div_ceil(stride);
            channels = plan.out_channels();
        }
    }
    (total + channels * 1000) as u64
}
