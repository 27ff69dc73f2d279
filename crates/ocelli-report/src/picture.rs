//! Encoded pictures inside of documents.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};

/// A picture as a `data:` address, if its first bytes are those of a format that browsers show.
pub(crate) fn data_uri(bytes: &[u8]) -> Option<String> {
    let kind = match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        _ => return None,
    };
    Some(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)))
}

/// More colours than these make a photograph of a picture.
const FEW_COLOURS: usize = 256;

/// A picture for a page, its longer side at most `longest` pixels: a small JPEG, or of a few colours,
/// as masks are, a PNG of those very colours. Pixels of tiny pictures are repeated, so that they can be
/// seen. `rgb` is `[height, width, 3]`; none if its length is not that of the size, or the picture is
/// empty.
#[must_use]
pub fn thumbnail(rgb: Vec<u8>, width: u32, height: u32, longest: u32) -> Option<Vec<u8>> {
    if width == 0 || height == 0 || longest == 0 {
        return None;
    }
    let mut picture = RgbImage::from_raw(width, height, rgb)?;
    let is_drawn = has_few_colours(&picture);
    let longer = width.max(height);
    if longer > longest {
        let shrunk = |side: u32| {
            (f64::from(side) * f64::from(longest) / f64::from(longer)).round().max(1.0) as u32
        };
        let (width, height) = (shrunk(width), shrunk(height));
        picture = if is_drawn {
            imageops::resize(&picture, width, height, FilterType::Nearest)
        } else {
            imageops::thumbnail(&picture, width, height)
        };
    } else if longest / longer > 1 {
        let times = longest / longer;
        picture = imageops::resize(&picture, width * times, height * times, FilterType::Nearest);
    }
    let mut bytes = Vec::new();
    let written = if is_drawn {
        picture.write_with_encoder(PngEncoder::new(&mut bytes))
    } else {
        picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 85))
    };
    written.ok()?;
    Some(bytes)
}

fn has_few_colours(picture: &RgbImage) -> bool {
    let mut seen = HashSet::new();
    picture.pixels().all(|pixel| {
        seen.insert(pixel.0);
        seen.len() <= FEW_COLOURS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_of_masks_stay_as_they_are_and_photographs_are_small() {
        let mask: Vec<u8> = (0..200 * 200).flat_map(|at| [(at % 3 * 90) as u8, 10, 200]).collect();
        let small = thumbnail(mask, 200, 200, 90).unwrap();
        assert!(data_uri(&small).unwrap().starts_with("data:image/png"));
        let small = image::load_from_memory(&small).unwrap().to_rgb8();
        assert!(small.pixels().all(|pixel| pixel.0[0] % 90 == 0 && pixel.0[1..] == [10, 200]));
        let photograph = (0..200 * 200 * 3).map(|at: u64| (at * at / 7 % 256) as u8).collect();
        let small = thumbnail(photograph, 200, 200, 90).unwrap();
        assert!(data_uri(&small).unwrap().starts_with("data:image/jpeg"));
    }

    #[test]
    fn thumbnails_keep_the_form_and_wrong_lengths_have_none() {
        for ((width, height), expected) in [
            ((200, 100), (96, 48)),
            ((50, 20), (50, 20)),
            ((30, 20), (90, 60)),
            ((1, 4000), (1, 96)),
        ] {
            let rgb = (0..width * height * 3).map(|at| (at * at % 251) as u8).collect();
            let small = thumbnail(rgb, width, height, 96).unwrap();
            let small = image::load_from_memory(&small).unwrap();
            assert_eq!((small.width(), small.height()), expected);
        }
        assert_eq!(thumbnail(vec![0; 11], 2, 2, 96), None);
        assert_eq!(thumbnail(Vec::new(), 0, 2, 96), None);
    }
}
