//! Initial weights, drawn from a generator that the caller owns.
//!
//! The generator is explicit so that a seed gives the same weights on every machine and device:
//! values are drawn on the host, in row-major order of the weight's PyTorch shape.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Which of a layer's two sides a fan counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// The inputs that one output value sees: keeps the size of activations.
    In,
    /// The outputs that one input value reaches: keeps the size of gradients.
    Out,
}

/// A distribution to draw a layer's weights from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initializer {
    /// Normal with deviation `gain / sqrt(fan)`; He et al., "Delving Deep into Rectifiers" (2015).
    KaimingNormal {
        /// The side to count.
        fan: Fan,
        /// The activation's gain: `sqrt(2)` for ReLU.
        gain: f64,
    },
    /// Uniform within `± gain · sqrt(3 / fan)`, the same deviation.
    KaimingUniform {
        /// The side to count.
        fan: Fan,
        /// The activation's gain.
        gain: f64,
    },
    /// Normal with the given deviation.
    Normal {
        /// The standard deviation.
        deviation: f64,
    },
    /// Normal with the given deviation, drawn again where it lies outside of ±2: PyTorch's
    /// `trunc_normal_`.
    TruncatedNormal {
        /// The standard deviation.
        deviation: f64,
    },
    /// Uniform within `± gain / sqrt(fan)`.
    Uniform {
        /// The side to count.
        fan: Fan,
        /// The gain.
        gain: f64,
    },
}

impl Initializer {
    /// What torchvision's ResNets use for convolutions: Kaiming normal over the fan out, for ReLU.
    pub const RESNET_CONVOLUTION: Self =
        Self::KaimingNormal { fan: Fan::Out, gain: std::f64::consts::SQRT_2 };

    /// PyTorch's default for convolutions and linear layers: Kaiming uniform over the fan in, for
    /// a leaky ReLU of slope `sqrt(5)`, whose gain is `sqrt(2 / (1 + 5))`. It comes to a bound of
    /// `1 / sqrt(fan)`.
    pub const TORCH_DEFAULT: Self =
        Self::KaimingUniform { fan: Fan::In, gain: 0.577_350_269_189_625_8 };

    /// Draws a weight of the given shape: `[out, in, ...]`, further axes being the kernel's.
    #[must_use]
    pub fn draw<const D: usize>(
        &self,
        shape: [usize; D],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Tensor<D> {
        match *self {
            Self::KaimingNormal { fan, gain } => {
                normal(shape, gain / fan_of(fan, &shape).sqrt(), generator, device)
            }
            Self::KaimingUniform { fan, gain } => {
                uniform(shape, gain * (3.0 / fan_of(fan, &shape)).sqrt(), generator, device)
            }
            Self::Normal { deviation } => normal(shape, deviation, generator, device),
            Self::TruncatedNormal { deviation } => fill(shape, device, || {
                loop {
                    let value = generator.sample::<f64, _>(StandardNormal) * deviation;
                    if value.abs() <= 2.0 {
                        return value as f32;
                    }
                }
            }),
            Self::Uniform { fan, gain } => {
                uniform(shape, gain / fan_of(fan, &shape).sqrt(), generator, device)
            }
        }
    }
}

/// PyTorch's default bias of a layer with this many inputs per output: uniform within
/// `± 1 / sqrt(fan_in)`.
#[must_use]
pub fn torch_default_bias(
    outputs: usize,
    fan_in: usize,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<1> {
    uniform([outputs], (fan_in.max(1) as f64).sqrt().recip(), generator, device)
}

/// A tensor of independent normal values with mean zero.
#[must_use]
pub fn normal<const D: usize>(
    shape: [usize; D],
    deviation: f64,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    fill(shape, device, || (generator.sample::<f64, _>(StandardNormal) * deviation) as f32)
}

/// A tensor of independent values, uniform within `± bound`.
#[must_use]
pub fn uniform<const D: usize>(
    shape: [usize; D],
    bound: f64,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    fill(shape, device, || ((generator.random::<f64>() * 2.0 - 1.0) * bound) as f32)
}

fn fill<const D: usize>(
    shape: [usize; D],
    device: &Device,
    mut draw: impl FnMut() -> f32,
) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| draw()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The number of connections on one side; at least 1, so that an empty layer divides by no zero.
fn fan_of<const D: usize>(fan: Fan, shape: &[usize; D]) -> f64 {
    assert!(D >= 2, "a weight has an output and an input axis; this one has {D} axes");
    let kernel: usize = shape[2..].iter().product();
    let side = match fan {
        Fan::In => shape[1],
        Fan::Out => shape[0],
    };
    (side * kernel).max(1) as f64
}
