//! Sums and means over pixels for each channel: one pass over the activations, f32 within a block
//! of rows and f64 between blocks.

use crate::column_sums::{Terms, column_sums};
use crate::isa::{Isa, Simd};
use crate::memory::Output;
use crate::pass::{Extent, Operation, pass};

/// The sum of each channel over all rows: the gradient of a bias.
///
/// # Shapes
/// `x`: `[rows, channels]`; the result: `[channels]`.
///
/// # Panics
/// If the length is no multiple of the channels.
#[must_use]
pub fn channel_sums(isa: Isa, x: &[f32], channels: usize) -> Vec<f32> {
    let extent = Extent::new(x.len(), channels);
    sums(isa, x, extent).into_iter().map(|sum| sum as f32).collect()
}

/// The mean of each channel over the pixels of each picture; of no pixels, zero.
///
/// # Shapes
/// `x`: `[pictures, pixels, channels]`; the result: `[pictures, channels]`.
///
/// # Panics
/// If the length doesn't fit.
#[must_use]
pub fn global_average_pool(isa: Isa, x: &[f32], pictures: usize, channels: usize) -> Vec<f32> {
    let rows = Extent::new(x.len(), channels).rows;
    let pixels = rows.checked_div(pictures).unwrap_or(0);
    assert_eq!(pixels * pictures, rows, "pixels in {pictures} pictures of the same size");
    let sums = sums(isa, x, Extent { groups: pictures, rows: pixels, channels });
    let count = pixels.max(1) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// The gradient of the activations, given that of their mean: `dy / pixels` for each pixel.
///
/// # Shapes
/// `dy`: `[pictures, channels]`; the result: `[pictures, pixels, channels]`.
///
/// # Panics
/// If the length of `dy` is no multiple of the channels.
#[must_use]
pub fn global_average_pool_gradient(
    isa: Isa,
    dy: &[f32],
    pixels: usize,
    channels: usize,
) -> Vec<f32> {
    let groups = Extent::new(dy.len(), channels).rows;
    let extent = Extent { groups, rows: pixels, channels };
    let share: Vec<f32> = dy.iter().map(|dy| dy / pixels.max(1) as f32).collect();
    let mut dx = Output::new(extent.len());
    // SAFETY: there is room for the extent.
    unsafe { pass(isa, Spread, extent, [], [&share], [dx.as_mut_ptr()]) }
    // SAFETY: the pass wrote all of it.
    unsafe { dx.finish() }
}

fn sums(isa: Isa, x: &[f32], extent: Extent) -> Vec<f64> {
    // SAFETY: `x` has the extent's length; nothing is written.
    let [sums] = unsafe { column_sums(isa, Sum, extent, [x.as_ptr()], [], std::ptr::null_mut()) };
    sums
}

#[derive(Clone, Copy)]
struct Sum;

impl Terms<1, 0, 1> for Sum {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        [x]: [S::Vector; 1],
        []: [S::Vector; 0],
        [sum]: [S::Vector; 1],
    ) -> ([S::Vector; 1], S::Vector) {
        ([simd.add(sum, x)], x)
    }
}

#[derive(Clone, Copy)]
struct Spread;

impl Operation<0, 1, 1> for Spread {
    #[inline(always)]
    fn apply<S: Simd>(self, _: S, []: [S::Vector; 0], [share]: [S::Vector; 1]) -> [S::Vector; 1] {
        [share]
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
                let x = numbers(pictures * pixels * channels, 1);
                let mut mean = vec![0.0; pictures * channels];
                let mut sum = vec![0.0; channels];
                for (index, &x) in x.iter().enumerate() {
                    let (picture, channel) = (index / (pixels * channels), index % channels);
                    mean[picture * channels + channel] += f64::from(x) / pixels as f64;
                    sum[channel] += f64::from(x);
                }
                let dy = numbers(pictures * channels, 2);
                let dx = (0..x.len()).map(|index| {
                    let (picture, channel) = (index / (pixels * channels), index % channels);
                    f64::from(dy[picture * channels + channel]) / pixels as f64
                });
                for (what, found, expected) in [
                    ("sums", channel_sums(isa, &x, channels), sum),
                    ("mean", global_average_pool(isa, &x, pictures, channels), mean),
                    (
                        "gradient",
                        global_average_pool_gradient(isa, &dy, pixels, channels),
                        dx.collect(),
                    ),
                ] {
                    let error = error(&found, &expected);
                    let size = [pictures, pixels, channels];
                    assert!(error < TOLERANCE, "{} {what} {size:?}: {error}", isa.name());
                }
            }
        }
        eprintln!("absent here: {:?}", Isa::absent());
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let x = numbers(9001 * 24, 1);
        same_for_any_number_of_threads(|| channel_sums(Isa::active(), &x, 24));
    }
}
