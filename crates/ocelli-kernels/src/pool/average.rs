//! Average pooling and its gradient.

use super::Pool2dShape;
use super::mean::Means;
use super::windows::Windows;
use crate::isa::Isa;

fn means(shape: &Pool2dShape, count_include_pad: bool) -> Means {
    let count = shape.output_size();
    let windows = [0, 1].map(|axis| {
        let (kernel, stride) = (shape.kernel[axis], shape.stride[axis]);
        Windows::sliding(shape.size[axis], count[axis], kernel, stride, shape.padding[axis])
    });
    let divisor = count_include_pad.then(|| shape.taps());
    Means { batch: shape.batch, channels: shape.channels, windows, divisor }
}

/// The mean of each window: its sum divided by the window's pixels, which padding is among if
/// `count_include_pad` (PyTorch's default).
///
/// # Panics
/// If `x` has not the length of the shape.
#[must_use]
pub fn forward(isa: Isa, shape: &Pool2dShape, count_include_pad: bool, x: &[f32]) -> Vec<f32> {
    means(shape, count_include_pad).forward(isa, x)
}

/// The gradient of the picture: each element of `dy`, divided, goes to all pixels of its window.
///
/// # Panics
/// If `dy` has not the length of the shape's result.
#[must_use]
pub fn input_gradient(
    isa: Isa,
    shape: &Pool2dShape,
    count_include_pad: bool,
    dy: &[f32],
) -> Vec<f32> {
    means(shape, count_include_pad).input_gradient(isa, dy)
}
