//! Gradient of the weight: for each tap and channel, the sum over all pixels of the result of
//! `dy` times the picture under the tap.
//!
//! Tasks are blocks of [`CHANNELS`] channels by parts of the rows; the parts' sums are added in
//! order at the end. Within a task: rows of the result; blocks of [`WIDE`] or [`NARROW`] pixels,
//! which pixels of zeros fill up; vectors of channels; rows of the window; and, unrolled, the
//! block's pixels and the window's columns, whose sums are in registers and are added to memory
//! at the block's end. Pixels are outside of channels so that memory is read in order: with the
//! loops the other way round, large pictures came in at half the speed. Rounding errors grow with
//! the number of blocks, not of pixels.

use std::cell::RefCell;
use std::ops::Range;

use super::Conv2dShape;
use crate::channels::load;
use crate::conv2d::direct::axis::Axis;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};

/// Channels of a task: whole vectors of every instruction set.
const CHANNELS: usize = 256;
/// Pixels of a block: see the correlation's.
const WIDE: usize = 7;
/// Pixels of a block at a row's end.
const NARROW: usize = 4;
/// Floats of the result that a task has at least.
const TASK_FLOATS: usize = 1 << 14;
/// Parts of the rows at most: each costs a copy of the gradient.
const MAX_PARTS: usize = 16;

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
    // A part's sums are written and read once more: no more of them than pixels are worth.
    let at_least = TASK_FLOATS.max(4 * taps * CHANNELS.min(channels));
    let parts = parallel::parts(block_floats, at_least, MAX_PARTS).min(rows.max(1));
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
        let (zeros, pointers) = ([0.0; CHANNELS], RefCell::default());
        let mut sources = Vec::new();
        for row in self.rows {
            let (picture, oy) = (row / out_height, row % out_height);
            sources.clear();
            for tap in &vertical.taps {
                let iy = (oy * vertical.stride).wrapping_add_signed(tap.offset);
                if iy < height {
                    let from = (picture * height + iy) * width * channels + self.channels.start;
                    sources.push((self.x.as_ptr().wrapping_add(from), tap.index * kernel_width));
                }
            }
            let from = row * out_width * channels + self.channels.start;
            let line = Line {
                axis: horizontal,
                width,
                out_width,
                channels,
                sources: &sources,
                dy: self.dy.as_ptr().wrapping_add(from),
                local: self.local.as_mut_ptr(),
                zeros: &zeros,
                pointers: &pointers,
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

/// A row of the result, the rows of the picture under its window, and the sums of the taps.
struct Line<'a> {
    axis: &'a Axis,
    width: usize,
    out_width: usize,
    channels: usize,
    /// For each row of the window inside the picture, the picture's row and the first tap.
    sources: &'a [(*const f32, usize)],
    dy: *const f32,
    /// `[tap][CHANNELS]`
    local: *mut f32,
    /// The pixels outside.
    zeros: &'a [f32; CHANNELS],
    /// Room for a block's pixels of the picture.
    pointers: &'a RefCell<Vec<*const f32>>,
}

impl Line<'_> {
    /// # Safety
    /// The sources must hold the rows; the axis has `K` neighbouring taps and this stride;
    /// `full` channels must be there, whole vectors.
    #[inline(always)]
    unsafe fn unrolled<S: Simd, const K: usize, const STRIDE: usize>(&self, simd: S, full: usize) {
        let offset = self.axis.taps[0].offset;
        let mut next = 0;
        while next < self.out_width {
            let left = self.out_width - next;
            let first = (next * STRIDE) as isize + offset;
            let last = first + ((WIDE - 1) * STRIDE + K - 1) as isize;
            // SAFETY: the caller's promise.
            unsafe {
                if left <= NARROW || left == 2 * NARROW {
                    self.block::<S, K, STRIDE, NARROW, true>(simd, full, next);
                    next += NARROW;
                } else {
                    if left >= WIDE && first >= 0 && last < self.width as isize {
                        self.block::<S, K, STRIDE, WIDE, false>(simd, full, next);
                    } else {
                        self.block::<S, K, STRIDE, WIDE, true>(simd, full, next);
                    }
                    next += WIDE;
                }
            }
        }
    }

    /// `P` pixels from `start` on; with `EDGE`, some of them or of their taps may lie outside.
    ///
    /// # Safety
    /// As [`Self::unrolled`]; without `EDGE` the pixels and all of their taps must be there.
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
        full: usize,
        start: usize,
    ) {
        let first = (start * STRIDE).wrapping_add_signed(self.axis.taps[0].offset);
        let columns = (P - 1) * STRIDE + K;
        let pixel = |base: *const f32, column: usize, width: usize| {
            let inside = base.wrapping_add(column.wrapping_mul(self.channels));
            if !EDGE || column < width { inside } else { self.zeros.as_ptr() }
        };
        let dys: [*const f32; P] =
            std::array::from_fn(|p| pixel(self.dy, start + p, self.out_width));
        let mut pointers = self.pointers.borrow_mut();
        if EDGE {
            pointers.clear();
            for &(x, _) in self.sources {
                pointers.extend((0..columns).map(|c| pixel(x, first.wrapping_add(c), self.width)));
            }
        }
        for at in (0..full).step_by(S::LANES) {
            // SAFETY: the caller's promise; with `EDGE` there is a pointer for every column of
            // every row, to as many floats as there are channels.
            unsafe {
                let dy: [S::Vector; P] =
                    std::array::from_fn(|p| simd.load_pointer(dys[p].wrapping_add(at)));
                // What the next row of the result will read for the first time, in order.
                for &(x, _) in &self.sources[self.sources.len().saturating_sub(STRIDE)..] {
                    let next = first.wrapping_add(STRIDE * self.width).wrapping_mul(self.channels);
                    let next = x.wrapping_add(next.wrapping_add(at * P * STRIDE));
                    for vector in 0..P * STRIDE {
                        simd.prefetch(next.wrapping_add(vector * S::LANES));
                    }
                }
                let next = (start + self.out_width) * self.channels + at * P;
                for vector in 0..P {
                    simd.prefetch(self.dy.wrapping_add(next + vector * S::LANES));
                }
                for (row, &(x, tap)) in self.sources.iter().enumerate() {
                    let inside = x.wrapping_add(first.wrapping_mul(self.channels));
                    let pointers = pointers.as_ptr().wrapping_add(row * columns);
                    let mut sums = [simd.zero(); K];
                    for (p, &dy) in dy.iter().enumerate() {
                        for (k, sum) in sums.iter_mut().enumerate() {
                            let column = p * STRIDE + k;
                            let from = if EDGE {
                                *pointers.add(column)
                            } else {
                                inside.wrapping_add(column * self.channels)
                            };
                            *sum = simd.mul_add(simd.load_pointer(from.add(at)), dy, *sum);
                        }
                    }
                    for (k, &sum) in sums.iter().enumerate() {
                        let to = self.local.add((tap + k) * CHANNELS + at);
                        simd.store_pointer(to, simd.add(simd.load_pointer(to), sum));
                    }
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
        let rows = self.sources.iter();
        for (&(x, first), tap) in
            rows.flat_map(|row| self.axis.taps.iter().map(move |tap| (row, tap)))
        {
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
                        let x = load::<S, PARTIAL>(simd, x.add(column * self.channels + at), count);
                        let from = self.dy.add(pixel * self.channels + at);
                        let dy = load::<S, PARTIAL>(simd, from, count);
                        sums[pixel % 4] = simd.mul_add(x, dy, sums[pixel % 4]);
                    }
                    let [a, b, c, d] = sums;
                    let sum = simd.add(simd.add(a, b), simd.add(c, d));
                    // The local sums are whole vectors for every channel there is.
                    let to = self.local.add((first + tap.index) * CHANNELS + at);
                    simd.store_pointer(to, simd.add(simd.load_pointer(to), sum));
                }
            }
        }
    }
}
