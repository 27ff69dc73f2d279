use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::extension::VisionOperations;

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
    Tensor::from_dispatch(<Dispatch as VisionOperations>::scale_channels(
        x.into_dispatch(),
        scale.into_dispatch(),
    ))
}
