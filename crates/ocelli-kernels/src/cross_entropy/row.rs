//! The loss of some rows, and its gradient.
//!
//! A row is read for its maximum, for its exponentials, and, unless a label alone tells the
//! target, for the sum over the target; all but the first time it comes from the first cache.

use std::ops::Range;

use super::Targets;
use crate::isa::{Kernel, Simd};
use crate::softmax::{exponentials, load_rest, maximum, store_rest};

/// The options of the loss, by class.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) classes: usize,
    /// Weight times `1 - label_smoothing`.
    pub(super) kept: Vec<f32>,
    /// Weight times `label_smoothing / classes`.
    pub(super) spread: Vec<f32>,
    pub(super) spread_total: f32,
    /// The power of a focal loss, else 0.
    pub(super) gamma: f64,
    pub(super) ignore_index: Option<i64>,
}

/// What is wanted of one row.
#[derive(Clone, Copy)]
enum Target {
    Ignored,
    Class(usize),
    /// `[classes]`.
    Probabilities(*const f32),
}

impl Row {
    #[inline(always)]
    fn target(&self, targets: Targets<'_>, row: usize) -> Target {
        if let Targets::Probabilities(all) = targets {
            return Target::Probabilities(all[row * self.classes..][..self.classes].as_ptr());
        }
        let label = targets.label(row);
        if Some(label) == self.ignore_index {
            Target::Ignored
        } else {
            Target::Class(label as usize)
        }
    }

    /// `Σ a` and `Σ a · (x - maximum)`, with `a = target · kept + spread`, or `spread` where the
    /// target is null.
    ///
    /// # Safety
    /// `target`, unless null, and `x` must be valid for reads of `classes` floats.
    #[inline(always)]
    unsafe fn sums<S: Simd>(
        &self,
        simd: S,
        target: *const f32,
        x: *const f32,
        maximum: f32,
    ) -> [f32; 2] {
        let mut sums = [simd.zero(); 2];
        let mut at = 0;
        while at < self.classes {
            let left = self.classes - at;
            // SAFETY: the caller vouches for the rows, which are as long as the slices here.
            // Lanes beyond them are zero, and so are their terms.
            unsafe {
                let a = self.weighted(simd, target, at);
                let distance = simd.sub(load_rest(simd, x.add(at), left), simd.splat(maximum));
                sums[0] = simd.add(sums[0], a);
                sums[1] = simd.mul_add(a, distance, sums[1]);
            }
            at += S::LANES;
        }
        [simd.sum(sums[0]), simd.sum(sums[1])]
    }

    /// `target · kept + spread` from `at` on.
    ///
    /// # Safety
    /// As [`sums`](Self::sums), and `at` must be below `classes`.
    #[inline(always)]
    unsafe fn weighted<S: Simd>(&self, simd: S, target: *const f32, at: usize) -> S::Vector {
        let left = self.classes - at;
        // SAFETY: the slices have `classes` elements; the caller vouches for the target.
        unsafe {
            let spread = load_rest(simd, self.spread.as_ptr().add(at), left);
            if target.is_null() {
                return spread;
            }
            let kept = load_rest(simd, self.kept.as_ptr().add(at), left);
            simd.mul_add(load_rest(simd, target.add(at), left), kept, spread)
        }
    }
}

/// The sum of the losses of `rows`. All lengths, and labels, are checked.
pub(super) struct LossOfRows<'a> {
    pub(super) row: &'a Row,
    pub(super) logits: &'a [f32],
    pub(super) targets: Targets<'a>,
    pub(super) rows: Range<usize>,
}

