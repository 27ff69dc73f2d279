use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::extension::VisionOperations;

/// Each row of the last axis, normalized by its own mean and biased variance, then scaled and
/// shifted (Ba et al., "Layer Normalization", 2016).
///
/// # Shapes
/// `x` and result `[..., c]`; weight and bias `[c]`.
///
/// # Panics
/// If the channel counts differ.
#[must_use]
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    [weight, bias]: [Tensor<1>; 2],
    epsilon: f64,
) -> Tensor<D> {
    let shape = x.dims();
    assert_eq!(weight.dims(), [shape[D - 1]], "a layer normalization's weight, and {shape:?}");
    Tensor::from_dispatch(<Dispatch as VisionOperations>::layer_normalization(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        epsilon,
    ))
}
