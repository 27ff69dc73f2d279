use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::Tensor;

use super::{Activation, ConvGeometry};
use crate::extension::{Normalization, VisionOperations, optional};

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

/// The numbers of a normalization, and what is done to its result.
#[derive(Clone, Copy, Debug)]
pub struct NormalizationOptions {
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied to the result, after a residual was added.
    pub activation: Activation,
}

/// Batch normalization with given statistics: `(x - mean) / sqrt(variance + epsilon) · weight +
/// bias`, channel by channel, and an activation of that.
///
/// # Shapes
/// `x` and result `[n, h, w, c]`; `weight`, `bias`, `mean`, `variance` `[c]`.
///
/// # Panics
/// If the channel counts differ.
#[must_use]
pub fn batch_norm2d(
    x: Tensor<4>,
    affine: [Tensor<1>; 2],
    statistics: [Tensor<1>; 2],
    options: NormalizationOptions,
) -> Tensor<4> {
    let [weight, bias] = affine.map(Tensor::into_dispatch);
    let [mean, variance] = statistics.map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as VisionOperations>::normalize(
        x.into_dispatch(),
        Normalization { mean, variance, weight, bias },
        optional::<4>(None),
        options,
    ))
}

/// Batch normalization with the batch's own statistics, through which gradients flow; then
/// `residual` is added and the activation applied.
///
/// Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 1.
///
/// # Shapes
/// `x`, `residual` and result `[n, h, w, c]`; `weight`, `bias` `[c]`.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn batch_norm2d_train(
    x: Tensor<4>,
    affine: [Tensor<1>; 2],
    residual: Option<Tensor<4>>,
    options: NormalizationOptions,
) -> (Tensor<4>, BatchStatistics) {
    let [weight, bias] = affine.map(Tensor::into_dispatch);
    let (options, last) = split(options, residual.is_some());
    let result = <Dispatch as VisionOperations>::batch_normalization(
        x.into_dispatch(),
        weight,
        bias,
        optional(residual),
        options,
    );
    with_statistics(result, last)
}

/// A convolution without bias before a normalization: see [`conv2d_batch_norm_train`].
#[derive(Clone, Debug)]
pub struct NormalizedConvolution {
    /// The convolution's, `[out_channels, in_channels / groups, kernel_height, kernel_width]`.
    pub weight: Tensor<4>,
    /// How its window moves.
    pub geometry: ConvGeometry,
    /// The normalization's weight and bias, `[out_channels]`.
    pub affine: [Tensor<1>; 2],
}

/// [`conv2d`](super::conv2d) and [`batch_norm2d_train`] in one: what a network mostly consists of.
/// Keeps the convolution's result for the backward pass and, only where a residual is added, its
/// own.
///
/// # Shapes
/// As of the two.
///
/// # Panics
/// As the two.
#[must_use]
pub fn conv2d_batch_norm_train(
    x: Tensor<4>,
    convolution: NormalizedConvolution,
    residual: Option<Tensor<4>>,
    options: NormalizationOptions,
) -> (Tensor<4>, BatchStatistics) {
    let NormalizedConvolution { weight, geometry, affine } = convolution;
    let [scale, bias] = affine.map(Tensor::into_dispatch);
    let (options, last) = split(options, residual.is_some());
    let result = <Dispatch as VisionOperations>::convolution_batch_normalization(
        x.into_dispatch(),
        weight.into_dispatch(),
        scale,
        bias,
        optional(residual),
        geometry,
        options,
    );
    with_statistics(result, last)
}

/// What the operation does, and what is left to do after it. A rectifier's gradient shows in its
/// result; another activation's would need the sum with the residual to be kept, so it is an
/// operation of its own then.
fn split(options: NormalizationOptions, with_residual: bool) -> (NormalizationOptions, Activation) {
    match options.activation {
        Activation::None | Activation::Relu => (options, Activation::None),
        last if with_residual => {
            (NormalizationOptions { activation: Activation::None, ..options }, last)
        }
        _ => (options, Activation::None),
    }
}

fn with_statistics(
    (y, mean, variance): (DispatchTensor, DispatchTensor, DispatchTensor),
    last: Activation,
) -> (Tensor<4>, BatchStatistics) {
    let y = super::activation(Tensor::<4>::from_dispatch(y), last);
    let [n, h, w, _] = y.dims();
    let [mean, variance] =
        [mean, variance].map(|tensor| Tensor::<1>::from_dispatch(tensor).without_autodiff());
    (y, BatchStatistics { mean, variance, count: n * h * w })
}
