//! 1x1 convolutions of a few pixels in all: linear layers, and the excitation of a squeeze.
//!
//! ```text
//! y[n, o] = Σk x[n, k] · weight[o, k]
//! dx[n, k] = Σo dy[n, o] · weight[o, k]        dweight[o, k] = Σn dy[n, o] · x[n, k]
//! ```
//!
//! With so few rows the weight is by far the largest tensor (VGG's first linear layer: 411 MB), and
//! each of its numbers takes part in a few products. So it is read, or its gradient written, once
//! and as it lies, never packed. Rows are taken [`ROWS`] at a time, filled up with zeros, and
//! columns [`COLUMNS`] at a time, so that what all rows have of them stays in the first cache.

use crate::conv2d::{Conv2dShape, Epilogue};
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};
use crate::softmax::{load_rest, store_rest};

/// Pixels beyond which tiles, whose weights are packed, are the faster way forward.
pub(super) const MOST_PIXELS: usize = 32;
/// The same to the gradients, which read and write sums for each [`ROWS`] anew.
pub(super) const MOST_PIXELS_OF_GRADIENTS: usize = ROWS;
/// Rows whose sums are in registers together.
const ROWS: usize = 8;
/// Columns of a block: whole vectors of every instruction set.
const COLUMNS: usize = 512;
/// Lanes of the widest vector.
const WIDEST: usize = 16;
/// Outputs whose sums are kept at once: in the first cache, or little more.
const OUTPUTS: usize = 16;
/// Floats of the weight in a task at least, and tasks at most.
const TASK: usize = 32 * 1024;
const TASKS: usize = 256;

/// Whether a pass over at most `most` pixels is faster this way.
pub(super) fn applies(shape: &Conv2dShape, most: usize) -> bool {
    let pixels = shape.output_pixels();
    shape.taps() == 1
        && shape.stride == [1, 1]
        && shape.padding == [0, 0]
        && shape.groups == 1
        && (1..=most).contains(&pixels)
}

/// `rows` of `inputs`, and of `outputs`.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    rows: usize,
    inputs: usize,
    outputs: usize,
}

impl Sizes {
    fn of(shape: &Conv2dShape) -> Self {
        let (inputs, outputs) = (shape.in_channels, shape.out_channels);
        Self { rows: shape.output_pixels(), inputs, outputs }
    }

    /// [`ROWS`] at a time.
    fn groups(&self) -> usize {
        self.rows.div_ceil(ROWS)
    }

    /// [`COLUMNS`] at a time.
    fn blocks(&self) -> usize {
        self.inputs.div_ceil(COLUMNS)
    }

    /// Into how many tasks the outputs are cut.
    fn parts(&self) -> usize {
        parallel::parts(self.outputs, TASK.div_ceil(self.inputs.max(1)), TASKS)
    }

    /// Runs `work` with `x` laid out as `[group, block, row, column]`, zeros where there is none.
    fn with_blocks<R>(&self, x: &[f32], work: impl FnOnce(&[f32]) -> R) -> R {
        let (blocks, inputs) = (self.blocks(), self.inputs);
        with_scratch(self.groups() * blocks * ROWS * COLUMNS, |packed| {
            packed.fill(0.0);
            for (index, to) in packed.chunks_exact_mut(COLUMNS).enumerate() {
                let (block, row) = (index / ROWS, index % ROWS);
                let (row, start) = (block / blocks * ROWS + row, block % blocks * COLUMNS);
                if row < self.rows {
                    let count = COLUMNS.min(inputs - start);
                    to[..count].copy_from_slice(&x[row * inputs + start..][..count]);
                }
            }
            work(packed)
        })
    }

    /// Runs `work` with `dy`, of up to [`ROWS`] rows, laid out as `[output, row]`, zeros for rows that
    /// there are not.
    fn with_factors<R>(&self, dy: &[f32], work: impl FnOnce(&[f32]) -> R) -> R {
        with_scratch(self.outputs * ROWS, |factors| {
            for (output, to) in factors.chunks_exact_mut(ROWS).enumerate() {
                for (row, to) in to.iter_mut().enumerate() {
                    *to = if row < self.rows { dy[row * self.outputs + output] } else { 0.0 };
                }
            }
            work(factors)
        })
    }
}

