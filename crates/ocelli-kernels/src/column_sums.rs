//! Sums over rows for each channel: one pass over activations, which may write a result on its way.
//!
//! Inside a block of at most [`BLOCK`] rows, sums are f32, one for each channel (for several rows
//! at once where channels are few, see [`pass`](crate::pass)); between blocks they are f64. Four
//! rows are read together, so that the sums, which live in the first cache, are loaded and stored
//! a quarter as often as the activations, while memory is read in order.
//!
//! Blocks and tasks are cut by the shape alone, and their sums added in order: the number of
//! threads changes no bit.

use crate::isa::{Isa, Kernel, Simd};
use crate::memory::with_scratch;
use crate::parallel::{self, Shared};
use crate::pass::{Extent, load, repeat, store};

/// Terms that an f32 sum may take up: 256 roundings, each of half a unit at most.
pub(crate) const BLOCK: usize = 256;
/// Rows that are read together.
const ROWS: usize = 4;
/// By how many rows memory is asked for ahead of need.
const AHEAD: usize = 8;
/// Floats, and rows, in a task at least: adding the sums of tasks is not done in parallel.
const TASK: usize = 64 * 1024;
const TASK_ROWS: usize = 128;
/// Tasks at most.
const TASKS: usize = 64;

/// What is summed.
pub(crate) trait Terms<const INPUTS: usize, const PARAMETERS: usize, const SUMS: usize>:
    Copy + Send + Sync
{
    /// The sums with the terms of a vector of elements added, and what is to be written in their
    /// place, if something is. Must be `#[inline(always)]`.
    fn add<S: Simd>(
        self,
        simd: S,
        inputs: [S::Vector; INPUTS],
        parameters: [S::Vector; PARAMETERS],
        sums: [S::Vector; SUMS],
    ) -> ([S::Vector; SUMS], S::Vector);
}

/// The sums of `terms` for each group and channel, `[groups, channels]`. Parameters have the same
/// shape. Where `out` is not null, the terms' result is written there.
///
/// # Safety
/// Inputs must be valid for reads of `extent.len()` floats, `out`, unless null, for writes. It may
/// be the very memory of an input, but may not overlap one otherwise, nor be accessed by anyone
/// else meanwhile.
///
/// # Panics
/// If a parameter has another length.
pub(crate) unsafe fn column_sums<const I: usize, const P: usize, const N: usize>(
    isa: Isa,
    terms: impl Terms<I, P, N>,
    extent: Extent,
    inputs: [*const f32; I],
    parameters: [&[f32]; P],
    out: *mut f32,
) -> [Vec<f64>; N] {
    let Extent { groups, rows, channels } = extent;
    for parameter in parameters {
        assert_eq!(parameter.len(), groups * channels, "a number for each channel");
    }
    let at_once = extent.rows_at_once();
    let (width, writes) = (at_once * channels, !out.is_null());
    let periods = rows.div_ceil(at_once);
    let at_least = TASK.max(TASK_ROWS * channels).div_ceil(width.max(1));
    let parts = parallel::parts(periods, at_least, (TASKS / groups.max(1)).max(1));
    // By task, sum and channel.
    let mut partial = vec![0.0; groups * parts * N * channels];
    let partials = Shared::new(partial.as_mut_ptr());
    let inputs = inputs.map(|input| Shared::new(input.cast_mut()));
    let out = Shared::new(out);
    parallel::for_each(if extent.len() == 0 { 0 } else { groups * parts }, |task| {
        let (group, part) = (task / parts, task % parts);
        let range = parallel::part(periods, parts, part);
        let end = (range.end * at_once).min(rows);
        // SAFETY: each task has its own range of the partial sums.
        let totals = unsafe { partials.slice(task * N * channels..(task + 1) * N * channels) };
        with_scratch((P + N) * width, |scratch| {
            let (repeated, sums) = scratch.split_at_mut(P * width);
            let mut of_channels = [repeated.as_ptr(); P];
            for (index, to) in repeated.chunks_exact_mut(width).enumerate() {
                repeat(&parameters[index][group * channels..][..channels], to);
                of_channels[index] = to.as_ptr();
            }
            let mut row = range.start * at_once;
            while row < end {
                let count = (BLOCK * at_once).min(end - row);
                let first = (group * rows + row) * channels;
                let block = Block {
                    inputs: inputs.map(|input| input.pointer().wrapping_add(first).cast_const()),
                    rows: count,
                    channels,
                    stride: channels,
                    at_once,
                    parameters: of_channels,
                    out: if writes { out.pointer().wrapping_add(first) } else { out.pointer() },
                };
                // SAFETY: the rows are in the extent, for which the caller vouches; parameters
                // are `width` long; tasks have rows apart.
                unsafe { block.sum(isa, terms, sums) };
                for (sum, totals) in sums.chunks_exact(width).zip(totals.chunks_exact_mut(channels))
                {
                    for sum in sum.chunks_exact(channels) {
                        totals.iter_mut().zip(sum).for_each(|(total, &sum)| {
                            *total += f64::from(sum);
                        });
                    }
                }
                row += count;
            }
        });
    });
    std::array::from_fn(|index| {
        let mut totals = vec![0.0; groups * channels];
        for task in 0..groups * parts {
            let from = &partial[(task * N + index) * channels..][..channels];
            let to = &mut totals[task / parts * channels..][..channels];
            to.iter_mut().zip(from).for_each(|(total, sum)| *total += sum);
        }
        totals
    })
}

