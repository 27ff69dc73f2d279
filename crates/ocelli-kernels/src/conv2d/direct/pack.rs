use super::axis::Axis;
use crate::conv2d::Conv2dShape;
use crate::memory::with_scratch;
use crate::parallel::{self, Shared};

/// Where a weight lies in PyTorch's order: `first + column · c + row · r + tap`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightOrder {
    /// The group's first weight.
    first: usize,
    /// From one channel of the target to the next.
    column: usize,
    /// From one channel of the source to the next.
    row: usize,
    /// Taps of a kernel row.
    kernel_width: usize,
}

impl WeightOrder {
    /// Columns are the result's channels, rows the picture's.
    pub(super) fn forward(shape: &Conv2dShape, group: usize) -> Self {
        let (row, column) = (shape.taps(), shape.group_in() * shape.taps());
        let first = group * shape.group_out() * column;
        Self { first, column, row, kernel_width: shape.kernel[1] }
    }

    /// Columns are the picture's channels, rows the result's.
    pub(super) fn backward(shape: &Conv2dShape, group: usize) -> Self {
        let forward = Self::forward(shape, group);
        Self { column: forward.row, row: forward.column, ..forward }
    }

    /// The same without the first columns, of which there are `column`.
    pub(super) fn skipping_columns(self, column: usize) -> Self {
        Self { first: self.first + column * self.column, ..self }
    }
}

/// Weights, or sums of their gradients, that are laid out in panels at a time: those of a window of
/// 7x7 pixels with 512 and 4,096 channels are 411 MB, which would be kept beside all activations.
/// Tests have smaller ones laid out in parts.
const MOST_BYTES: usize = if cfg!(test) { 64 << 10 } else { 64 << 20 };

/// As many channels of the target, each with so many weights, as may be packed at a time: whole
/// panels.
pub(super) fn channels_at_once(weights: usize, panel_width: usize) -> usize {
    let panel_bytes = weights * panel_width * size_of::<f32>();
    (MOST_BYTES / panel_bytes.max(1)).max(1).saturating_mul(panel_width)
}

/// Runs `work` with the weights packed as the tile wants its right-hand side:
/// `[panel, vertical tap, horizontal tap, row, column of the panel]`, missing columns zero.
pub(super) fn with_packed<R>(
    weight: &[f32],
    order: WeightOrder,
    [vertical, horizontal]: [&Axis; 2],
    [rows, columns]: [usize; 2],
    panel_width: usize,
    work: impl FnOnce(&[f32]) -> R,
) -> R {
    let panels = columns.div_ceil(panel_width);
    let taps = vertical.taps.len() * horizontal.taps.len();
    let panel_len = taps * rows * panel_width;
    with_scratch(panels * panel_len, |packed| {
        let target = Shared::new(packed.as_mut_ptr());
        parallel::for_each(panels, |panel| {
            // SAFETY: panels lie apart, within `packed`, which outlives this.
            let packed = unsafe { target.slice(panel * panel_len..(panel + 1) * panel_len) };
            let first = panel * panel_width;
            let filled = panel_width.min(columns - first);
            let block = rows * panel_width;
            // All taps of some rows before the next rows: they lie beside each other.
            for first_row in (0..rows).step_by(ROWS_AT_ONCE) {
                let count = ROWS_AT_ONCE.min(rows - first_row);
                let mut start = first_row * panel_width;
                for tap_y in &vertical.taps {
                    for tap_x in &horizontal.taps {
                        let tap = tap_y.index * order.kernel_width + tap_x.index;
                        let at = order.first + first * order.column + first_row * order.row + tap;
                        let lines = &mut packed[start..start + count * panel_width];
                        fill(lines, &weight[at..], [order.row, order.column], panel_width, filled);
                        start += block;
                    }
                }
            }
        });
        work(packed)
    })
}

/// Rows whose weights are read, of all taps and of a panel's columns, before those of the next ones:
/// what is read and what is written stays in the second-level cache until all of it was used.
const ROWS_AT_ONCE: usize = 16;

/// Copies `from[row · r + column · c]` to `lines[row, column]`, columns from `filled` on zero.
fn fill(
    lines: &mut [f32],
    from: &[f32],
    [row_step, column_step]: [usize; 2],
    panel_width: usize,
    filled: usize,
) {
    if column_step == 1 {
        for (row, line) in lines.chunks_exact_mut(panel_width).enumerate() {
            line[..filled].copy_from_slice(&from[row * row_step..][..filled]);
            line[filled..].fill(0.0);
        }
        return;
    }
    for column in 0..filled {
        let from = from[column * column_step..].iter().step_by(row_step);
        for (line, &value) in lines.chunks_exact_mut(panel_width).zip(from) {
            line[column] = value;
        }
    }
    for line in lines.chunks_exact_mut(panel_width) {
        line[filled..].fill(0.0);
    }
}
