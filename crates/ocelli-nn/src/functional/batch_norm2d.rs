use burn::tensor::Tensor;

/// What a batch's pixels are like, channel by channel, off the autodiff graph.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// Mean per channel, `[c]`.
    pub mean: Tensor<1>,
    /// Variance per channel, `[c]`, biased: divided by the number of values.
    pub variance: Tensor<1>,
    /// Values per channel: batch times height times width.
    pub count: usize,
}

/// Batch normalization with given statistics: `(x - mean) / sqrt(variance + epsilon) · weight +
/// bias`, channel by channel.
///
/// # Shapes
/// `x` and result `[n, h, w, c]`; `weight`, `bias`, `mean`, `variance` `[c]`.
///
/// # Panics
/// If the channel counts differ.
#[must_use]
pub fn batch_norm2d(
    x: Tensor<4>,
    [weight, bias]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f64,
) -> Tensor<4> {
    // Folded to one multiplication and one addition per pixel.
    let scale = weight * (variance + epsilon).sqrt().recip();
    let shift = bias - mean * scale.clone();
    x * scale.unsqueeze() + shift.unsqueeze()
}

/// Batch normalization with the batch's own statistics, through which gradients flow.
///
/// Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 1.
///
/// # Shapes
/// `x` and result `[n, h, w, c]`; `weight`, `bias` `[c]`.
///
/// # Panics
/// If the channel counts differ.
#[must_use]
pub fn batch_norm2d_train(
    x: Tensor<4>,
    [weight, bias]: [Tensor<1>; 2],
    epsilon: f64,
) -> (Tensor<4>, BatchStatistics) {
    let shape = x.dims();
    let [n, h, w, c] = shape;
    let count = n * h * w;
    let x = x.reshape([count, c]);
    let mean = x.clone().mean_dim(0);
    // Two passes: the mean of squares minus the squared mean would lose every digit where the
    // mean is large beside the deviation.
    let centered = x - mean.clone();
    let variance = centered.clone().square().mean_dim(0);
    let scale = weight.unsqueeze() * (variance.clone() + epsilon).sqrt().recip();
    let y = centered * scale + bias.unsqueeze();
    let statistics = BatchStatistics {
        mean: mean.without_autodiff().reshape([c]),
        variance: variance.without_autodiff().reshape([c]),
        count,
    };
    (y.reshape(shape), statistics)
}
