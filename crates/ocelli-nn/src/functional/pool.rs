use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::extension::VisionOperations;

/// How a pooling window moves over the picture. Pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// The window's height and width.
    pub kernel: [usize; 2],
    /// Pixels between neighbouring windows.
    pub stride: [usize; 2],
    /// Pixels added on each side: they never win, and count as zeros in a mean.
    pub padding: [usize; 2],
}

/// The largest value of each window and channel.
///
/// # Shapes
/// `[n, h, w, c]` → `[n, h', w', c]` with `h' = (h + 2 padding - kernel) / stride + 1`, rounded
/// down.
///
/// # Panics
/// If the padded picture is smaller than the window, or the padding more than half of it.
#[must_use]
pub fn max_pool2d(x: Tensor<4>, geometry: PoolGeometry) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::max_pool(x.into_dispatch(), geometry))
}

/// The mean of each window and channel, padding included (PyTorch's default).
///
/// # Shapes
/// As [`max_pool2d`].
///
/// # Panics
/// As [`max_pool2d`].
#[must_use]
pub fn average_pool2d(x: Tensor<4>, geometry: PoolGeometry) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::average_pool(x.into_dispatch(), geometry))
}

/// The mean of each window and channel, windows being such that the result has `[height, width]`
/// `size`: from `floor(i h / h')` to `ceil((i + 1) h / h')`.
///
/// # Shapes
/// `[n, h, w, c]` → `[n, size[0], size[1], c]`
///
/// # Panics
/// If `size` or the picture has no pixels.
#[must_use]
pub fn adaptive_average_pool2d(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::adaptive_average_pool(
        x.into_dispatch(),
        size,
    ))
}

/// The mean over the picture, one value per channel.
///
/// # Shapes
/// `[n, h, w, c]` → `[n, c]`
#[must_use]
pub fn global_average_pool(x: Tensor<4>) -> Tensor<2> {
    let [n, _, _, c] = x.dims();
    adaptive_average_pool2d(x, [1, 1]).reshape([n, c])
}
