use burn::tensor::Tensor;

use super::{Activation, ConvGeometry, Convolution, conv2d_activation};
use crate::device::is_cpu;

/// `x · weightᵀ + bias`.
///
/// # Shapes
/// - `x`: `[n, in_features]`
/// - `weight`: `[out_features, in_features]`, PyTorch's order
/// - `bias`: `[out_features]`
/// - result: `[n, out_features]`
///
/// # Panics
/// If the feature counts don't fit each other.
#[must_use]
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    if is_cpu(&x.device()) {
        return pointwise(x, weight, bias);
    }
    let y = x.matmul(weight.transpose());
    match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    }
}

/// The same as a 1x1 convolution of one row of pixels, whose kernels read the weight as it lies and
/// write its gradient likewise: a product with its transpose has both laid out anew, which for
/// VGG's hundred million weights takes as long as many convolutions.
fn pointwise(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let ([n, inputs], [outputs, features]) = (x.dims(), weight.dims());
    assert_eq!(inputs, features, "features of {n} rows, and of a weight for {outputs} outputs");
    let weight = weight.reshape([outputs, inputs, 1, 1]);
    let convolution = Convolution { weight, bias, geometry: ConvGeometry::default() };
    let x = x.reshape([1, 1, n, inputs]);
    conv2d_activation(x, convolution, None, Activation::None).reshape([n, outputs])
}
