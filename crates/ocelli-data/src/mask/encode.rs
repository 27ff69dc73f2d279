//! Masks as files.

use super::{Palette, RawPixels, decode_raw};
use crate::decode::{DecodeError, DecodeOptions};
use crate::picture::Mask;

/// How a mask file says which class a pixel has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskEncoding {
    /// A gray PNG of indices: 8 bits, or 16 where the palette has indices above 255.
    #[default]
    Index,
    /// A palette PNG: the indices are the palette's, and show in its colours.
    Palette,
    /// An RGB PNG of the palette's colours.
    Color,
}

impl MaskEncoding {
    /// How a mask file says which class a pixel has.
    ///
    /// # Errors
    /// What keeps the bytes from being a picture.
    pub fn of(bytes: &[u8], options: &DecodeOptions) -> Result<Self, DecodeError> {
        Ok(match decode_raw(bytes, options)?.pixels {
            RawPixels::Gray(_) => Self::Index,
            RawPixels::Indexed { .. } => Self::Palette,
            RawPixels::Colors(_) => Self::Color,
        })
    }
}

/// Why a mask could not be written in an encoding.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A palette PNG has no index above 255.
    #[error("a palette PNG has no index above 255, found {found}; use index or color")]
    LargeIndex {
        /// The largest index of the palette.
        found: u16,
    },
    /// The encoder failed.
    #[error("the PNG could not be encoded: {0}")]
    Png(#[from] png::EncodingError),
}

/// A mask as the bytes of a PNG, in the indices or colours of the dataset's palette file.
///
/// Ignored pixels are written as [`Palette::value`] and [`Palette::color`] have them. What this
/// writes is read back as the same mask, except that colours made up for a palette file without
/// any are only for the eye.
///
/// # Errors
/// [`EncodeError`].
pub fn encode(
    mask: &Mask,
    palette: &Palette,
    encoding: MaskEncoding,
) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, mask.width(), mask.height());
    let rows = || palette.classes().iter().chain(palette.ignored());
    let largest = rows().map(|row| row.value).max().unwrap_or(0).max(palette.value(Mask::IGNORE));
    let is_wide = largest > 255;
    encoder.set_depth(png::BitDepth::Eight);
    let labels = mask.labels().iter();
    let data: Vec<u8> = match encoding {
        MaskEncoding::Color => {
            encoder.set_color(png::ColorType::Rgb);
            labels.flat_map(|&class| palette.color(class)).collect()
        }
        MaskEncoding::Palette if is_wide => {
            return Err(EncodeError::LargeIndex { found: largest });
        }
        MaskEncoding::Palette => {
            encoder.set_color(png::ColorType::Indexed);
            let mut colors = vec![0; (usize::from(largest) + 1) * 3];
            for row in rows() {
                let start = usize::from(row.value) * 3;
                colors[start..start + 3].copy_from_slice(&row.color);
            }
            encoder.set_palette(colors);
            labels.map(|&class| palette.value(class) as u8).collect()
        }
        MaskEncoding::Index => {
            encoder.set_color(png::ColorType::Grayscale);
            if is_wide {
                encoder.set_depth(png::BitDepth::Sixteen);
                labels.flat_map(|&class| palette.value(class).to_be_bytes()).collect()
            } else {
                labels.map(|&class| palette.value(class) as u8).collect()
            }
        }
    };
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&data)?;
    writer.finish()?;
    Ok(bytes)
}
