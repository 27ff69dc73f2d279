use burn::backend::{Backend, tensor::FloatTensor};
use burn::tensor::Shape;

use super::activation::{activation, activation_gradient};
use super::{four, over_pictures};
use crate::extension::{Normalization, Optional, VisionOperations};
use crate::functional::{Activation, NormalizationOptions};

pub(crate) fn channel_sum<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [n, h, w, c] = four::<B>(&x);
    let x = B::float_reshape(x, Shape::new([n * h * w, c]));
    B::float_reshape(B::float_sum_dim(x, 0), Shape::new([c]))
}

pub(crate) fn channel_statistics<B: Backend>(
    x: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = four::<B>(&x);
    let x = B::float_reshape(x, Shape::new([n * h * w, c]));
    let mean = B::float_mean_dim(x.clone(), 0);
    // Two passes: the mean of squares minus the squared mean would lose every digit where the
    // mean is large beside the deviation.
    let centered = B::float_sub(x, mean.clone());
    let variance = B::float_mean_dim(B::float_mul(centered.clone(), centered), 0);
    let channels = Shape::new([c]);
    (B::float_reshape(mean, channels.clone()), B::float_reshape(variance, channels))
}

/// `1 / sqrt(variance + epsilon)`.
fn inverse_deviation<B: Backend>(variance: FloatTensor<B>, epsilon: f64) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(variance, epsilon.into())))
}

pub(crate) fn normalize<B: Backend>(
    x: FloatTensor<B>,
    normalization: Normalization<B>,
    residual: Optional<B>,
    options: NormalizationOptions,
) -> FloatTensor<B> {
    let Normalization { mean, variance, weight, bias } = normalization;
    let scale = B::float_mul(weight, inverse_deviation::<B>(variance, options.epsilon));
    let centered = B::float_sub(x, over_pictures::<B>(mean));
    let scaled = B::float_mul(centered, over_pictures::<B>(scale));
    let mut y = B::float_add(scaled, over_pictures::<B>(bias));
    if let Some(residual) = residual.into_option() {
        y = B::float_add(y, residual);
    }
    activation::<B>(y, options.activation)
}

/// Ioffe and Szegedy, "Batch Normalization" (2015), section 3.
pub(crate) fn normalize_gradient<B: Backend>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    normalization: Normalization<B>,
    y: Optional<B>,
    options: NormalizationOptions,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, Option<FloatTensor<B>>) {
    let [n, h, w, _] = four::<B>(&x);
    let Normalization { mean, variance, weight, bias } = normalization;
    let inverse = inverse_deviation::<B>(variance, options.epsilon);
    let normalized = B::float_mul(
        B::float_sub(x, over_pictures::<B>(mean)),
        over_pictures::<B>(inverse.clone()),
    );
    let y = y.into_option();
    let with_residual = y.is_some();
    // What the activation was applied to; for a rectifier its result tells as much.
    let before = match y {
        Some(y) => {
            assert!(
                matches!(options.activation, Activation::None | Activation::Relu),
                "after a residual, this activation is an operation of its own"
            );
            y
        }
        None => B::float_add(
            B::float_mul(normalized.clone(), over_pictures::<B>(weight.clone())),
            over_pictures::<B>(bias),
        ),
    };
    let dy = activation_gradient::<B>(dy, before, options.activation);
    let dbias = channel_sum::<B>(dy.clone());
    let dweight = channel_sum::<B>(B::float_mul(dy.clone(), normalized.clone()));

    let through_mean = over_pictures::<B>(dbias.clone());
    let through_variance = B::float_mul(normalized, over_pictures::<B>(dweight.clone()));
    let through_statistics = B::float_add(through_variance, through_mean);
    let pixels = (n * h * w) as f64;
    let dx = B::float_sub(dy.clone(), B::float_div_scalar(through_statistics, pixels.into()));
    let dx = B::float_mul(dx, over_pictures::<B>(B::float_mul(weight, inverse)));
    (dx, dweight, dbias, with_residual.then_some(dy))
}

pub(crate) fn batch_normalization<B: VisionOperations>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    residual: Optional<B>,
    options: NormalizationOptions,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let (mean, variance) = B::channel_statistics(x.clone());
    let normalization =
        Normalization { mean: mean.clone(), variance: variance.clone(), weight, bias };
    (B::normalize(x, normalization, residual, options), mean, variance)
}
