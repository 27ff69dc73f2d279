use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::Activation,
    init::Initializer,
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Conv2dNormActivation},
};
use rand_chacha::ChaCha8Rng;

use super::BlockKind;

/// What a residual block is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) kind: BlockKind,
    pub(super) in_channels: usize,
    /// The paper's channels of the 3x3 convolutions.
    pub(super) planes: usize,
    /// How many times wider they are here.
    pub(super) width_factor: usize,
    pub(super) stride: usize,
    /// Pixels between the taps of its 3x3 convolutions.
    pub(super) dilation: usize,
}

impl Plan {
    pub(super) fn out_channels(&self) -> usize {
        self.planes * self.kind.expansion()
    }

    /// Channels of the 3x3 convolutions.
    fn width(&self) -> usize {
        self.planes * self.width_factor
    }

    /// Whether the input has another shape than the output, and can't just be added to it.
    fn needs_projection(&self) -> bool {
        self.stride != 1 || self.in_channels != self.out_channels()
    }

    /// Multiply-adds for one picture of `size` x `size` pixels.
    pub(super) fn multiply_adds(&self, size: usize) -> usize {
        let (in_channels, width) = (self.in_channels, self.width());
        let out_channels = self.out_channels();
        let before = size * size;
        let after = size.div_ceil(self.stride).pow(2);
        let block = match self.kind {
            BlockKind::Basic => after * 9 * width * (in_channels + width),
            BlockKind::Bottleneck => {
                before * in_channels * width + after * width * (9 * width + out_channels)
            }
        };
        let projection =
            if self.needs_projection() { after * in_channels * out_channels } else { 0 };
        block + projection
    }
}

/// The blocks of a stage: the first changes size and channels, the others keep them.
pub(super) fn stage(
    first: Plan,
    [depth, dilation]: [usize; 2],
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Vec<Block> {
    let others = Plan { in_channels: first.out_channels(), stride: 1, dilation, ..first };
    (0..depth)
        .map(|index| Block::new(if index == 0 { first } else { others }, generator, device))
        .collect()
}

/// `relu(F(x) + x)`, figure 5 of the paper.
#[expect(
    clippy::large_enum_variant,
    reason = "a network has few blocks, and their tensors weigh more"
)]
#[derive(Module, Debug)]
pub(super) enum Block {
    Basic(BasicBlock),
    Bottleneck(BottleneckBlock),
}

/// Two 3x3 convolutions. Field names are torchvision's.
#[derive(Module, Debug)]
pub(super) struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Projection>,
}

/// 1x1, 3x3, 1x1 convolutions. Field names are torchvision's.
#[derive(Module, Debug)]
pub(super) struct BottleneckBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Conv2d,
    bn3: BatchNorm2d,
    downsample: Option<Projection>,
}

/// A 1x1 convolution and its normalization, numbered 0 and 1 in state dicts.
type Projection = (Conv2d, BatchNorm2d);

impl Block {
    fn new(plan: Plan, generator: &mut ChaCha8Rng, device: &Device) -> Self {
        let Plan { kind, in_channels, stride, dilation, .. } = plan;
        let width = plan.width();
        let out_channels = plan.out_channels();
        let mut convolution = |from, to, kernel: usize, stride| {
            Conv2dConfig::new(from, to, [kernel; 2])
                .with_stride([stride; 2])
                .with_padding([kernel / 2 * dilation; 2])
                .with_dilation([dilation; 2])
                .without_bias()
                .with_initializer(Initializer::RESNET_CONVOLUTION)
                .init(generator, device)
        };
        let normalization = |channels| BatchNorm2d::new(channels, device);
        let downsample = plan.needs_projection().then(|| {
            (convolution(in_channels, out_channels, 1, stride), normalization(out_channels))
        });
        match kind {
            BlockKind::Basic => Self::Basic(BasicBlock {
                conv1: convolution(in_channels, width, 3, stride),
                bn1: normalization(width),
                conv2: convolution(width, width, 3, 1),
                bn2: normalization(width),
                downsample,
            }),
            BlockKind::Bottleneck => Self::Bottleneck(BottleneckBlock {
                conv1: convolution(in_channels, width, 1, 1),
                bn1: normalization(width),
                conv2: convolution(width, width, 3, stride),
                bn2: normalization(width),
                conv3: convolution(width, out_channels, 1, 1),
                bn3: normalization(out_channels),
                downsample,
            }),
        }
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h / stride, w / stride, out_channels]`, rounded up
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        match self {
            Self::Basic(block) => block.forward(x, pass),
            Self::Bottleneck(block) => block.forward(x, pass),
        }
    }
}

impl BasicBlock {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let y = Conv2dNormActivation::new(&self.conv1, &self.bn1)
            .with_activation(Activation::Relu)
            .forward(x.clone(), pass);
        Conv2dNormActivation::new(&self.conv2, &self.bn2)
            .with_residual(shortcut(self.downsample.as_ref(), x, pass))
            .with_activation(Activation::Relu)
            .forward(y, pass)
    }
}

impl BottleneckBlock {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let y = Conv2dNormActivation::new(&self.conv1, &self.bn1)
            .with_activation(Activation::Relu)
            .forward(x.clone(), pass);
        let y = Conv2dNormActivation::new(&self.conv2, &self.bn2)
            .with_activation(Activation::Relu)
            .forward(y, pass);
        Conv2dNormActivation::new(&self.conv3, &self.bn3)
            .with_residual(shortcut(self.downsample.as_ref(), x, pass))
            .with_activation(Activation::Relu)
            .forward(y, pass)
    }
}

fn shortcut(projection: Option<&Projection>, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
    match projection {
        Some((convolution, normalization)) => {
            Conv2dNormActivation::new(convolution, normalization).forward(x, pass)
        }
        None => x,
    }
}
