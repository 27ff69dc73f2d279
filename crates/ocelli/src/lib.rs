//! Ocelli as a library: everything that the `ocelli` command does, from Rust.
//!
//! [`prelude`] has what most programs need; the crates below it are re-exported whole.
#![forbid(unsafe_code)]

pub use ocelli_data as data;
pub use ocelli_models as models;
pub use ocelli_nn as nn;
pub use ocelli_report as report;
pub use ocelli_train as train;

/// What most programs need.
pub mod prelude {
    pub use ocelli_data::{Dataset, DecodeOptions, Picture};
    pub use ocelli_models::{Classifier, ModelConfig, build};
    pub use ocelli_nn::Pass;
    pub use ocelli_train::recipe::Recipe;
    pub use ocelli_train::run_folder::RunFolder;
    pub use ocelli_train::trained::{Answer, Trained};
    pub use ocelli_train::trainer::{Compute, Ending, Observer, resume, start};
}
