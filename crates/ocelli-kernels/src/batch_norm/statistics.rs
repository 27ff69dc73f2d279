//! Mean and variance of each channel: one pass over the activations.
//!
//! Squares summed as they are lose the variance where the mean is large: `E[x²] - E[x]²` is a
//! difference of nearly equal numbers. So, within a block of rows, what is summed is the distance
//! from the block's first row, and its square; and blocks are merged by the formula of Chan, Golub
//! and LeVeque (1979), in f64 and in the order of the rows.
//!
//! [`Moments`] takes blocks one by one: whatever produces activations can hand them over while
//! they are still in cache, keep one for each task, and merge those in order.

use std::sync::OnceLock;

use crate::column_sums::{BLOCK, Block, Terms};
use crate::isa::{Isa, Simd};
use crate::memory::with_scratch;
use crate::parallel;
use crate::pass::{Extent, repeat};
use crate::profile;

/// Floats, and rows, in a task at least: tasks are merged one after the other.
const TASK: usize = 64 * 1024;
const TASK_ROWS: usize = 128;
/// Tasks at most.
const TASKS: usize = 64;

/// Mean and variance of each channel over the rows of activations.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// `[channels]`.
    pub mean: Vec<f32>,
    /// The mean square of the distance from the mean (the biased variance), `[channels]`.
    pub variance: Vec<f32>,
    /// Rows.
    pub count: usize,
}

impl Statistics {
    /// Those of `x`, `[rows, channels]`. Without rows, zeros.
    ///
    /// # Panics
    /// If the length is no multiple of the channels.
    #[must_use]
    pub fn of(isa: Isa, x: &[f32], channels: usize) -> Self {
        let extent = Extent::new(x.len(), channels);
        let describe = || profile::pass("batch norm", "statistics", extent, 1);
        profile::record(describe, || Self::over(isa, x, extent))
    }

    fn over(isa: Isa, x: &[f32], extent: Extent) -> Self {
        let channels = extent.channels;
        let at_once = extent.rows_at_once();
        let periods = extent.rows.div_ceil(at_once);
        let at_least = TASK.max(TASK_ROWS * channels).div_ceil((at_once * channels).max(1));
        let parts = parallel::parts(periods, at_least, TASKS);
        let of_parts: Vec<OnceLock<Moments>> = (0..parts).map(|_| OnceLock::new()).collect();
        parallel::for_each(parts, |part| {
            let range = parallel::part(periods, parts, part);
            let end = (range.end * at_once).min(extent.rows);
            let mut moments = Moments::new(channels);
            moments.add_rows(isa, &x[range.start * at_once * channels..end * channels]);
            of_parts[part].get_or_init(|| moments);
        });
        let mut total = Moments::new(channels);
        for moments in of_parts.into_iter().filter_map(OnceLock::into_inner) {
            total.merge(&moments);
        }
        total.statistics()
    }

    /// Moves running statistics towards these by the share `momentum`, as PyTorch does: there,
    /// the running variance is the unbiased one, `Σ (x - mean)² / (count - 1)`. (PyTorch refuses
    /// to train on a single row; here its variance counts as 0.)
    ///
    /// # Panics
    /// If the channels differ.
    pub fn update_running(&self, momentum: f64, mean: &mut [f32], variance: &mut [f32]) {
        assert_eq!([mean.len(), variance.len()], [self.mean.len(); 2], "running statistics");
        let correction = self.count as f64 / (self.count.max(2) - 1) as f64;
        let update = |running: &mut f32, new: f64| {
            *running = (f64::from(*running) * (1.0 - momentum) + new * momentum) as f32;
        };
        mean.iter_mut().zip(&self.mean).for_each(|(mean, &new)| update(mean, f64::from(new)));
        for (variance, &new) in variance.iter_mut().zip(&self.variance) {
            update(variance, f64::from(new) * correction);
        }
    }
}

