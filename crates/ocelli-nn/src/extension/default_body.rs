//! The operations in Burn's own, for every device that we have no kernels for, and as what the
//! kernels are tested against.

mod activation;
mod concat;
mod convolution;
mod cross_entropy;
mod elementwise;
mod layer_norm;
mod normalization;
mod pool;

pub(crate) use activation::{activation, activation_gradient};
pub(crate) use concat::{concat_channels, split_channels};
pub(crate) use convolution::{
    convolution, convolution_activation, convolution_input_gradient, convolution_weight_gradient,
    transposed_convolution,
};
pub(crate) use cross_entropy::{
    cross_entropy, cross_entropy_gradient, softmax_class_sums, softmax_class_sums_gradient,
};
pub(crate) use elementwise::{
    dropout, resize, resize_gradient, scale_channels, scale_channels_gradient,
};
pub(crate) use layer_norm::{layer_normalization, layer_normalization_gradient};
pub(crate) use normalization::{
    batch_normalization, channel_statistics, channel_sum, normalize, normalize_gradient,
};
pub(crate) use pool::{
    adaptive_average_pool, adaptive_average_pool_gradient, average_pool, average_pool_gradient,
    max_pool, max_pool_gradient, max_pool_with_winners,
};

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// A `[c]` tensor that broadcasts over pictures.
fn over_pictures<B: Backend>(channels: FloatTensor<B>) -> FloatTensor<B> {
    let c = channels.shape().num_elements();
    B::float_reshape(channels, Shape::new([1, 1, 1, c]))
}

/// The lengths of a tensor with four axes.
fn four<B: Backend>(tensor: &FloatTensor<B>) -> [usize; 4] {
    tensor.shape().dims()
}
