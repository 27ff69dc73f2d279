//! JPEG, straight into the final RGB buffer.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use zune_core::bytestream::{ZByteIoError, ZCursor};
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::{DecodeError, DecodeOptions, Format, Part, baseline, check_size, upright_size};
use crate::picture::Picture;

const FORMAT: Format = Format::Jpeg;

/// Decodes a picture, or a `part` of it.
pub(super) fn decode(
    bytes: &[u8],
    options: &DecodeOptions,
    part: Option<&Part>,
) -> Result<Picture, DecodeError> {
    let plain = with_plain_rgb(bytes);
    let bytes = plain.as_deref().unwrap_or(bytes);
    let (mut decoder, header) = open(bytes, options)?;
    // Positions in the upright picture are those in the file only where nothing is turned.
    let is_upright = header.orientation == Orientation::NoTransforms;
    let stored = match part {
        Some(part) if is_upright => part.clone(),
        _ => Part::whole([header.height, header.width]),
    };
    let size = [header.height as usize, header.width as usize];
    if let Some(pixels) = baseline::decode(bytes, size, &stored) {
        let (width, height) = (stored.columns.len() as u32, stored.rows.len() as u32);
        let picture = upright(Picture::new(width, height, pixels), header.orientation);
        return Ok(match part {
            Some(part) if !is_upright => part.cut_out(&picture),
            _ => picture,
        });
    }
    let mut pixels = vec![0; header.width as usize * header.height as usize * 3];
    decoder.decode_into(&mut pixels).map_err(|error| explain(error, bytes))?;
    // The decoder notices missing data when it begins a row of blocks, so not in the last row.
    if !has_end_marker(bytes) {
        return Err(truncated("the end-of-image marker is missing"));
    }
    let picture = upright(Picture::new(header.width, header.height, pixels), header.orientation);
    Ok(match part {
        Some(part) => part.cut_out(&picture),
        None => picture,
    })
}

pub(super) fn dimensions(bytes: &[u8], options: &DecodeOptions) -> Result<(u32, u32), DecodeError> {
    let plain = with_plain_rgb(bytes);
    let (_, header) = open(plain.as_deref().unwrap_or(bytes), options)?;
    Ok(upright_size((header.width, header.height), header.orientation))
}

struct Header {
    width: u32,
    height: u32,
    orientation: Orientation,
}

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Decoder<'a>, Header), DecodeError> {
    let settings = DecoderOptions::default()
        // Not strict, missing data would come out as gray blocks.
        .set_strict_mode(true)
        // Our own limit is on pixels; a panorama of 30000x500 is fine.
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), settings);
    decoder.decode_headers().map_err(|error| explain(error, bytes))?;
    let Some(info) = decoder.info() else {
        return Err(DecodeError::Damaged { format: FORMAT, detail: "no frame header".to_owned() });
    };
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    check_size(FORMAT, (width, height), options)?;
    let orientation = info
        .exif_data
        .as_deref()
        .and_then(Orientation::from_exif_chunk)
        .unwrap_or(Orientation::NoTransforms);
    Ok((decoder, Header { width, height, orientation }))
}

fn upright(picture: Picture, orientation: Orientation) -> Picture {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    let (width, height) = (picture.width(), picture.height());
    let Some(buffer) = RgbImage::from_raw(width, height, picture.into_pixels()) else {
        unreachable!("a picture's buffer has its picture's size")
    };
    let mut image = DynamicImage::ImageRgb8(buffer);
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    Picture::new(width, height, image.into_rgb8().into_raw())
}

/// Whether an end-of-image marker stands anywhere after the first scan begins.
///
/// It need not be at the very end: phones append videos and depth maps. It can't be mistaken for
/// pixel data, in which the byte 0xff is always followed by 0x00 or a restart marker.
fn has_end_marker(bytes: &[u8]) -> bool {
    let scan = segments(bytes).find(|segment| segment.marker == START_OF_SCAN);
    let data = scan.map_or(&[][..], |segment| &bytes[segment.start..]);
    data.windows(2).rev().any(|pair| pair == [0xff, 0xd9])
}

