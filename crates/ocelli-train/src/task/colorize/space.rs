//! Numbers that stand for colours: what a network is given, what it answers, and back.
//!
//! Lab: it is given L / 50 - 1 and answers a / 110 and b / 110, numbers within -1 and 1 for all
//! colours of sRGB but a few blues. RGB: it is given 2 Y - 1, with the luma Y of ITU-R BT.601, and
//! answers 2 R - 1, 2 G - 1, 2 B - 1.

use ocelli_data::Picture;
use ocelli_data::color::{lab_from_rgb8, rgb8_from_lab};
use rayon::prelude::*;

use crate::recipe::ColorSpace;

/// What a and b are divided by.
const AB_SCALE: f32 = 110.0;
/// Half of the largest lightness.
const HALF_LIGHTNESS: f32 = 50.0;
/// Shares of red, green and blue in the luma of ITU-R BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Inputs, `[n, h, w, channels]`, and targets, `[n, h, w, outputs]`, of pictures `[n, h, w, 3]` with
/// values from 0 to 1; `pixels` is h w.
pub(super) fn pairs(
    images: &[f32],
    pixels: usize,
    space: ColorSpace,
    channels: usize,
) -> (Vec<f32>, Vec<f32>) {
    let parts: Vec<(Vec<f32>, Vec<f32>)> = images
        .par_chunks(pixels.max(1) * 3)
        .map(|image| match space {
            ColorSpace::Lab => {
                let lab = lab_from_rgb8(&bytes(image));
                let (lab, _) = lab.as_chunks::<3>();
                let gray = lab.iter().map(|lab| lab[0] / HALF_LIGHTNESS - 1.0);
                let colors = lab.iter().flat_map(|lab| [lab[1] / AB_SCALE, lab[2] / AB_SCALE]);
                (repeated(gray, channels), colors.collect())
            }
            ColorSpace::Rgb => {
                let (rgb, _) = image.as_chunks::<3>();
                let gray = rgb.iter().map(|rgb| 2.0 * luma(*rgb) - 1.0);
                (repeated(gray, channels), image.iter().map(|value| 2.0 * value - 1.0).collect())
            }
        })
        .collect();
    let (inputs, targets): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    (inputs.concat(), targets.concat())
}

/// What a network is given of a picture `[h, w, 3]` with values from 0 to 1: `[h, w, channels]`.
#[must_use]
pub fn network_input(image: &[f32], space: ColorSpace, channels: usize) -> Vec<f32> {
    pairs(image, image.len() / 3, space, channels).0
}

/// The picture in the colours of a network's `answer`, `[h, w, outputs]` of its size. In Lab its
/// lightness stays.
///
/// # Panics
/// If the answer is one for another size.
#[must_use]
pub fn colorized(picture: &Picture, answer: &[f32], space: ColorSpace) -> Picture {
    let pixels = picture.pixels().len() / 3;
    let (found, expected) = (answer.len(), pixels * space.outputs());
    assert_eq!(found, expected, "found {found} values, expected {expected}");
    let colors = match space {
        ColorSpace::Lab => {
            let mut lab = lab_from_rgb8(picture.pixels());
            let (lab_pixels, _) = lab.as_chunks_mut::<3>();
            for (lab, ab) in lab_pixels.iter_mut().zip(answer.as_chunks::<2>().0) {
                lab[1] = ab[0] * AB_SCALE;
                lab[2] = ab[1] * AB_SCALE;
            }
            rgb8_from_lab(&lab)
        }
        ColorSpace::Rgb => answer.iter().map(|value| byte((value + 1.0) / 2.0)).collect(),
    };
    Picture::new(picture.width(), picture.height(), colors)
}

/// The picture, as a network is given it: gray.
#[must_use]
pub fn gray(picture: &Picture, space: ColorSpace) -> Picture {
    let pixels = match space {
        ColorSpace::Lab => {
            let mut lab = lab_from_rgb8(picture.pixels());
            lab.as_chunks_mut::<3>().0.iter_mut().for_each(|lab| (lab[1], lab[2]) = (0.0, 0.0));
            rgb8_from_lab(&lab)
        }
        ColorSpace::Rgb => {
            let (rgb, _) = picture.pixels().as_chunks::<3>();
            rgb.iter().flat_map(|rgb| [byte(luma(rgb.map(f32::from)) / 255.0); 3]).collect()
        }
    };
    Picture::new(picture.width(), picture.height(), pixels)
}

/// A picture of `[height, width]` of values from 0 to 1.
pub(super) fn picture([height, width]: [usize; 2], values: &[f32]) -> Picture {
    Picture::new(width as u32, height as u32, bytes(values))
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().map(|&value| byte(value)).collect()
}

/// The cast saturates, and makes 0 of what is no number.
fn byte(share: f32) -> u8 {
    (share * 255.0).round() as u8
}

fn luma(rgb: [f32; 3]) -> f32 {
    rgb.iter().zip(LUMA).map(|(value, share)| value * share).sum()
}

fn repeated(gray: impl Iterator<Item = f32>, channels: usize) -> Vec<f32> {
    gray.flat_map(|value| std::iter::repeat_n(value, channels)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture_of_all_kinds() -> Picture {
        let pixels = (0..6 * 5 * 3).map(|at| (at * 37 % 256) as u8).collect();
        Picture::new(6, 5, pixels)
    }

    #[test]
    fn a_perfect_answer_gives_the_picture_back() {
        let picture = picture_of_all_kinds();
        let shares: Vec<f32> = picture.pixels().iter().map(|&v| f32::from(v) / 255.0).collect();
        for (space, channels) in [(ColorSpace::Lab, 1), (ColorSpace::Rgb, 3)] {
            let (inputs, targets) = pairs(&shares, 30, space, channels);
            assert_eq!(inputs.len(), 30 * channels);
            assert!(inputs.iter().all(|value| (-1.0..=1.0).contains(value)), "{space:?}");
            assert_eq!(colorized(&picture, &targets, space), picture, "{space:?}");
        }
    }

    #[test]
    fn lightness_stays_whatever_the_colors_are() {
        let picture = picture_of_all_kinds();
        let gray = gray(&picture, ColorSpace::Lab);
        assert_eq!(colorized(&picture, &[0.0; 60], ColorSpace::Lab), gray);
        // Gray again, to the last bit: what a gray picture is colorized from.
        assert_eq!(super::gray(&gray, ColorSpace::Lab), gray);
        assert!(gray.pixels().as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b));
    }

    #[test]
    fn an_answer_that_is_no_number_or_far_off_is_still_a_picture() {
        let picture = picture_of_all_kinds();
        for value in [f32::NAN, f32::INFINITY, -1e30, 1e30] {
            let _ = colorized(&picture, &[value; 60], ColorSpace::Lab);
            let _ = colorized(&picture, &[value; 90], ColorSpace::Rgb);
        }
    }
}
