use burn::tensor::Tensor;

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
    let y = x.matmul(weight.transpose());
    match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    }
}
