use burn::backend::{Backend, tensor::FloatTensor};
use ocelli_kernels::activation::Activation;

pub(crate) fn activation<B: Backend>(x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    match activation {
        Activation::None => x,
        Activation::Relu => B::relu(x),
        Activation::Silu => B::float_mul(B::sigmoid(x.clone()), x),
        Activation::HardSwish => B::float_mul(hard_sigmoid::<B>(x.clone()), x),
        Activation::Sigmoid => B::sigmoid(x),
        Activation::HardSigmoid => hard_sigmoid::<B>(x),
        Activation::Gelu => B::float_mul(normal_distribution::<B>(x.clone()), x),
    }
}

pub(crate) fn activation_gradient<B: Backend>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    let slope = match activation {
        Activation::None => return dy,
        Activation::Relu => return B::relu_backward(x, dy),
        // f = x s: s + x ds
        Activation::Silu => {
            let sigmoid = B::sigmoid(x.clone());
            let steepness = sigmoid_slope::<B>(sigmoid.clone());
            B::float_add(sigmoid, B::float_mul(x, steepness))
        }
        Activation::HardSwish => {
            let steepness = hard_sigmoid_slope::<B>(x.clone());
            B::float_add(hard_sigmoid::<B>(x.clone()), B::float_mul(x, steepness))
        }
        Activation::Sigmoid => sigmoid_slope::<B>(B::sigmoid(x)),
        Activation::HardSigmoid => hard_sigmoid_slope::<B>(x),
        // The distribution, and x times the density.
        Activation::Gelu => {
            let below = normal_distribution::<B>(x.clone());
            let square = B::float_mul(x.clone(), x.clone());
            let bell = B::float_exp(B::float_mul_scalar(square, (-0.5).into()));
            let density = B::float_mul_scalar(bell, std::f64::consts::TAU.sqrt().recip().into());
            B::float_add(below, B::float_mul(x, density))
        }
    };
    B::float_mul(dy, slope)
}

/// `s (1 - s)`, where `s` is the sigmoid.
fn sigmoid_slope<B: Backend>(sigmoid: FloatTensor<B>) -> FloatTensor<B> {
    let rest = B::float_add_scalar(B::float_neg(sigmoid.clone()), 1.0.into());
    B::float_mul(sigmoid, rest)
}

/// `min(max(x + 3, 0), 6) / 6`.
fn hard_sigmoid<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let clamped = B::float_clamp(B::float_add_scalar(x, 3.0.into()), 0.0.into(), 6.0.into());
    B::float_div_scalar(clamped, 6.0.into())
}

/// One sixth between -3 and 3, else zero.
fn hard_sigmoid_slope<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    // The rectifier's gradient from either side.
    let sixth = B::float_add_scalar(B::float_mul_scalar(x.clone(), 0.0.into()), (1.0 / 6.0).into());
    let above = B::relu_backward(B::float_add_scalar(x.clone(), 3.0.into()), sixth);
    B::relu_backward(B::float_add_scalar(B::float_neg(x), 3.0.into()), above)
}

/// The probability that a standard normal number is below `x`.
fn normal_distribution<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let scaled = B::float_mul_scalar(x, std::f64::consts::FRAC_1_SQRT_2.into());
    B::float_mul_scalar(B::float_add_scalar(B::float_erf(scaled), 1.0.into()), 0.5.into())
}
