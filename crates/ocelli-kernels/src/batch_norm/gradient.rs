//! The backward pass.
//!
//! With `g` the gradient behind the activation and `x̂` the normalized numbers,
//!
//! ```text
//! d bias = Σ g        d weight = Σ g x̂        d residual = g
//! dx = scale · (g - mean(g) - x̂ · mean(g x̂))         scale = weight / sqrt(variance + epsilon)
//! ```
//!
//! Two passes, as the sums must be known before the first `dx`:
//!
//! 1. the sums of `g` and `g (x - mean)`, from `dy` and `x`;
//! 2. `dx = scale · g + slope · (x - mean) + offset`, over `dy`.
//!
//! `g` is computed again in the second pass rather than stored, unless a residual wants it: then
//! the first pass writes it over `dy`, and `dx` takes other memory (that of `x`, if given away).
//! With frozen statistics `dx = scale · g` needs no sums: the first pass writes it, and is the
//! only one.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::BatchNorm;
use crate::activation::{Activation, Function, with_function};
use crate::column_sums::{Terms, column_sums};
use crate::isa::Simd;
use crate::pass::{Extent, Operation, Room, pass};
use crate::profile;

/// What the forward pass added before the activation.
#[derive(Clone, Copy, Debug)]
pub enum Added<'a> {
    /// Nothing.
    Nothing,
    /// A residual; this is the forward pass's result, from whose sign the gradient of ReLU is
    /// known. Only for [`Activation::None`] and [`Activation::Relu`].
    Result(&'a [f32]),
    /// This residual.
    Residual(&'a [f32]),
}

/// The gradients of all that went in.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// Of the activations, `[rows, channels]`.
    pub x: Vec<f32>,
    /// Of the weight, `[channels]`.
    pub weight: Vec<f32>,
    /// Of the bias, `[channels]`.
    pub bias: Vec<f32>,
    /// Of the residual, `[rows, channels]`, if there was one.
    pub residual: Option<Vec<f32>>,
}

