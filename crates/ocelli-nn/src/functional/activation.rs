use burn::backend::Dispatch;
use burn::tensor::{Tensor, activation as burn_activation};
pub use ocelli_kernels::activation::Activation;

use crate::extension::VisionOperations;

/// An activation function, element by element.
#[must_use]
pub fn activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::None => x,
        _ => Tensor::from_dispatch(<Dispatch as VisionOperations>::activation(
            x.into_dispatch(),
            activation,
        )),
    }
}

/// `max(x, 0)`, element by element.
#[must_use]
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation(x, Activation::Relu)
}

/// The logarithm of the softmax along `axis`, computed without leaving the range of a float.
///
/// # Panics
/// If `axis` is not below `D`.
#[must_use]
pub fn log_softmax<const D: usize>(x: Tensor<D>, axis: usize) -> Tensor<D> {
    assert!(axis < D, "log_softmax along axis {axis} of a tensor with {D} axes");
    burn_activation::log_softmax(x, axis)
}
