//! Resizing of pictures, nearest or bilinear, up and down, and the gradient: PyTorch's
//! `interpolate(size=…, mode="nearest" | "bilinear", antialias=False)`.
//!
//! Resampling is linear and separable: along each axis, a target pixel is a sum of a few source
//! pixels, and the gradient's sums are the same table, transposed. So one kernel does both: rows of
//! the target (shared among threads), their pixels, channels in blocks of vectors that stay in
//! registers, and innermost the vertical times the horizontal taps. Each float of the target is
//! written once, in both directions. The tables are computed once a call, with PyTorch's rounding.

mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;

use table::{Table, Tap};

use crate::channels::{ByChannels, by_channels, load, store};
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, tensor_len};
use crate::parallel::{self, Shared};

/// Floats that a task should touch at least: a few microseconds.
const TASK_FLOATS: usize = 1 << 14;
/// Tasks at most.
const MAX_TASKS: usize = 256;

/// How a pixel is made of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The one at `floor(o * size / output_size)`, per axis.
    Nearest,
    /// The two on both sides, per axis, weighted by nearness.
    Bilinear {
        /// Whether the centers of the corner pixels coincide, rather than the pictures' corners.
        align_corners: bool,
    },
}

/// Sizes of a resampling. Pairs are `[vertical, horizontal]`.
///
/// # Shapes
/// - picture `x`: `[batch, height, width, channels]`
/// - result `y`: `[batch, output height, output width, channels]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResampleShape {
    /// Pictures.
    pub batch: usize,
    /// Height and width of a picture.
    pub size: [usize; 2],
    /// Channels of the picture and of the result.
    pub channels: usize,
    /// Height and width of the result.
    pub output_size: [usize; 2],
}

impl ResampleShape {
    /// Floats of the picture.
    #[must_use]
    pub fn x_len(&self) -> usize {
        tensor_len(&[self.batch, self.size[0], self.size[1], self.channels])
    }

    /// Floats of the result.
    #[must_use]
    pub fn y_len(&self) -> usize {
        tensor_len(&[self.batch, self.output_size[0], self.output_size[1], self.channels])
    }

    fn tables(&self, mode: Mode) -> [Table; 2] {
        [0, 1].map(|axis| {
            assert!(
                self.size[axis] > 0 || self.output_size[axis] == 0,
                "nothing to resample: {self:?}"
            );
            Table::forward(mode, self.size[axis], self.output_size[axis])
        })
    }
}

/// The picture in another size.
///
/// # Panics
/// If `x` has not the length of the shape, or a picture has no pixels and the result has.
#[must_use]
pub fn forward(isa: Isa, shape: &ResampleShape, mode: Mode, x: &[f32]) -> Vec<f32> {
    assert_eq!(x.len(), shape.x_len(), "length of a resampling's picture: {shape:?}");
    apply(isa, shape, &shape.tables(mode), [shape.size, shape.output_size], x)
}

/// The gradient of the picture.
///
/// # Panics
/// If `dy` has not the length of the shape's result, or a picture has no pixels and the result has.
#[must_use]
pub fn input_gradient(isa: Isa, shape: &ResampleShape, mode: Mode, dy: &[f32]) -> Vec<f32> {
    assert_eq!(dy.len(), shape.y_len(), "length of a resampling's result: {shape:?}");
    let tables = shape.tables(mode);
    let tables = [0, 1].map(|axis| tables[axis].transposed(shape.size[axis]));
    apply(isa, shape, &tables, [shape.output_size, shape.size], dy)
}

/// Resampling of one axis as a matrix, `[output_size, size]`: what each source pixel counts in each
/// target pixel. For devices that resample by multiplication.
///
/// # Panics
/// If there is nothing to resample, but something is to be made of it.
#[must_use]
pub fn axis_matrix(mode: Mode, size: usize, output_size: usize) -> Vec<f32> {
    assert!(size > 0 || output_size == 0, "{output_size} pixels can't be made of none");
    Table::forward(mode, size, output_size).dense(size)
}

/// Sums by tables, from one size to another.
fn apply(
    isa: Isa,
    shape: &ResampleShape,
    tables: &[Table; 2],
    [from, to]: [[usize; 2]; 2],
    source: &[f32],
) -> Vec<f32> {
    assert!([0, 1].iter().all(|&axis| tables[axis].fits(from[axis], to[axis])));
    let len = tensor_len(&[shape.batch, to[0], to[1], shape.channels]);
    let mut target = Output::new(len);
    let shared = Shared::new(target.as_mut_ptr());
    let rows = shape.batch * to[0];
    let parts = parallel::parts(len.max(source.len()), TASK_FLOATS, MAX_TASKS).min(rows.max(1));
    parallel::for_each(parts, |index| {
        let rows = parallel::part(rows, parts, index);
        let channels = shape.channels;
        isa.run(Rows { tables, from, to, channels, source, target: shared, rows });
    });
    // SAFETY: the rows cover the target, and each writes all of its pixels' channels.
    unsafe { target.finish() }
}

/// Some rows of the target, counted over the batch.
struct Rows<'a> {
    tables: &'a [Table; 2],
    from: [usize; 2],
    to: [usize; 2],
    channels: usize,
    source: &'a [f32],
    target: Shared<f32>,
    rows: Range<usize>,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let picture_floats = self.from[0] * self.from[1] * self.channels;
        for row in self.rows {
            let (picture, place) = (row / self.to[0], row % self.to[0]);
            let source = self.source[picture * picture_floats..].as_ptr();
            for column in 0..self.to[1] {
                let to = (row * self.to[1] + column) * self.channels;
                // SAFETY: the tables' pixels are inside the source's picture, and the pixel within
                // the target; no other task has this row.
                unsafe {
                    let mut pixel = Pixel {
                        vertical: self.tables[0].taps(place),
                        horizontal: self.tables[1].taps(column),
                        source,
                        row_floats: self.from[1] * self.channels,
                        channels: self.channels,
                        to: self.target.pointer().add(to),
                    };
                    by_channels(simd, self.channels, &mut pixel);
                }
            }
        }
    }
}

/// One pixel of the target.
struct Pixel<'a> {
    vertical: &'a [Tap],
    horizontal: &'a [Tap],
    source: *const f32,
    row_floats: usize,
    channels: usize,
    to: *mut f32,
}

impl<S: Simd> ByChannels<S> for Pixel<'_> {
    #[inline(always)]
    unsafe fn block<const V: usize, const PARTIAL: bool>(
        &mut self,
        simd: S,
        at: usize,
        count: usize,
    ) {
        // SAFETY: the caller vouches for the channels of every pixel.
        unsafe {
            let mut sum = [simd.zero(); V];
            for vertical in self.vertical {
                let row = self.source.add(vertical.pixel * self.row_floats + at);
                for horizontal in self.horizontal {
                    let from = row.add(horizontal.pixel * self.channels);
                    let weight = simd.splat(vertical.weight * horizontal.weight);
                    for (v, sum) in sum.iter_mut().enumerate() {
                        let value = load::<S, PARTIAL>(simd, from.add(v * S::LANES), count);
                        *sum = simd.mul_add(value, weight, *sum);
                    }
                }
            }
            for (v, &sum) in sum.iter().enumerate() {
                store::<S, PARTIAL>(simd, self.to.add(at + v * S::LANES), count, sum);
            }
        }
    }
}
