//! From a file's bytes to an upright RGB picture.
//!
//! The format is told from the bytes, never from the file's name: a PNG called `.jpg` is
//! common in scraped data. JPEG, the format of nearly every photograph, has a road of its own
//! (`jpeg`) that decodes straight into the final buffer; the rest goes through `raster`.
//!
//! Decoding is strict. A truncated or damaged file is an error, not a picture whose lower half
//! is gray: a network would learn the gray. A picture's size is read from its header and held
//! against [`DecodeOptions::max_pixels`] before any memory is reserved for it.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;

use crate::picture::Picture;

mod baseline;
mod jpeg;
mod kind;
pub(crate) mod raster;
#[cfg(test)]
mod tests;

pub use kind::Format;

/// What decoding may cost, and what shows through transparent pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// A picture with more pixels than this is refused before anything is allocated for it.
    pub max_pixels: u64,
    /// The colour behind transparent pixels.
    pub background: [u8; 3],
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, background: [255; 3] }
    }
}

/// Why bytes could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes begin like no picture that we know.
    #[error("no picture: it begins with {found}; expected {}", Format::NAMES)]
    NotAPicture {
        /// The first bytes, made readable.
        found: String,
    },
    /// A picture of a kind that we do not decode.
    #[error("{found} cannot be decoded; convert it to one of {}", Format::NAMES)]
    Unsupported {
        /// What it is, as a noun phrase.
        found: String,
    },
    /// The header claims a picture without pixels.
    #[error("a {format} of {width}x{height} pixels has nothing in it")]
    ZeroSize {
        /// The format.
        format: Format,
        /// Claimed width in pixels.
        width: u32,
        /// Claimed height in pixels.
        height: u32,
    },
    /// The header claims more pixels than allowed. Nothing was allocated for them.
    #[error(
        "the {format} claims {width}x{height} pixels, more than the limit of {max_pixels}; \
         shrink it, or raise the limit if it is meant to be that large"
    )]
    TooLarge {
        /// The format.
        format: Format,
        /// Claimed width in pixels.
        width: u32,
        /// Claimed height in pixels.
        height: u32,
        /// [`DecodeOptions::max_pixels`].
        max_pixels: u64,
    },
    /// The data ends before the picture does.
    #[error("the {format} is truncated: its data ends before the picture does ({detail})")]
    Truncated {
        /// The format.
        format: Format,
        /// What the decoder missed.
        detail: String,
    },
    /// The data contradicts itself or its checksum.
    #[error("the {format} is damaged: {detail}")]
    Damaged {
        /// The format.
        format: Format,
        /// What the decoder objected to.
        detail: String,
    },
    /// The decoder itself failed on these bytes.
    #[error("the {format} made its decoder fail ({detail}); most likely it is damaged")]
    DecoderPanicked {
        /// The format.
        format: Format,
        /// The decoder's last words.
        detail: String,
    },
}

/// Decodes a picture of any supported [`Format`]: upright, RGB, 8 bits a channel.
///
/// The EXIF orientation is applied. Gray is repeated into three channels, 16-bit values are
/// scaled to 8 bits (not clipped), CMYK is converted the way Pillow does, transparent pixels are
/// laid over [`DecodeOptions::background`], and of an animation the first frame is taken.
///
/// # Errors
/// [`DecodeError`] says what is wrong with the bytes.
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Picture, DecodeError> {
    let format = Format::of(bytes)?;
    guarded(format, || match format {
        Format::Jpeg => jpeg::decode(bytes, options, None),
        _ => raster::decode(format, bytes, options),
    })
}

/// A rectangle of an upright picture, in pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The columns.
    pub columns: Range<usize>,
    /// The rows.
    pub rows: Range<usize>,
}

impl Part {
    /// All of a picture of `[height, width]`.
    #[must_use]
    pub fn whole([height, width]: [u32; 2]) -> Self {
        Self { columns: 0..width as usize, rows: 0..height as usize }
    }

    pub(crate) fn cut_out(&self, picture: &Picture) -> Picture {
        let row_values = picture.width() as usize * 3;
        let values = self.columns.start * 3..self.columns.end * 3;
        let rows = picture.pixels().chunks_exact(row_values.max(1));
        let rows = rows.skip(self.rows.start).take(self.rows.len());
        let pixels: Vec<u8> = rows.flat_map(|row| &row[values.clone()]).copied().collect();
        Picture::new(self.columns.len() as u32, self.rows.len() as u32, pixels)
    }
}

/// Decodes the part of a picture that `choose` picks, given the upright `[height, width]`: the
/// very pixels that [`decode()`] gives there, in less time where the format allows.
///
/// Damage outside of the part is noticed where the whole picture is decoded, and in the
/// entropy-coded data of a JPEG; so the outcome is that of [`decode()`].
///
/// # Errors
/// As [`decode()`].
///
/// # Panics
/// If the part is empty or not inside the picture.
pub fn decode_part(
    bytes: &[u8],
    options: &DecodeOptions,
    choose: impl FnOnce([u32; 2]) -> Part,
) -> Result<Picture, DecodeError> {
    let format = Format::of(bytes)?;
    if format == Format::Jpeg {
        let (width, height) = guarded(format, || jpeg::dimensions(bytes, options))?;
        let part = choose([height, width]);
        check_part(&part, [height, width]);
        return guarded(format, || jpeg::decode(bytes, options, Some(&part)));
    }
    let picture = guarded(format, || raster::decode(format, bytes, options))?;
    let size = [picture.height(), picture.width()];
    let part = choose(size);
    check_part(&part, size);
    Ok(if part == Part::whole(size) { picture } else { part.cut_out(&picture) })
}

fn check_part(part: &Part, [height, width]: [u32; 2]) {
    let inside = part.columns.end <= width as usize && part.rows.end <= height as usize;
    assert!(
        inside && !part.columns.is_empty() && !part.rows.is_empty(),
        "{part:?} is empty or outside of a picture of {width}x{height}"
    );
}

/// The upright width and height in pixels, from the header alone.
///
/// # Errors
/// As [`decode()`], as far as the header shows it; damage further on is not noticed.
pub fn dimensions(bytes: &[u8], options: &DecodeOptions) -> Result<(u32, u32), DecodeError> {
    let format = Format::of(bytes)?;
    guarded(format, || match format {
        Format::Jpeg => jpeg::dimensions(bytes, options),
        _ => raster::dimensions(format, bytes, options),
    })
}

/// Runs a decoder and turns its panic into an error.
///
/// The decoders are libraries fed with whatever a download left on the disk, and a fuzzer finds a
/// panic in such a library every few months. One damaged file among a million must not end a
/// training run of a week.
pub(crate) fn guarded<T>(
    format: Format,
    decode: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    // Unwind safe: what the closure borrows is shared and immutable, what it owns is dropped.
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let detail = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(DecodeError::DecoderPanicked { format, detail })
    })
}

/// Refuses sizes that are empty or beyond the limit.
pub(crate) fn check_size(
    format: Format,
    (width, height): (u32, u32),
    options: &DecodeOptions,
) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::ZeroSize { format, width, height });
    }
    if u64::from(width) * u64::from(height) > options.max_pixels {
        let max_pixels = options.max_pixels;
        return Err(DecodeError::TooLarge { format, width, height, max_pixels });
    }
    Ok(())
}

/// The size that a picture has once its orientation is applied.
pub(crate) fn upright_size((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    }
}