impl Kernel for LossOfRows<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let row = self.row;
        let mut total = 0.0;
        for index in self.rows {
            let target = row.target(self.targets, index);
            if matches!(target, Target::Ignored) {
                continue;
            }
            let logits = &self.logits[index * row.classes..][..row.classes];
            let x = logits.as_ptr();
            // SAFETY: the row, and the target's, have `classes` elements.
            let (logarithm, maximum, [weight, product]) = unsafe {
                let maximum = maximum(simd, x, row.classes);
                let sum = exponentials(simd, x, row.classes, maximum, std::ptr::null_mut());
                let sums = match target {
                    Target::Probabilities(target) => row.sums(simd, target, x, maximum),
                    _ if row.spread_total == 0.0 => [0.0; 2],
                    _ => row.sums(simd, std::ptr::null(), x, maximum),
                };
                (f64::from(sum).ln(), maximum, sums)
            };
            total += f64::from(weight) * logarithm - f64::from(product);
            if let Target::Class(class) = target {
                let distance = f64::from(logits[class]) - f64::from(maximum);
                let loss = f64::from(row.kept[class]) * (logarithm - distance);
                total += if row.gamma == 0.0 {
                    loss
                } else {
                    loss * power(-(distance - logarithm).exp_m1(), row.gamma)
                };
            }
        }
        total
    }
}

/// Writes `of_sum` times the gradient of the losses of `rows`. All lengths, and labels, are
/// checked; `logits` and `to` begin with row 0 and may be the same.
pub(super) struct GradientOfRows<'a> {
    pub(super) row: &'a Row,
    pub(super) logits: *const f32,
    pub(super) targets: Targets<'a>,
    pub(super) rows: Range<usize>,
    pub(super) of_sum: f32,
    pub(super) to: *mut f32,
}

impl Kernel for GradientOfRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (row, of_sum) = (self.row, simd.splat(self.of_sum));
        for index in self.rows {
            let (x, to) = (
                self.logits.wrapping_add(index * row.classes),
                self.to.wrapping_add(index * row.classes),
            );
            // SAFETY: the rows, and the target's, have `classes` elements.
            unsafe {
                let target = row.target(self.targets, index);
                if matches!(target, Target::Ignored) {
                    to.write_bytes(0, row.classes);
                    continue;
                }
                let maximum = maximum(simd, x, row.classes);
                // The logits may be overwritten by what follows.
                let total = match target {
                    Target::Probabilities(target) => row.sums(simd, target, x, 0.0)[0],
                    _ => row.spread_total,
                };
                let own = match target {
                    Target::Class(class) => f64::from(*x.add(class)) - f64::from(maximum),
                    _ => 0.0,
                };
                // Written first and read again below, from the first cache.
                let sum = exponentials(simd, x, row.classes, maximum, to);
                let (target, class, kept) = match target {
                    Target::Class(class) if row.gamma == 0.0 => {
                        (std::ptr::null(), Some(class), row.kept[class])
                    }
                    Target::Class(class) => {
                        let slope = focal_slope(own - f64::from(sum).ln(), row.gamma);
                        (std::ptr::null(), Some(class), row.kept[class] * slope as f32)
                    }
                    Target::Probabilities(target) => (target, None, 0.0),
                    Target::Ignored => unreachable!("left above"),
                };
                let of_term = simd.splat((total + kept) / sum * self.of_sum);
                let mut at = 0;
                while at < row.classes {
                    let left = row.classes - at;
                    let term = simd.mul(load_rest(simd, to.add(at), left), of_term);
                    let wanted = row.weighted(simd, target, at);
                    store_rest(simd, to.add(at), left, simd.neg_mul_add(wanted, of_sum, term));
                    at += S::LANES;
                }
                if let Some(class) = class {
                    *to.add(class) -= kept * self.of_sum;
                }
            }
        }
    }
}

/// `base^exponent`, quickly for the usual exponents.
#[inline(always)]
fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 2.0 {
        base * base
    } else if exponent == 1.0 {
        base
    } else {
        base.powf(exponent)
    }
}

/// The slope of `(1 - p)^gamma ln p` in `ln p`: `(1 - p)^(gamma - 1) (1 - p - gamma p ln p)`.
#[inline(always)]
fn focal_slope(log_p: f64, gamma: f64) -> f64 {
    let (p, rest) = (log_p.exp(), -log_p.exp_m1());
    // At the ends, where one factor of a product is infinite, what it tends to.
    if rest <= 0.0 {
        0.0
    } else if p == 0.0 {
        1.0
    } else {
        power(rest, gamma - 1.0) * (rest - gamma * p * log_p)
    }
}
