//! One pass over activations: whatever is computed element by element, with or without numbers
//! that each channel has of its own.
//!
//! ```text
//! outputs[i] = operation(inputs[i], parameters[channel of i])
//! ```
//!
//! Every input is read once and every output written once. An output may be the memory of an
//! input: a vector is read before it is written.
//!
//! Channels are rarely a whole number of vectors. So the numbers of the channels are repeated for
//! several rows until they are (3 channels: 96 rows, 288 numbers), and those rows are passed over
//! as if they were one. Only the end of a task then has vectors that are not full.

use std::borrow::Cow;

use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, tensor_len, with_scratch};
use crate::parallel::{self, Shared};

/// Activations of `groups` (pictures, where each has its own numbers for the channels; else one)
/// of `rows` pixels of `channels`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) groups: usize,
    pub(crate) rows: usize,
    pub(crate) channels: usize,
}

/// A number of floats that is whole in vectors of every instruction set.
const WIDEST: usize = 16;
/// Floats in a period at least: loops shorter than this spend their time on beginning and ending.
const PERIOD: usize = 256;
/// Channels from which on a last vector that isn't full does not matter.
const MANY_CHANNELS: usize = 128;
/// Floats in a task at least: some microseconds, so that starting it does not matter.
const TASK: usize = 16 * 1024;
/// Tasks at most: for even work on as many threads as there may be.
const TASKS: usize = 256;

impl Extent {
    /// Activations without groups.
    ///
    /// # Panics
    /// If `len` is no multiple of the channels.
    pub(crate) fn new(len: usize, channels: usize) -> Self {
        let rows = len.checked_div(channels).unwrap_or(0);
        assert_eq!(rows * channels, len, "activations of {channels} channels, in rows");
        Self { groups: 1, rows, channels }
    }

    /// Numbers without channels.
    pub(crate) fn flat(len: usize) -> Self {
        Self { groups: 1, rows: len, channels: 1 }
    }

    pub(crate) fn len(&self) -> usize {
        tensor_len(&[self.groups, self.rows, self.channels])
    }

    /// Rows that are passed over as one, so that they fill vectors.
    pub(crate) fn rows_at_once(&self) -> usize {
        if self.channels == 0 || self.channels >= MANY_CHANNELS {
            return 1;
        }
        let whole = WIDEST >> self.channels.trailing_zeros().min(WIDEST.trailing_zeros());
        let rows = whole * PERIOD.div_ceil(whole * self.channels);
        rows.min(self.rows).max(1)
    }
}

/// Writes `numbers` to `to` as often as there is room.
pub(crate) fn repeat(numbers: &[f32], to: &mut [f32]) {
    for to in to.chunks_exact_mut(numbers.len().max(1)) {
        to.copy_from_slice(numbers);
    }
}

/// An operand, and the room for a result of its length: new, or the operand's own where that is
/// given away.
#[derive(Debug)]
pub(crate) enum Room<'a> {
    New(&'a [f32], Output),
    Own(Vec<f32>),
}

impl<'a> Room<'a> {
    pub(crate) fn of(operand: Cow<'a, [f32]>) -> Self {
        match operand {
            Cow::Borrowed(operand) => Self::New(operand, Output::new(operand.len())),
            Cow::Owned(operand) => Self::Own(operand),
        }
    }

    /// Where the operand lies, and where the result goes.
    pub(crate) fn pointers(&mut self) -> (*const f32, *mut f32) {
        match self {
            Self::New(operand, output) => (operand.as_ptr(), output.as_mut_ptr()),
            Self::Own(operand) => {
                let pointer = operand.as_mut_ptr();
                (pointer, pointer)
            }
        }
    }

    /// The result.
    ///
    /// # Safety
    /// All of it must have been written.
    pub(crate) unsafe fn finish(self) -> Vec<f32> {
        match self {
            // SAFETY: the caller's promise.
            Self::New(_, output) => unsafe { output.finish() },
            Self::Own(operand) => operand,
        }
    }
}

/// What is computed for each element.
pub(crate) trait Operation<const INPUTS: usize, const PARAMETERS: usize, const OUTPUTS: usize>:
    Copy + Send + Sync
{
    /// The outputs of a vector of elements. Must be `#[inline(always)]`.
    fn apply<S: Simd>(
        self,
        simd: S,
        inputs: [S::Vector; INPUTS],
        parameters: [S::Vector; PARAMETERS],
    ) -> [S::Vector; OUTPUTS];
}

