use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::extension::VisionOperations;

/// Drops each number with `probability`, and divides the others by `1 - probability` (Srivastava et
/// al. 2014). For training passes alone.
///
/// Which numbers are dropped depends on `key` and their places, and on nothing else: draw a key
/// from the run's seed for every layer and step.
///
/// # Panics
/// If `probability` is not in 0..=1.
#[must_use]
pub fn dropout<const D: usize>(x: Tensor<D>, probability: f64, key: u64) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as VisionOperations>::dropout(
        x.into_dispatch(),
        probability,
        key,
    ))
}
