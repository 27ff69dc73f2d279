//! Softmax and its logarithm along the rows of `[rows, classes]`, and the gradients.
//!
//! A row is read three times, for its maximum, for the sum of `e^(x - max)`, and for the result;
//! after the first it is in the first cache, so that memory is read and written once. Rows are
//! vectors side by side; in the last one of a row, lanes beyond the classes hold what changes
//! nothing.

mod class_sums;

pub use class_sums::ClassSums;

use std::borrow::Cow;

use crate::exp::exp;
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel::{self, Shared};
use crate::pass::{Extent, Room};

/// Floats in a task at least.
const TASK: usize = 8 * 1024;
/// Tasks at most.
const TASKS: usize = 256;

/// `e^x / Σ e^x` in each row. An `x` that is given away becomes the result.
///
/// # Panics
/// If the length is no multiple of the classes.
#[must_use]
pub fn softmax(isa: Isa, x: Cow<'_, [f32]>, classes: usize) -> Vec<f32> {
    forward(isa, x, classes, false)
}

/// `x - ln Σ e^x` in each row. An `x` that is given away becomes the result.
///
/// # Panics
/// If the length is no multiple of the classes.
#[must_use]
pub fn log_softmax(isa: Isa, x: Cow<'_, [f32]>, classes: usize) -> Vec<f32> {
    forward(isa, x, classes, true)
}

/// The gradient behind [`softmax`], whose result is `y`, written over that of `y`:
/// `y · (dy - Σ y dy)`.
///
/// # Panics
/// If lengths differ, or are no multiple of the classes.
#[must_use]
pub fn softmax_gradient(isa: Isa, y: &[f32], dy: Vec<f32>, classes: usize) -> Vec<f32> {
    backward(isa, y, dy, classes, false)
}

/// The gradient behind [`log_softmax`], whose result is `y`, written over that of `y`:
/// `dy - e^y · Σ dy`.
///
/// # Panics
/// If lengths differ, or are no multiple of the classes.
#[must_use]
pub fn log_softmax_gradient(isa: Isa, y: &[f32], dy: Vec<f32>, classes: usize) -> Vec<f32> {
    backward(isa, y, dy, classes, true)
}

fn forward(isa: Isa, x: Cow<'_, [f32]>, classes: usize, logarithm: bool) -> Vec<f32> {
    let rows = Extent::new(x.len(), classes).rows;
    let mut room = Room::of(x);
    let (from, to) = room.pointers();
    let (from, to) = (Shared::new(from.cast_mut()), Shared::new(to));
    let parts = tasks(rows, classes);
    parallel::for_each(parts, |part| {
        let range = parallel::part(rows, parts, part);
        let at = range.start * classes;
        let (x, y) = (from.pointer().wrapping_add(at).cast_const(), to.pointer().wrapping_add(at));
        isa.run(Forward { x, y, rows: range.len(), classes, logarithm });
    });
    // SAFETY: the tasks wrote all rows.
    unsafe { room.finish() }
}

fn backward(isa: Isa, y: &[f32], mut dy: Vec<f32>, classes: usize, logarithm: bool) -> Vec<f32> {
    let rows = Extent::new(y.len(), classes).rows;
    assert_eq!(y.len(), dy.len(), "lengths of a result and of its gradient");
    let to = Shared::new(dy.as_mut_ptr());
    let parts = tasks(rows, classes);
    parallel::for_each(parts, |part| {
        let range = parallel::part(rows, parts, part);
        let at = range.start * classes;
        let (y, dy) = (y.as_ptr().wrapping_add(at), to.pointer().wrapping_add(at));
        isa.run(Backward { y, dy, rows: range.len(), classes, logarithm });
    });
    dy
}

/// Into how many tasks rows are cut.
pub(crate) fn tasks(rows: usize, classes: usize) -> usize {
    parallel::parts(rows, TASK.div_ceil(classes.max(1)), TASKS)
}

