use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::extension::{VisionOperations, optional};

/// Each channel of each picture times a factor: the excitation of Hu et al., "Squeeze-and-Excitation
/// Networks" (2018).
///
/// # Shapes
/// `x` and result `[n, h, w, c]`; `scale` `[n, c]`
///
/// # Panics
/// If the shapes don't fit.
#[must_use]
pub fn scale_channels(x: Tensor<4>, scale: Tensor<2>) -> Tensor<4> {
    scaled(x, scale, None)
}

/// [`scale_channels`], to whose result `residual` is added: a residual branch that is scaled, or
/// dropped for some pictures.
///
/// # Shapes
/// As [`scale_channels`]; `residual` has the shape of `x`.
///
/// # Panics
/// If the shapes don't fit.
#[must_use]
pub fn scale_channels_add(x: Tensor<4>, scale: Tensor<2>, residual: Tensor<4>) -> Tensor<4> {
    scaled(x, scale, Some(residual))
}

fn scaled(x: Tensor<4>, scale: Tensor<2>, residual: Option<Tensor<4>>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::scale_channels(
        x.into_dispatch(),
        scale.into_dispatch(),
        optional(residual),
    ))
}
