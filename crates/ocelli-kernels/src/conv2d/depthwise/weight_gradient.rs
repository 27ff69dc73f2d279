//! Gradient of the weight: for each tap and channel, the sum over all pixels of the result of
//! `dy` times the picture under the tap.
//!
//! Tasks are blocks of [`CHANNELS`] channels by parts of the rows; the parts' sums are added in
//! order at the end. Within a task: rows of the result; vectors of channels; rows of the window;
//! pixels along the row in unrolled blocks, with one row of the window's sums in registers, each
//! twice, for even and odd pixels, so that additions don't wait for each other. The sums of a row
//! are added to memory at its end, which also keeps rounding errors small: they grow with the
//! row's length and the number of rows, not with their product.

use std::ops::Range;

use super::Conv2dShape;
use crate::channels::{MAX_LANES, load};
use crate::conv2d::direct::axis::Axis;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};

/// Channels of a task: whole vectors of every instruction set.
const CHANNELS: usize = 64;
/// Floats of the result that a task has at least.
const TASK_FLOATS: usize = 1 << 14;
/// Parts of the rows at most: each costs a copy of the gradient.
const MAX_PARTS: usize = 16;
/// What is read outside of the picture.
static ZEROS: [f32; MAX_LANES] = [0.0; MAX_LANES];

/// The gradient, `[channel][tap]`. Lengths are checked by the caller.
pub(in crate::conv2d) fn weight_gradient(
    isa: Isa,
    shape: &Conv2dShape,
    x: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let (channels, taps) = (shape.in_channels, shape.taps());
    let output_size = shape.output_size();
    let rows = shape.batch * output_size[0];
    let blocks = channels.div_ceil(CHANNELS);
    let block_floats = shape.output_pixels() * CHANNELS.min(channels);
    let parts = parallel::parts(block_floats, TASK_FLOATS, MAX_PARTS).min(rows.max(1));
    let axes = [0, 1].map(|axis| Axis::forward(shape, axis));
    let mut sums = Output::new(parts * taps * channels);
    let to = Shared::new(sums.as_mut_ptr());
    parallel::for_each(blocks * parts, |index| {
        let (part, block) = (index / blocks, index % blocks);
        let first = block * CHANNELS;
        let width = CHANNELS.min(channels - first);
        with_scratch(taps * CHANNELS, |local| {
            local.fill(0.0);
            isa.run(Rows {
                shape,
                output_size,
                axes: &axes,
                x,
                dy,
                channels: first..first + width,
                rows: parallel::part(rows, parts, part),
                local,
            });
            for tap in 0..taps {
                let at = (part * taps + tap) * channels + first;
                // SAFETY: within the sums; no other task has this part and block.
                unsafe {
                    let from = local[tap * CHANNELS..][..width].as_ptr();
                    to.pointer().add(at).copy_from_nonoverlapping(from, width);
                }
            }
        });
    });
    // SAFETY: the tasks cover parts, taps and channels.
    let sums = unsafe { sums.finish() };
    let mut dw = vec![0.0; channels * taps];
    for part in sums.chunks_exact((taps * channels).max(1)) {
        for (channel, dw) in dw.chunks_exact_mut(taps).enumerate() {
            for (tap, dw) in dw.iter_mut().enumerate() {
                *dw += part[tap * channels + channel];
            }
        }
    }
    dw
}

/// Some rows of the result, counted over the batch, and some channels.
struct Rows<'a> {
    shape: &'a Conv2dShape,
    output_size: [usize; 2],
    axes: &'a [Axis; 2],
    x: &'a [f32],
    dy: &'a [f32],
    channels: Range<usize>,
    rows: Range<usize>,
    /// `[tap][CHANNELS]`
    local: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [height, width] = self.shape.size;
        let [out_height, out_width] = self.output_size;
        let channels = self.shape.in_channels;
        let [vertical, horizontal] = self.axes;
        let full = self.channels.len() / S::LANES * S::LANES;
        let kernel_width = self.shape.kernel[1];
        assert_eq!(self.x.len(), self.shape.x_len());
        assert_eq!(self.dy.len(), self.shape.y_len());
        assert!(self.local.len() >= self.shape.taps() * CHANNELS && self.channels.end <= channels);
        let dense = if horizontal.is_dense() { kernel_width } else { 0 };
        for row in self.rows {
            let (picture, oy) = (row / out_height, row % out_height);
            for tap in &vertical.taps {
                let iy = (oy * vertical.stride).wrapping_add_signed(tap.offset);
                if iy >= height {
                    continue;
                }
                let from = (picture * height + iy) * width * channels + self.channels.start;
                let line = Line {
                    axis: horizontal,
                    width,
                    out_width,
                    channels,
                    x: self.x.as_ptr().wrapping_add(from),
                    dy: self
                        .dy
                        .as_ptr()
                        .wrapping_add(row * out_width * channels + self.channels.start),
                    local: self.local[tap.index * kernel_width * CHANNELS..].as_mut_ptr(),
                };
                // SAFETY: the lengths checked above hold rows of `width` and `out_width` pixels,
                // and a row of taps; the channels lie within a pixel's.
                unsafe {
                    match (dense, horizontal.stride) {
                        (3, 1) => line.unrolled::<S, 3, 1>(simd, full),
                        (5, 1) => line.unrolled::<S, 5, 1>(simd, full),
                        (7, 1) => line.unrolled::<S, 7, 1>(simd, full),
                        (3, 2) => line.unrolled::<S, 3, 2>(simd, full),
                        (5, 2) => line.unrolled::<S, 5, 2>(simd, full),
                        (7, 2) => line.unrolled::<S, 7, 2>(simd, full),
                        _ => line.any::<S, false>(simd, 0..full),
                    }
                    line.any::<S, true>(simd, full..self.channels.len());
                }
            }
        }
    }
}