impl BatchNorm<'_> {
    /// The gradients, given that of the result.
    ///
    /// # Shapes
    /// `x`, `dy`, and what was added: `[rows, channels]`. `dy` becomes the gradient of `x`, or of
    /// the residual where there is one; then that of `x` takes the memory of an `x` given away.
    ///
    /// # Panics
    /// If a length does not fit, or if the residual is needed and only the result is given.
    #[must_use]
    pub fn backward(&self, x: Cow<'_, [f32]>, dy: Vec<f32>, added: Added<'_>) -> Gradients {
        let extent = self.extent(x.len());
        assert_eq!(dy.len(), extent.len(), "length of the result's gradient");
        let tensors = if matches!(added, Added::Nothing) { 5 } else { 7 };
        let describe = || profile::pass("batch norm", "backward", extent, tensors);
        profile::record(describe, || self.gradients(extent, x, dy, added))
    }

    fn gradients(
        &self,
        extent: Extent,
        x: Cow<'_, [f32]>,
        dy: Vec<f32>,
        added: Added<'_>,
    ) -> Gradients {
        match (added, self.activation) {
            (Added::Nothing, activation) => with_function!(activation, F => {
                let extra = x.as_ptr();
                self.sole(extent, &x, dy, extra, Direct::<F>(PhantomData))
            }),
            (_, Activation::None) => {
                let extra = x.as_ptr();
                self.with_residual(extent, x, dy, extra, Direct::<Plain>(PhantomData), false)
            }
            (Added::Result(result), Activation::Relu) => {
                assert_eq!(result.len(), extent.len(), "length of the result");
                self.with_residual(extent, x, dy, result.as_ptr(), OfResult, true)
            }
            (Added::Result(_), activation) => {
                panic!("the gradient of {activation:?} behind a sum needs the residual itself")
            }
            (Added::Residual(residual), activation) => {
                assert_eq!(residual.len(), extent.len(), "length of the residual");
                let extra = residual.as_ptr();
                with_function!(activation, F => {
                    self.with_residual(extent, x, dy, extra, Sum::<F>(PhantomData), true)
                })
            }
        }
    }

    /// Nothing was added. `extra` is as long as `x`.
    fn sole(
        &self,
        extent: Extent,
        x: &[f32],
        mut dy: Vec<f32>,
        extra: *const f32,
        incoming: impl Incoming,
    ) -> Gradients {
        let scale = &self.scale()[..];
        let to = dy.as_mut_ptr();
        let inputs = [to.cast_const(), x.as_ptr(), extra];
        let terms = Sums { incoming, scaled: true };
        let written = if self.frozen { to } else { std::ptr::null_mut() };
        // SAFETY: all have the extent's length; written is the first input, which is ours.
        let sums = unsafe {
            column_sums(self.isa, terms, extent, inputs, [scale, self.mean, self.bias], written)
        };
        let coefficients = Coefficients::new(self, extent.rows, &sums);
        if !self.frozen {
            let Coefficients { slope, offset, .. } = &coefficients;
            let parameters = [scale, self.mean, self.bias, slope, offset];
            // SAFETY: as above.
            unsafe { pass(self.isa, InputGradient(incoming), extent, inputs, parameters, [to]) }
        }
        coefficients.gradients(dy, None)
    }

    /// A residual was added, and `dy` becomes its gradient: by being written over if `masks`.
    fn with_residual(
        &self,
        extent: Extent,
        x: Cow<'_, [f32]>,
        mut dy: Vec<f32>,
        extra: *const f32,
        incoming: impl Incoming,
        masks: bool,
    ) -> Gradients {
        let scale = &self.scale()[..];
        let to = dy.as_mut_ptr();
        let terms = Sums { incoming, scaled: false };
        let written = if masks { to } else { std::ptr::null_mut() };
        let inputs = [to.cast_const(), x.as_ptr(), extra];
        // SAFETY: all have the extent's length; written is the first input, which is ours.
        let sums = unsafe {
            column_sums(self.isa, terms, extent, inputs, [scale, self.mean, self.bias], written)
        };
        let coefficients = Coefficients::new(self, extent.rows, &sums);
        let Coefficients { slope, offset, .. } = &coefficients;
        let mut room = Room::of(x);
        let (x, dx) = room.pointers();
        if self.frozen {
            // SAFETY: all have the extent's length.
            unsafe { pass(self.isa, Scale, extent, [dy.as_ptr()], [scale], [dx]) }
        } else {
            let operation = InputGradient(Direct::<Plain>(PhantomData));
            let parameters = [scale, self.mean, self.bias, slope, offset];
            let inputs = [dy.as_ptr(), x, x];
            // SAFETY: all have the extent's length; the result is new, or the memory of `x`.
            unsafe { pass(self.isa, operation, extent, inputs, parameters, [dx]) }
        }
        // SAFETY: the pass wrote all of it.
        coefficients.gradients(unsafe { room.finish() }, Some(dy))
    }
}

