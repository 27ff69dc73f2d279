//! Layers: parameters and buffers under PyTorch's names, and a forward pass each.

mod batch_norm2d;
mod conv2d;
mod linear;

pub use batch_norm2d::BatchNorm2d;
pub use conv2d::{Conv2d, Conv2dConfig};
pub use linear::Linear;
