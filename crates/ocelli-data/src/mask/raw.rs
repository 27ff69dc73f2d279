//! A mask file's values, as they stand in the file.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder};

use crate::decode::{self, DecodeError, DecodeOptions, Format, check_size, guarded, raster};

/// What a mask file holds, upright, before its meaning is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) format: Format,
    pub(crate) pixels: RawPixels,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RawPixels {
    /// Gray values `[height, width]`, unscaled: white in a file of one bit is 1.
    Gray(Vec<u16>),
    /// Indices `[height, width]` into the file's own list of colours.
    Indexed { indices: Vec<u16>, colors: Vec<[u8; 3]> },
    /// Colours `[height, width]`, without transparency.
    Colors(Vec<[u8; 3]>),
}

/// Decodes a mask of any format, without converting its values.
pub(crate) fn decode_raw(bytes: &[u8], options: &DecodeOptions) -> Result<Raw, DecodeError> {
    let format = Format::of(bytes)?;
    guarded(format, || match format {
        Format::Png => decode_png(bytes, options),
        _ => decode_other(format, bytes, options),
    })
}

/// PNG by its own decoder: all others turn palette indices into colours, and scale few bits up.
fn decode_png(bytes: &[u8], options: &DecodeOptions) -> Result<Raw, DecodeError> {
    // Finds impossible sizes before anything is allocated, as for pictures.
    decode::dimensions(bytes, options)?;
    let explain = |error: png::DecodingError| {
        let detail = error.to_string();
        match error {
            png::DecodingError::IoError(reason)
                if reason.kind() == std::io::ErrorKind::UnexpectedEof =>
            {
                DecodeError::Truncated { format: Format::Png, detail }
            }
            _ => DecodeError::Damaged { format: Format::Png, detail },
        }
    };
    let allowed = options.max_pixels.saturating_mul(8).saturating_add(raster::OVERHEAD_BYTES);
    let limits = png::Limits { bytes: usize::try_from(allowed).unwrap_or(usize::MAX) };
    let mut reader =
        png::Decoder::new_with_limits(Cursor::new(bytes), limits).read_info().map_err(explain)?;
    let (width, height) = reader.info().size();
    check_size(Format::Png, (width, height), options)?;
    let Some(length) = reader.output_buffer_size() else {
        return Err(DecodeError::Damaged { format: Format::Png, detail: "its size".to_owned() });
    };
    let mut packed = vec![0; length];
    let frame = reader.next_frame(&mut packed).map_err(explain)?;
    reader.finish().map_err(explain)?;
    let info = reader.info();
    let values = unpack(&packed, frame.line_size, frame.bit_depth, width, frame.color_type);
    let pixels = match frame.color_type {
        png::ColorType::Grayscale => RawPixels::Gray(values),
        png::ColorType::GrayscaleAlpha => RawPixels::Gray(values.into_iter().step_by(2).collect()),
        png::ColorType::Indexed => {
            let list = info.palette.as_deref().unwrap_or_default();
            RawPixels::Indexed { indices: values, colors: list.as_chunks::<3>().0.to_vec() }
        }
        color @ (png::ColorType::Rgb | png::ColorType::Rgba) => {
            let high = frame.bit_depth == png::BitDepth::Sixteen;
            let byte = |value: u16| if high { (value >> 8) as u8 } else { value as u8 };
            let of = |pixel: &[u16]| [byte(pixel[0]), byte(pixel[1]), byte(pixel[2])];
            RawPixels::Colors(values.chunks_exact(color.samples()).map(of).collect())
        }
    };
    let orientation = info.exif_metadata.as_deref().and_then(Orientation::from_exif_chunk);
    Ok(upright(Raw { width, height, format: Format::Png, pixels }, orientation))
}

/// Every sample of the rows as a number of its own, unscaled.
fn unpack(
    packed: &[u8],
    line: usize,
    depth: png::BitDepth,
    width: u32,
    color: png::ColorType,
) -> Vec<u16> {
    let per_row = width as usize * color.samples();
    let mut values = Vec::with_capacity(packed.len() / line.max(1) * per_row);
    for row in packed.chunks_exact(line.max(1)) {
        match depth {
            png::BitDepth::Eight => values.extend(row.iter().map(|&byte| u16::from(byte))),
            png::BitDepth::Sixteen => {
                values.extend(row.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)));
            }
            few => {
                let bits = few as usize;
                let mask = (1u16 << bits) - 1;
                let sample = |at: usize| {
                    let shift = 8 - bits - at * bits % 8;
                    (u16::from(row[at * bits / 8]) >> shift) & mask
                };
                values.extend((0..per_row).map(sample));
            }
        }
    }
    values
}