/// The numbers of the lanes.
static LANES: [f32; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

/// `value` in the first `count` lanes, `other` in the rest.
#[inline(always)]
pub(crate) fn first_lanes<S: Simd>(
    simd: S,
    count: usize,
    value: S::Vector,
    other: S::Vector,
) -> S::Vector {
    simd.select_greater(simd.splat(count as f32), simd.load(&LANES), value, other)
}

/// Up to a vector of what is left of a row, and how much that is.
#[inline(always)]
pub(crate) unsafe fn load_rest<S: Simd>(simd: S, from: *const f32, left: usize) -> S::Vector {
    // SAFETY: the caller vouches for `left` floats.
    unsafe {
        if left >= S::LANES { simd.load_pointer(from) } else { simd.load_partial(from, left) }
    }
}

/// Writes up to a vector of what is left of a row.
#[inline(always)]
pub(crate) unsafe fn store_rest<S: Simd>(simd: S, to: *mut f32, left: usize, value: S::Vector) {
    // SAFETY: the caller vouches for `left` floats.
    unsafe {
        if left >= S::LANES {
            simd.store_pointer(to, value);
        } else {
            simd.store_partial(to, left, value);
        }
    }
}

/// The largest of a row.
///
/// # Safety
/// `row` must be valid for reads of `classes` floats.
#[inline(always)]
pub(crate) unsafe fn maximum<S: Simd>(simd: S, row: *const f32, classes: usize) -> f32 {
    let none = simd.splat(f32::NEG_INFINITY);
    let mut best = none;
    let mut at = 0;
    while at < classes {
        // SAFETY: the caller vouches for the row.
        let value = unsafe { load_rest(simd, row.add(at), classes - at) };
        best = simd.max(first_lanes(simd, classes - at, value, none), best);
        at += S::LANES;
    }
    let mut lanes = [f32::NEG_INFINITY; 16];
    simd.store(&mut lanes, best);
    lanes.iter().fold(f32::NEG_INFINITY, |best, &lane| if lane > best { lane } else { best })
}

/// `Σ e^(x - max)` of a row. Where `to` is not null, the terms are written there.
///
/// # Safety
/// `row` must be valid for reads of `classes` floats, `to`, unless null, for writes; they may be
/// the same.
#[inline(always)]
pub(crate) unsafe fn exponentials<S: Simd>(
    simd: S,
    row: *const f32,
    classes: usize,
    maximum: f32,
    to: *mut f32,
) -> f32 {
    let mut sum = simd.zero();
    let mut at = 0;
    while at < classes {
        let left = classes - at;
        // SAFETY: the caller vouches for the rows.
        unsafe {
            let value = load_rest(simd, row.add(at), left);
            let term = exp(simd, simd.sub(value, simd.splat(maximum)));
            sum = simd.add(sum, first_lanes(simd, left, term, simd.zero()));
            if !to.is_null() {
                store_rest(simd, to.add(at), left, term);
            }
        }
        at += S::LANES;
    }
    simd.sum(sum)
}

/// `Σ a b` of two rows, or `Σ b` where `a` is null.
///
/// # Safety
/// Both must be valid for reads of `classes` floats.
#[inline(always)]
unsafe fn product<S: Simd>(simd: S, a: *const f32, b: *const f32, classes: usize) -> f32 {
    let mut sum = simd.zero();
    let mut at = 0;
    while at < classes {
        let left = classes - at;
        // SAFETY: the caller vouches for the rows. Lanes beyond them are zero.
        unsafe {
            let value = load_rest(simd, b.add(at), left);
            sum = if a.is_null() {
                simd.add(sum, value)
            } else {
                simd.mul_add(load_rest(simd, a.add(at), left), value, sum)
            };
        }
        at += S::LANES;
    }
    simd.sum(sum)
}

struct Forward {
    x: *const f32,
    y: *mut f32,
    rows: usize,
    classes: usize,
    logarithm: bool,
}

impl Kernel for Forward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in 0..self.rows {
            let (x, y) =
                (self.x.wrapping_add(row * self.classes), self.y.wrapping_add(row * self.classes));
            // SAFETY: the rows are those that `forward` took from slices.
            unsafe {
                let maximum = maximum(simd, x, self.classes);
                let terms = if self.logarithm { std::ptr::null_mut() } else { y };
                let sum = exponentials(simd, x, self.classes, maximum, terms);
                let logarithm = sum.ln();
                let inverse = 1.0 / sum;
                let mut at = 0;
                while at < self.classes {
                    let left = self.classes - at;
                    let value = if self.logarithm {
                        let value = load_rest(simd, x.add(at), left);
                        simd.sub(simd.sub(value, simd.splat(maximum)), simd.splat(logarithm))
                    } else {
                        simd.mul(load_rest(simd, y.add(at), left), simd.splat(inverse))
                    };
                    store_rest(simd, y.add(at), left, value);
                    at += S::LANES;
                }
            }
        }
    }
}

