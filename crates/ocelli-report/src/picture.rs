//! Encoded pictures inside of documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};

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

/// A picture as a small JPEG for a page, its longer side at most `longest` pixels: `rgb` is
/// `[height, width, 3]`. None if its length is not that of the size, or the picture is empty.
#[must_use]
pub fn thumbnail(rgb: Vec<u8>, width: u32, height: u32, longest: u32) -> Option<Vec<u8>> {
    if width == 0 || height == 0 || longest == 0 {
        return None;
    }
    let mut picture = RgbImage::from_raw(width, height, rgb)?;
    let longer = width.max(height);
    if longer > longest {
        let shrunk = |side: u32| {
            (f64::from(side) * f64::from(longest) / f64::from(longer)).round().max(1.0) as u32
        };
        picture = imageops::thumbnail(&picture, shrunk(width), shrunk(height));
    }
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 85)).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_keep_the_form_and_wrong_lengths_have_none() {
        for ((width, height), expected) in
            [((200, 100), (96, 48)), ((30, 20), (30, 20)), ((1, 4000), (1, 96))]
        {
            let rgb = vec![90; (width * height * 3) as usize];
            let small = thumbnail(rgb, width, height, 96).unwrap();
            assert!(data_uri(&small).unwrap().starts_with("data:image/jpeg"));
            let small = image::load_from_memory(&small).unwrap();
            assert_eq!((small.width(), small.height()), expected);
        }
        assert_eq!(thumbnail(vec![0; 11], 2, 2, 96), None);
        assert_eq!(thumbnail(Vec::new(), 0, 2, 96), None);
    }
}