/// A row of the result and a row of the picture, and the sums of the taps that join them.
struct Line<'a> {
    axis: &'a Axis,
    width: usize,
    out_width: usize,
    channels: usize,
    x: *const f32,
    dy: *const f32,
    local: *mut f32,
}

impl Line<'_> {
    /// # Safety
    /// The pointers must hold the rows; the axis has `K` neighbouring taps and this stride;
    /// `full` channels must be there, whole vectors.
    #[inline(always)]
    unsafe fn unrolled<S: Simd, const K: usize, const STRIDE: usize>(&self, simd: S, full: usize) {
        let offset = self.axis.taps[0].offset;
        for at in (0..full).step_by(S::LANES) {
            let mut sums = [[simd.zero(); K]; 2];
            let mut next = 0;
            // SAFETY: blocks end at or before the last pixel; the caller's promise.
            unsafe {
                while next < self.out_width {
                    let left = self.out_width - next;
                    let first = (next * STRIDE) as isize + offset;
                    let last = first + (7 * STRIDE + K - 1) as isize;
                    if left >= 8 && first >= 0 && last < self.width as isize {
                        self.block::<S, K, STRIDE, 8, false>(simd, at, next, &mut sums);
                        next += 8;
                    } else if left >= 4 {
                        self.block::<S, K, STRIDE, 4, true>(simd, at, next, &mut sums);
                        next += 4;
                    } else {
                        self.block::<S, K, STRIDE, 1, true>(simd, at, next, &mut sums);
                        next += 1;
                    }
                }
                for k in 0..K {
                    let to = self.local.add(k * CHANNELS + at);
                    let sum = simd.add(sums[0][k], sums[1][k]);
                    simd.store_pointer(to, simd.add(simd.load_pointer(to), sum));
                }
            }
        }
    }

    /// `P` pixels from `start` on; with `EDGE`, some taps may lie outside of the picture.
    ///
    /// # Safety
    /// As [`Self::unrolled`]; the pixels must be there, and without `EDGE` all of their taps.
    #[inline(always)]
    unsafe fn block<
        S: Simd,
        const K: usize,
        const STRIDE: usize,
        const P: usize,
        const EDGE: bool,
    >(
        &self,
        simd: S,
        at: usize,
        start: usize,
        sums: &mut [[S::Vector; K]; 2],
    ) {
        let first = (start * STRIDE).wrapping_add_signed(self.axis.taps[0].offset);
        // SAFETY: the caller's promise; what is outside is read from `ZEROS`.
        unsafe {
            for p in 0..P {
                let dy = simd.load_pointer(self.dy.add((start + p) * self.channels + at));
                for k in 0..K {
                    let column = first.wrapping_add(p * STRIDE + k);
                    let from = if !EDGE || column < self.width {
                        self.x.wrapping_add(column.wrapping_mul(self.channels).wrapping_add(at))
                    } else {
                        ZEROS.as_ptr()
                    };
                    sums[p % 2][k] = simd.mul_add(simd.load_pointer(from), dy, sums[p % 2][k]);
                }
            }
        }
    }

    /// Any taps: full vectors, or with `PARTIAL` less than one.
    ///
    /// # Safety
    /// The pointers must hold the rows and the channels; the range is of whole vectors, or with
    /// `PARTIAL` shorter than one.
    #[inline(always)]
    unsafe fn any<S: Simd, const PARTIAL: bool>(&self, simd: S, range: Range<usize>) {
        let count = if PARTIAL { range.len() } else { S::LANES };
        for tap in &self.axis.taps {
            // The pixels for which the tap is inside.
            let stride = self.axis.stride as isize;
            let start = (-tap.offset).max(0).unsigned_abs().div_ceil(self.axis.stride);
            let end = (self.width as isize - tap.offset + stride - 1).max(0) / stride;
            let end = self.out_width.min(end.unsigned_abs());
            for at in range.clone().step_by(S::LANES) {
                let mut sums = [simd.zero(); 4];
                // SAFETY: the pixels are inside; the caller's promise.
                unsafe {
                    for pixel in start..end {
                        let column = (pixel * self.axis.stride).wrapping_add_signed(tap.offset);
                        let from = self.x.add(column * self.channels + at);
                        let x = load::<S, PARTIAL>(simd, from, count);
                        let from = self.dy.add(pixel * self.channels + at);
                        let dy = load::<S, PARTIAL>(simd, from, count);
                        sums[pixel % 4] = simd.mul_add(x, dy, sums[pixel % 4]);
                    }
                    let [a, b, c, d] = sums;
                    let sum = simd.add(simd.add(a, b), simd.add(c, d));
                    // The local sums are whole vectors for every channel there is.
                    let to = self.local.add(tap.index * CHANNELS + at);
                    simd.store_pointer(to, simd.add(simd.load_pointer(to), sum));
                }
            }
        }
    }
}
