//! A module's weights and buffers by name, under PyTorch's keys.
//!
//! A key is the path of field names and indices to a tensor: `layer1.0.downsample.0.weight`.
//! `Vec`, tuples and arrays contribute their index, `Option` and the variants of an enum nothing.

mod error;
mod path;
mod read;
mod train;
mod write;

pub use error::{ShapeMismatch, StateDictError};
pub use ocelli_weights::{Array, StateDict, Values};
pub use read::{parameter_count, parameter_keys, state_dict};
pub use train::{gradients, is_frozen, map_parameters, select_trainable, update_parameters};
pub use write::load_state_dict;