fn decode_other(format: Format, bytes: &[u8], options: &DecodeOptions) -> Result<Raw, DecodeError> {
    let (decoder, (width, height), orientation) = raster::open(format, bytes, options)?;
    let kind = decoder.color_type();
    let image =
        DynamicImage::from_decoder(decoder).map_err(|error| raster::explain(format, &error))?;
    let gray = |values: Vec<u8>, step: usize| {
        RawPixels::Gray(values.into_iter().step_by(step).map(u16::from).collect())
    };
    let pixels = match image {
        DynamicImage::ImageLuma8(image) => gray(image.into_raw(), 1),
        DynamicImage::ImageLumaA8(image) => gray(image.into_raw(), 2),
        DynamicImage::ImageLuma16(image) => RawPixels::Gray(image.into_raw()),
        DynamicImage::ImageLumaA16(image) => {
            RawPixels::Gray(image.into_raw().into_iter().step_by(2).collect())
        }
        DynamicImage::ImageRgb8(image) => {
            RawPixels::Colors(image.into_raw().as_chunks::<3>().0.to_vec())
        }
        DynamicImage::ImageRgba8(image) => RawPixels::Colors(
            image.into_raw().as_chunks::<4>().0.iter().map(|&[r, g, b, _]| [r, g, b]).collect(),
        ),
        _ => {
            let found = format!("a {format} of {kind:?} pixels as a mask");
            return Err(DecodeError::Unsupported { found });
        }
    };
    Ok(upright(Raw { width, height, format, pixels }, Some(orientation)))
}

/// Turns a mask as its own EXIF orientation says.
fn upright(raw: Raw, orientation: Option<Orientation>) -> Raw {
    let Some(orientation) = orientation.filter(|&it| it != Orientation::NoTransforms) else {
        return raw;
    };
    let size = (raw.width, raw.height);
    let (width, height) = decode::upright_size(size, orientation);
    let pixels = match raw.pixels {
        RawPixels::Gray(values) => RawPixels::Gray(turned(&values, size, orientation)),
        RawPixels::Indexed { indices, colors } => {
            RawPixels::Indexed { indices: turned(&indices, size, orientation), colors }
        }
        RawPixels::Colors(values) => RawPixels::Colors(turned(&values, size, orientation)),
    };
    Raw { width, height, pixels, ..raw }
}

fn turned<T: Copy>(values: &[T], size: (u32, u32), orientation: Orientation) -> Vec<T> {
    let (width, height) = (size.0 as usize, size.1 as usize);
    let (to_width, to_height) = match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    };
    let (right, bottom) = (width - 1, height - 1);
    let source = |x: usize, y: usize| match orientation {
        Orientation::NoTransforms => (x, y),
        Orientation::FlipHorizontal => (right - x, y),
        Orientation::Rotate180 => (right - x, bottom - y),
        Orientation::FlipVertical => (x, bottom - y),
        Orientation::Rotate90 => (y, bottom - x),
        Orientation::Rotate90FlipH => (y, x),
        Orientation::Rotate270 => (right - y, x),
        Orientation::Rotate270FlipH => (right - y, bottom - x),
    };
    let mut result = Vec::with_capacity(values.len());
    for y in 0..to_height {
        for x in 0..to_width {
            let (from_x, from_y) = source(x, y);
            result.push(values[from_y * width + from_x]);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage};

    use super::*;

    #[test]
    fn a_mask_is_turned_as_a_picture_with_the_same_orientation() {
        let values: Vec<u8> = (0..15).collect();
        for tag in 1..=8 {
            let orientation = Orientation::from_exif(tag).unwrap();
            let mut image =
                DynamicImage::ImageLuma8(GrayImage::from_raw(5, 3, values.clone()).unwrap());
            image.apply_orientation(orientation);
            assert_eq!(
                turned(&values, (5, 3), orientation),
                image.into_luma8().into_raw(),
                "{tag}"
            );
        }
    }
}