/// Count, mean and sum of squared distances from the mean of the rows taken up so far.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    count: usize,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    /// Of no rows.
    pub(crate) fn new(channels: usize) -> Self {
        Self { count: 0, mean: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    /// Takes up `[rows, channels]`.
    ///
    /// # Panics
    /// If the length is no multiple of the channels.
    pub(crate) fn add_rows(&mut self, isa: Isa, rows: &[f32]) {
        let channels = self.mean.len();
        let extent = Extent::new(rows.len(), channels);
        // SAFETY: the rows are those of the slice.
        unsafe { self.add_pointer(isa, rows.as_ptr(), extent.rows, channels) }
    }

    /// Takes up `rows` rows of as many floats as there are channels, `stride` floats apart.
    ///
    /// # Safety
    /// `from` must be valid for reads of those floats.
    pub(crate) unsafe fn add_pointer(
        &mut self,
        isa: Isa,
        from: *const f32,
        rows: usize,
        stride: usize,
    ) {
        let channels = self.mean.len();
        if channels == 0 {
            return;
        }
        let extent = Extent { groups: 1, rows, channels };
        let at_once = if stride == channels { extent.rows_at_once() } else { 1 };
        let width = at_once * channels;
        with_scratch(3 * width, |scratch| {
            let (shift, sums) = scratch.split_at_mut(width);
            let mut row = 0;
            while row < rows {
                let from = from.wrapping_add(row * stride);
                let count = (BLOCK * at_once).min(rows - row);
                // SAFETY: the caller vouches for each row, of which this one exists.
                repeat(unsafe { std::slice::from_raw_parts(from, channels) }, shift);
                let block = Block {
                    inputs: [from],
                    rows: count,
                    channels,
                    stride,
                    at_once,
                    parameters: [shift.as_ptr()],
                    out: std::ptr::null_mut(),
                };
                // SAFETY: the caller vouches for the rows; nothing is written.
                unsafe { block.sum(isa, Distance, sums) };
                let (sum, square) = sums.split_at(width);
                self.add_sums(count, &shift[..channels], sum, square);
                row += count;
            }
        });
    }

    /// Takes up `count` rows of which these sums are known: of `x - shift`, and of its square.
    ///
    /// # Shapes
    /// `shift`: `[channels]`; `sum` and `square`: `[any, channels]`, where the parts are to be
    /// added up.
    ///
    /// # Panics
    /// If the channels differ.
    pub(crate) fn add_sums(&mut self, count: usize, shift: &[f32], sum: &[f32], square: &[f32]) {
        let channels = self.mean.len();
        assert_eq!(shift.len(), channels, "channels of a block");
        assert!(sum.len() == square.len() && sum.len().is_multiple_of(channels.max(1)));
        if count == 0 {
            return;
        }
        let share = Share::new(self.count, count);
        let inverse = 1.0 / count as f64;
        for channel in 0..channels {
            let total = |parts: &[f32]| -> f64 {
                parts[channel..].iter().step_by(channels).map(|&part| f64::from(part)).sum()
            };
            let (sum, square) = (total(sum), total(square));
            let mean = f64::from(shift[channel]) + sum * inverse;
            // Rounding may make it less than none.
            let squares = (square - sum * sum * inverse).max(0.0);
            share.merge(&mut self.mean[channel], &mut self.squares[channel], mean, squares);
        }
        self.count += count;
    }

    /// Takes up the rows of `other`.
    ///
    /// # Panics
    /// If the channels differ.
    pub(crate) fn merge(&mut self, other: &Self) {
        assert_eq!(self.mean.len(), other.mean.len(), "channels of merged moments");
        if other.count == 0 {
            return;
        }
        let share = Share::new(self.count, other.count);
        for ((mean, squares), (&other_mean, &other_squares)) in
            self.mean.iter_mut().zip(&mut self.squares).zip(other.mean.iter().zip(&other.squares))
        {
            share.merge(mean, squares, other_mean, other_squares);
        }
        self.count += other.count;
    }

    /// Mean and variance of all that was taken up.
    pub(crate) fn statistics(&self) -> Statistics {
        let inverse = 1.0 / self.count.max(1) as f64;
        Statistics {
            mean: self.mean.iter().map(|&mean| mean as f32).collect(),
            variance: self.squares.iter().map(|&squares| (squares * inverse) as f32).collect(),
            count: self.count,
        }
    }
}

/// The weights of Chan's formula, the same for all channels.
struct Share {
    /// `n_b / (n_a + n_b)`
    new: f64,
    /// `n_a n_b / (n_a + n_b)`
    between: f64,
}

impl Share {
    fn new(old: usize, new: usize) -> Self {
        let (old, new) = (old as f64, new as f64);
        Self { new: new / (old + new), between: old * new / (old + new) }
    }

    #[inline(always)]
    fn merge(&self, mean: &mut f64, squares: &mut f64, new_mean: f64, new_squares: f64) {
        let distance = new_mean - *mean;
        *mean += distance * self.new;
        *squares += new_squares + distance * distance * self.between;
    }
}

/// The distance from a shift, and its square.
#[derive(Clone, Copy)]
struct Distance;

impl Terms<1, 1, 2> for Distance {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        [x]: [S::Vector; 1],
        [shift]: [S::Vector; 1],
        [sum, square]: [S::Vector; 2],
    ) -> ([S::Vector; 2], S::Vector) {
        let distance = simd.sub(x, shift);
        ([simd.add(sum, distance), simd.mul_add(distance, distance, square)], x)
    }
}
