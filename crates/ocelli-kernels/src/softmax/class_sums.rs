//! The softmax of rows, summed for each class: what losses of overlap (Dice, Jaccard, Tversky) are
//! made of.
//!
//! ```text
//! own[c] = Σ y[r][c] over rows whose label is c        all[c] = Σ y[r][c] over all rows that count
//! dx[r][c] = y[c] · (g[c] - Σ y g)                     g[c] = dall[c] + down[c] [label is c]
//! ```
//!
//! Neither the probabilities nor the labels as zeros and ones are ever written out. Rows are added
//! in f32 for a block, blocks in f64.

use std::borrow::Cow;
use std::ops::Range;

use super::{exponentials, load_rest, maximum, store_rest, tasks};
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::with_scratch;
use crate::parallel::{self, Shared};
use crate::pass::{Extent, Room};
use crate::profile;

/// Rows added in f32: their sum has lost some units in the last place at most.
const BLOCK: usize = 64;

/// The sums and what they are of.
#[derive(Clone, Copy, Debug)]
pub struct ClassSums<'a> {
    /// The instructions to use.
    pub isa: Isa,
    /// Numbers in a row.
    pub classes: usize,
    /// The class of each row.
    pub labels: &'a [i64],
    /// A label whose rows do not count.
    pub ignore_index: Option<i64>,
}

impl ClassSums<'_> {
    /// The sums of the softmax of `logits`, `[rows, classes]`: `[2, classes]`, first for each class
    /// over its own rows, then over all.
    ///
    /// # Panics
    /// If lengths do not fit, or a label is neither a class nor ignored.
    #[must_use]
    pub fn sums(&self, logits: &[f32]) -> Vec<f32> {
        let extent = self.checked(logits.len());
        let (classes, parts) = (self.classes, tasks(extent.rows, self.classes));
        let mut sums = vec![0.0; parts * 2 * classes];
        let to = Shared::new(sums.as_mut_ptr());
        profile::record(
            || profile::pass("softmax class sums", "forward", extent, 1),
            || {
                parallel::for_each(parts, |part| {
                    let rows = parallel::part(extent.rows, parts, part);
                    let place = part * 2 * classes..(part + 1) * 2 * classes;
                    // SAFETY: each task has its own place.
                    let sums: &mut [f64] = unsafe { to.slice(place) };
                    self.sums_of_rows(logits, rows, sums);
                });
            },
        );
        let sum = |at| (0..parts).map(|part| sums[part * 2 * classes + at]).sum::<f64>() as f32;
        (0..2 * classes).map(sum).collect()
    }

    /// The gradient of the logits, given that of the [`sums`](Self::sums). Logits that are given
    /// away become it.
    ///
    /// # Panics
    /// As [`sums`](Self::sums).
    #[must_use]
    pub fn gradient(&self, logits: Cow<'_, [f32]>, of_sums: &[f32]) -> Vec<f32> {
        let extent = self.checked(logits.len());
        assert_eq!(of_sums.len(), 2 * self.classes, "gradients of the sums");
        let mut room = Room::of(logits);
        let (from, to) = room.pointers();
        let (from, to) = (Shared::new(from.cast_mut()), Shared::new(to));
        let parts = tasks(extent.rows, self.classes);
        profile::record(
            || profile::pass("softmax class sums", "backward", extent, 2),
            || {
                parallel::for_each(parts, |part| {
                    let rows = parallel::part(extent.rows, parts, part);
                    let (logits, to) = (from.pointer().cast_const(), to.pointer());
                    self.isa.run(GradientOfRows { of: self, logits, of_sums, rows, to });
                });
            },
        );
        // SAFETY: the tasks wrote all rows.
        unsafe { room.finish() }
    }

    /// Adds to `sums`, `[2, classes]`, those of `rows`.
    ///
    /// The scratch is taken out here, not in the kernel: what a closure does is compiled without
    /// the kernel's instructions, unless all around it happens to be inlined.
    fn sums_of_rows(&self, logits: &[f32], rows: Range<usize>, sums: &mut [f64]) {
        with_scratch(3 * self.classes, |scratch| {
            for start in rows.clone().step_by(BLOCK) {
                scratch[self.classes..].fill(0.0);
                let rows = start..rows.end.min(start + BLOCK);
                self.isa.run(SumsOfRows { of: self, logits, rows, scratch: &mut *scratch });
                sums.iter_mut().zip(&scratch[self.classes..]).for_each(|(sum, &term)| {
                    *sum += f64::from(term);
                });
            }
        });
    }

    fn checked(&self, len: usize) -> Extent {
        let extent = Extent::new(len, self.classes);
        assert_eq!(self.labels.len(), extent.rows, "a label for each row of logits");
        for (row, &label) in self.labels.iter().enumerate() {
            let class = usize::try_from(label).is_ok_and(|class| class < self.classes);
            assert!(
                class || Some(label) == self.ignore_index,
                "label {label} in row {row}: there are {} classes",
                self.classes
            );
        }
        extent
    }

    /// The class of a row that counts.
    #[inline(always)]
    fn class(&self, row: usize) -> Option<usize> {
        let label = self.labels[row];
        (Some(label) != self.ignore_index).then_some(label as usize)
    }
}

