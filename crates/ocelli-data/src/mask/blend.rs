//! Masks for the eye.

use super::Palette;
use crate::picture::{Mask, Picture};

/// The mask in the palette's colours; ignored pixels as [`Palette::color`] has them.
#[must_use]
pub fn color_picture(mask: &Mask, palette: &Palette) -> Picture {
    let pixels = mask.labels().iter().flat_map(|&class| palette.color(class)).collect();
    Picture::new(mask.width(), mask.height(), pixels)
}

/// The picture with the mask's colours over it, `opacity` of 1 (0: the picture alone). Where the
/// mask is ignored the picture is left as it is.
///
/// # Panics
/// If picture and mask differ in size.
#[must_use]
pub fn overlay(picture: &Picture, mask: &Mask, palette: &Palette, opacity: f32) -> Picture {
    let (size, other) = ((picture.width(), picture.height()), (mask.width(), mask.height()));
    assert!(size == other, "the mask is {other:?}, its picture {size:?}");
    let opacity = opacity.clamp(0.0, 1.0);
    let mut blended = picture.clone();
    let pixels = blended.pixels_mut().as_chunks_mut::<3>().0;
    for (pixel, &class) in pixels.iter_mut().zip(mask.labels()) {
        if class == Mask::IGNORE {
            continue;
        }
        for (value, over) in pixel.iter_mut().zip(palette.color(class)) {
            let mixed = f32::from(*value) * (1.0 - opacity) + f32::from(over) * opacity;
            *value = mixed.round() as u8;
        }
    }
    blended
}
