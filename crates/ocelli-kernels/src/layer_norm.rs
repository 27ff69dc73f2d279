//! Layer normalization (Ba, Kiros and Hinton 2016): each row of `[rows, channels]` by its own mean
//! and biased variance, then scaled and shifted channel by channel.
//!
//! ```text
//! n = (x - mean) / sqrt(variance + epsilon)         y = n · weight + bias
//! g = dy · weight
//! dx = (g - mean of g - n · mean of g n) / sqrt(variance + epsilon)
//! dweight = sum over rows of dy · n                 dbias = sum over rows of dy
//! ```
//!
//! A row is passed over for its mean, for its variance and for the result; after the first time it
//! is in the first cache, so that memory is read once and written once. The backward pass computes
//! mean and variance again rather than read them back. It adds up the channels' sums on its way, in
//! f32 for at most `BLOCK` rows, then in f64. Lanes beyond the end of a row are zero wherever
//! they are summed.

use std::borrow::Cow;

use crate::column_sums::BLOCK;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::with_scratch;
use crate::parallel::{self, Shared};
use crate::pass::{Extent, Room};
use crate::profile;
use crate::softmax::{first_lanes, load_rest, store_rest};

/// Floats in a task at least.
const TASK: usize = 16 * 1024;
/// Tasks at most.
const TASKS: usize = 256;
/// The same of the backward pass: adding the sums of tasks is not done in parallel.
const GRADIENT_TASK: usize = 64 * 1024;
const GRADIENT_TASKS: usize = 64;

/// A layer normalization. The slices are `[channels]`.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// The instructions to use.
    pub isa: Isa,
    /// Factor of each channel.
    pub weight: &'a [f32],
    /// Added to each channel.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
}

/// The gradients of a layer normalization.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// By the activations, `[rows, channels]`, in the memory of the result's.
    pub x: Vec<f32>,
    /// By the weight, `[channels]`.
    pub weight: Vec<f32>,
    /// By the bias, `[channels]`.
    pub bias: Vec<f32>,
}

impl LayerNorm<'_> {
    /// The result, `[rows, channels]` like `x`. An `x` that is given away becomes it.
    ///
    /// # Panics
    /// If a length does not fit.
    #[must_use]
    pub fn forward(&self, x: Cow<'_, [f32]>) -> Vec<f32> {
        let extent = self.extent(x.len());
        profile::record(
            || profile::pass("layer norm", "forward", extent, 2),
            || self.normalize(extent, x),
        )
    }

    /// The gradients, given that of the result, which becomes the activations'.
    ///
    /// # Panics
    /// If a length does not fit.
    #[must_use]
    pub fn backward(&self, x: &[f32], dy: Vec<f32>) -> Gradients {
        let extent = self.extent(x.len());
        assert_eq!(dy.len(), x.len(), "lengths of a gradient and of what it is of");
        profile::record(
            || profile::pass("layer norm", "backward", extent, 3),
            || self.gradients(extent, x, dy),
        )
    }

    fn extent(&self, len: usize) -> Extent {
        let channels = self.weight.len();
        assert_eq!(self.bias.len(), channels, "length of the bias, to that of the weight");
        Extent::new(len, channels)
    }

    fn normalize(&self, Extent { rows, channels, .. }: Extent, x: Cow<'_, [f32]>) -> Vec<f32> {
        let mut room = Room::of(x);
        let (from, to) = room.pointers();
        let (from, to) = (Shared::new(from.cast_mut()), Shared::new(to));
        let parts = parallel::parts(rows, TASK.div_ceil(channels.max(1)), TASKS);
        parallel::for_each(parts, |part| {
            let range = parallel::part(rows, parts, part);
            let at = range.start * channels;
            self.isa.run(Forward {
                x: from.pointer().wrapping_add(at).cast_const(),
                y: to.pointer().wrapping_add(at),
                rows: range.len(),
                channels,
                weight: self.weight.as_ptr(),
                bias: self.bias.as_ptr(),
                epsilon: self.epsilon,
            });
        });
        // SAFETY: the tasks wrote all rows.
        unsafe { room.finish() }
    }

    fn gradients(
        &self,
        Extent { rows, channels, .. }: Extent,
        x: &[f32],
        mut dy: Vec<f32>,
    ) -> Gradients {
        let to = Shared::new(dy.as_mut_ptr());
        let at_least = GRADIENT_TASK.div_ceil(channels.max(1)).max(BLOCK / 2);
        let parts = parallel::parts(rows, at_least, GRADIENT_TASKS);
        // By task: the weight's sums, then the bias's.
        let mut partial = vec![0.0f64; parts * 2 * channels];
        let partials = Shared::new(partial.as_mut_ptr());
        parallel::for_each(parts, |part| {
            let range = parallel::part(rows, parts, part);
            // SAFETY: each task has its own range of the partial sums.
            let totals = unsafe { partials.slice(part * 2 * channels..(part + 1) * 2 * channels) };
            with_scratch(2 * channels, |sums| {
                for start in range.clone().step_by(BLOCK) {
                    sums.fill(0.0);
                    let at = start * channels;
                    self.isa.run(Backward {
                        x: x.as_ptr().wrapping_add(at),
                        dy: to.pointer().wrapping_add(at),
                        rows: BLOCK.min(range.end - start),
                        channels,
                        weight: self.weight.as_ptr(),
                        epsilon: self.epsilon,
                        sums: sums.as_mut_ptr(),
                    });
                    totals.iter_mut().zip(&*sums).for_each(|(total, &sum)| {
                        *total += f64::from(sum);
                    });
                }
            });
        });
        let total = |first: usize| {
            (first..first + channels)
                .map(|at| partial.iter().skip(at).step_by(2 * channels).sum::<f64>() as f32)
                .collect()
        };
        let (weight, bias) = (total(0), total(channels));
        Gradients { x: dy, weight, bias }
    }
}

