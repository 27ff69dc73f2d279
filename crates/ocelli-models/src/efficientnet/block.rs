use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::Activation,
    layers::{Conv2dNormActivation, StochasticDepth},
};
use rand_chacha::ChaCha8Rng;

use super::{BlockKind, EPSILON, MOMENTUM};
use crate::{
    conv_norm::{ConvNorm, ConvNormPlan, conv_norm, divisible_by_8},
    inverted_residual::{Part, Squeeze, parts},
};

/// What a block is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) kind: BlockKind,
    pub(super) expansion: usize,
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) stride: usize,
}

/// A convolution of the family and its normalization.
pub(super) fn convolution(
    [in_channels, out_channels]: [usize; 2],
    kernel: usize,
    stride: usize,
) -> ConvNormPlan {
    ConvNormPlan {
        in_channels,
        out_channels,
        kernel,
        stride,
        groups: 1,
        epsilon: EPSILON,
        momentum: MOMENTUM,
    }
}

impl Plan {
    /// Channels inside the block.
    fn expanded(&self) -> usize {
        divisible_by_8(self.in_channels * self.expansion)
    }

    /// Channels between squeeze and excitation.
    fn squeezed(&self) -> usize {
        (self.in_channels / 4).max(1)
    }

    /// The convolutions in their order; squeeze and excitation come before the last of an inverted
    /// block.
    fn convolutions(&self) -> Vec<ConvNormPlan> {
        let Self { kind, in_channels, out_channels, stride, .. } = *self;
        let expanded = self.expanded();
        match kind {
            BlockKind::Fused if expanded == in_channels => {
                vec![convolution([in_channels, out_channels], 3, stride)]
            }
            BlockKind::Fused => vec![
                convolution([in_channels, expanded], 3, stride),
                convolution([expanded, out_channels], 1, 1),
            ],
            BlockKind::Inverted => vec![
                convolution([in_channels, expanded], 1, 1),
                ConvNormPlan { groups: expanded, ..convolution([expanded; 2], 3, stride) },
                convolution([expanded, out_channels], 1, 1),
            ],
        }
    }

    /// Multiply-adds for one picture of `size` x `size` pixels.
    pub(super) fn multiply_adds(&self, mut size: usize) -> u64 {
        let mut total = match self.kind {
            BlockKind::Fused => 0,
            BlockKind::Inverted => (2 * self.expanded() * self.squeezed()) as u64,
        };
        for plan in self.convolutions() {
            total += plan.multiply_adds(size);
            size = size.div_ceil(plan.stride);
        }
        total
    }
}

/// A block, with a shortcut where the shapes allow one. Field names are torchvision's.
#[derive(Module, Debug)]
pub(super) struct Block {
    block: Vec<Part>,
    stochastic_depth: StochasticDepth,
    #[module(skip)]
    has_shortcut: bool,
}

impl Block {
    /// A block that training passes drop with the chance `drop`.
    pub(super) fn new(plan: &Plan, drop: f64, generator: &mut ChaCha8Rng, device: &Device) -> Self {
        let squeeze = (plan.kind == BlockKind::Inverted).then(|| Squeeze {
            channels: [plan.expanded(), plan.squeezed()],
            activations: [Activation::Silu, Activation::Sigmoid],
        });
        Self {
            block: parts(&plan.convolutions(), squeeze, generator, device),
            stochastic_depth: StochasticDepth::new(drop),
            has_shortcut: plan.stride == 1 && plan.in_channels == plan.out_channels,
        }
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h / stride, w / stride, out_channels]`, rounded up
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let last = self.block.len() - 1;
        let mut y = x.clone();
        for (index, part) in self.block.iter().enumerate() {
            y = match part {
                // A projection is linear; the only convolution of a block is none.
                Part::Convolution(layers) if index == last && last > 0 => {
                    if self.has_shortcut && !self.stochastic_depth.drops(pass) {
                        return conv_norm_add(layers, y, x, pass);
                    }
                    conv_norm(layers, y, Activation::None, pass)
                }
                Part::Convolution(layers) => conv_norm(layers, y, Activation::Silu, pass),
                Part::SqueezeExcitation(layer) => layer.forward(y),
            };
        }
        if self.has_shortcut { self.stochastic_depth.add(y, x, pass) } else { y }
    }
}

/// The projection and the shortcut in one.
fn conv_norm_add(
    (convolution, normalization): &ConvNorm,
    y: Tensor<4>,
    shortcut: Tensor<4>,
    pass: &Pass,
) -> Tensor<4> {
    Conv2dNormActivation::new(convolution, normalization).with_residual(shortcut).forward(y, pass)
}
