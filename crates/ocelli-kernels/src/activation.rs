//! Activation functions on vectors, and their derivatives.
//!
//! Normalization and element-by-element passes are compiled once for each: [`Activation`] is the
//! choice at run time, `Function` the code. Derivatives are of the function's argument, so that
//! a backward pass needs no more than what went in.

use crate::exp::sigmoid;
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
}

impl Activation {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Relu, Self::Silu, Self::HardSwish, Self::Sigmoid, Self::HardSigmoid];
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
        }
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
        }
    }
}
