//! Out of the transform domain: from sums at each point to windows.

use std::ops::Range;

use super::super::{PATCH, POINTS, transform};
use super::Sizes;
use crate::isa::{Kernel, Simd};
use crate::parallel::Shared;

/// Adds the parts, transforms back, and writes the gradient of some rows of a panel.
pub(super) struct TransformBack<'a> {
    pub(super) sizes: Sizes,
    /// `[part, point, …]`
    pub(super) sums: &'a [f32],
    pub(super) parts: usize,
    /// Where in the sums of a point the first row is.
    pub(super) at: usize,
    pub(super) panel: usize,
    pub(super) rows: Range<usize>,
    pub(super) dw: Shared<f32>,
}

impl Kernel for TransformBack<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "a column of every tap's window at once")]
    fn run<S: Simd>(self, simd: S) {
        let Sizes { rows, columns, width, .. } = self.sizes;
        let plane = self.sums.len() / (self.parts * POINTS);
        let first = self.panel * width;
        let filled = width.min(columns - first);
        let mut windows = [[0.0f32; 32]; 9];
        for (index, row) in self.rows.enumerate() {
            for half in 0..filled.div_ceil(S::LANES) {
                let at = self.at + index * width + half * S::LANES;
                let load = |y: usize, x: usize| {
                    let mut sum = simd.zero();
                    for part in 0..self.parts {
                        let from = (part * POINTS + y * PATCH + x) * plane + at;
                        sum = simd.add(sum, simd.load(&self.sums[from..]));
                    }
                    sum
                };
                transform::both_axes(simd, transform::WindowTransposed, load, |y, x, vector| {
                    simd.store(&mut windows[y * 3 + x][half * S::LANES..], vector);
                });
            }
            for column in 0..filled {
                let start = ((first + column) * rows + row) * 9;
                // SAFETY: a pair of channels is written by one task, within the gradient.
                let window = unsafe { self.dw.slice(start..start + 9) };
                for (tap, value) in window.iter_mut().enumerate() {
                    *value = windows[tap][column];
                }
            }
        }
    }
}
