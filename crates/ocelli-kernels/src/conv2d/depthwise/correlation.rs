//! Forward pass and gradient of the picture: each target pixel sums over taps in the source.
//!
//! Loops: rows of the target (shared among threads); along the row, blocks of [`WIDE`] pixels, or
//! [`NARROW`] where fewer are left, the last one moved back so that it is full (some pixels are
//! then computed twice, to the same bits); channels, a vector at a time; rows of the window;
//! and, unrolled, the block's pixels and the window's columns. Seven pixels and a row of up to
//! seven weights fit the 32 registers of AVX-512.
//!
//! The unrolled kernel exists for windows of 1 to 7 neighbouring taps, strides 1 and 2. Others,
//! and the channels that don't fill a vector, take one that asks for each tap whether it is inside.

use std::cell::RefCell;
use std::ops::Range;

use crate::channels::{load, store};
use crate::conv2d::Epilogue;
use crate::conv2d::direct::axis::Axis;
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel::{self, Shared};

/// Pixels of a block: pictures of 224 pixels, halved, have rows of seven times a power of two.
const WIDE: usize = 7;
/// Pixels of a block in short rows and at the end of others.
const NARROW: usize = 4;
/// Floats of the target that a task has at least: some ten microseconds.
const TASK_FLOATS: usize = 1 << 13;
/// Tasks at most.
const MAX_TASKS: usize = 256;

/// What to compute. Phases as [`Axis`] has them: target row `r` belongs to phase `r % phases`.
pub(super) struct Correlation<'a> {
    pub(super) vertical: &'a [Axis],
    pub(super) horizontal: &'a [Axis],
    pub(super) batch: usize,
    pub(super) channels: usize,
    pub(super) kernel_width: usize,
    pub(super) source: &'a [f32],
    pub(super) source_size: [usize; 2],
    pub(super) target_size: [usize; 2],
    /// `[tap][channel]`
    pub(super) weight: &'a [f32],
    /// Its lengths are those of the target.
    pub(super) epilogue: Epilogue<'a>,
}

impl Correlation<'_> {
    /// Writes every float of the target.
    pub(super) fn run(&self, isa: Isa, target: Shared<f32>) {
        let rows = self.batch * self.target_size[0];
        let floats = rows * self.target_size[1] * self.channels;
        let source_len = self.batch * self.source_size[0] * self.source_size[1] * self.channels;
        assert_eq!(self.source.len(), source_len);
        assert!(self.epilogue.bias.is_none_or(|bias| bias.len() == self.channels));
        assert!(self.epilogue.residual.is_none_or(|residual| residual.len() == floats));
        for tap in self.vertical.iter().flat_map(|axis| &axis.taps) {
            for other in self.horizontal.iter().flat_map(|axis| &axis.taps) {
                let at = tap.index * self.kernel_width + other.index;
                assert!((at + 1) * self.channels <= self.weight.len());
            }
        }
        for axis in self.horizontal {
            let last = axis.start + axis.count.saturating_sub(1) * axis.step;
            assert!(axis.count == 0 || last < self.target_size[1]);
        }
        let zeros = vec![0.0; self.channels];
        let parts = parallel::parts(floats, TASK_FLOATS, MAX_TASKS).min(rows.max(1));
        parallel::for_each(parts, |index| {
            let rows = parallel::part(rows, parts, index);
            isa.run(Rows { all: self, zeros: &zeros, target, rows });
        });
    }
}

/// Some rows of the target, counted over the batch.
struct Rows<'a> {
    all: &'a Correlation<'a>,
    /// As many as there are channels: the pixels outside of the source.
    zeros: &'a [f32],
    target: Shared<f32>,
    rows: Range<usize>,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let all = self.all;
        let [height, width] = all.source_size;
        let mut sources = Vec::new();
        let pointers = RefCell::default();
        for row in self.rows {
            let (picture, place) = (row / all.target_size[0], row % all.target_size[0]);
            let vertical = &all.vertical[place % all.vertical.len()];
            let first = place / all.vertical.len() * vertical.stride;
            sources.clear();
            for tap in &vertical.taps {
                let line = first.wrapping_add_signed(tap.offset);
                if line < height {
                    let from = (picture * height + line) * width * all.channels;
                    let weight = tap.index * all.kernel_width * all.channels;
                    sources.push((all.source[from..].as_ptr(), all.weight[weight..].as_ptr()));
                }
            }
            for axis in all.horizontal {
                let line = Line {
                    all,
                    axis,
                    sources: &sources,
                    zeros: self.zeros,
                    pointers: &pointers,
                    target: self.target,
                    row,
                };
                // SAFETY: `run` has checked all lengths, and no other task has this row.
                unsafe { line.run(simd) };
            }
        }
    }
}

