//! Which format some bytes are in, told from the bytes themselves.

use std::fmt;

use image::ImageFormat;

use super::DecodeError;

/// The picture formats that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG: baseline, extended and progressive, Huffman coded.
    Jpeg,
    /// PNG, of an animation the default image.
    Png,
    /// WebP, lossy and lossless, of an animation the first frame.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// TIFF, of several pages the first.
    Tiff,
    /// GIF, the first frame.
    Gif,
}

impl Format {
    /// Every format's name, for messages.
    pub(super) const NAMES: &str = "JPEG, PNG, WebP, BMP, TIFF, GIF";

    /// The format of a file with these bytes.
    ///
    /// # Errors
    /// [`DecodeError::Empty`], [`DecodeError::Unsupported`] for what is recognized but not
    /// decoded, [`DecodeError::NotAPicture`] for all else.
    pub fn of(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Err(DecodeError::Empty);
        }
        if let Some(format) = Self::from_magic(bytes) {
            return Ok(format);
        }
        if let Some(found) = recognize_undecodable(bytes) {
            return Err(DecodeError::Unsupported { found: found.to_owned() });
        }
        Err(DecodeError::NotAPicture { found: readable_start(bytes) })
    }

    fn from_magic(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'B', b'M', ..] => Some(Self::Bmp),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// The extensions, in lower case, of files that may be in this or another known format.
    ///
    /// Only used to tell pictures from other files in a folder; the content decides the format.
    pub const EXTENSIONS: [&str; 12] =
        ["jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "bmp", "dib", "tif", "tiff", "gif"];

    /// The format that files with this extension (without the dot, any case) should have.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" | "jpe" | "jfif" => Some(Self::Jpeg),
            "png" | "apng" => Some(Self::Png),
            "webp" => Some(Self::WebP),
            "bmp" | "dib" => Some(Self::Bmp),
            "tif" | "tiff" => Some(Self::Tiff),
            "gif" => Some(Self::Gif),
            _ => None,
        }
    }

    pub(super) fn image_format(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Bmp => ImageFormat::Bmp,
            Self::Tiff => ImageFormat::Tiff,
            Self::Gif => ImageFormat::Gif,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Gif => "GIF",
        })
    }
}

/// What stands in a dataset's folder in place of a picture, often enough to be named.
fn recognize_undecodable(bytes: &[u8]) -> Option<&'static str> {
    let brand = (bytes.get(4..8) == Some(b"ftyp")).then(|| bytes.get(8..12)).flatten();
    match (brand, bytes) {
        (Some(b"avif" | b"avis"), _) => Some("an AVIF picture"),
        (Some(b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1"), _) => {
            Some("a HEIC picture")
        }
        (Some(_), _) => Some("an MP4 or QuickTime video"),
        (_, [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..]) => {
            Some("a JPEG XL picture")
        }
        (_, [0, 0, 0, 0x0c, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..]) => {
            Some("a JPEG 2000 picture")
        }
        (_, [b'8', b'B', b'P', b'S', ..]) => Some("a Photoshop document"),
        (_, [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..]) => Some("a PNM picture"),
        (_, [0, 0, 1, 0, ..]) => Some("an ICO picture"),
        (_, [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..]) => Some("a BigTIFF picture"),
        (_, [b'%', b'P', b'D', b'F', ..]) => Some("a PDF document"),
        (_, [0x1f, 0x8b, ..]) => Some("a gzip archive"),
        (_, [b'P', b'K', 3, 4, ..]) => Some("a ZIP archive"),
        (_, bytes) => recognize_markup(bytes),
    }
}

/// A download that was answered with a web page is the commonest "broken picture" of all.
fn recognize_markup(bytes: &[u8]) -> Option<&'static str> {
    let start = &bytes[..bytes.len().min(256)];
    let text = String::from_utf8_lossy(start)
        .trim_start_matches('\u{feff}')
        .trim_start()
        .to_ascii_lowercase();
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        Some("a web page")
    } else if text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg")) {
        Some("an SVG drawing")
    } else {
        None
    }
}

/// The first bytes as text if they are text, else in hexadecimal.
fn readable_start(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    let start = &bytes[..bytes.len().min(SHOWN)];
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        format!("the text {:?}", String::from_utf8_lossy(start))
    } else {
        let digits: Vec<String> = start.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("the bytes {}", digits.join(" "))
    }
}
