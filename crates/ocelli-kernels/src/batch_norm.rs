//! Batch normalization (Ioffe and Szegedy 2015) of activations `[rows, channels]`, together with
//! the residual that is added behind it and the activation function behind that:
//!
//! ```text
//! y = activation((x - mean) / sqrt(variance + epsilon) · weight + bias [+ residual])
//! ```
//!
//! | | reads | writes |
//! |---|---|---|
//! | [`Statistics::of`] | x | |
//! | [`BatchNorm::forward`] | x, residual | y |
//! | [`BatchNorm::backward`] | twice: x, dy | dx, in the memory of dy |
//! | the same, frozen | x, dy | dx, in the memory of dy |
//!
//! The normalized numbers are never stored: the backward pass computes again what it needs from
//! `x`, which the convolution before left behind. The passes are bound by memory, so arithmetic is
//! free and the number of passes is the cost. That is why the mean is subtracted first, rather
//! than `x · scale + shift` computed in one step, which loses digits where the mean is large.

mod gradient;
pub(crate) mod statistics;

use std::borrow::Cow;
use std::marker::PhantomData;

pub use gradient::{Added, Gradients};
pub use statistics::Statistics;

use crate::activation::{Activation, Function, with_function};
use crate::isa::{Isa, Simd};
use crate::pass::{Extent, Operation, Room, pass};
use crate::profile;

/// A batch normalization and what follows it. All slices are `[channels]`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// The instructions to use.
    pub isa: Isa,
    /// Mean of each channel: that of the batch in training, else the running mean.
    pub mean: &'a [f32],
    /// Biased variance of the batch, or running variance.
    pub variance: &'a [f32],
    /// Mean and variance are given numbers rather than functions of `x`: matters to the backward
    /// pass only.
    pub frozen: bool,
    /// Added to the variance.
    pub epsilon: f64,
    /// Factor of each channel.
    pub weight: &'a [f32],
    /// Added to each channel.
    pub bias: &'a [f32],
    /// Applied last.
    pub activation: Activation,
}

impl BatchNorm<'_> {
    /// The result.
    ///
    /// # Shapes
    /// `x` and `residual`: `[rows, channels]`. An `x` that is given away becomes the result.
    ///
    /// # Panics
    /// If a length does not fit.
    #[must_use]
    pub fn forward(&self, x: Cow<'_, [f32]>, residual: Option<&[f32]>) -> Vec<f32> {
        let extent = self.extent(x.len());
        let tensors = 2 + usize::from(residual.is_some());
        let describe = || profile::pass("batch norm", "forward", extent, tensors);
        profile::record(describe, || self.apply(extent, x, residual))
    }

    fn apply(&self, extent: Extent, x: Cow<'_, [f32]>, residual: Option<&[f32]>) -> Vec<f32> {
        let parameters = [&self.scale()[..], self.mean, self.bias];
        let mut room = Room::of(x);
        let (from, to) = room.pointers();
        with_function!(self.activation, F => match residual {
            None => {
                let operation = Apply::<F>(PhantomData);
                // SAFETY: operand and result have the extent's length.
                unsafe { pass(self.isa, operation, extent, [from], parameters, [to]) }
            }
            Some(residual) => {
                assert_eq!(residual.len(), extent.len(), "length of the residual");
                let inputs = [from, residual.as_ptr()];
                let operation = ApplyAndAdd::<F>(PhantomData);
                // SAFETY: operands and result have the extent's length.
                unsafe { pass(self.isa, operation, extent, inputs, parameters, [to]) }
            }
        });
        // SAFETY: the pass wrote all of it.
        unsafe { room.finish() }
    }

    /// What it is as `x · scale + shift`, before residual and activation: to be folded into a
    /// convolution.
    ///
    /// # Panics
    /// If the slices have different lengths.
    #[must_use]
    pub fn scale_and_shift(&self) -> [Vec<f32>; 2] {
        let shift = |channel: usize| {
            let scale = f64::from(self.weight[channel]) * self.inverse_deviation(channel);
            (f64::from(self.bias[channel]) - f64::from(self.mean[channel]) * scale) as f32
        };
        let channels = self.channels();
        [self.scale(), (0..channels).map(shift).collect()]
    }

    /// What each channel is multiplied with.
    fn scale(&self) -> Vec<f32> {
        let scale = |channel: usize| {
            (f64::from(self.weight[channel]) * self.inverse_deviation(channel)) as f32
        };
        (0..self.channels()).map(scale).collect()
    }

    fn inverse_deviation(&self, channel: usize) -> f64 {
        1.0 / (f64::from(self.variance[channel]) + self.epsilon).sqrt()
    }

    /// Checked.
    fn channels(&self) -> usize {
        let channels = self.weight.len();
        let found = [self.mean.len(), self.variance.len(), self.bias.len()];
        assert_eq!(found, [channels; 3], "lengths of mean, variance, bias, to that of weight");
        channels
    }

    fn extent(&self, len: usize) -> Extent {
        Extent::new(len, self.channels())
    }
}

/// `F((x - mean) · scale + bias)`.
#[derive(Clone, Copy)]
struct Apply<F>(PhantomData<F>);

impl<F: Function> Operation<1, 3, 1> for Apply<F> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [x]: [S::Vector; 1],
        [scale, mean, bias]: [S::Vector; 3],
    ) -> [S::Vector; 1] {
        [F::value(simd, simd.mul_add(simd.sub(x, mean), scale, bias))]
    }
}

/// `F((x - mean) · scale + bias + residual)`.
#[derive(Clone, Copy)]
struct ApplyAndAdd<F>(PhantomData<F>);

impl<F: Function> Operation<2, 3, 1> for ApplyAndAdd<F> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [x, residual]: [S::Vector; 2],
        [scale, mean, bias]: [S::Vector; 3],
    ) -> [S::Vector; 1] {
        [F::value(simd, simd.add(simd.mul_add(simd.sub(x, mean), scale, bias), residual))]
    }
}

#[cfg(test)]
mod tests;