/// Rows to be summed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<const I: usize, const P: usize> {
    pub(crate) inputs: [*const f32; I],
    pub(crate) rows: usize,
    pub(crate) channels: usize,
    /// Floats from one row to the next.
    pub(crate) stride: usize,
    /// Rows that are passed over as one; more than one only where `stride` is `channels`.
    pub(crate) at_once: usize,
    /// `at_once * channels` floats each.
    pub(crate) parameters: [*const f32; P],
    /// Where the terms' result goes, unless null; rows as those of the inputs.
    pub(crate) out: *mut f32,
}

impl<const I: usize, const P: usize> Block<I, P> {
    /// Overwrites `sums`, `[N, at_once, channels]`, by those of the terms; where fewer rows are
    /// left at the end, only the first of those at once get theirs.
    ///
    /// # Safety
    /// As [`column_sums`], for these rows.
    pub(crate) unsafe fn sum<const N: usize>(
        self,
        isa: Isa,
        terms: impl Terms<I, P, N>,
        sums: &mut [f32],
    ) {
        let width = self.at_once * self.channels;
        assert!(sums.len() == N * width);
        assert!(self.at_once == 1 || self.stride == self.channels);
        sums.fill(0.0);
        let mut places = [sums.as_mut_ptr(); N];
        for (index, place) in places.iter_mut().enumerate() {
            *place = place.wrapping_add(index * width);
        }
        let whole = self.rows / self.at_once;
        let stride = self.at_once * self.stride;
        let run = |rows, width, from: usize| {
            isa.run(Columns {
                terms,
                inputs: self.inputs.map(|input| input.wrapping_add(from)),
                rows,
                stride,
                width,
                parameters: self.parameters,
                sums: places,
                out: if self.out.is_null() { self.out } else { self.out.wrapping_add(from) },
            });
        };
        run(whole, width, 0);
        let left = self.rows - whole * self.at_once;
        if left > 0 {
            run(1, left * self.channels, whole * stride);
        }
    }
}

struct Columns<T, const I: usize, const P: usize, const N: usize> {
    terms: T,
    inputs: [*const f32; I],
    rows: usize,
    stride: usize,
    width: usize,
    parameters: [*const f32; P],
    sums: [*mut f32; N],
    out: *mut f32,
}

impl<T: Terms<I, P, N>, const I: usize, const P: usize, const N: usize> Kernel
    for Columns<T, I, P, N>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut row = 0;
        // SAFETY: rows and columns stay below `rows` and `width`, for which the caller vouches.
        unsafe {
            while row + ROWS <= self.rows {
                self.strip::<S, ROWS>(simd, row);
                row += ROWS;
            }
            while row < self.rows {
                self.strip::<S, 1>(simd, row);
                row += 1;
            }
        }
    }
}

impl<T: Terms<I, P, N>, const I: usize, const P: usize, const N: usize> Columns<T, I, P, N> {
    #[inline(always)]
    unsafe fn strip<S: Simd, const R: usize>(&self, simd: S, row: usize) {
        let mut column = 0;
        // SAFETY: `column + count <= width`; the caller vouches for the rows.
        unsafe {
            while column + S::LANES <= self.width {
                self.vector::<S, R, false>(simd, row, column, S::LANES);
                column += S::LANES;
            }
            // Rare, so not worth the code for several rows together.
            if column < self.width {
                for row in row..row + R {
                    self.vector::<S, 1, true>(simd, row, column, self.width - column);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn vector<S: Simd, const R: usize, const PART: bool>(
        &self,
        simd: S,
        row: usize,
        column: usize,
        count: usize,
    ) {
        let mut parameters = [simd.zero(); P];
        let mut sums = [simd.zero(); N];
        // SAFETY: the caller vouches for `count` floats in each place.
        unsafe {
            for (value, from) in parameters.iter_mut().zip(self.parameters) {
                *value = load::<S, PART>(simd, from.add(column), count);
            }
            for (value, &from) in sums.iter_mut().zip(&self.sums) {
                *value = load::<S, PART>(simd, from.add(column), count);
            }
            for row in row..row + R {
                let at = row * self.stride + column;
                let mut inputs = [simd.zero(); I];
                for (value, from) in inputs.iter_mut().zip(self.inputs) {
                    // Rows read together are several streams in a page, which the processor does
                    // not foresee.
                    simd.prefetch(from.wrapping_add(at + AHEAD * self.stride));
                    *value = load::<S, PART>(simd, from.add(at), count);
                }
                let result;
                (sums, result) = self.terms.add(simd, inputs, parameters, sums);
                if !self.out.is_null() {
                    store::<S, PART>(simd, self.out.add(at), count, result);
                }
            }
            for (value, to) in sums.into_iter().zip(self.sums) {
                store::<S, PART>(simd, to.add(column), count, value);
            }
        }
    }
}
