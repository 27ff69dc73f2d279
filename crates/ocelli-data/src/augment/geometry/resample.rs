//! Resizing, antialiased, a part of a picture at a time.

use std::cell::RefCell;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

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
    output.resize(to_height as usize * to_width as usize * C, 0);
    let algorithm = match interpolation {
        Interpolation::Nearest => ResizeAlg::Nearest,
        Interpolation::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
        Interpolation::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
        Interpolation::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
    };
    let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
    let run = |pixels: &[u8], from, part, to, output: &mut [u8]| match C {
        1 => resize_pixels::<U8>(pixels, from, part, to, &options, output),
        3 => resize_pixels::<U8x3>(pixels, from, part, to, &options, output),
        _ => panic!("pixels of {C} values can't be resized"),
    };
    let (from, to) = ([from_height, from_width], [to_height, to_width]);
    match interpolation {
        Interpolation::Nearest | Interpolation::Bilinear => run(pixels, from, part, to, output),
        // These filters overshoot, and what lies beyond 0 and 255 is cut off after each pass: the
        // order of the passes shows. Pillow goes along the rows first.
        Interpolation::Bicubic | Interpolation::Lanczos => {
            let between = [part.height, to_width];
            let mut rows = vec![0; part.height as usize * to_width as usize * C];
            run(pixels, from, part, between, &mut rows);
            let whole = Region { left: 0, top: 0, width: to_width, height: part.height };
            run(&rows, between, whole, to, output);
        }
    }
}

/// The crate's interface for pixels whose type is known when this is compiled: the other one
/// brings the code of every pixel type along, minutes of it.
fn resize_pixels<P: PixelTrait>(
    pixels: &[u8],
    [from_height, from_width]: [u32; 2],
    part: Region,
    [to_height, to_width]: [u32; 2],
    options: &ResizeOptions,
    output: &mut [u8],
) {
    let source = TypedImageRef::<P>::from_buffer(from_width, from_height, pixels);
    let target = TypedImage::<P>::from_buffer(to_width, to_height, output);
    let (Ok(source), Ok(mut target)) = (source, target) else {
        panic!("a {from_width}x{from_height} picture does not have {} values", pixels.len());
    };
    let Ok(source) =
        TypedCroppedImage::from_ref(&source, part.left, part.top, part.width, part.height)
    else {
        panic!("{part:?} lies outside of a {from_width}x{from_height} picture");
    };
    let done =
        RESIZER.with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut target, options));
    assert!(done.is_ok(), "{part:?} can't be resized to {to_width}x{to_height}: {done:?}");
}
