use burn::backend::Dispatch;
use burn::tensor::Tensor;
pub use ocelli_kernels::resample::Mode as ResizeMode;

use crate::extension::VisionOperations;

/// Pictures in another size, `[height, width]`: PyTorch's `interpolate` without antialiasing.
///
/// # Shapes
/// `[n, h, w, c]` → `[n, size[0], size[1], c]`
///
/// # Panics
/// If the picture has no pixels and the result has.
#[must_use]
pub fn resize2d(x: Tensor<4>, size: [usize; 2], mode: ResizeMode) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::resize(x.into_dispatch(), size, mode))
}
