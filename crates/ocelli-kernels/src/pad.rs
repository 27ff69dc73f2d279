//! Zeros around pictures, or pictures cut off at their sides, along height and width.
//!
//! Rows of the result are shared among threads; each is filled with zeros, copied, or both, in
//! order. The gradient is the same with every margin negated.

use crate::memory::{Output, tensor_len};
use crate::parallel::{self, Shared};

/// Floats that a task writes at least.
const TASK_FLOATS: usize = 1 << 15;
/// Tasks at most.
const MAX_TASKS: usize = 256;

/// Pixels to add at each side of a picture; a negative number cuts them off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Margins {
    /// Rows above the first.
    pub top: isize,
    /// Rows below the last.
    pub bottom: isize,
    /// Columns before the first.
    pub left: isize,
    /// Columns after the last.
    pub right: isize,
}

impl Margins {
    /// The margins that undo these: those of the gradient.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { top: -self.top, bottom: -self.bottom, left: -self.left, right: -self.right }
    }

    /// Height and width of a picture of `size` with these margins.
    ///
    /// # Panics
    /// If more is cut off than there is, or a margin is larger than memory can be.
    #[must_use]
    pub fn output_size(self, size: [usize; 2]) -> [usize; 2] {
        let margins = [[self.top, self.bottom], [self.left, self.right]];
        [0, 1].map(|axis| {
            let [before, after] = margins[axis];
            let most = isize::MAX / 8;
            assert!(
                before.unsigned_abs().max(after.unsigned_abs()) <= most as usize,
                "margins larger than memory can be: {self:?}"
            );
            let found = size[axis].checked_add_signed(before + after);
            found.unwrap_or_else(|| panic!("more is cut off than {size:?} pixels: {self:?}"))
        })
    }
}

/// Pictures `[batch, height, width, channels]` (`shape`) with `margins` of zeros, or without what
/// they cut off.
///
/// # Panics
/// If `x` has not the length of the shape, or more is cut off than there is.
#[must_use]
pub fn pad(shape: [usize; 4], margins: Margins, x: &[f32]) -> Vec<f32> {
    let [batch, height, width, channels] = shape;
    assert_eq!(x.len(), tensor_len(&shape), "length of a picture: {shape:?}");
    let [out_height, out_width] = margins.output_size([height, width]);
    let len = tensor_len(&[batch, out_height, out_width, channels]);
    let row_floats = out_width * channels;
    let rows = batch * out_height;
    let mut y = Output::new(len);
    let to = Shared::new(y.as_mut_ptr());
    // Columns of the result that come from the picture, and the first of them in it.
    let start = margins.left.max(0).unsigned_abs().min(out_width);
    let end = width.saturating_add_signed(margins.left).clamp(start, out_width);
    let first = margins.left.min(0).unsigned_abs();
    let parts = parallel::parts(len, TASK_FLOATS, MAX_TASKS).min(rows.max(1));
    parallel::for_each(parts, |index| {
        for row in parallel::part(rows, parts, index) {
            let (picture, oy) = (row / out_height, row % out_height);
            let iy = oy.wrapping_add_signed(-margins.top);
            // SAFETY: a row of the result, which no other task has; the picture's pixels lie
            // within its row.
            unsafe {
                let to = to.pointer().add(row * row_floats);
                if iy >= height || start == end {
                    to.write_bytes(0, row_floats);
                    continue;
                }
                to.write_bytes(0, start * channels);
                let from = ((picture * height + iy) * width + first) * channels;
                let from = x[from..from + (end - start) * channels].as_ptr();
                let count = (end - start) * channels;
                to.add(start * channels).copy_from_nonoverlapping(from, count);
                to.add(end * channels).write_bytes(0, (out_width - end) * channels);
            }
        }
    });
    // SAFETY: all rows were written.
    unsafe { y.finish() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_added_and_pixels_cut_off() {
        let margins = [
            (0, 0, 0, 0),
            (1, 2, 3, 4),
            (-1, 2, 0, -2),
            (3, -2, -3, 1),
            (-2, -3, -4, -1),
            (-5, 0, 2, 2),
            (0, 0, -6, 0),
            (-7, 3, 8, -8),
        ];
        for (batch, height, width, channels) in
            [(1, 5, 6, 1), (2, 7, 9, 3), (0, 5, 6, 2), (3, 5, 6, 17)]
        {
            let x: Vec<f32> = (1..=batch * height * width * channels).map(|at| at as f32).collect();
            for (top, bottom, left, right) in margins {
                let margins = Margins { top, bottom, left, right };
                let [out_height, out_width] = margins.output_size([height, width]);
                let y = pad([batch, height, width, channels], margins, &x);
                assert_eq!(y.len(), batch * out_height * out_width * channels);
                for (at, &value) in y.iter().enumerate() {
                    let (pixel, channel) = (at / channels, at % channels);
                    let iy = (pixel / out_width % out_height).wrapping_add_signed(-top);
                    let ix = (pixel % out_width).wrapping_add_signed(-left);
                    let picture = pixel / out_width / out_height;
                    let inside = iy < height && ix < width;
                    let from = (picture * height).wrapping_add(iy).wrapping_mul(width);
                    let from = from.wrapping_add(ix).wrapping_mul(channels).wrapping_add(channel);
                    assert_eq!(value, if inside { x[from] } else { 0.0 }, "{margins:?} at {at}");
                }
                // The gradient has the picture's size.
                let dx = pad([batch, out_height, out_width, channels], margins.negated(), &y);
                assert_eq!(dx.len(), x.len());
                assert!(dx.iter().zip(&x).all(|(&dx, &x)| dx == x || dx == 0.0));
            }
        }
    }

    #[test]
    #[should_panic(expected = "more is cut off")]
    fn cutting_more_than_there_is_is_refused() {
        let _ = pad([1, 2, 3, 1], Margins { top: -3, ..Margins::default() }, &[0.0; 6]);
    }
}
