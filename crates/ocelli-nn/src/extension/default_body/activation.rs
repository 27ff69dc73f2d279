use burn::backend::{Backend, tensor::FloatTensor};

use crate::functional::Activation;

pub(crate) fn activation<B: Backend>(x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    match activation {
        Activation::Identity => x,
        Activation::Relu => B::relu(x),
        Activation::Silu => B::float_mul(B::sigmoid(x.clone()), x),
    }
}

/// The gradient by the activation's argument `x`.
pub(super) fn activation_gradient<B: Backend>(
    x: FloatTensor<B>,
    dy: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    match activation {
        Activation::Identity => dy,
        Activation::Relu => B::relu_backward(x, dy),
        Activation::Silu => {
            // s(x) (1 + x (1 - s(x)))
            let sigmoid = B::sigmoid(x.clone());
            let rest = B::float_add_scalar(B::float_neg(sigmoid.clone()), 1.0.into());
            let slope = B::float_add_scalar(B::float_mul(x, rest), 1.0.into());
            B::float_mul(dy, B::float_mul(sigmoid, slope))
        }
    }
}
