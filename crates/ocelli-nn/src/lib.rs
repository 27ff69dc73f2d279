//! Differentiable operations and layers on Burn tensors.
//!
//! Two conventions hold throughout:
//!
//! - **Activations are channels-last**: `[batch, height, width, channels]`, contiguous in that
//!   order. Weights keep PyTorch's order (`[out, in, height, width]`), so state dicts are
//!   torchvision's as they stand. See [`functional`].
//! - **What a forward pass is for is passed in**, not remembered: every `forward` whose result
//!   depends on it takes a [`Pass`].
//!
//! ```
//! use ocelli_nn::{Pass, device, layers::{BatchNorm2d, Conv2dConfig}, tensor::Tensor};
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//!
//! let device = device::parse("cpu")?;
//! let mut generator = ChaCha8Rng::seed_from_u64(0);
//! let convolution = Conv2dConfig::new(3, 16, [3, 3]).with_padding([1, 1]);
//! let convolution = convolution.init(&mut generator, &device);
//! let normalization = BatchNorm2d::new(16, &device);
//!
//! let pictures = Tensor::<4>::zeros([2, 32, 48, 3], &device);
//! let activations = normalization.forward(convolution.forward(pictures), &Pass::eval());
//! assert_eq!(activations.dims(), [2, 32, 48, 16]);
//! # Ok::<(), device::DeviceError>(())
//! ```
#![forbid(unsafe_code)]

pub mod buffer;
pub mod cpu;
pub mod device;
mod extension;
pub mod functional;
pub mod init;
pub mod layers;
mod pass;
pub mod state;

pub use burn::{module, tensor};
pub use ocelli_weights::{self as weights, safetensors};
pub use pass::Pass;
