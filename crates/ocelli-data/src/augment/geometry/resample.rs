//! Resizing, antialiased, a part of a picture at a time.

use std::cell::RefCell;

use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::{Interpolation, Region};

thread_local! {
    /// Keeps its buffers from picture to picture.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// Resizes a part of `pixels`, `[from_height, from_width, C]`, into `output`, which becomes
/// `[to_height, to_width, C]`.
///
/// The part is cut out first: a filter that looked beyond its edges would leak pixels into the
/// crop which Pillow's crop-then-resize does not see.
///
/// # Panics
/// If the part lies outside of the picture or has no pixels, or `C` is neither 1 nor 3.
pub(super) fn resize<const C: usize>(
    pixels: &[u8],
    [from_height, from_width]: [u32; 2],
    part: Region,
    [to_height, to_width]: [u32; 2],
    interpolation: Interpolation,
    output: &mut Vec<u8>,
) {
    let pixel_type = if C == 3 { PixelType::U8x3 } else { PixelType::U8 };
    assert!(C == pixel_type.size(), "pixels of {C} values can't be resized");
    output.resize(to_height as usize * to_width as usize * C, 0);
    let algorithm = match interpolation {
        Interpolation::Nearest => ResizeAlg::Nearest,
        Interpolation::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
        Interpolation::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
        Interpolation::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
    };
    let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
    let source = ImageRef::new(from_width, from_height, pixels, pixel_type);
    let target = Image::from_slice_u8(to_width, to_height, output, pixel_type);
    let (Ok(source), Ok(mut target)) = (source, target) else {
        panic!("a {from_width}x{from_height} picture does not have {} values", pixels.len());
    };
    let Ok(source) = CroppedImage::new(&source, part.left, part.top, part.width, part.height)
    else {
        panic!("{part:?} lies outside of a {from_width}x{from_height} picture");
    };
    let done = RESIZER.with_borrow_mut(|resizer| resizer.resize(&source, &mut target, &options));
    assert!(done.is_ok(), "{part:?} can't be resized to {to_width}x{to_height}: {done:?}");
}
