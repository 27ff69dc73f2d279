use burn::tensor::Tensor;

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
    let channels = shape[D - 1];
    assert_eq!(weight.dims(), [channels], "a layer normalization's weight, and pictures {shape:?}");
    let rows = shape[..D - 1].iter().product();
    let x = x.reshape([rows, channels]);
    let centered = x.clone() - x.mean_dim(1);
    let variance = centered.clone().square().mean_dim(1);
    let normalized = centered * (variance + epsilon).sqrt().recip();
    (normalized * weight.unsqueeze_dim(0) + bias.unsqueeze_dim(0)).reshape(shape)
}
