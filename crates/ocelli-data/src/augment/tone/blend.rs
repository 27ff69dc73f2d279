//! Mixtures of a picture with something plainer, as Pillow's `ImageEnhance` makes them.

use super::table::Table;
use crate::picture::Picture;

/// Luma of ITU-R 601 in 16-bit fixed point, rounded: Pillow's `convert("L")`.
pub(super) fn gray([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471;
    ((sum + 0x8000) >> 16) as u8
}

/// `plain + factor · (value - plain)` in single precision, cut off: Pillow's `blend`.
#[inline]
pub(super) fn mix(plain: u8, value: u8, factor: f32) -> u8 {
    let (plain, value) = (i16::from(plain), i16::from(value));
    // The conversion saturates, which is the clipping that factors above 1 need.
    (f32::from(plain) + factor * f32::from(value - plain)) as u8
}

/// All 256 results of mixing with one plain value.
fn mixtures(plain: u8, factor: f64) -> Table {
    Table::new(|value| mix(plain, value, factor as f32))
}

pub(super) fn brightness(picture: &mut Picture, factor: f64) {
    mixtures(0, factor).apply(picture);
}

pub(super) fn contrast(picture: &mut Picture, factor: f64) {
    let (colors, _) = picture.pixels().as_chunks::<3>();
    let sum: u64 = colors.iter().map(|&color| u64::from(gray(color))).sum();
    let mean = (sum as f64 / colors.len().max(1) as f64 + 0.5) as u8;
    mixtures(mean, factor).apply(picture);
}

pub(super) fn saturation(picture: &mut Picture, factor: f64) {
    let factor = factor as f32;
    let (colors, _) = picture.pixels_mut().as_chunks_mut::<3>();
    for color in colors {
        let gray = gray(*color);
        *color = color.map(|value| mix(gray, value, factor));
    }
}

pub(super) fn grayscale(picture: &mut Picture) {
    let (colors, _) = picture.pixels_mut().as_chunks_mut::<3>();
    colors.iter_mut().for_each(|color| *color = [gray(*color); 3]);
}
