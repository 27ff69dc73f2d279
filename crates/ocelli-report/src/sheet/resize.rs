//! Tiles in the size that they have on a sheet.

use std::borrow::Cow;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::{SheetError, Tile};

/// The tile's pixels, scaled: each repeated where the enlargement is whole, averaged where there are
/// fewer than before, and blended only below twice the size. A larger enlargement that isn't whole
/// repeats pixels first, so that their edges stay sharp.
///
/// No filter here has negative weights: no colour appears that is not between its neighbours'.
pub(super) fn resized(
    tile: &Tile,
    width: usize,
    height: usize,
) -> Result<Cow<'_, [u8]>, SheetError> {
    let (from_width, from_height) = (tile.width as usize, tile.height as usize);
    let (across, down) = (width.div_ceil(from_width), height.div_ceil(from_height));
    let is_whole = across * from_width == width && down * from_height == height;
    let times = if is_whole || across.max(down) > 2 { [across, down] } else { [1, 1] };
    let repeated = repeated(tile, times);
    if is_whole {
        return Ok(repeated);
    }
    let failed = |reason: String| SheetError::Scale { reason };
    let source = ImageRef::new(
        (from_width * times[0]) as u32,
        (from_height * times[1]) as u32,
        &repeated,
        PixelType::U8x3,
    )
    .map_err(|error| failed(error.to_string()))?;
    let mut scaled = Image::new(width as u32, height as u32, PixelType::U8x3);
    let shrinks = width <= from_width * times[0] && height <= from_height * times[1];
    let filter = if shrinks { FilterType::Hamming } else { FilterType::Bilinear };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new()
        .resize(&source, &mut scaled, &options)
        .map_err(|error| failed(error.to_string()))?;
    Ok(Cow::Owned(scaled.into_vec()))
}

/// Each pixel `across` by `down` times.
fn repeated(tile: &Tile, [across, down]: [usize; 2]) -> Cow<'_, [u8]> {
    if across == 1 && down == 1 {
        return Cow::Borrowed(&tile.rgb);
    }
    let mut out = Vec::with_capacity(tile.rgb.len() * across * down);
    for line in tile.rgb.chunks_exact(tile.width as usize * 3) {
        let wide: Vec<u8> = line.chunks_exact(3).flat_map(|pixel| pixel.repeat(across)).collect();
        for _ in 0..down {
            out.extend_from_slice(&wide);
        }
    }
    Cow::Owned(out)
}
