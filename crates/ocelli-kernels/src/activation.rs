//! Activation functions on vectors, and their derivatives.
//!
//! Normalization and element-by-element passes are compiled once for each: [`Activation`] is the
//! choice at run time, `Function` the code. Derivatives are of the function's argument, so that
//! a backward pass needs no more than what went in.

use crate::exp::{exp, sigmoid};
use crate::isa::Simd;

/// What is applied to each number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing: `x`.
    #[default]
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `x · min(max(x + 3, 0), 6) / 6` (Howard et al. 2019, MobileNetV3).
    HardSwish,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x` times the probability that a standard normal number is below it (Hendrycks and Gimpel
    /// 2016), not approximated by a hyperbolic tangent.
    Gelu,
}

impl Activation {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Relu,
        Self::Silu,
        Self::HardSwish,
        Self::Sigmoid,
        Self::HardSigmoid,
        Self::Gelu,
    ];
}

/// An activation's code.
pub(crate) trait Function: Copy + Send + Sync + 'static {
    /// The function of each lane.
    fn value<S: Simd>(simd: S, x: S::Vector) -> S::Vector;
    /// The gradient of the argument `x`, given that of the value.
    fn gradient<S: Simd>(simd: S, x: S::Vector, dy: S::Vector) -> S::Vector;
}

/// Evaluates the last argument with a type of the given name for the activation's [`Function`].
macro_rules! with_function {
    ($activation:expr, $function:ident => $body:expr) => {
        match $activation {
            $crate::activation::Activation::None => {
                type $function = $crate::activation::Identity;
                $body
            }
            $crate::activation::Activation::Relu => {
                type $function = $crate::activation::Relu;
                $body
            }
            $crate::activation::Activation::Silu => {
                type $function = $crate::activation::Silu;
                $body
            }
            $crate::activation::Activation::HardSwish => {
                type $function = $crate::activation::HardSwish;
                $body
            }
            $crate::activation::Activation::Sigmoid => {
                type $function = $crate::activation::Sigmoid;
                $body
            }
            $crate::activation::Activation::HardSigmoid => {
                type $function = $crate::activation::HardSigmoid;
                $body
            }
            $crate::activation::Activation::Gelu => {
                type $function = $crate::activation::Gelu;
                $body
            }
        }
    };
}
pub(crate) use with_function;

/// [`Activation::None`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity;

impl Function for Identity {
    #[inline(always)]
    fn value<S: Simd>(_: S, x: S::Vector) -> S::Vector {
        x
    }

    #[inline(always)]
    fn gradient<S: Simd>(_: S, _: S::Vector, dy: S::Vector) -> S::Vector {
        dy
    }
}

/// [`Activation::Relu`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relu;

impl Function for Relu {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
        // In this order, what is not a number stays so, and a diverged training shows.
        simd.max(simd.zero(), x)
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, x: S::Vector, dy: S::Vector) -> S::Vector {
        simd.select_greater(x, simd.zero(), dy, simd.zero())
    }
}

/// [`Activation::Silu`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
        simd.mul(x, sigmoid(simd, x))
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, x: S::Vector, dy: S::Vector) -> S::Vector {
        // s + x s (1 - s)
        let s = sigmoid(simd, x);
        let slope = simd.mul_add(simd.mul(x, s), simd.sub(simd.splat(1.0), s), s);
        simd.mul(dy, slope)
    }
}

/// [`Activation::HardSwish`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct HardSwish;

impl Function for HardSwish {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
        simd.mul(x, HardSigmoid::value(simd, x))
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, x: S::Vector, dy: S::Vector) -> S::Vector {
        let slope = simd.mul_add(x, simd.splat(1.0 / 3.0), simd.splat(0.5));
        let slope = simd.select_greater(x, simd.splat(-3.0), slope, simd.zero());
        let slope = simd.select_greater(simd.splat(3.0), x, slope, simd.splat(1.0));
        simd.mul(dy, slope)
    }
}

/// [`Activation::Sigmoid`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sigmoid;

impl Function for Sigmoid {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
        sigmoid(simd, x)
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, x: S::Vector, dy: S::Vector) -> S::Vector {
        let s = sigmoid(simd, x);
        simd.mul(dy, simd.mul(s, simd.sub(simd.splat(1.0), s)))
    }
}

/// [`Activation::HardSigmoid`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct HardSigmoid;

impl Function for HardSigmoid {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
        let raised = simd.max(simd.zero(), simd.add(x, simd.splat(3.0)));
        simd.mul(simd.min(simd.splat(6.0), raised), simd.splat(1.0 / 6.0))
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, x: S::Vector, dy: S::Vector) -> S::Vector {
        let slope = simd.splat(1.0 / 6.0);
        let slope = simd.select_greater(x, simd.splat(-3.0), slope, simd.zero());
        simd.mul(dy, simd.select_greater(simd.splat(3.0), x, slope, simd.zero()))
    }
}

/// [`Activation::Gelu`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
        simd.mul(x, normal_distribution(simd, x).0)
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, x: S::Vector, dy: S::Vector) -> S::Vector {
        let (below, bell) = normal_distribution(simd, x);
        let density = simd.mul(bell, simd.splat(0.398_942_3));
        simd.mul(dy, simd.mul_add(x, density, below))
    }
}

/// The probability that a standard normal number is below `x`, and `e^(-x²/2)`, in each lane.
/// Within 1.5e-7: Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26.
#[inline(always)]
fn normal_distribution<S: Simd>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    const COEFFICIENTS: [f32; 5] =
        [1.061_405_4, -1.453_152_1, 1.421_413_8, -0.284_496_73, 0.254_829_6];
    let one = simd.splat(1.0);
    let magnitude = simd.max(x, simd.sub(simd.zero(), x));
    let z = simd.mul(magnitude, simd.splat(std::f32::consts::FRAC_1_SQRT_2));
    let t = simd.div(one, simd.mul_add(z, simd.splat(0.327_591_1), one));
    let mut polynomial = simd.zero();
    for coefficient in COEFFICIENTS {
        polynomial = simd.mul_add(polynomial, t, simd.splat(coefficient));
    }
    let bell = exp(simd, simd.sub(simd.zero(), simd.mul(z, z)));
    // Half of the complementary error function: what lies beyond `x` on its side of zero.
    let beyond = simd.mul(simd.mul(simd.mul(polynomial, t), bell), simd.splat(0.5));
    let below = simd.select_greater(simd.zero(), x, beyond, simd.sub(one, beyond));
    (below, bell)
}

/// The definitions in float64, for tests.
#[cfg(test)]
pub(crate) mod reference {
    use super::Activation;

    pub(crate) fn value(activation: Activation, x: f64) -> f64 {
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        let hard = (x + 3.0).clamp(0.0, 6.0) / 6.0;
        match activation {
            Activation::None => x,
            Activation::Relu => x.max(0.0),
            Activation::Silu => x * sigmoid,
            Activation::HardSwish => x * hard,
            Activation::Sigmoid => sigmoid,
            Activation::HardSigmoid => hard,
            Activation::Gelu => x * below(x),
        }
    }

    /// The standard normal distribution, by Simpson's rule.
    fn below(x: f64) -> f64 {
        const STEPS: usize = 1000;
        let step = x / STEPS as f64;
        let sum: f64 = (0..=STEPS)
            .map(|at| {
                let weight = if at == 0 || at == STEPS { 1 } else { 2 + at % 2 * 2 };
                f64::from(weight as u32) * density(at as f64 * step)
            })
            .sum();
        0.5 + sum * step / 3.0
    }

    fn density(x: f64) -> f64 {
        (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
    }

    pub(crate) fn derivative(activation: Activation, x: f64) -> f64 {
        let s = 1.0 / (1.0 + (-x).exp());
        let inside = x > -3.0 && x < 3.0;
        match activation {
            Activation::None => 1.0,
            Activation::Relu => f64::from(x > 0.0),
            Activation::Silu => s + x * s * (1.0 - s),
            Activation::HardSwish if inside => x / 3.0 + 0.5,
            Activation::HardSwish => f64::from(x >= 3.0),
            Activation::Sigmoid => s * (1.0 - s),
            Activation::HardSigmoid if inside => 1.0 / 6.0,
            Activation::HardSigmoid => 0.0,
            Activation::Gelu => below(x) + x * density(x),
        }
    }
}
