//! Moves of pixels, with all chance already decided.
//!
//! A [`Geometry`] is sampled once and can then be applied to a picture and to its mask: both move
//! alike. Masks always take the nearest pixel, because a class index between two classes means
//! nothing.

mod affine;
mod resample;
mod window;

use serde::{Deserialize, Serialize};

use super::error::{AugmentError, Place};
use super::transform::MAX_PIXELS;
use super::value::Color;
use crate::picture::{Mask, Picture};
pub(crate) use affine::Matrix;

/// How new pixels are made of old ones.
///
/// In resizing all but `nearest` are antialiased: the filter widens with the reduction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Triangle filter.
    #[default]
    Bilinear,
    /// Cubic convolution with a = -0.5.
    Bicubic,
    /// Windowed sinc of three lobes.
    Lanczos,
}

impl Interpolation {
    /// Rotations and shears know only the first two.
    pub(crate) fn validate_affine(self, place: &Place) -> Result<(), AugmentError> {
        let found = match self {
            Self::Nearest | Self::Bilinear => return Ok(()),
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
        };
        Err(place.refuse(found, "nearest or bilinear"))
    }
}

/// A rectangle inside a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first row.
    pub top: u32,
    /// The first column.
    pub left: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

/// What a window shows beyond the edges of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// A colour.
    Constant(Color),
    /// The outermost pixel, repeated.
    Edge,
    /// The picture mirrored, without repeating the outermost pixel.
    Reflect,
    /// The picture mirrored, with the outermost pixel repeated.
    Symmetric,
}

/// A move of pixels, with all chance already decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Geometry {
    /// The whole picture at another size.
    Resize {
        /// New height.
        height: u32,
        /// New width.
        width: u32,
        /// How new pixels are made.
        interpolation: Interpolation,
    },
    /// A part of the picture at another size. Pixels outside of the part have no influence.
    ResizedCrop {
        /// The part.
        region: Region,
        /// New height.
        height: u32,
        /// New width.
        width: u32,
        /// How new pixels are made.
        interpolation: Interpolation,
    },
    /// A window onto the picture, which may reach beyond its edges.
    Window {
        /// The first column; negative to the left of the picture.
        left: i64,
        /// The first row; negative above the picture.
        top: i64,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
        /// What lies beyond the edges.
        border: Border,
    },
    /// Left and right exchanged.
    FlipHorizontal,
    /// Top and bottom exchanged.
    FlipVertical,
    /// A turn about the centre.
    Rotate {
        /// Degrees, counter-clockwise.
        degrees: f64,
        /// Whether the picture grows to hold all of the turned one. Where that would make an
        /// excessively large picture it keeps its size.
        expand: bool,
        /// The colour of what was not in the picture.
        fill: Color,
        /// Nearest or bilinear; other filters count as bilinear.
        interpolation: Interpolation,
    },
    /// The picture slanted sideways: `x` reads at `x + slope · y`.
    ShearX {
        /// Pixels sideways for each row down.
        slope: f64,
        /// The colour of what was not in the picture.
        fill: Color,
        /// Nearest or bilinear; other filters count as bilinear.
        interpolation: Interpolation,
    },
    /// The picture slanted up or down: `y` reads at `y + slope · x`.
    ShearY {
        /// Pixels down for each column to the right.
        slope: f64,
        /// The colour of what was not in the picture.
        fill: Color,
        /// Nearest or bilinear; other filters count as bilinear.
        interpolation: Interpolation,
    },
}

impl Geometry {
    /// The `[height, width]` of what this makes of a picture of `[height, width]`.
    #[must_use]
    pub fn output_size(&self, size: [u32; 2]) -> [u32; 2] {
        match *self {
            Self::Resize { height, width, .. }
            | Self::ResizedCrop { height, width, .. }
            | Self::Window { height, width, .. } => [height, width],
            Self::Rotate { degrees, expand: true, .. } => Matrix::expanded(degrees, size).1,
            Self::FlipHorizontal
            | Self::FlipVertical
            | Self::Rotate { .. }
            | Self::ShearX { .. }
            | Self::ShearY { .. } => size,
        }
    }

    /// The moved picture.
    ///
    /// # Panics
    /// If a [`Region`] lies outside of the picture.
    #[must_use]
    pub fn apply(&self, picture: Picture) -> Picture {
        self.apply_with(picture, Vec::new()).0
    }