/// What the sums of the first pass come to, `[channels]` each.
struct Coefficients {
    slope: Vec<f32>,
    offset: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Coefficients {
    fn new(norm: &BatchNorm<'_>, rows: usize, [of_gradient, of_product]: &[Vec<f64>; 2]) -> Self {
        let channels = of_gradient.len();
        let mut all = Self {
            slope: Vec::with_capacity(channels),
            offset: Vec::with_capacity(channels),
            weight: Vec::with_capacity(channels),
            bias: Vec::with_capacity(channels),
        };
        let count = rows.max(1) as f64;
        for channel in 0..channels {
            let (sum, product) = (of_gradient[channel], of_product[channel]);
            let inverse = norm.inverse_deviation(channel);
            let scale = f64::from(norm.weight[channel]) * inverse;
            all.slope.push((-scale * inverse * inverse * product / count) as f32);
            all.offset.push((-scale * sum / count) as f32);
            all.weight.push((product * inverse) as f32);
            all.bias.push(sum as f32);
        }
        all
    }

    fn gradients(self, x: Vec<f32>, residual: Option<Vec<f32>>) -> Gradients {
        Gradients { x, weight: self.weight, bias: self.bias, residual }
    }
}

/// How the gradient behind the activation comes from that before it.
trait Incoming: Copy + Send + Sync {
    /// `normal` is `(x - mean) · scale + bias`; what `extra` is, the implementation says.
    fn gradient<S: Simd>(
        self,
        simd: S,
        dy: S::Vector,
        normal: S::Vector,
        extra: S::Vector,
    ) -> S::Vector;
}

type Plain = crate::activation::Identity;

/// Nothing was added.
#[derive(Clone, Copy)]
struct Direct<F>(PhantomData<F>);

impl<F: Function> Incoming for Direct<F> {
    #[inline(always)]
    fn gradient<S: Simd>(
        self,
        simd: S,
        dy: S::Vector,
        normal: S::Vector,
        _: S::Vector,
    ) -> S::Vector {
        F::gradient(simd, normal, dy)
    }
}

/// `extra`, a residual, was added.
#[derive(Clone, Copy)]
struct Sum<F>(PhantomData<F>);

impl<F: Function> Incoming for Sum<F> {
    #[inline(always)]
    fn gradient<S: Simd>(
        self,
        simd: S,
        dy: S::Vector,
        normal: S::Vector,
        extra: S::Vector,
    ) -> S::Vector {
        F::gradient(simd, simd.add(normal, extra), dy)
    }
}

/// `extra` is the result of ReLU.
#[derive(Clone, Copy)]
struct OfResult;

impl Incoming for OfResult {
    #[inline(always)]
    fn gradient<S: Simd>(
        self,
        simd: S,
        dy: S::Vector,
        _: S::Vector,
        extra: S::Vector,
    ) -> S::Vector {
        simd.select_greater(extra, simd.zero(), dy, simd.zero())
    }
}

/// The first pass. What may be written is `g`, or, `scaled`, the gradient with frozen statistics.
#[derive(Clone, Copy)]
struct Sums<I> {
    incoming: I,
    scaled: bool,
}

impl<I: Incoming> Terms<3, 3, 2> for Sums<I> {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        [dy, x, extra]: [S::Vector; 3],
        [scale, mean, bias]: [S::Vector; 3],
        [sum, product]: [S::Vector; 2],
    ) -> ([S::Vector; 2], S::Vector) {
        let distance = simd.sub(x, mean);
        let normal = simd.mul_add(distance, scale, bias);
        let g = self.incoming.gradient(simd, dy, normal, extra);
        let sums = [simd.add(sum, g), simd.mul_add(g, distance, product)];
        (sums, if self.scaled { simd.mul(g, scale) } else { g })
    }
}

/// The second pass.
#[derive(Clone, Copy)]
struct InputGradient<I>(I);

impl<I: Incoming> Operation<3, 5, 1> for InputGradient<I> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [dy, x, extra]: [S::Vector; 3],
        [scale, mean, bias, slope, offset]: [S::Vector; 5],
    ) -> [S::Vector; 1] {
        let distance = simd.sub(x, mean);
        let g = self.0.gradient(simd, dy, simd.mul_add(distance, scale, bias), extra);
        [simd.mul_add(g, scale, simd.mul_add(distance, slope, offset))]
    }
}

/// The second pass with frozen statistics, where the first wrote `g`.
#[derive(Clone, Copy)]
struct Scale;

impl Operation<1, 1, 1> for Scale {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [g]: [S::Vector; 1],
        [scale]: [S::Vector; 1],
    ) -> [S::Vector; 1] {
        [simd.mul(g, scale)]
    }
}
