use burn::backend::Dispatch;
use burn::tensor::{Tensor, activation};

use crate::extension::VisionOperations;

/// What is applied to activations, element by element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x / (1 + exp(-x))`, also called swish.
    Silu,
}

impl Activation {
    /// The activation of each element.
    #[must_use]
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Identity => x,
            _ => Tensor::from_dispatch(<Dispatch as VisionOperations>::activation(
                x.into_dispatch(),
                self,
            )),
        }
    }
}

/// `max(x, 0)`, element by element.
#[must_use]
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Activation::Relu.apply(x)
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
