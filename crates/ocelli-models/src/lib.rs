//! Vision architectures on `ocelli-nn` layers, one file per family.
//!
//! Struct fields are named as torchvision's modules are, so state dicts are exchanged as they
//! stand; `forward` reads like the paper's figure.
//!
//! ```
//! use ocelli_models::{ModelConfig, build};
//! use ocelli_nn::{Pass, device, tensor::Tensor};
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//!
//! let device = device::parse("cpu")?;
//! let config = ModelConfig::new("resnet18", 10);
//! let model = build(&config, &mut ChaCha8Rng::seed_from_u64(0), &device)?;
//! let pictures = Tensor::<4>::zeros([2, 33, 47, 3], &device);
//! assert_eq!(model.forward(pictures, &Pass::eval()).dims(), [2, 10]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod build;
mod catalogue;
mod classifier;
mod conv_norm;
pub mod convnext;
pub mod dense;
pub mod efficientnet;
pub mod encoder;
mod inverted_residual;
pub mod mobilenet;
mod placeholder;
pub mod pretrained;
pub mod probe;
pub mod resnet;
pub mod self_supervised;
pub mod vgg;

pub use build::{BuildError, ModelConfig, build};
pub use catalogue::{ModelEntry, catalogue};
pub use classifier::Classifier;
pub use dense::{DenseConfig, DenseModel, DenseOutput, UpSampling, build_dense, dense_catalogue};
pub use encoder::{Encoder, EncoderConfig, StageShape};