struct Backward {
    y: *const f32,
    dy: *mut f32,
    rows: usize,
    classes: usize,
    logarithm: bool,
}

impl Kernel for Backward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in 0..self.rows {
            let (y, dy) =
                (self.y.wrapping_add(row * self.classes), self.dy.wrapping_add(row * self.classes));
            // SAFETY: the rows are those that `backward` took from slices.
            unsafe {
                let factor = if self.logarithm { std::ptr::null() } else { y };
                let sum = simd.splat(product(simd, factor, dy, self.classes));
                let mut at = 0;
                while at < self.classes {
                    let left = self.classes - at;
                    let of_y = load_rest(simd, y.add(at), left);
                    let of_dy = load_rest(simd, dy.add(at), left);
                    let dx = if self.logarithm {
                        simd.neg_mul_add(exp(simd, of_y), sum, of_dy)
                    } else {
                        simd.mul(of_y, simd.sub(of_dy, sum))
                    };
                    store_rest(simd, dy.add(at), left, dx);
                    at += S::LANES;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{error, numbers};

    /// Sums of up to a thousand terms in f32 and a few roundings, relative to the largest.
    const TOLERANCE: f64 = 3e-6;

    /// Rows and classes.
    const SIZES: [[usize; 2]; 10] = [
        [0, 5],
        [3, 0],
        [1, 1],
        [5, 2],
        [37, 3],
        [13, 16],
        [11, 17],
        [29, 21],
        [701, 100],
        [7, 1009],
    ];

    #[test]
    fn every_shape_and_instruction_set_agrees_with_the_definition() {
        for isa in Isa::available() {
            eprintln!("ran {}", isa.name());
            for [rows, classes] in SIZES {
                let x: Vec<f32> = numbers(rows * classes, 1).iter().map(|x| x * 9.0).collect();
                let dy = numbers(rows * classes, 2);
                let mut expected = [vec![], vec![], vec![], vec![]];
                for (x, dy) in x.chunks(classes.max(1)).zip(dy.chunks(classes.max(1))) {
                    let x = x.iter().map(|&x| f64::from(x));
                    let dy: Vec<f64> = dy.iter().map(|&dy| f64::from(dy)).collect();
                    let sum: f64 = x.clone().map(f64::exp).sum();
                    let y: Vec<f64> = x.clone().map(|x| x.exp() / sum).collect();
                    let product: f64 = y.iter().zip(&dy).map(|(y, dy)| y * dy).sum();
                    let total: f64 = dy.iter().sum();
                    expected[1].extend(x.map(|x| x - sum.ln()));
                    expected[2].extend(y.iter().zip(&dy).map(|(y, dy)| y * (dy - product)));
                    expected[3].extend(y.iter().zip(&dy).map(|(y, dy)| dy - y * total));
                    expected[0].extend(y);
                }
                let y = softmax(isa, Cow::Borrowed(&x), classes);
                let log = log_softmax(isa, Cow::Borrowed(&x), classes);
                assert!(y == softmax(isa, Cow::Owned(x.clone()), classes));
                assert!(log == log_softmax(isa, Cow::Owned(x.clone()), classes));
                let gradient = softmax_gradient(isa, &y, dy.clone(), classes);
                let of_log = log_softmax_gradient(isa, &log, dy, classes);
                for (index, (found, expected)) in
                    [y, log, gradient, of_log].iter().zip(&expected).enumerate()
                {
                    let error = error(found, expected);
                    let name = isa.name();
                    assert!(error < TOLERANCE, "{name} {index} {rows}x{classes}: {error}");
                }
            }
        }
        eprintln!("absent here: {:?}", Isa::absent());
    }

    #[test]
    fn large_numbers_neither_overflow_nor_vanish() {
        for isa in Isa::available() {
            let x = vec![1e4, 1e4, -1e4, f32::NEG_INFINITY];
            assert_eq!(softmax(isa, Cow::Borrowed(&x), 4), [0.5, 0.5, 0.0, 0.0]);
            let log = log_softmax(isa, Cow::Owned(x), 4);
            assert_eq!(log[2..], [-2e4 - 2f32.ln(), f32::NEG_INFINITY]);
            assert!(softmax(isa, Cow::Owned(vec![f32::NAN, 1.0]), 2).iter().all(|y| y.is_nan()));
        }
    }
}
