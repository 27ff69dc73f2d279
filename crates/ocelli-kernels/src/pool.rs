//! Pooling: the maximum or the mean of windows of each channel's picture, and the gradients.
//!
//! - [`max`]: PyTorch's `max_pool2d` with `dilation=1, ceil_mode=False`
//! - [`average`]: PyTorch's `avg_pool2d` with `ceil_mode=False`
//! - [`adaptive_average`]: PyTorch's `adaptive_avg_pool2d`; with an output of `[1, 1]`, global
//!   average pooling
//!
//! All of them are one loop: rows of the result (of the picture, for a gradient), their pixels,
//! the channels in blocks of vectors that stay in registers, and innermost the pixels of the
//! window. Windows are tables per axis. Gradients gather: each pixel of the picture
//! asks the few windows that cover it, so that rows are independent, each float is written once,
//! and nothing is cleared first. These kernels are bound by memory, so the one thing that counts
//! is to touch it once.

pub mod adaptive_average;
pub mod average;
pub mod max;
mod mean;
#[cfg(test)]
mod tests;
mod windows;

use crate::memory::tensor_len;
use crate::parallel;
use crate::profile::Cost;

/// Sizes of a pooling by windows. Pairs are `[vertical, horizontal]`.
///
/// # Shapes
/// - picture `x`: `[batch, height, width, channels]`
/// - result `y`: `[batch, output height, output width, channels]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2dShape {
    /// Pictures.
    pub batch: usize,
    /// Height and width of a picture.
    pub size: [usize; 2],
    /// Channels of the picture and of the result.
    pub channels: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Pixels between neighbouring windows.
    pub stride: [usize; 2],
    /// Pixels around the picture that windows may reach into, at most half of the kernel.
    pub padding: [usize; 2],
}

impl Pool2dShape {
    /// Height and width of the result.
    ///
    /// # Panics
    /// If the window is larger than the padded picture, the padding larger than half of the
    /// window, or a stride or the kernel is zero.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let padding = self.padding[axis].saturating_mul(2);
            let padded = self.size[axis].saturating_add(padding);
            assert!(
                self.stride[axis] > 0 && self.kernel[axis] > 0 && padded >= self.kernel[axis],
                "a pooling window of {} does not fit {padded} pixels: {self:?}",
                self.kernel[axis]
            );
            assert!(
                padding <= self.kernel[axis],
                "padding must be at most half of the pooling window: {self:?}"
            );
            (padded - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    /// Floats of the picture.
    #[must_use]
    pub fn x_len(&self) -> usize {
        tensor_len(&[self.batch, self.size[0], self.size[1], self.channels])
    }

    /// A pass of this shape, for the profile.
    fn describe(&self, name: &str, pass: &str) -> (String, Cost) {
        let [height, width] = self.size;
        let name = format!("{name} {} @{height}x{width} {pass}", self.channels);
        (name, Cost { operations: self.y_len() * self.taps(), floats: self.x_len() + self.y_len() })
    }

    /// Floats of the result.
    #[must_use]
    pub fn y_len(&self) -> usize {
        let [height, width] = self.output_size();
        tensor_len(&[self.batch, height, width, self.channels])
    }

    /// Pixels of the window.
    pub(crate) fn taps(&self) -> usize {
        tensor_len(&self.kernel)
    }
}

/// Floats that a task should touch at least: a few microseconds.
const TASK_FLOATS: usize = 1 << 14;
/// Tasks at most: enough for many threads to end together.
const MAX_TASKS: usize = 256;

/// Calls `task` with ranges that cover `rows` rows, in parallel; `floats` is what all of them
/// touch. The ranges depend on these numbers alone.
fn by_rows(rows: usize, floats: usize, task: impl Fn(std::ops::Range<usize>) + Send + Sync) {
    let parts = parallel::parts(floats, TASK_FLOATS, MAX_TASKS).min(rows.max(1));
    parallel::for_each(parts, |index| task(parallel::part(rows, parts, index)));
}
