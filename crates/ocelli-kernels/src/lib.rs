//! CPU kernels for training and running vision models, on plain slices.
//!
//! - **Activations are channels-last**: `[batch, height, width, channels]`, dense in that order.
//!   Convolution weights keep PyTorch's order, `[out, in / groups, height, width]`.
//! - **One source, every instruction set**: kernels are written once over [`isa::Simd`] and
//!   compiled for AVX-512, AVX2 and what every processor has; the choice is made at run time.
//! - **Work is cut by the shape alone**, never by the number of threads, and partial sums are
//!   added in a fixed order: results do not depend on how many threads work, or on which was
//!   faster.
//! - **Threads are rayon's**: work runs in the pool of the caller.
//!
//! This is the only crate of the workspace with `unsafe` code. Public functions are safe: they
//! check every length against the shape before the first unchecked access.

pub mod activation;
#[cfg(feature = "mimalloc")]
pub mod allocator;
pub mod batch_norm;
pub mod channel_scale;
mod channels;
mod column_sums;
pub mod concat;
pub mod conv2d;
pub mod cross_entropy;
pub mod dropout;
pub mod elementwise;
mod exp;
pub mod isa;
pub mod layer_norm;
mod memory;
pub mod optimizer;
pub mod pad;
mod parallel;
mod pass;
pub mod pool;
pub mod profile;
pub mod reduction;
pub mod resample;
pub mod softmax;
#[cfg(test)]
mod testing;
mod tile;
#[cfg(test)]
mod timing;

pub use isa::Isa;
