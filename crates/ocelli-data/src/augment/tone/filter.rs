//! Changes that look at a pixel's neighbours.

use super::blend::mix;
use crate::picture::Picture;

/// Mixes with the picture smoothed by Pillow's `SMOOTH` filter, which leaves the outermost
/// pixels as they are.
pub(super) fn sharpness(picture: &mut Picture, factor: f64) {
    const CENTER: f32 = 5.0 / 13.0;
    const AROUND: f32 = 1.0 / 13.0;
    let factor = factor as f32;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width < 3 || height < 3 {
        return;
    }
    let source = picture.pixels().to_vec();
    let stride = width * 3;
    let output = picture.pixels_mut();
    for row in 1..height - 1 {
        let [above, here, below] =
            [row - 1, row, row + 1].map(|row| &source[row * stride..][..stride]);
        let target = &mut output[row * stride..][..stride];
        for at in 3..stride - 3 {
            let sides = |row: &[u8], center: f32| {
                f32::from(row[at - 3]) * AROUND
                    + f32::from(row[at]) * center
                    + f32::from(row[at + 3]) * AROUND
            };
            // The order of the additions is Pillow's, from the row below upwards.
            let sum = 0.5 + sides(below, AROUND) + sides(here, CENTER) + sides(above, AROUND);
            target[at] = mix(sum as u8, here[at], factor);
        }
    }
}

/// A Gaussian sampled at whole pixels, its sum 1.
fn gaussian(length: u32, sigma: f64) -> Vec<f32> {
    let half = f64::from(length - 1) / 2.0;
    let weights: Vec<f64> =
        (0..length).map(|at| (-0.5 * ((f64::from(at) - half) / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Where position `at` of a side of `length` is read: mirrored at the outermost pixels, as often
/// as a small side needs.
fn mirrored(at: i64, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length as i64 - 1);
    let at = at.rem_euclid(period);
    at.min(period - at) as usize
}

/// Separable: along the columns into numbers, then along the rows. One row of numbers is kept at
/// a time, so the cost in memory is two rows.
pub(super) fn blur(picture: &mut Picture, [kernel_height, kernel_width]: [u32; 2], sigma: f64) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (down, across) =
        (gaussian(kernel_height.max(1), sigma), gaussian(kernel_width.max(1), sigma));
    let (above, before) = ((down.len() / 2) as i64, across.len() / 2);
    let source = picture.pixels().to_vec();
    let stride = width * 3;
    // A row of sums, with mirrored margins so that the second pass needs no case distinction.
    let mut sums = vec![0.0f32; (width + 2 * before) * 3];
    let mut blurred = vec![0.0f32; stride];
    for (row, target) in picture.pixels_mut().chunks_exact_mut(stride).enumerate() {
        let middle = &mut sums[before * 3..][..stride];
        middle.fill(0.0);
        for (at, &weight) in down.iter().enumerate() {
            let from = mirrored(row as i64 + at as i64 - above, height);
            for (sum, &value) in middle.iter_mut().zip(&source[from * stride..][..stride]) {
                *sum += weight * f32::from(value);
            }
        }
        for margin in (0..before).chain(before + width..width + 2 * before) {
            let from = before + mirrored(margin as i64 - before as i64, width);
            sums.copy_within(from * 3..from * 3 + 3, margin * 3);
        }
        blurred.fill(0.0);
        for (at, &weight) in across.iter().enumerate() {
            for (sum, &value) in blurred.iter_mut().zip(&sums[at * 3..][..stride]) {
                *sum += weight * value;
            }
        }
        for (value, &sum) in target.iter_mut().zip(&blurred) {
            *value = sum.round_ties_even() as u8;
        }
    }
    debug_assert_eq!(height * stride, source.len());
}
