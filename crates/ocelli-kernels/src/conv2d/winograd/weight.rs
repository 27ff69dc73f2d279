use super::transform;
use super::{PATCH, POINTS};
use crate::conv2d::Conv2dShape;
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel::{self, Shared};

/// The weights as a correlation from source channels (rows) to target channels (columns) sees
/// them: `weight[column · c + row · r + tap]`, taps backwards where `turned`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightView<'a> {
    weight: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    row: usize,
    column: usize,
    turned: bool,
}

const TAPS: usize = 9;

impl<'a> WeightView<'a> {
    pub(super) fn forward(weight: &'a [f32], shape: &Conv2dShape) -> Self {
        Self {
            weight,
            rows: shape.in_channels,
            columns: shape.out_channels,
            row: TAPS,
            column: TAPS * shape.in_channels,
            turned: false,
        }
    }

    pub(super) fn backward(weight: &'a [f32], shape: &Conv2dShape) -> Self {
        Self {
            weight,
            rows: shape.out_channels,
            columns: shape.in_channels,
            row: TAPS * shape.in_channels,
            column: TAPS,
            turned: true,
        }
    }

    /// Rows, filled up to whole vectors.
    pub(super) fn padded_rows(&self, isa: Isa) -> usize {
        self.rows.next_multiple_of(isa.lanes())
    }

    /// Panels of columns.
    pub(super) fn panels(&self, isa: Isa) -> usize {
        self.columns.div_ceil(2 * isa.lanes())
    }

    /// Floats of the transformed weights.
    pub(super) fn transformed_len(&self, isa: Isa) -> usize {
        POINTS * self.panels(isa) * self.padded_rows(isa) * 2 * isa.lanes()
    }

    /// Writes the transformed weights, `[point, panel, row, column of the panel]`; rows and
    /// columns beyond those there are, zero.
    pub(super) fn transform(&self, isa: Isa, transformed: &mut [f32]) {
        assert_eq!(transformed.len(), self.transformed_len(isa));
        let target = Shared::new(transformed.as_mut_ptr());
        // A task is some rows of a panel: enough tasks for many threads, and enough work in each.
        let rows = self.padded_rows(isa);
        let parts = parallel::parts(rows, 16, 16);
        parallel::for_each(self.panels(isa) * parts, |task| {
            let panel = task / parts;
            let rows = parallel::part(rows, parts, task % parts);
            isa.run(Transform { view: self, panel, rows, target });
        });
    }
}

struct Transform<'a> {
    view: &'a WeightView<'a>,
    panel: usize,
    rows: std::ops::Range<usize>,
    target: Shared<f32>,
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "a column of every tap's window at once")]
    fn run<S: Simd>(self, simd: S) {
        let WeightView { weight, columns, row: row_step, column: column_step, turned, .. } =
            *self.view;
        let width = 2 * S::LANES;
        let rows = self.view.rows.next_multiple_of(S::LANES);
        let plane = columns.div_ceil(width) * rows * width;
        let first = self.panel * width;
        let filled = width.min(columns - first);
        // The windows of a row, a tap after the other, 16 lanes of the widest vector twice.
        let mut windows = [[0.0f32; 32]; TAPS];
        for row in self.rows {
            if row < self.view.rows {
                for column in 0..filled {
                    let start = row * row_step + (first + column) * column_step;
                    let window = &weight[start..start + TAPS];
                    for tap in 0..TAPS {
                        windows[tap][column] = window[if turned { TAPS - 1 - tap } else { tap }];
                    }
                }
            } else {
                windows = [[0.0; 32]; TAPS];
            }
            for half in 0..2 {
                let at = (self.panel * rows + row) * width + half * S::LANES;
                let load = |y: usize, x: usize| simd.load(&windows[y * 3 + x][half * S::LANES..]);
                transform::both_axes(simd, transform::Window, load, |y, x, vector| {
                    let point = y * PATCH + x;
                    // SAFETY: rows and panels are written by one task each, within the buffer,
                    // whose length `transform` checked.
                    unsafe {
                        simd.store_pointer(self.target.pointer().add(point * plane + at), vector);
                    }
                });
            }
        }
    }
}