const START_OF_SCAN: u8 = 0xda;
const ADOBE: u8 = 0xee;

/// A header segment: its marker, and where what follows the length lies.
struct Segment {
    marker: u8,
    start: usize,
    end: usize,
}

/// The header's segments up to and with the first start of scan. Walked, not searched for: a
/// thumbnail inside the EXIF segment has markers of its own.
fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment> + '_ {
    let mut position = 2;
    std::iter::from_fn(move || {
        loop {
            match *bytes.get(position..position + 4)? {
                [0xff, 0x01 | 0xd0..=0xd8, ..] => position += 2,
                [0xff, marker, high, low] if marker != 0xff && marker != 0 => {
                    let start = position + 4;
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    let end = (position + 2 + length).clamp(start, bytes.len());
                    // Nothing that follows a scan's header is a header.
                    position = if marker == START_OF_SCAN { bytes.len() } else { end };
                    return Some(Segment { marker, start, end });
                }
                // Fill bytes before a marker.
                _ => position += 1,
            }
        }
    })
}

/// Rewrites a JPEG whose Adobe segment says that its three components are RGB, not YCbCr.
///
/// The decoder takes Adobe's "no transform" for CMYK whatever the number of components, but does
/// know components that call themselves R, G, B. Such files are rare, so the copy costs little.
fn with_plain_rgb(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut adobe = None;
    let mut frame = None;
    for segment in segments(bytes) {
        let data = &bytes[segment.start..segment.end];
        match segment.marker {
            ADOBE if data.starts_with(b"Adobe") && data.get(11) == Some(&0) => {
                adobe = Some(segment.start);
            }
            // Frame header: precision, height, width, then the components of 3 bytes each.
            0xc0..=0xc2 if data.get(5) == Some(&3) && data.len() >= 15 => {
                frame = Some(segment.start + 6);
            }
            // Scan header: a count, then the components of 2 bytes each.
            START_OF_SCAN if data.first() == Some(&3) && data.len() >= 7 => {
                let (adobe, frame, scan) = (adobe?, frame?, segment.start + 1);
                let mut copy = bytes.to_vec();
                copy[adobe] = b'a';
                for (number, name) in b"RGB".iter().enumerate() {
                    copy[frame + 3 * number] = *name;
                    copy[scan + 2 * number] = *name;
                }
                return Some(copy);
            }
            _ => {}
        }
    }
    None
}

fn truncated(detail: &str) -> DecodeError {
    DecodeError::Truncated { format: FORMAT, detail: detail.to_owned() }
}

fn explain(error: DecodeErrors, bytes: &[u8]) -> DecodeError {
    let detail = match error {
        DecodeErrors::ZeroError => {
            return DecodeError::ZeroSize { format: FORMAT, width: 0, height: 0 };
        }
        DecodeErrors::Unsupported(scheme) => {
            return DecodeError::Unsupported {
                found: format!("a JPEG of a rare kind ({scheme:?})"),
            };
        }
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(ZByteIoError::NotEnoughBytes(..)) => {
            return truncated("more bytes were expected");
        }
        DecodeErrors::Format(text)
        | DecodeErrors::HuffmanDecode(text)
        | DecodeErrors::DqtError(text)
        | DecodeErrors::SosError(text)
        | DecodeErrors::SofError(text)
        | DecodeErrors::MCUError(text) => text,
        DecodeErrors::FormatStatic(text) => text.to_owned(),
        other => other.to_string(),
    };
    // A decoder that runs off the end reports whatever it stumbled over.
    if !has_end_marker(bytes) {
        return truncated("the end-of-image marker is missing");
    }
    DecodeError::Damaged { format: FORMAT, detail: detail.trim().to_owned() }
}
