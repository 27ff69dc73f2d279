use burn::tensor::{Tensor, activation};

/// `max(x, 0)`, element by element.
#[must_use]
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::relu(x)
}

/// The logarithm of the softmax along `axis`, computed without leaving the range of a float.
///
/// # Panics
/// If `axis` is not below `D`.
#[must_use]
pub fn log_softmax<const D: usize>(x: Tensor<D>, axis: usize) -> Tensor<D> {
    assert!(axis < D, "log_softmax along axis {axis} of a tensor with {D} axes");
    activation::log_softmax(x, axis)
}
