//! Masks: what their files hold, which classes that stands for, and how they are written and
//! shown.
//!
//! A mask file says the class of every pixel either by an index (gray values of 8 or 16 bits, or
//! the indices of a palette PNG) or by a colour. A [`Palette`] says which classes there are, and
//! which indices and colours stand for them. Values are taken as they stand in the file: no gamma,
//! no colour profile and no interpolation may come between a pixel and its class.
//!
//! A picture is turned upright by its EXIF orientation, and so is a mask by its own, where it has
//! one. A mask that was drawn over the upright picture, as every annotation tool shows it, needs
//! none.

mod blend;
mod classify;
mod encode;
mod error;
mod palette;
mod raw;
mod spot_check;
#[cfg(test)]
mod tests;

pub use blend::{color_picture, overlay};
pub use encode::{EncodeError, MaskEncoding, encode};
pub use error::{MaskFault, Strange, StrangeValue};
pub use palette::{Palette, PaletteClass, PaletteError, PaletteOptions};
pub use spot_check::{SpotCheck, spot_check};

use crate::decode::DecodeOptions;
use crate::picture::Mask;

pub(crate) use classify::{Reading, read};
pub(crate) use palette::{MAX_CLASSES, is_palette};
pub(crate) use raw::{Raw, RawPixels, decode_raw};

/// Decodes a mask from a file's bytes: the class of every pixel, upright.
///
/// # Errors
/// [`MaskFault`] where the bytes are no picture, or have pixels without a class.
pub fn decode(bytes: &[u8], palette: &Palette, options: &DecodeOptions) -> Result<Mask, MaskFault> {
    let reading = read(&decode_raw(bytes, options)?, palette);
    match reading.strange {
        None => Ok(reading.mask),
        Some(strange) => Err(MaskFault::Strange(strange.into())),
    }
}