/// Mean of a row, and the inverse of its deviation.
///
/// # Safety
/// `row` must be valid for reads of `channels` floats.
#[inline(always)]
unsafe fn statistics<S: Simd>(
    simd: S,
    row: *const f32,
    channels: usize,
    epsilon: f64,
) -> (S::Vector, S::Vector) {
    let mut sum = simd.zero();
    let mut at = 0;
    while at < channels {
        // SAFETY: the caller vouches for the row.
        sum = simd.add(sum, unsafe { load_rest(simd, row.add(at), channels - at) });
        at += S::LANES;
    }
    let mean = simd.splat((f64::from(simd.sum(sum)) / channels as f64) as f32);
    let mut sum = simd.zero();
    let mut at = 0;
    while at < channels {
        let left = channels - at;
        // SAFETY: as above.
        let x = unsafe { load_rest(simd, row.add(at), left) };
        let centered = within(simd, left, simd.sub(x, mean));
        sum = simd.mul_add(centered, centered, sum);
        at += S::LANES;
    }
    let variance = f64::from(simd.sum(sum)) / channels as f64;
    (mean, simd.splat((1.0 / (variance + epsilon).sqrt()) as f32))
}

/// `value`, but zero in lanes beyond the `left` floats of a row.
#[inline(always)]
fn within<S: Simd>(simd: S, left: usize, value: S::Vector) -> S::Vector {
    if left >= S::LANES { value } else { first_lanes(simd, left, value, simd.zero()) }
}

struct Forward {
    x: *const f32,
    y: *mut f32,
    rows: usize,
    channels: usize,
    weight: *const f32,
    bias: *const f32,
    epsilon: f64,
}

impl Kernel for Forward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { channels, .. } = self;
        for row in 0..self.rows {
            let x = self.x.wrapping_add(row * channels);
            let y = self.y.wrapping_add(row * channels);
            // SAFETY: `normalize` took the rows from slices, and `extent` checked the lengths of
            // weight and bias.
            unsafe {
                let (mean, inverse) = statistics(simd, x, channels, self.epsilon);
                let mut at = 0;
                while at < channels {
                    let left = channels - at;
                    let centered = simd.sub(load_rest(simd, x.add(at), left), mean);
                    let weight = load_rest(simd, self.weight.add(at), left);
                    let bias = load_rest(simd, self.bias.add(at), left);
                    let value = simd.mul_add(simd.mul(centered, inverse), weight, bias);
                    store_rest(simd, y.add(at), left, value);
                    at += S::LANES;
                }
            }
        }
    }
}

struct Backward {
    x: *const f32,
    /// Overwritten by the gradient of `x`.
    dy: *mut f32,
    rows: usize,
    channels: usize,
    weight: *const f32,
    epsilon: f64,
    /// Added to: the weight's `channels` sums, then the bias's.
    sums: *mut f32,
}

impl Kernel for Backward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { channels, weight, .. } = self;
        let (of_weight, of_bias) = (self.sums, self.sums.wrapping_add(channels));
        for row in 0..self.rows {
            let x = self.x.wrapping_add(row * channels);
            let dy = self.dy.wrapping_add(row * channels);
            // SAFETY: `gradients` took the rows from slices of the same length, and there is
            // scratch for both sums; `extent` checked the length of the weight.
            unsafe {
                let (mean, inverse) = statistics(simd, x, channels, self.epsilon);
                let normalized = |at: usize, left: usize| {
                    simd.mul(simd.sub(load_rest(simd, x.add(at), left), mean), inverse)
                };
                let (mut sum, mut products) = (simd.zero(), simd.zero());
                let mut at = 0;
                while at < channels {
                    let left = channels - at;
                    // Beyond the row, `gradient` is zero, and so is what is made of it.
                    let gradient = load_rest(simd, dy.add(at), left);
                    let n = normalized(at, left);
                    let bias_sum = load_rest(simd, of_bias.add(at), left);
                    store_rest(simd, of_bias.add(at), left, simd.add(bias_sum, gradient));
                    let weight_sum = load_rest(simd, of_weight.add(at), left);
                    let weight_sum = simd.mul_add(gradient, n, weight_sum);
                    store_rest(simd, of_weight.add(at), left, weight_sum);
                    let g = simd.mul(gradient, load_rest(simd, weight.add(at), left));
                    sum = simd.add(sum, g);
                    products = simd.mul_add(g, n, products);
                    at += S::LANES;
                }
                let share = 1.0 / channels as f32;
                let sum = simd.splat(simd.sum(sum) * share);
                let products = simd.splat(simd.sum(products) * share);
                let mut at = 0;
                while at < channels {
                    let left = channels - at;
                    let g = simd.mul(
                        load_rest(simd, dy.add(at), left),
                        load_rest(simd, weight.add(at), left),
                    );
                    let rest = simd.neg_mul_add(normalized(at, left), products, simd.sub(g, sum));
                    store_rest(simd, dy.add(at), left, simd.mul(rest, inverse));
                    at += S::LANES;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