/// Adds up the sums of a block of rows. All lengths, and labels, are checked.
struct SumsOfRows<'a> {
    of: &'a ClassSums<'a>,
    logits: &'a [f32],
    rows: Range<usize>,
    /// `[3, classes]`: the terms of a row, and the sums of the rows, as [`ClassSums::sums`] has
    /// them.
    scratch: &'a mut [f32],
}

impl Kernel for SumsOfRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let classes = self.of.classes;
        let (terms, sums) = self.scratch.split_at_mut(classes);
        let (own, all) = sums.split_at_mut(classes);
        assert!(terms.len() == classes && all.len() == classes, "scratch for three rows");
        let (terms, all) = (terms.as_mut_ptr(), all.as_mut_ptr());
        for row in self.rows {
            let Some(class) = self.of.class(row) else { continue };
            let x = self.logits[row * classes..][..classes].as_ptr();
            // SAFETY: the row and the parts of scratch have `classes` elements.
            unsafe {
                let maximum = maximum(simd, x, classes);
                let sum = exponentials(simd, x, classes, maximum, terms);
                let inverse = simd.splat(1.0 / sum);
                let mut at = 0;
                while at < classes {
                    let (left, to) = (classes - at, all.add(at));
                    let term = load_rest(simd, terms.add(at), left);
                    let total = load_rest(simd, to, left);
                    store_rest(simd, to, left, simd.mul_add(term, inverse, total));
                    at += S::LANES;
                }
                own[class] += *terms.add(class) / sum;
            }
        }
    }
}

/// Writes the gradient of `rows`. All lengths, and labels, are checked; `logits` and `to` begin
/// with row 0 and may be the same.
struct GradientOfRows<'a> {
    of: &'a ClassSums<'a>,
    logits: *const f32,
    of_sums: &'a [f32],
    rows: Range<usize>,
    to: *mut f32,
}

impl Kernel for GradientOfRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let classes = self.of.classes;
        let (of_own, of_all) = self.of_sums.split_at(classes);
        for row in self.rows {
            let (x, to) =
                (self.logits.wrapping_add(row * classes), self.to.wrapping_add(row * classes));
            // SAFETY: the rows are those that `gradient` took from slices, and as long as those of
            // the sums' gradients.
            unsafe {
                let Some(class) = self.of.class(row) else {
                    to.write_bytes(0, classes);
                    continue;
                };
                let maximum = maximum(simd, x, classes);
                // Written first and read again below, from the first cache.
                let sum = exponentials(simd, x, classes, maximum, to);
                let own = *to.add(class) / sum * of_own[class];
                let mut product = simd.zero();
                let mut at = 0;
                while at < classes {
                    let left = classes - at;
                    let term = load_rest(simd, to.add(at), left);
                    // Lanes beyond the row are zero.
                    let gradient = load_rest(simd, of_all.as_ptr().add(at), left);
                    product = simd.mul_add(term, gradient, product);
                    at += S::LANES;
                }
                let total = simd.splat(simd.sum(product) / sum + own);
                let inverse = simd.splat(1.0 / sum);
                at = 0;
                while at < classes {
                    let left = classes - at;
                    let y = simd.mul(load_rest(simd, to.add(at), left), inverse);
                    let gradient = load_rest(simd, of_all.as_ptr().add(at), left);
                    store_rest(simd, to.add(at), left, simd.mul(y, simd.sub(gradient, total)));
                    at += S::LANES;
                }
                *to.add(class) += own;
            }
        }
    }
}

#[cfg(test)]
mod tests;