    /// The moved picture, built in the buffer `spare`, and the buffer that is now free.
    pub(crate) fn apply_with(&self, picture: Picture, spare: Vec<u8>) -> (Picture, Vec<u8>) {
        let size = [picture.height(), picture.width()];
        if self.leaves_alone(size) {
            return (picture, spare);
        }
        let [height, width] = self.output_size(size);
        let (pixels, spare) = self.apply_to_pixels::<3>(picture.into_pixels(), size, None, spare);
        (Picture::new(width, height, pixels), spare)
    }

    /// The mask moved as the picture; `fill` is the label of what was not in the mask.
    ///
    /// # Panics
    /// If a [`Region`] lies outside of the mask.
    #[must_use]
    pub fn apply_to_mask(&self, mask: &Mask, fill: u8) -> Mask {
        let size = [mask.height(), mask.width()];
        let [height, width] = self.output_size(size);
        let labels = mask.labels().to_vec();
        let (labels, _) = self.apply_to_pixels::<1>(labels, size, Some([fill]), Vec::new());
        Mask::new(width, height, labels)
    }

    fn leaves_alone(&self, size: [u32; 2]) -> bool {
        let [full_height, full_width] = size;
        match *self {
            Self::Resize { .. } => self.output_size(size) == size,
            Self::ResizedCrop { region, height, width, .. } => {
                [height, width] == size
                    && region == Region { top: 0, left: 0, height: full_height, width: full_width }
            }
            Self::Window { left: 0, top: 0, height, width, .. } => [height, width] == size,
            Self::Rotate { degrees, .. } => degrees.rem_euclid(360.0) == 0.0,
            _ => false,
        }
    }

    /// The moved pixels and the buffer that is now free. `C` values a pixel; a `label` to fill
    /// with marks a mask.
    fn apply_to_pixels<const C: usize>(
        &self,
        mut pixels: Vec<u8>,
        size: [u32; 2],
        label: Option<[u8; C]>,
        mut spare: Vec<u8>,
    ) -> (Vec<u8>, Vec<u8>) {
        let fill_with = |color: Color| label.unwrap_or_else(|| std::array::from_fn(|c| color.0[c]));
        let filter = |asked| if label.is_some() { Interpolation::Nearest } else { asked };
        let [from_height, from_width] = size;
        match *self {
            Self::Resize { height, width, interpolation } => {
                let region = Region { top: 0, left: 0, height: from_height, width: from_width };
                let filter = filter(interpolation);
                resample::resize::<C>(&pixels, size, region, [height, width], filter, &mut spare);
            }
            Self::ResizedCrop { region, height, width, interpolation } => {
                let filter = filter(interpolation);
                resample::resize::<C>(&pixels, size, region, [height, width], filter, &mut spare);
            }
            Self::Window { left, top, height, width, border } => {
                let border = match border {
                    Border::Constant(color) => window::Beyond::Fill(fill_with(color)),
                    Border::Edge => window::Beyond::Edge,
                    Border::Reflect => window::Beyond::Reflect,
                    Border::Symmetric => window::Beyond::Symmetric,
                };
                window::window::<C>(
                    &pixels,
                    size,
                    [top, left],
                    [height, width],
                    border,
                    &mut spare,
                );
            }
            Self::FlipHorizontal => {
                window::flip_horizontal::<C>(&mut pixels, from_width);
                return (pixels, spare);
            }
            Self::FlipVertical => {
                window::flip_vertical::<C>(&mut pixels, from_width);
                return (pixels, spare);
            }
            Self::Rotate { degrees, expand, fill, interpolation } => {
                let (matrix, to) = if expand {
                    Matrix::expanded(degrees, size)
                } else {
                    (Matrix::rotation(degrees, size), size)
                };
                let filter = filter(interpolation);
                affine::warp(&pixels, size, to, matrix, fill_with(fill), filter, &mut spare);
            }
            Self::ShearX { slope, fill, interpolation } => {
                let matrix = Matrix([1.0, slope, 0.0, 0.0, 1.0, 0.0]);
                let filter = filter(interpolation);
                affine::warp(&pixels, size, size, matrix, fill_with(fill), filter, &mut spare);
            }
            Self::ShearY { slope, fill, interpolation } => {
                let matrix = Matrix([1.0, 0.0, 0.0, slope, 1.0, 0.0]);
                let filter = filter(interpolation);
                affine::warp(&pixels, size, size, matrix, fill_with(fill), filter, &mut spare);
            }
        }
        (spare, pixels)
    }
}

/// Whether a picture of `[height, width]` is one that we are ready to make.
pub(crate) fn is_reasonable([height, width]: [u32; 2]) -> bool {
    u64::from(height) * u64::from(width) <= MAX_PIXELS
}
