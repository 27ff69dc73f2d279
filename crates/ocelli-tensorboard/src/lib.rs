//! What [TensorBoard](https://www.tensorflow.org/tensorboard) opens: event files with scalars,
//! pictures and histograms, and the folder of its embedding projector.
//!
//! Files are written whole records at a time, so that a TensorBoard that looks while training goes
//! on sees every finished epoch. [`Events::continued`] goes on with a run that was interrupted,
//! without leaving anything twice.
#![forbid(unsafe_code)]

mod events;
mod histogram;
mod message;
pub mod projector;
pub mod record;

pub use events::{Events, Wanted};
pub use message::{Event, Histogram, Image, SessionLog, Summary, Value, Written};
