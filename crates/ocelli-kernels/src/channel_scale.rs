//! Channels scaled picture by picture, as squeeze-and-excitation does (Hu et al. 2018):
//!
//! ```text
//! y[n, h, w, c] = x[n, h, w, c] · scale[n, c]
//! dx = dy · scale        d scale[n, c] = Σ over h, w of dy · x
//! ```
//!
//! One pass each way: the backward pass sums while it writes `dx` over `dy`.

use std::borrow::Cow;

use crate::column_sums::{Terms, column_sums};
use crate::isa::{Isa, Simd};
use crate::pass::{Extent, Operation, Room, pass};
use crate::profile;

/// `x` with each channel of each picture scaled, and a residual added to that.
///
/// # Shapes
/// `x` and `residual`: `[pictures, pixels, channels]`; `scale`: `[pictures, channels]`. An `x` that
/// is given away becomes the result.
///
/// # Panics
/// If the lengths don't fit.
#[must_use]
pub fn scale_channels(
    isa: Isa,
    x: Cow<'_, [f32]>,
    scale: &[f32],
    channels: usize,
    residual: Option<&[f32]>,
) -> Vec<f32> {
    let extent = extent(x.len(), scale, channels);
    let tensors = 2 + usize::from(residual.is_some());
    let describe = || profile::pass("channel scale", "forward", extent, tensors);
    profile::record(describe, || {
        let mut room = Room::of(x);
        let (from, to) = room.pointers();
        match residual {
            // SAFETY: operand and result have the extent's length.
            None => unsafe { pass(isa, Scale, extent, [from], [scale], [to]) },
            Some(residual) => {
                assert_eq!(residual.len(), extent.len(), "length of the residual");
                let inputs = [from, residual.as_ptr()];
                // SAFETY: operands and result have the extent's length.
                unsafe { pass(isa, ScaleAndAdd, extent, inputs, [scale], [to]) }
            }
        }
        // SAFETY: the pass wrote all of it.
        unsafe { room.finish() }
    })
}

/// The gradients of `x`, in the memory of `dy`, and of `scale`.
///
/// # Shapes
/// `x` and `dy`: `[pictures, pixels, channels]`; `scale`: `[pictures, channels]`.
///
/// # Panics
/// If the lengths don't fit.
#[must_use]
pub fn scale_channels_gradient(
    isa: Isa,
    x: &[f32],
    scale: &[f32],
    channels: usize,
    mut dy: Vec<f32>,
) -> (Vec<f32>, Vec<f32>) {
    let extent = extent(x.len(), scale, channels);
    assert_eq!(dy.len(), x.len(), "lengths of a gradient and of what it is of");
    let to = dy.as_mut_ptr();
    let inputs = [to.cast_const(), x.as_ptr()];
    let describe = || profile::pass("channel scale", "backward", extent, 3);
    // SAFETY: all have the extent's length; the result is the memory of the first.
    let [sums] = profile::record(describe, || unsafe {
        column_sums(isa, Products, extent, inputs, [scale], to)
    });
    (dy, sums.into_iter().map(|sum| sum as f32).collect())
}

fn extent(len: usize, scale: &[f32], channels: usize) -> Extent {
    let groups = Extent::new(scale.len(), channels).rows;
    let rows = len.checked_div(scale.len()).unwrap_or(0);
    assert_eq!(rows * scale.len(), len, "activations of {groups} pictures of {channels} channels");
    Extent { groups, rows, channels }
}

#[derive(Clone, Copy)]
struct Scale;

impl Operation<1, 1, 1> for Scale {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [x]: [S::Vector; 1],
        [scale]: [S::Vector; 1],
    ) -> [S::Vector; 1] {
        [simd.mul(x, scale)]
    }
}

#[derive(Clone, Copy)]
struct ScaleAndAdd;

impl Operation<2, 1, 1> for ScaleAndAdd {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [x, residual]: [S::Vector; 2],
        [scale]: [S::Vector; 1],
    ) -> [S::Vector; 1] {
        [simd.mul_add(x, scale, residual)]
    }
}

#[derive(Clone, Copy)]
struct Products;

impl Terms<2, 1, 1> for Products {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        [dy, x]: [S::Vector; 2],
        [scale]: [S::Vector; 1],
        [sum]: [S::Vector; 1],
    ) -> ([S::Vector; 1], S::Vector) {
        ([simd.mul_add(dy, x, sum)], simd.mul(dy, scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{error, numbers, same_for_any_number_of_threads};

    /// Sums of up to 256 terms in f32, relative to the largest.
    const TOLERANCE: f64 = 2e-6;

    /// `[pictures, pixels, channels]`.
    const SIZES: [[usize; 3]; 9] = [
        [0, 4, 3],
        [2, 0, 3],
        [2, 5, 0],
        [1, 1, 1],
        [3, 49, 1],
        [2, 35, 17],
        [5, 12, 64],
        [1, 1501, 100],
        [70, 6, 130],
    ];

    #[test]
    fn every_shape_and_instruction_set_agrees_with_the_definition() {
        for isa in Isa::available() {
            eprintln!("ran {}", isa.name());
            for [pictures, pixels, channels] in SIZES {
                let length = pictures * pixels * channels;
                let (x, dy) = (numbers(length, 1), numbers(length, 2));
                let scale = numbers(pictures * channels, 3);
                let of = |index: usize| index / (pixels * channels) * channels + index % channels;
                let residual = numbers(length, 4);
                let mut expected = [vec![0.0; length], vec![0.0; length], vec![0.0; scale.len()]];
                let mut expected_sum = vec![0.0; length];
                for index in 0..length {
                    let [x, dy, scale] = [x[index], dy[index], scale[of(index)]].map(f64::from);
                    expected[0][index] = x * scale;
                    expected_sum[index] = x * scale + f64::from(residual[index]);
                    expected[1][index] = dy * scale;
                    expected[2][of(index)] += dy * x;
                }
                let scaled = |x, residual| scale_channels(isa, x, &scale, channels, residual);
                let y = scaled(Cow::Borrowed(&x), None);
                assert!(y == scaled(Cow::Owned(x.clone()), None));
                let sum = scaled(Cow::Borrowed(&x), Some(&residual));
                assert!(error(&sum, &expected_sum) < TOLERANCE, "{} with residual", isa.name());
                assert!(sum == scaled(Cow::Owned(x.clone()), Some(&residual)));
                let (dx, d_scale) = scale_channels_gradient(isa, &x, &scale, channels, dy);
                for (found, expected) in [y, dx, d_scale].iter().zip(&expected) {
                    let error = error(found, expected);
                    let name = isa.name();
                    assert!(error < TOLERANCE, "{name} {pictures}x{pixels}x{channels}: {error}");
                }
            }
        }
        eprintln!("absent here: {:?}", Isa::absent());
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (x, scale) = (numbers(3 * 4001 * 24, 1), numbers(3 * 24, 2));
        same_for_any_number_of_threads(|| {
            scale_channels_gradient(Isa::active(), &x, &scale, 24, x.clone())
        });
    }
}
