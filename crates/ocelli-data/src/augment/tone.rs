//! Changes of colour, with all chance already decided, as Pillow makes them.

mod blend;
mod filter;
mod hue;
mod table;

use crate::picture::Picture;

/// A change of colour, with all chance already decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tone {
    /// Mixes with black: 0 is black, 1 the picture, more is brighter.
    Brightness(f64),
    /// Mixes with the picture's mean gray: 0 is even gray, 1 the picture.
    Contrast(f64),
    /// Mixes with the picture's grayscale: 0 is grayscale, 1 the picture.
    Saturation(f64),
    /// Turns the colour circle, from -0.5 to 0.5.
    Hue(f64),
    /// Takes the colours out (luma of ITU-R 601).
    Grayscale,
    /// Inverts the values from this threshold up.
    Solarize(f64),
    /// Keeps this many of the upper bits, 1 to 8.
    Posterize(u8),
    /// Stretches each channel over the whole range.
    AutoContrast,
    /// Spreads each channel's values evenly over the range.
    Equalize,
    /// Makes the negative.
    Invert,
    /// Mixes with a smoothed picture: 0 is smooth, 1 the picture, more is sharper.
    Sharpness(f64),
    /// Gaussian blur, mirrored at the edges.
    Blur {
        /// `[height, width]` of the kernel, odd.
        kernel: [u32; 2],
        /// Standard deviation in pixels.
        sigma: f64,
    },
}

impl Tone {
    /// Changes the picture in place.
    pub fn apply(&self, picture: &mut Picture) {
        match *self {
            Self::Brightness(factor) => blend::brightness(picture, factor),
            Self::Contrast(factor) => blend::contrast(picture, factor),
            Self::Saturation(factor) => blend::saturation(picture, factor),
            Self::Hue(turn) => hue::turn(picture, turn),
            Self::Grayscale => blend::grayscale(picture),
            Self::Solarize(threshold) => table::solarize(picture, threshold),
            Self::Posterize(bits) => table::posterize(picture, bits),
            Self::AutoContrast => table::auto_contrast(picture),
            Self::Equalize => table::equalize(picture),
            Self::Invert => table::invert(picture),
            Self::Sharpness(factor) => filter::sharpness(picture, factor),
            Self::Blur { kernel, sigma } => filter::blur(picture, kernel, sigma),
        }
    }
}
