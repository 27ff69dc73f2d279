//! State dicts as files: read and written in PyTorch's and safetensors' formats, found by path or
//! by name over https.
//!
//! [`source`] turns what a recipe says into a file, [`read`] reads it whatever its format, [`keys`]
//! brings its keys to what a model expects, timm's included, and [`write()`] writes one.
//!
//! Nothing in a file is executed: a pickle's machine understands what state dicts are made of, and
//! refuses the rest by name.
#![forbid(unsafe_code)]

mod array;
mod download;
mod element;
mod file;
pub mod keys;
mod pickle;
pub mod pth;
pub mod safetensors;
pub mod source;
mod timm;
mod torchvision;

pub use array::{Array, StateDict, Values};
pub use download::DownloadError;
pub use file::{Format, Loaded, ReadError, WriteError, read, write};
pub use pickle::PickleError;
