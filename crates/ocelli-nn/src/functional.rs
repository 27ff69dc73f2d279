//! Operations on channels-last activations, one file each.
//!
//! A layer of a model never calls Burn directly: it comes through here, so that a faster kernel
//! for a device has one place to go.
//!
//! # Shapes
//! Activations are `[batch, height, width, channels]`, written `[n, h, w, c]` below.

mod activation;
mod batch_norm2d;
mod concat;
mod conv2d;
mod conv_transpose2d;
mod cross_entropy;
mod dropout;
mod layer_norm;
mod linear;
mod pool;
mod resize;
mod scale_channels;

pub use activation::{Activation, activation, log_softmax, relu};
pub use batch_norm2d::{
    BatchStatistics, NormalizationOptions, NormalizedConvolution, batch_norm2d, batch_norm2d_train,
    conv2d_batch_norm_train,
};
pub use concat::concat_channels;
pub use conv_transpose2d::conv_transpose2d;
pub use conv2d::{ConvGeometry, Convolution, conv2d, conv2d_activation};
pub use cross_entropy::{CrossEntropyOptions, softmax_class_sums, softmax_cross_entropy};
pub use dropout::dropout;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use pool::{
    PoolGeometry, adaptive_average_pool2d, average_pool2d, global_average_pool, max_pool2d,
};
pub use resize::{ResizeMode, resize2d};
pub use scale_channels::{scale_channels, scale_channels_add};
