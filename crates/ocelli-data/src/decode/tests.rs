use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, RgbImage};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::dataset::{Location, Sample};

/// Lossless formats: rounding where transparency or 16 bits are involved.
const EXACT: i32 = 1;

/// Lossy formats, at single pixels, in steps of 255: decoders differ in how they interpolate
/// colour between the samples that the file has. Over whole photographs 4 is the most seen.
const LOSSY: i32 = 6;

/// Lossy formats, mean of a whole picture: a systematic shift would be a colour error.
const LOSSY_MEAN: f64 = 0.5;

/// What Pillow reads; written by `fixtures/decode/make.py`.
#[derive(Deserialize)]
struct Reference {
    width: u32,
    height: u32,
    mean: [f64; 3],
    /// x, y, red, green, blue.
    pixels: Vec<[i32; 5]>,
}

#[derive(Deserialize)]
struct Expected {
    made: BTreeMap<String, Reference>,
    shared: BTreeMap<String, Reference>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/decode")
}

fn expected() -> Expected {
    let text = std::fs::read_to_string(fixtures().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The shared pictures, or a word that they are absent.
fn shared() -> Option<PathBuf> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut candidates = crate_folder.ancestors().map(|folder| folder.join("shared/data"));
    let found = candidates.find(|data| data.join("odd-images").exists());
    if found.is_none() {
        eprintln!("skipped: shared/data is absent");
    }
    found
}

fn means(picture: &Picture) -> [f64; 3] {
    let pixels = picture.pixels().as_chunks::<3>().0;
    let sum = |channel: usize| pixels.iter().map(|pixel| f64::from(pixel[channel])).sum::<f64>();
    [0, 1, 2].map(|channel| sum(channel) / pixels.len() as f64)
}

/// Every way in which a picture differs from what Pillow reads.
fn differences(name: &str, bytes: &[u8], reference: &Reference) -> Vec<String> {
    let picture = match decode(bytes, &DecodeOptions::default()) {
        Ok(picture) => picture,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut differences = Vec::new();
    let size = (reference.width, reference.height);
    if (picture.width(), picture.height()) != size {
        return vec![format!("{name}: {picture:?}, expected {size:?}")];
    }
    if dimensions(bytes, &DecodeOptions::default()) != Ok(size) {
        differences.push(format!("{name}: the header alone tells another size"));
    }
    let is_lossy = Format::of(bytes) == Ok(Format::Jpeg)
        || name.ends_with("lossy.webp")
        || name.ends_with("webp.webp");
    let (pixel_tolerance, mean_tolerance) =
        if is_lossy { (LOSSY, LOSSY_MEAN) } else { (EXACT, f64::from(EXACT)) };
    for &[x, y, red, green, blue] in &reference.pixels {
        let found = picture.pixel(x as u32, y as u32).map(i32::from);
        let worst = found.iter().zip([red, green, blue]).map(|(a, b)| (a - b).abs()).max();
        if worst > Some(pixel_tolerance) {
            differences
                .push(format!("{name}: {found:?} at ({x}, {y}), expected {red} {green} {blue}"));
        }
    }
    for (found, expected) in means(&picture).into_iter().zip(reference.mean) {
        if (found - expected).abs() > mean_tolerance {
            differences.push(format!("{name}: mean {found:.3}, expected {expected:.3}"));
        }
    }
    differences
}

#[test]
fn every_kind_of_file_is_read_as_pillow_reads_it() {
    let expected = expected();
    assert!(expected.made.len() > 30);
    let found = expected.made.iter().flat_map(|(name, reference)| {
        differences(name, &std::fs::read(fixtures().join(name)).unwrap(), reference)
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn shared_photographs_and_odd_pictures_are_read_as_pillow_reads_them() {
    let Some(shared) = shared() else { return };
    let found = expected().shared.into_iter().flat_map(|(name, reference)| {
        differences(&name, &std::fs::read(shared.join(&name)).unwrap(), &reference)
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_shared_broken_file_gives_its_own_error() {
    let Some(shared) = shared() else { return };
    let fault = |name: &str| {
        let path = shared.join("odd-images/broken").join(name);
        let sample = Sample {
            name: path.display().to_string(),
            location: Location::File(path),
            label: None,
            mask: None,
        };
        let error = sample.picture(&DecodeOptions::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(name), "the file is named: {text}");
        match error.reason {
            crate::dataset::PictureFault::Decode(error) => error,
            other => panic!("{name}: {other}"),
        }
    };
    use DecodeError as E;
    assert!(matches!(fault("bad-crc.png"), E::Damaged { format: Format::Png, .. }));
    assert!(matches!(fault("bomb-60000x60000.png"), E::TooLarge { width: 60000, .. }));
    assert_eq!(fault("empty.jpg"), E::Empty);
    assert!(matches!(fault("header-only.jpg"), E::Truncated { format: Format::Jpeg, .. }));
    assert!(matches!(fault("text.jpg"), E::NotAPicture { .. }));
    assert!(matches!(fault("truncated.jpg"), E::Truncated { format: Format::Jpeg, .. }));
    assert!(matches!(fault("truncated.png"), E::Truncated { format: Format::Png, .. }));
    assert!(matches!(fault("zero-size.png"), E::ZeroSize { width: 0, height: 0, .. }));
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

fn decode_default(bytes: &[u8]) -> Result<Picture, DecodeError> {
    decode(bytes, &DecodeOptions::default())
}

#[test]
fn a_jpeg_cut_anywhere_is_called_truncated() {
    for name in ["baseline-420.jpg", "progressive.jpg", "restarts.jpg", "gray.jpg", "cmyk.jpg"] {
        let whole = fixture(name);
        // From just after the magic to one byte short.
        for length in 3..whole.len() {
            let error = decode_default(&whole[..length]).expect_err(name);
            let is_truncated = matches!(error, DecodeError::Truncated { .. });
            assert!(is_truncated, "{name} cut to {length} of {}: {error}", whole.len());
        }
    }
}

#[test]
fn a_png_cut_anywhere_before_its_end_chunk_is_an_error() {
    let whole = fixture("alpha.png");
    let end_chunk = 12;
    // Shorter than its magic it is not yet a PNG.
    for length in 8..whole.len() - end_chunk {
        let error = decode_default(&whole[..length]).expect_err("a cut PNG");
        assert!(matches!(error, DecodeError::Truncated { .. }), "cut to {length}: {error}");
    }
}

#[test]
fn what_follows_the_end_of_a_jpeg_does_no_harm() {
    let mut bytes = fixture("baseline-444.jpg");
    let plain = decode_default(&bytes).unwrap();
    bytes.extend(b"a video that a phone appended");
    assert!(decode_default(&bytes).unwrap() == plain);
}

#[test]
fn a_thumbnails_end_marker_is_not_the_pictures() {
    let mut bytes = fixture("orientation-1.jpg");
    let exif_length = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
    // An EXIF segment that ends with a whole little JPEG.
    bytes.splice(4 + exif_length..4 + exif_length, [0xff, 0xd8, 0xff, 0xd9]);
    bytes[4..6].copy_from_slice(&(exif_length as u16 + 4).to_be_bytes());
    decode_default(&bytes).expect("the segment is sound");
    bytes.truncate(bytes.len() - 2);
    assert!(matches!(decode_default(&bytes), Err(DecodeError::Truncated { .. })));
}

#[test]
fn a_flipped_bit_in_a_pngs_data_is_noticed_by_its_checksum() {
    let whole = fixture("orientation-6.png");
    let data = whole.windows(4).position(|name| name == b"IDAT").unwrap();
    let mut checksum_only = whole.clone();
    let length = u32::from_be_bytes(whole[data - 4..data].try_into().unwrap()) as usize;
    checksum_only[data + 4 + length] ^= 1;
    assert!(matches!(decode_default(&checksum_only), Err(DecodeError::Damaged { .. })));
}

#[test]
fn the_limit_on_pixels_is_held_by_every_format_and_by_the_header_alone() {
    for name in
        ["baseline-420.jpg", "rgb.bmp", "lzw.tiff", "lossy.webp", "animation.gif", "alpha.png"]
    {
        let bytes = fixture(name);
        let limited = |max_pixels| DecodeOptions { max_pixels, ..DecodeOptions::default() };
        assert!(decode(&bytes, &limited(40 * 28)).is_ok(), "{name}");
        for result in [
            decode(&bytes, &limited(40 * 28 - 1)).map(|_| ()),
            dimensions(&bytes, &limited(40 * 28 - 1)).map(|_| ()),
        ] {
            let error = result.expect_err(name);
            assert!(
                matches!(error, DecodeError::TooLarge { width: 40, height: 28, .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn a_bomb_of_any_format_is_refused_from_its_header() {
    let mut jpeg = fixture("baseline-420.jpg");
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    let mut gif = fixture("animation.gif");
    gif[6..10].copy_from_slice(&[0xff; 4]);
    let mut bmp = fixture("rgb.bmp");
    bmp[18..26].copy_from_slice(&[0x60, 0xea, 0, 0, 0x60, 0xea, 0, 0]);
    for bytes in [jpeg, gif, bmp] {
        let error = decode_default(&bytes).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn a_jpeg_without_pixels_is_called_empty() {
    let mut bytes = fixture("baseline-420.jpg");
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bytes[frame + 7..frame + 9].copy_from_slice(&[0, 0]);
    let error = decode_default(&bytes).unwrap_err();
    assert!(matches!(error, DecodeError::ZeroSize { format: Format::Jpeg, .. }), "{error}");
}

#[test]
fn the_background_shows_through_transparent_pixels() {
    let options = DecodeOptions { background: [10, 20, 30], ..DecodeOptions::default() };
    let picture = decode(&fixture("alpha.png"), &options).unwrap();
    assert_eq!(picture.pixel(0, 5), [10, 20, 30], "fully transparent");
    let opaque = decode(&fixture("alpha.png"), &DecodeOptions::default()).unwrap();
    assert_eq!(picture.pixel(39, 5), opaque.pixel(39, 5), "fully opaque");
    assert_ne!(picture.pixel(20, 5), opaque.pixel(20, 5), "in between");
}

#[test]
fn the_eight_orientations_come_out_alike_once_undone() {
    let upright = decode_default(&fixture("orientation-1.jpg")).unwrap();
    for orientation in 2..=8 {
        let picture = decode_default(&fixture(&format!("orientation-{orientation}.jpg"))).unwrap();
        let (width, height) = (picture.width(), picture.height());
        assert_eq!((width, height), if orientation < 5 { (40, 28) } else { (28, 40) });
        // Where the stored picture's first pixel has to be seen.
        let (x, y) = match orientation {
            2 | 6 => (width - 1, 0),
            3 | 7 => (width - 1, height - 1),
            4 | 8 => (0, height - 1),
            _ => (0, 0),
        };
        assert_eq!(picture.pixel(x, y), upright.pixel(0, 0), "orientation {orientation}");
    }
}

#[test]
fn what_is_no_picture_is_called_by_its_name() {
    let cases: [(&[u8], &str); 10] = [
        (b"<!DOCTYPE html><title>404</title>", "a web page"),
        (b"\n  <html lang=en>", "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture"),
        (b"\0\0\0\x1cftypheic\0\0\0\0", "a HEIC picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"plain text", "the text \"plain text\""),
        (b"\x00\x01\x02", "the bytes 00 01 02"),
        (b"", "empty"),
    ];
    for (bytes, name) in cases {
        let text = decode_default(bytes).unwrap_err().to_string();
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_decoder_that_panics_gives_an_error() {
    let result: Result<(), _> = guarded(Format::Tiff, || panic!("index out of bounds"));
    let expected = DecodeError::DecoderPanicked {
        format: Format::Tiff,
        detail: "index out of bounds".to_owned(),
    };
    assert_eq!(result, Err(expected));
}

/// Small files of every format, to be damaged.
fn seeds() -> Vec<Vec<u8>> {
    let mut names: Vec<String> = expected().made.into_keys().collect();
    names.retain(|name| !name.starts_with("orientation"));
    let mut seeds: Vec<Vec<u8>> = names.iter().map(|name| fixture(name)).collect();
    let drawn = RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8 * 20, y as u8 * 30, 99]));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Jpeg] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(drawn.clone()).write_to(&mut bytes, format).unwrap();
        seeds.push(bytes.into_inner());
    }
    seeds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    /// Whatever happens to a file, decoding it ends with a picture or an error, and never takes
    /// more memory than the limit on pixels explains.
    #[test]
    fn damaged_files_never_end_the_program(
        seed in 0usize..1000,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        repeated in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        thread_local! {
            static SEEDS: Vec<Vec<u8>> = seeds();
        }
        let mut bytes = SEEDS.with(|seeds| seeds[seed % seeds.len()].clone());
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(place) = repeated {
            let tail = bytes[place.index(bytes.len())..].to_vec();
            bytes.extend(tail);
        }
        if let Some(place) = cut {
            bytes.truncate(place.index(bytes.len()));
        }
        let options = DecodeOptions { max_pixels: 1 << 16, ..DecodeOptions::default() };
        let size = dimensions(&bytes, &options);
        if let Ok(picture) = decode(&bytes, &options) {
            prop_assert_eq!(size, Ok((picture.width(), picture.height())));
        }
    }
}

#[test]
fn a_webp_whose_exif_chunk_claims_more_than_the_file_holds_decodes_as_one_without() {
    let options = DecodeOptions::default();
    let mut bytes = std::fs::read(fixtures().join("orientation-6.webp")).unwrap();
    let turned = decode(&bytes, &options).unwrap();
    let chunk = bytes.windows(4).position(|kind| kind == b"EXIF").unwrap();
    bytes[chunk + 4..chunk + 8].copy_from_slice(&0xf000_0000u32.to_le_bytes());
    let stored = decode(&bytes, &options).unwrap();
    assert_eq!((stored.width(), stored.height()), (turned.height(), turned.width()));
    assert_eq!(dimensions(&bytes, &options), Ok((stored.width(), stored.height())));
}
