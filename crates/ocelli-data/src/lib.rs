//! Find, decode, augment and batch pictures and masks.
//!
//! The road of a picture through this crate:
//! [`source`] finds the samples of a folder, an archive, a table or the embedded sample data;
//! [`split`] divides them; [`decode`] makes an upright RGB [`Picture`] of each file;
//! [`augment`] turns it into normalized numbers; [`loader`] does all of that on worker threads,
//! ahead of the training that eats the batches.
//!
//! All randomness is keyed (see [`random`]): no thread timing can change a result.
#![forbid(unsafe_code)]

pub mod augment;
pub mod batch_mix;
pub mod cache;
pub mod check;
pub mod color;
pub mod dataset;
pub mod decode;
pub mod loader;
pub mod mask;
pub mod picture;
pub mod random;
pub mod sampler;
pub mod source;
pub mod split;
pub mod stats;
pub mod synth;

pub use dataset::{Dataset, Sample};
pub use decode::{DecodeError, DecodeOptions};
pub use mask::Palette;
pub use picture::{Mask, Picture};
