use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

pub(crate) fn layer_normalization<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let shape = x.shape();
    let channels = weight.shape().num_elements();
    let (normalized, _) = normalize::<B>(x, channels, epsilon);
    let scaled = B::float_mul(normalized, over_rows::<B>(weight));
    B::float_reshape(B::float_add(scaled, over_rows::<B>(bias)), shape)
}

pub(crate) fn layer_normalization_gradient<B: Backend>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    epsilon: f64,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let shape = x.shape();
    let channels = weight.shape().num_elements();
    let (normalized, inverse) = normalize::<B>(x, channels, epsilon);
    let rows = normalized.shape();
    let dy = B::float_reshape(dy, rows);
    let sum = |terms| B::float_reshape(B::float_sum_dim(terms, 0), Shape::new([channels]));
    let dbias = sum(dy.clone());
    let dweight = sum(B::float_mul(dy.clone(), normalized.clone()));

    let dnormalized = B::float_mul(dy, over_rows::<B>(weight));
    let through_mean = B::float_mean_dim(dnormalized.clone(), 1);
    let products = B::float_mul(dnormalized.clone(), normalized.clone());
    let through_variance = B::float_mul(normalized, B::float_mean_dim(products, 1));
    let rest = B::float_sub(B::float_sub(dnormalized, through_mean), through_variance);
    (B::float_reshape(B::float_mul(rest, inverse), shape), dweight, dbias)
}

/// Rows of `channels`, each less its mean and over its deviation, and the inverse of that.
fn normalize<B: Backend>(
    x: FloatTensor<B>,
    channels: usize,
    epsilon: f64,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let rows = x.shape().num_elements() / channels.max(1);
    let x = B::float_reshape(x, Shape::new([rows, channels]));
    let centered = B::float_sub(x.clone(), B::float_mean_dim(x, 1));
    let variance = B::float_mean_dim(B::float_mul(centered.clone(), centered.clone()), 1);
    let inverse = B::float_recip(B::float_sqrt(B::float_add_scalar(variance, epsilon.into())));
    (B::float_mul(centered, inverse.clone()), inverse)
}

/// A `[c]` tensor that broadcasts over rows.
fn over_rows<B: Backend>(channels: FloatTensor<B>) -> FloatTensor<B> {
    let c = channels.shape().num_elements();
    B::float_reshape(channels, Shape::new([1, c]))
}
