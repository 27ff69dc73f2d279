//! Average pooling to a given size, and its gradient.

use super::mean::Means;
use super::windows::Windows;
use crate::isa::Isa;

/// Sizes of an adaptive pooling. Pairs are `[vertical, horizontal]`.
///
/// Window `o` of an axis goes from pixel `floor(o * size / output_size)` to before
/// `ceil((o + 1) * size / output_size)`; neighbours overlap where it doesn't divide.
///
/// # Shapes
/// - picture `x`: `[batch, height, width, channels]`
/// - result `y`: `[batch, output height, output width, channels]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptivePool2dShape {
    /// Pictures.
    pub batch: usize,
    /// Height and width of a picture.
    pub size: [usize; 2],
    /// Channels of the picture and of the result.
    pub channels: usize,
    /// Height and width of the result.
    pub output_size: [usize; 2],
}

impl AdaptivePool2dShape {
    fn means(&self) -> Means {
        let windows = [0, 1].map(|axis| {
            assert!(
                self.size[axis] > 0 || self.output_size[axis] == 0,
                "a mean needs a pixel: {self:?}"
            );
            Windows::adaptive(self.size[axis], self.output_size[axis])
        });
        Means { batch: self.batch, channels: self.channels, windows, divisor: None }
    }
}

/// The mean of each window.
///
/// # Panics
/// If `x` has not the length of the shape, or a picture has no pixels.
#[must_use]
pub fn forward(isa: Isa, shape: &AdaptivePool2dShape, x: &[f32]) -> Vec<f32> {
    shape.means().forward(isa, x)
}

/// The gradient of the picture: each element of `dy`, divided, goes to all pixels of its window.
///
/// # Panics
/// If `dy` has not the length of the shape's result, or a picture has no pixels.
#[must_use]
pub fn input_gradient(isa: Isa, shape: &AdaptivePool2dShape, dy: &[f32]) -> Vec<f32> {
    shape.means().input_gradient(isa, dy)
}
