use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::Activation;
use crate::extension::{VisionOperations, optional};

/// How a convolution's window moves over the picture. Pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Pixels between neighbouring windows.
    pub stride: [usize; 2],
    /// Zeros added on each side of the picture.
    pub padding: [usize; 2],
    /// Pixels between neighbouring taps of the window.
    pub dilation: [usize; 2],
    /// Groups of channels that don't see each other.
    pub groups: usize,
}

impl Default for ConvGeometry {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

/// Two-dimensional convolution (cross-correlation, as everywhere in deep learning).
///
/// # Shapes
/// - `x`: `[n, h, w, in_channels]`
/// - `weight`: `[out_channels, in_channels / groups, kernel_height, kernel_width]`
/// - `bias`: `[out_channels]`
/// - result: `[n, h', w', out_channels]` with
///   `h' = (h + 2 padding - dilation (kernel_height - 1) - 1) / stride + 1`, rounded down.
///
/// # Panics
/// If the channel counts don't fit each other, or the padded picture is smaller than the kernel.
#[must_use]
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: ConvGeometry,
) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::convolution(
        x.into_dispatch(),
        weight.into_dispatch(),
        optional(bias),
        geometry,
    ))
}

/// The convolution of [`conv2d_activation`].
#[derive(Clone, Debug)]
pub struct Convolution {
    /// `[out_channels, in_channels / groups, kernel_height, kernel_width]`
    pub weight: Tensor<4>,
    /// `[out_channels]`
    pub bias: Option<Tensor<1>>,
    /// How the window moves.
    pub geometry: ConvGeometry,
}

/// [`conv2d`], to whose result `residual` is added and an activation applied before it is written.
///
/// # Shapes
/// As [`conv2d`]; `residual` has the result's.
///
/// # Panics
/// As [`conv2d`], and if `residual` has another shape than the result.
#[must_use]
pub fn conv2d_activation(
    x: Tensor<4>,
    convolution: Convolution,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::convolution_activation(
        x.into_dispatch(),
        convolution.weight.into_dispatch(),
        optional(convolution.bias),
        optional(residual),
        convolution.geometry,
        activation,
    ))
}
