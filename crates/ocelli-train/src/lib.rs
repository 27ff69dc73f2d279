//! From a recipe to a trained model: losses, metrics, optimizers, schedules, the training loop,
//! checkpoints and the run folder.
//!
//! [`recipe`] says what is wanted, [`pictures`] finds the data, [`trainer`] trains and leaves a
//! [`run_folder`], [`trained`] uses what was trained, [`compare`] lays runs side by side.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod compare;
pub mod config;
pub mod ema;
pub mod feature_file;
pub mod file_names;
mod fine_tuning;
mod flat;
pub mod gradient;
pub mod loss;
pub mod masks;
pub mod metric;
pub mod network;
pub mod optimizer;
pub mod pictures;
pub mod progress;
pub mod recipe;
pub mod record;
pub mod run_folder;
pub mod schedule;
pub mod selection;
pub mod step_benchmark;
pub mod sweep;
pub mod task;
#[cfg(test)]
mod testing;
pub mod trained;
pub mod trainer;
pub mod views;
pub mod weights;
