use image::{DynamicImage, ImageFormat};

use super::raw::RawPixels;
use super::*;
use crate::decode::{DecodeError, DecodeOptions};
use crate::picture::{Mask, Picture};

fn palette(text: &str) -> Palette {
    Palette::read("palette.csv", text.as_bytes(), &PaletteOptions::default()).unwrap()
}

const COLORS: &str = "index,name,r,g,b\n0,sky,128,128,128\n1,road,128,64,128\n2,void,0,0,0\n";

fn saved(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png_of(
    [width, height]: [u32; 2],
    color: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
    adjust: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    adjust(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

fn labels(bytes: &[u8], palette: &Palette) -> Result<Vec<u8>, String> {
    let raw = decode_raw(bytes, &DecodeOptions::default()).map_err(|error| error.to_string())?;
    let reading = read(&raw, palette);
    match reading.strange {
        None => Ok(reading.mask.into_labels()),
        Some(strange) => Err(strange.to_string()),
    }
}

#[test]
fn indices_are_taken_as_they_stand_in_the_file() {
    use png::{BitDepth, ColorType};
    let numbered = Palette::numbered("n", 4, &PaletteOptions::default()).unwrap();
    let nothing = |_: &mut png::Encoder<'_, &mut Vec<u8>>| {};
    let gamma = |encoder: &mut png::Encoder<'_, &mut Vec<u8>>| {
        encoder.set_source_gamma(png::ScaledFloat::new(0.2));
    };
    let eight = png_of([3, 1], ColorType::Grayscale, BitDepth::Eight, &[0, 3, 255], gamma);
    assert_eq!(labels(&eight, &numbered).unwrap(), [0, 3, Mask::IGNORE]);
    let sixteen = png_of([2, 1], ColorType::Grayscale, BitDepth::Sixteen, &[0, 2, 0, 3], nothing);
    assert_eq!(labels(&sixteen, &numbered).unwrap(), [2, 3]);
    let two =
        png_of([5, 1], ColorType::Grayscale, BitDepth::Two, &[0b00_01_10_11, 0b10_000000], nothing);
    assert_eq!(labels(&two, &numbered).unwrap(), [0, 1, 2, 3, 2]);
    let one =
        png_of([3, 2], ColorType::Grayscale, BitDepth::One, &[0b10100000, 0b01000000], nothing);
    assert_eq!(labels(&one, &numbered).unwrap(), [1, 0, 1, 0, 1, 0]);
    let alpha = png_of([2, 1], ColorType::GrayscaleAlpha, BitDepth::Eight, &[1, 0, 2, 9], nothing);
    assert_eq!(labels(&alpha, &numbered).unwrap(), [1, 2]);
    let indexed = png_of([3, 1], ColorType::Indexed, BitDepth::Four, &[0x12, 0x30], |encoder| {
        encoder.set_palette(vec![9, 9, 9, 9, 9, 9, 0, 0, 0, 1, 1, 1]);
    });
    assert_eq!(labels(&indexed, &numbered).unwrap(), [1, 2, 3]);
    let wide = palette("index,name\n300,a\n301,b\n");
    let sixteen = png_of([2, 1], ColorType::Grayscale, BitDepth::Sixteen, &[1, 45, 1, 44], nothing);
    assert_eq!(labels(&sixteen, &wide).unwrap(), [1, 0]);
}

#[test]
fn colours_are_looked_up_in_every_format_that_keeps_them() {
    let palette = palette(COLORS);
    let pixels = vec![128, 64, 128, 128, 128, 128, 0, 0, 0, 128, 64, 128];
    let image =
        || DynamicImage::ImageRgb8(image::RgbImage::from_raw(2, 2, pixels.clone()).unwrap());
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP] {
        let found = labels(&saved(image(), format), &palette).unwrap();
        assert_eq!(found, [1, 0, Mask::IGNORE, 1], "{format:?}");
    }
    let alpha = DynamicImage::ImageRgba8(image().into_rgba8());
    assert_eq!(labels(&saved(alpha, ImageFormat::Png), &palette).unwrap()[0], 1);
}

#[test]
fn a_palette_png_in_another_order_is_read_by_its_colours() {
    let palette = palette(COLORS);
    let make = |colors: &[u8]| {
        png_of([3, 1], png::ColorType::Indexed, png::BitDepth::Eight, &[0, 1, 2], |encoder| {
            encoder.set_palette(colors.to_vec());
        })
    };
    let reordered = make(&[128, 64, 128, 0, 0, 0, 128, 128, 128]);
    assert_eq!(labels(&reordered, &palette).unwrap(), [1, Mask::IGNORE, 0]);
    let unrelated = make(&[0, 0, 0, 1, 1, 1, 2, 2, 2]);
    assert_eq!(labels(&unrelated, &palette).unwrap(), [0, 1, Mask::IGNORE]);
}

#[test]
fn black_and_white_masks_are_read_by_shade_where_the_palette_says_so() {
    let palette = palette("index,name,r,g,b\n0,ground,0,0,0\n1,thing,255,255,255\n");
    let of = |values: Vec<u8>| {
        let image = image::GrayImage::from_raw(2, 1, values).unwrap();
        saved(DynamicImage::ImageLuma8(image), ImageFormat::Png)
    };
    assert_eq!(labels(&of(vec![0, 255]), &palette).unwrap(), [0, 1]);
    assert_eq!(labels(&of(vec![0, 1]), &palette).unwrap(), [0, 1]);
}

#[test]
fn strange_values_are_told_with_advice() {
    let gray = |values: Vec<u8>| {
        let image = image::GrayImage::from_raw(4, 1, values).unwrap();
        saved(DynamicImage::ImageLuma8(image), ImageFormat::Png)
    };
    let plain = palette("index,name\n0,a\n255,b\n4,c\n");
    let error = labels(&gray(vec![0, 7, 7, 9]), &plain).unwrap_err();
    assert_eq!(
        error,
        "3 of 4 pixels have values that are no class: 7 in 2, 9 in 1; expected 0, 4, 255; add a \
         line for each to the palette file, or name those to leave out as ignore_index or \
         ignore_colors"
    );
    let options = PaletteOptions { ignore_index: Some(vec![]), ..PaletteOptions::default() };
    let strict = Palette::numbered("n", 2, &options).unwrap();
    let error = labels(&gray(vec![0, 255, 255, 0]), &strict).unwrap_err();
    assert!(error.contains("255,object,255,255,255"), "{error}");
    let rgb = image::RgbImage::from_raw(2, 1, vec![1, 2, 3, 0, 0, 0]).unwrap();
    let rgb = DynamicImage::ImageRgb8(rgb);
    let error = labels(&saved(rgb.clone(), ImageFormat::Png), &strict).unwrap_err();
    assert!(error.contains("(1,2,3)") && error.contains("write a palette.csv"), "{error}");
    let error = labels(&saved(rgb, ImageFormat::Png), &palette(COLORS)).unwrap_err();
    assert!(error.contains("(1,2,3) in 1; expected the colours of the palette file"), "{error}");
    let noisy = image::RgbImage::from_fn(16, 16, |x, _| {
        image::Rgb(if x < 7 { [128, 128, 128] } else { [128, 64, 128] })
    });
    let jpeg = saved(DynamicImage::ImageRgb8(noisy), ImageFormat::Jpeg);
    let error = labels(&jpeg, &palette(COLORS)).unwrap_err();
    assert!(error.contains("the mask is a JPEG"), "{error}");
}

#[test]
fn what_is_written_is_read_back_as_the_same_mask() {
    let palette = palette(COLORS);
    let mask = Mask::new(3, 2, vec![0, 1, Mask::IGNORE, 1, 1, 0]);
    for encoding in [MaskEncoding::Index, MaskEncoding::Palette, MaskEncoding::Color] {
        let bytes = encode(&mask, &palette, encoding).unwrap();
        assert_eq!(labels(&bytes, &palette).unwrap(), mask.labels(), "{encoding:?}");
    }
    let wide = Palette::read("p", b"index,name\n0,a\n999,b\n", &PaletteOptions::default()).unwrap();
    let bytes = encode(&mask, &wide, MaskEncoding::Index).unwrap();
    let raw = decode_raw(&bytes, &DecodeOptions::default()).unwrap();
    assert_eq!(raw.pixels, RawPixels::Gray(vec![0, 999, 255, 999, 999, 0]));
    let error = encode(&mask, &wide, MaskEncoding::Palette).unwrap_err();
    assert!(matches!(error, EncodeError::LargeIndex { found: 999 }));
}

#[test]
fn an_overlay_blends_colours_and_leaves_ignored_pixels_alone() {
    let palette = palette(COLORS);
    let mask = Mask::new(2, 1, vec![1, Mask::IGNORE]);
    assert_eq!(color_picture(&mask, &palette).pixels(), [128, 64, 128, 0, 0, 0]);
    let picture = Picture::filled(2, 1, [0, 200, 100]);
    let blended = overlay(&picture, &mask, &palette, 0.5);
    assert_eq!(blended.pixels(), [64, 132, 114, 0, 200, 100]);
    assert!(overlay(&picture, &mask, &palette, 0.0) == picture);
}

#[test]
fn damaged_and_huge_masks_are_refused_like_pictures() {
    let sound = encode(
        &Mask::new(64, 64, (0..64 * 64).map(|at| (at % 2) as u8).collect()),
        &palette(COLORS),
        MaskEncoding::Index,
    )
    .unwrap();
    let options = DecodeOptions::default();
    let cut = decode_raw(&sound[..sound.len() - 30], &options).unwrap_err();
    assert!(matches!(cut, DecodeError::Truncated { .. } | DecodeError::Damaged { .. }), "{cut}");
    let limited = DecodeOptions { max_pixels: 1000, ..options.clone() };
    let large = decode_raw(&sound, &limited).unwrap_err();
    assert!(matches!(large, DecodeError::TooLarge { .. }), "{large}");
    assert_eq!(decode_raw(&[], &options).unwrap_err(), DecodeError::Empty);
    for end in 0..sound.len() {
        let _ = decode_raw(&sound[..end], &options);
    }
}

/// TIFF header, one entry: orientation 6, a quarter turn clockwise.
const QUARTER_TURN: [u8; 26] =
    [b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn a_picture_turned_by_its_exif_goes_with_a_mask_drawn_over_it_upright() {
    use crate::dataset::{Location, MaskFile, Sample};

    let folder = tempfile::TempDir::new().unwrap();
    // Stored 16 wide and 8 high, the left half dark; upright 8 wide and 16 high, the upper half.
    let stored =
        image::RgbImage::from_fn(16, 8, |x, _| image::Rgb([if x < 8 { 20 } else { 220 }; 3]));
    let jpeg = saved(DynamicImage::ImageRgb8(stored), ImageFormat::Jpeg);
    let mut exif = vec![0xff, 0xe1, 0, 34];
    exif.extend(b"Exif\0\0");
    exif.extend(QUARTER_TURN);
    let turned = [&jpeg[..2], &exif, &jpeg[2..]].concat();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("a.jpg"), turned).unwrap();
    let numbered = Palette::numbered("n", 2, &PaletteOptions::default()).unwrap();
    let sample = |width: u32, height: u32| {
        let labels = (0..width * height).map(|at| u8::from(at >= width * height / 2)).collect();
        let mask = Mask::new(width, height, labels);
        let bytes = encode(&mask, &numbered, MaskEncoding::Index).unwrap();
        std::fs::write(place("a.png"), bytes).unwrap();
        let mask = MaskFile { name: "a.png".into(), location: Location::File(place("a.png")) };
        let (name, location) = ("a.jpg".to_owned(), Location::File(place("a.jpg")));
        Sample { name, location, label: None, mask: Some(mask) }
    };
    let (picture, mask) =
        sample(8, 16).picture_and_mask(&numbered, &DecodeOptions::default()).unwrap();
    for (x, y) in [(1, 1), (6, 6), (1, 9), (6, 14)] {
        let bright = picture.pixel(x, y)[0] > 120;
        assert_eq!(mask.label(x, y), u8::from(bright), "at {x}, {y}");
    }
    let error = sample(16, 8).picture_and_mask(&numbered, &DecodeOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains(
            "a.jpg: its mask a.png: 16x8 pixels, but its picture has 8x16; height and width"
        ),
        "{error}"
    );
}

#[test]
fn a_mask_has_an_orientation_of_its_own() {
    let bytes = {
        let mut bytes = Vec::new();
        let mut info = png::Info::with_size(3, 2);
        info.color_type = png::ColorType::Grayscale;
        info.bit_depth = png::BitDepth::Eight;
        info.exif_metadata = Some(QUARTER_TURN.to_vec().into());
        let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0, 1, 2, 3, 4, 5]).unwrap();
        writer.finish().unwrap();
        bytes
    };
    let raw = decode_raw(&bytes, &DecodeOptions::default()).unwrap();
    assert_eq!((raw.width, raw.height), (2, 3));
    assert_eq!(raw.pixels, RawPixels::Gray(vec![3, 0, 4, 1, 5, 2]));
}
