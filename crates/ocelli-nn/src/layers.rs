//! Layers: parameters and buffers under PyTorch's names, and a forward pass each.

mod batch_norm2d;
mod conv2d;
mod conv2d_norm_activation;
mod conv_transpose2d;
mod dropout;
mod layer_norm;
mod linear;
mod squeeze_excitation;

pub use batch_norm2d::BatchNorm2d;
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dConfig};
pub use conv2d::{Conv2d, Conv2dConfig};
pub use conv2d_norm_activation::Conv2dNormActivation;
pub use dropout::{Dropout, StochasticDepth};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use squeeze_excitation::SqueezeExcitation;