/// Computes `operation` for all elements. Parameters are `[groups, channels]`.
///
/// # Safety
/// Inputs must be valid for reads of `extent.len()` floats, outputs for writes. An output may be
/// the very memory of an input, but may not overlap one otherwise, nor another output, nor be
/// accessed by anyone else meanwhile.
///
/// # Panics
/// If a parameter has another length.
pub(crate) unsafe fn pass<const I: usize, const P: usize, const O: usize>(
    isa: Isa,
    operation: impl Operation<I, P, O>,
    extent: Extent,
    inputs: [*const f32; I],
    parameters: [&[f32]; P],
    outputs: [*mut f32; O],
) {
    let Extent { groups, rows, channels } = extent;
    for parameter in parameters {
        assert_eq!(parameter.len(), groups * channels, "a number for each channel");
    }
    if extent.len() == 0 {
        return;
    }
    let at_once = if P == 0 { PERIOD } else { extent.rows_at_once() };
    let period = at_once * channels;
    let periods = rows.div_ceil(at_once);
    let at_most = (TASKS / groups).max(1);
    let parts = parallel::parts(periods, TASK.div_ceil(period), at_most);
    let inputs = inputs.map(|input| Shared::new(input.cast_mut()));
    let outputs = outputs.map(Shared::new);
    parallel::for_each(groups * parts, |task| {
        let (group, part) = (task / parts, task % parts);
        let range = parallel::part(periods, parts, part);
        let first = (group * rows + range.start * at_once) * channels;
        let end = (group * rows + (range.end * at_once).min(rows)) * channels;
        with_scratch(P * period, |scratch| {
            let mut repeated = [scratch.as_ptr(); P];
            for (index, to) in scratch.chunks_exact_mut(period).enumerate().take(P) {
                repeat(&parameters[index][group * channels..][..channels], to);
                repeated[index] = to.as_ptr();
            }
            isa.run(Task {
                operation,
                inputs: inputs.map(|input| input.pointer().wrapping_add(first).cast_const()),
                parameters: repeated,
                // Without parameters, one vector is like another.
                period: if P == 0 { end - first } else { period },
                outputs: outputs.map(|output| output.pointer().wrapping_add(first)),
                len: end - first,
            });
        });
    });
}

struct Task<T, const I: usize, const P: usize, const O: usize> {
    operation: T,
    inputs: [*const f32; I],
    /// `period` floats each.
    parameters: [*const f32; P],
    period: usize,
    outputs: [*mut f32; O],
    len: usize,
}

impl<T: Operation<I, P, O>, const I: usize, const P: usize, const O: usize> Kernel
    for Task<T, I, P, O>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut start = 0;
        while start < self.len {
            let width = self.period.min(self.len - start);
            let mut column = 0;
            // SAFETY: `start + column + count <= len`, for which the caller of `pass` vouches, and
            // `column + count <= period`.
            unsafe {
                while column + S::LANES <= width {
                    self.vector::<S, false>(simd, start + column, column, S::LANES);
                    column += S::LANES;
                }
                if column < width {
                    self.vector::<S, true>(simd, start + column, column, width - column);
                }
            }
            start += width;
        }
    }
}

impl<T: Operation<I, P, O>, const I: usize, const P: usize, const O: usize> Task<T, I, P, O> {
    /// The elements from `at` on, whose channel is in `column` of the parameters.
    #[inline(always)]
    unsafe fn vector<S: Simd, const PART: bool>(
        &self,
        simd: S,
        at: usize,
        column: usize,
        count: usize,
    ) {
        let mut inputs = [simd.zero(); I];
        let mut parameters = [simd.zero(); P];
        // SAFETY: the caller vouches for `count` floats in each place.
        unsafe {
            for (value, from) in inputs.iter_mut().zip(self.inputs) {
                *value = load::<S, PART>(simd, from.add(at), count);
            }
            for (value, from) in parameters.iter_mut().zip(self.parameters) {
                *value = load::<S, PART>(simd, from.add(column), count);
            }
            let outputs = self.operation.apply(simd, inputs, parameters);
            for (value, to) in outputs.into_iter().zip(self.outputs) {
                store::<S, PART>(simd, to.add(at), count, value);
            }
        }
    }
}

/// A vector, or the first `count` floats of one where `PART`.
///
/// # Safety
/// As [`Simd::load_partial`]; `count` must be all lanes unless `PART`.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd, const PART: bool>(
    simd: S,
    from: *const f32,
    count: usize,
) -> S::Vector {
    // SAFETY: the caller's promise.
    unsafe { if PART { simd.load_partial(from, count) } else { simd.load_pointer(from) } }
}

/// Writes a vector, or the first `count` floats of one where `PART`.
///
/// # Safety
/// As [`Simd::store_partial`]; `count` must be all lanes unless `PART`.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd, const PART: bool>(
    simd: S,
    to: *mut f32,
    count: usize,
    value: S::Vector,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if PART { simd.store_partial(to, count, value) } else { simd.store_pointer(to, value) }
    }
}
