//! How far two rows of numbers are apart, whatever their lengths.

use burn::tensor::Tensor;

/// The square of the least length that a row is divided by, as in PyTorch's `normalize`.
const LEAST_SQUARE: f64 = 1e-24;

/// Each row divided by its length.
///
/// # Shapes
/// `[n, width]` → the same
pub(super) fn normalized(rows: Tensor<2>) -> Tensor<2> {
    let squares = rows.clone().powi_scalar(2).sum_dim(1).clamp_min(LEAST_SQUARE);
    rows / squares.sqrt()
}

/// The mean over rows of the cosine of the angle between them.
///
/// # Shapes
/// `[n, width]` both → `[1]`
pub(super) fn mean_cosine(left: Tensor<2>, right: Tensor<2>) -> Tensor<1> {
    (normalized(left) * normalized(right)).sum_dim(1).mean()
}