/// The result. Lengths are checked by the caller.
pub(super) fn forward(
    isa: Isa,
    shape: &Conv2dShape,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    let sizes = Sizes::of(shape);
    let Sizes { rows, inputs, outputs } = sizes;
    let mut y = Output::new(rows * outputs);
    let to = Shared::new(y.as_mut_ptr());
    let parts = sizes.parts();
    sizes.with_blocks(x, |packed| {
        parallel::for_each(parts, |part| {
            let range = parallel::part(outputs, parts, part);
            with_scratch(OUTPUTS * sizes.groups() * ROWS * WIDEST, |sums| {
                for first in range.clone().step_by(OUTPUTS) {
                    let count = OUTPUTS.min(range.end - first);
                    let weight = &weight[first * inputs..][..count * inputs];
                    isa.run(Products { sizes, packed, weight, count, sums });
                    for output in 0..count {
                        for row in 0..rows {
                            let at = row * outputs + first + output;
                            let sum = sums[output * sizes.groups() * ROWS + row];
                            let value = finish(sum, first + output, at, &epilogue);
                            // SAFETY: within the result; each task has outputs of its own.
                            unsafe { to.pointer().add(at).write(value) };
                        }
                    }
                }
            });
        });
    });
    // SAFETY: the tasks wrote every output of every row.
    unsafe { y.finish() }
}

/// What becomes of a sum, for a channel, at a place of the result.
fn finish(sum: f32, channel: usize, at: usize, epilogue: &Epilogue<'_>) -> f32 {
    let value = sum
        + epilogue.bias.map_or(0.0, |bias| bias[channel])
        + epilogue.residual.map_or(0.0, |residual| residual[at]);
    // What is not a number stays so.
    if epilogue.relu && value < 0.0 { 0.0 } else { value }
}

/// The gradient of the picture. Lengths are checked by the caller.
pub(super) fn input_gradient(
    isa: Isa,
    shape: &Conv2dShape,
    weight: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let sizes = Sizes::of(shape);
    let Sizes { rows, inputs, .. } = sizes;
    let mut dx = Output::new(rows * inputs);
    let to = Shared::new(dx.as_mut_ptr());
    sizes.with_factors(dy, |factors| {
        parallel::for_each(sizes.blocks(), |block| {
            let start = block * COLUMNS;
            let count = COLUMNS.min(inputs - start);
            with_scratch(ROWS * COLUMNS, |sums| {
                isa.run(Combination { sizes, weight, factors, start, count, sums });
                for (row, sums) in sums.chunks_exact(COLUMNS).enumerate().take(rows) {
                    let at = row * inputs + start;
                    // SAFETY: within the result; each task has columns of its own.
                    unsafe {
                        let to = to.pointer().add(at);
                        std::ptr::copy_nonoverlapping(sums.as_ptr(), to, count);
                    }
                }
            });
        });
    });
    // SAFETY: the tasks wrote every column of every row.
    unsafe { dx.finish() }
}

/// The gradient of the weight. Lengths are checked by the caller.
pub(super) fn weight_gradient(isa: Isa, shape: &Conv2dShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let sizes = Sizes::of(shape);
    let Sizes { inputs, outputs, .. } = sizes;
    let mut dweight = Output::new(outputs * inputs);
    let to = Shared::new(dweight.as_mut_ptr());
    let parts = sizes.parts();
    sizes.with_blocks(x, |packed| {
        sizes.with_factors(dy, |factors| {
            parallel::for_each(parts, |part| {
                let range = parallel::part(outputs, parts, part);
                let to = to.pointer().wrapping_add(range.start * inputs);
                let factors = &factors[range.start * ROWS..];
                isa.run(Outer { sizes, packed, factors, count: range.len(), to });
            });
        });
    });
    // SAFETY: the tasks wrote all outputs' rows.
    unsafe { dweight.finish() }
}

