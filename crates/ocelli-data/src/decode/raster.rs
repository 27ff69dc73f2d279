//! Every format but JPEG, through the `image` crate's decoders.

use std::error::Error;
use std::io::{self, Cursor};

use image::error::{ImageError, LimitErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbaImage};

use super::{DecodeError, DecodeOptions, Format, check_size, upright_size};
use crate::picture::Picture;

/// What a decoder may allocate beside pixels: palettes, colour profiles, decompression windows.
pub(crate) const OVERHEAD_BYTES: u64 = 64 << 20;

/// What a decoder may allocate for one pixel: four channels of 32-bit floating point.
const MAX_BYTES_PER_PIXEL: u64 = 16;

pub(super) fn decode(
    format: Format,
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<Picture, DecodeError> {
    let (decoder, _, orientation) = open(format, bytes, options)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| explain(format, &error))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    let pixels = if image.color().has_alpha() {
        composite(&image.into_rgba8(), options.background)
    } else {
        image.into_rgb8().into_raw()
    };
    Ok(Picture::new(width, height, pixels))
}

pub(super) fn dimensions(
    format: Format,
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<(u32, u32), DecodeError> {
    let (_, size, orientation) = open(format, bytes, options)?;
    Ok(upright_size(size, orientation))
}

pub(crate) fn open<'a>(
    format: Format,
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(impl ImageDecoder + 'a, (u32, u32), Orientation), DecodeError> {
    // A PNG decoder's own complaint about an impossible size does not name the size.
    if let (Format::Png, Some(size)) = (format, png_size(bytes)) {
        check_size(format, size, options)?;
    }
    let explain = |error| explain(format, &error);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.image_format());
    reader.limits(limits(OVERHEAD_BYTES));
    let mut decoder = reader.into_decoder().map_err(explain)?;
    let size = decoder.dimensions();
    check_size(format, size, options)?;
    let pixels = u64::from(size.0) * u64::from(size.1);
    let allowed = OVERHEAD_BYTES.saturating_add(pixels.saturating_mul(MAX_BYTES_PER_PIXEL));
    decoder.set_limits(limits(allowed)).map_err(explain)?;
    // An unreadable orientation tag says nothing about the pixels.
    let orientation = match format {
        Format::WebP if !webp_exif_is_whole(bytes) => Orientation::NoTransforms,
        _ => decoder.orientation().unwrap_or(Orientation::NoTransforms),
    };
    Ok((decoder, size, orientation))
}

fn limits(max_alloc: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(max_alloc);
    limits
}

/// Width and height from a PNG's first chunk, which stands at a fixed place.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let field = |start| bytes.get(start..start + 4)?.try_into().ok().map(u32::from_be_bytes);
    (bytes.get(12..16)? == b"IHDR").then_some((field(16)?, field(20)?))
}

/// Whether a WebP's EXIF chunk, if it has one, ends within the file.
///
/// The decoder makes room for as many bytes as the chunk claims, up to 4 GiB and whatever its
/// limits say, before it looks how many there are.
fn webp_exif_is_whole(bytes: &[u8]) -> bool {
    let mut chunks = bytes.get(12..).unwrap_or_default();
    while let Some((header, data)) = chunks.split_first_chunk::<8>() {
        let [kind @ .., s0, s1, s2, s3] = header;
        let size = u32::from_le_bytes([*s0, *s1, *s2, *s3]) as usize;
        if kind == b"EXIF" {
            return size <= data.len();
        }
        chunks = data.get(size + size % 2..).unwrap_or_default();
    }
    true
}

/// Lays a picture over a colour.
fn composite(image: &RgbaImage, background: [u8; 3]) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(image.as_raw().len() / 4 * 3);
    for &[red, green, blue, alpha] in image.as_raw().as_chunks::<4>().0 {
        let over = |front: u8, behind: u8| {
            let alpha = u32::from(alpha);
            let sum = u32::from(front) * alpha + u32::from(behind) * (255 - alpha);
            // At most 255 by construction.
            ((sum + 127) / 255) as u8
        };
        let [behind_red, behind_green, behind_blue] = background;
        pixels.extend([over(red, behind_red), over(green, behind_green), over(blue, behind_blue)]);
    }
    pixels
}

pub(crate) fn explain(format: Format, error: &ImageError) -> DecodeError {
    // The outer message repeats the format's name before the decoder's own words.
    let detail = match error {
        ImageError::Decoding(decoding) => {
            decoding.source().map_or_else(|| error.to_string(), ToString::to_string)
        }
        _ => error.to_string(),
    };
    if ends_too_early(error) {
        return DecodeError::Truncated { format, detail };
    }
    match error {
        ImageError::Unsupported(_) => {
            DecodeError::Unsupported { found: format!("a {format} of a rare kind ({detail})") }
        }
        ImageError::Limits(limit) if matches!(limit.kind(), LimitErrorKind::InsufficientMemory) => {
            DecodeError::Damaged {
                format,
                detail: "decoding it takes far more memory than its size explains".to_owned(),
            }
        }
        _ => DecodeError::Damaged { format, detail },
    }
}

/// Whether the end of the data is what the decoder stumbled over, however deep it says so.
fn ends_too_early(error: &ImageError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = match error {
        // Its `source()` is the cause of the I/O error, not the I/O error.
        ImageError::IoError(error) => Some(error),
        _ => Some(error),
    };
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::UnexpectedEof
        {
            return true;
        }
        cause = error.source();
    }
    false
}