/// The pixels of one horizontal phase in a row of the target.
struct Line<'a> {
    all: &'a Correlation<'a>,
    axis: &'a Axis,
    /// For each row of the window inside the source, the source's row and the weights.
    sources: &'a [(*const f32, *const f32)],
    /// As many as there are channels.
    zeros: &'a [f32],
    /// Room for a block's source pixels.
    pointers: &'a RefCell<Vec<*const f32>>,
    target: Shared<f32>,
    /// The target's row, counted over the batch.
    row: usize,
}

impl Line<'_> {
    /// # Safety
    /// The sources must hold a row of pixels and of taps, the target the row, which nobody else
    /// may access.
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, simd: S) {
        let full = self.all.channels / S::LANES * S::LANES;
        let taps = if self.axis.is_dense() { self.axis.taps.len() } else { 0 };
        // SAFETY: the caller's promise; `full` is at most the number of channels.
        unsafe {
            match (taps, self.axis.stride) {
                (1, 1) => self.unrolled::<S, 1, 1>(simd, full),
                (2, 1) => self.unrolled::<S, 2, 1>(simd, full),
                (3, 1) => self.unrolled::<S, 3, 1>(simd, full),
                (4, 1) => self.unrolled::<S, 4, 1>(simd, full),
                (5, 1) => self.unrolled::<S, 5, 1>(simd, full),
                (7, 1) => self.unrolled::<S, 7, 1>(simd, full),
                (3, 2) => self.unrolled::<S, 3, 2>(simd, full),
                (5, 2) => self.unrolled::<S, 5, 2>(simd, full),
                (7, 2) => self.unrolled::<S, 7, 2>(simd, full),
                _ => self.any::<S, false>(simd, 0..full),
            }
            self.any::<S, true>(simd, full..self.all.channels);
        }
    }

    /// # Safety
    /// As [`Self::run`]; the axis has `K` neighbouring taps and this stride.
    #[inline(always)]
    unsafe fn unrolled<S: Simd, const K: usize, const STRIDE: usize>(&self, simd: S, full: usize) {
        let count = self.axis.count;
        if count < NARROW {
            // SAFETY: the caller's promise.
            unsafe { self.any::<S, false>(simd, 0..full) };
            return;
        }
        let mut next = 0;
        while next < count {
            // SAFETY: the blocks end at or before the last pixel; the caller's promise.
            unsafe {
                let left = count - next;
                if count >= WIDE && left > NARROW && left != 2 * NARROW {
                    let start = next.min(count - WIDE);
                    let first = (start * STRIDE) as isize + self.axis.taps[0].offset;
                    let last = first + ((WIDE - 1) * STRIDE + K - 1) as isize;
                    if first >= 0 && last < self.all.source_size[1] as isize {
                        self.block::<S, K, STRIDE, WIDE, false>(simd, full, start);
                    } else {
                        self.block::<S, K, STRIDE, WIDE, true>(simd, full, start);
                    }
                    next = start + WIDE;
                } else {
                    let start = next.min(count - NARROW);
                    self.block::<S, K, STRIDE, NARROW, true>(simd, full, start);
                    next = start + NARROW;
                }
            }
        }
    }

    /// `P` pixels from the axis's number `start` on, and full vectors of channels; with `EDGE`,
    /// some taps may lie outside of the source.
    ///
    /// # Safety
    /// As [`Self::unrolled`]; the pixels must be among the axis's, and without `EDGE` all of their
    /// taps inside.
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
        let (width, channels) = (self.all.source_size[1], self.all.channels);
        let first = (start * STRIDE).wrapping_add_signed(self.axis.taps[0].offset);
        let taps: [usize; K] = std::array::from_fn(|k| self.axis.taps[k].index * channels);
        let columns = (P - 1) * STRIDE + K;
        let mut pointers = self.pointers.borrow_mut();
        if EDGE {
            pointers.clear();
            for &(source, _) in self.sources {
                pointers.extend((0..columns).map(|column| {
                    let column = first.wrapping_add(column);
                    let inside = column < width;
                    if inside {
                        source.wrapping_add(column * channels)
                    } else {
                        self.zeros.as_ptr()
                    }
                }));
            }
        }
        // What the next row of targets will read for the first time.
        let fresh = &self.sources[self.sources.len().saturating_sub(STRIDE)..];
        for at in (0..full).step_by(S::LANES) {
            // SAFETY: the caller's promise; with `EDGE` there is a pointer for every column of
            // every row, to as many floats as there are channels.
            unsafe {
                let mut sum = [simd.zero(); P];
                for (row, &(source, weight)) in self.sources.iter().enumerate() {
                    let weight: [S::Vector; K] =
                        std::array::from_fn(|k| simd.load_pointer(weight.add(taps[k] + at)));
                    let inside = source.wrapping_add(first.wrapping_mul(channels));
                    let pointers = pointers.as_ptr().wrapping_add(row * columns);
                    for (p, sum) in sum.iter_mut().enumerate() {
                        for (k, &weight) in weight.iter().enumerate() {
                            let column = p * STRIDE + k;
                            let from = if EDGE {
                                *pointers.add(column)
                            } else {
                                inside.wrapping_add(column * channels)
                            };
                            *sum = simd.mul_add(simd.load_pointer(from.add(at)), weight, *sum);
                        }
                    }
                }
                // In order, not by columns: each step asks for as many vectors as it reads anew.
                for &(source, _) in fresh {
                    let next = first.wrapping_add(STRIDE * width).wrapping_mul(channels);
                    let next = source.wrapping_add(next.wrapping_add(at * P * STRIDE));
                    for vector in 0..P * STRIDE {
                        simd.prefetch(next.wrapping_add(vector * S::LANES));
                    }
                }
                for (p, &sum) in sum.iter().enumerate() {
                    self.finish::<S, false>(simd, start + p, at, S::LANES, sum);
                }
            }
        }
    }

    /// Any taps: full vectors, or with `PARTIAL` less than one.
    ///
    /// # Safety
    /// As [`Self::run`]; the range is of whole vectors, or with `PARTIAL` shorter than one.
    #[inline(always)]
    unsafe fn any<S: Simd, const PARTIAL: bool>(&self, simd: S, range: Range<usize>) {
        let (width, channels) = (self.all.source_size[1], self.all.channels);
        let count = if PARTIAL { range.len() } else { S::LANES };
        for pixel in 0..self.axis.count {
            let place = pixel * self.axis.stride;
            for at in range.clone().step_by(S::LANES) {
                // SAFETY: the caller's promise, and taps are inside.
                unsafe {
                    let mut sum = simd.zero();
                    for &(source, weight) in self.sources {
                        for tap in &self.axis.taps {
                            let column = place.wrapping_add_signed(tap.offset);
                            if column < width {
                                let from = source.add(column * channels + at);
                                let value = load::<S, PARTIAL>(simd, from, count);
                                let from = weight.add(tap.index * channels + at);
                                let weight = load::<S, PARTIAL>(simd, from, count);
                                sum = simd.mul_add(value, weight, sum);
                            }
                        }
                    }
                    self.finish::<S, PARTIAL>(simd, pixel, at, count, sum);
                }
            }
        }
    }

    /// Applies the epilogue to the sum of a pixel, by its number on the axis, and writes it.
    ///
    /// # Safety
    /// As [`Self::run`]; the pixel must be one of the axis, the channels be there.
    #[inline(always)]
    unsafe fn finish<S: Simd, const PARTIAL: bool>(
        &self,
        simd: S,
        pixel: usize,
        at: usize,
        count: usize,
        mut sum: S::Vector,
    ) {
        let column = self.axis.start + pixel * self.axis.step;
        let to = (self.row * self.all.target_size[1] + column) * self.all.channels + at;
        let Epilogue { bias, residual, relu } = self.all.epilogue;
        // SAFETY: the caller's promise; bias and residual have the target's lengths.
        unsafe {
            if let Some(bias) = bias {
                sum = simd.add(sum, load::<S, PARTIAL>(simd, bias.as_ptr().add(at), count));
            }
            if let Some(residual) = residual {
                sum = simd.add(sum, load::<S, PARTIAL>(simd, residual.as_ptr().add(to), count));
            }
            if relu {
                // What is not a number stays so.
                sum = simd.select_greater(simd.zero(), sum, simd.zero(), sum);
            }
            store::<S, PARTIAL>(simd, self.target.pointer().add(to), count, sum);
        }
    }
}