/// `sums[output, row] = Σ x · weight`, over all columns, for `count` outputs.
struct Products<'a> {
    sizes: Sizes,
    packed: &'a [f32],
    weight: &'a [f32],
    count: usize,
    /// Room for a vector for each.
    sums: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Sizes { inputs, .. } = self.sizes;
        let (groups, blocks) = (self.sizes.groups(), self.sizes.blocks());
        let vectors = self.count * groups * ROWS;
        assert!(self.packed.len() >= groups * blocks * ROWS * COLUMNS);
        assert!(self.weight.len() >= self.count * inputs);
        assert!(self.sums.len() >= vectors * S::LANES);
        self.sums.fill(0.0);
        for block in 0..blocks {
            let start = block * COLUMNS;
            let count = COLUMNS.min(inputs - start);
            for (output, group) in
                (0..self.count).flat_map(|output| (0..groups).map(move |group| (output, group)))
            {
                // SAFETY: by the lengths above; blocks are whole vectors, of which `weight` has
                // `count` floats.
                unsafe {
                    let weight = self.weight.as_ptr().add(output * inputs + start);
                    let x = self.packed.as_ptr().add((group * blocks + block) * ROWS * COLUMNS);
                    let kept = (output * groups + group) * ROWS * S::LANES;
                    let kept = self.sums.as_mut_ptr().add(kept);
                    let mut sums = [simd.zero(); ROWS];
                    for (row, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.load_pointer(kept.add(row * S::LANES));
                    }
                    let mut at = 0;
                    while at < count {
                        let weight = load_rest(simd, weight.add(at), count - at);
                        for (row, sum) in sums.iter_mut().enumerate() {
                            let x = simd.load_pointer(x.add(row * COLUMNS + at));
                            *sum = simd.mul_add(weight, x, *sum);
                        }
                        at += S::LANES;
                    }
                    for (row, &sum) in sums.iter().enumerate() {
                        simd.store_pointer(kept.add(row * S::LANES), sum);
                    }
                }
            }
        }
        // A sum is written where it, or one before it, was read.
        for index in 0..vectors {
            let sum = simd.sum(simd.load(&self.sums[index * S::LANES..]));
            self.sums[index] = sum;
        }
    }
}

/// `sums[row, column] = Σ dy · weight`, over all outputs, for up to [`ROWS`] rows and a block of
/// columns.
struct Combination<'a> {
    sizes: Sizes,
    weight: &'a [f32],
    factors: &'a [f32],
    start: usize,
    count: usize,
    sums: &'a mut [f32],
}

impl Kernel for Combination<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { start, count, .. } = self;
        let Sizes { inputs, outputs, .. } = self.sizes;
        assert!(self.sizes.rows <= ROWS && start + count <= inputs && count <= COLUMNS);
        assert!(self.weight.len() >= outputs * inputs);
        assert!(self.factors.len() >= outputs * ROWS);
        assert!(self.sums.len() >= ROWS * COLUMNS);
        self.sums.fill(0.0);
        for output in 0..outputs {
            // SAFETY: by the lengths above; a block of sums is whole vectors.
            unsafe {
                let weight = self.weight.as_ptr().add(output * inputs + start);
                let factors = self.factors.as_ptr().add(output * ROWS);
                let sums = self.sums.as_mut_ptr();
                let mut dy = [simd.zero(); ROWS];
                for (row, dy) in dy.iter_mut().enumerate() {
                    *dy = simd.splat(*factors.add(row));
                }
                let mut at = 0;
                while at < count {
                    let weight = load_rest(simd, weight.add(at), count - at);
                    for (row, &dy) in dy.iter().enumerate() {
                        let sum = sums.add(row * COLUMNS + at);
                        let value = simd.mul_add(weight, dy, simd.load_pointer(sum));
                        simd.store_pointer(sum, value);
                    }
                    at += S::LANES;
                }
            }
        }
    }
}

/// `to[output, column] = Σ dy · x`, over up to [`ROWS`] rows, for `count` outputs.
struct Outer<'a> {
    sizes: Sizes,
    packed: &'a [f32],
    factors: &'a [f32],
    count: usize,
    to: *mut f32,
}

impl Kernel for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Sizes { rows, inputs, .. } = self.sizes;
        let blocks = self.sizes.blocks();
        assert!(rows <= ROWS && self.packed.len() >= blocks * ROWS * COLUMNS);
        assert!(self.factors.len() >= self.count * ROWS);
        for block in 0..blocks {
            let start = block * COLUMNS;
            let count = COLUMNS.min(inputs - start);
            for output in 0..self.count {
                // SAFETY: by the lengths above; `weight_gradient` has room for `count` outputs at
                // `to`, for this task alone.
                unsafe {
                    let x = self.packed.as_ptr().add(block * ROWS * COLUMNS);
                    let factors = self.factors.as_ptr().add(output * ROWS);
                    let to = self.to.add(output * inputs + start);
                    let mut dy = [simd.zero(); ROWS];
                    for (row, dy) in dy.iter_mut().enumerate() {
                        *dy = simd.splat(*factors.add(row));
                    }
                    let mut at = 0;
                    while at < count {
                        let left = count - at;
                        let mut sum = simd.zero();
                        for (row, &dy) in dy.iter().enumerate() {
                            let x = simd.load_pointer(x.add(row * COLUMNS + at));
                            sum = simd.mul_add(dy, x, sum);
                        }
                        store_rest(simd, to.add(at), left, sum);
                        at += S::LANES;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
