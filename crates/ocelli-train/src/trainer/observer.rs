//! Who watches a run: the terminal, a test, later a dashboard.

use crate::progress::TrainingState;
use crate::recipe::Recipe;
use crate::record::{BrokenRecord, EpochRecord, Split};
use crate::run_folder::RunInfo;

/// What is known when a run begins or goes on.
#[derive(Debug)]
pub struct RunStart<'a> {
    /// The resolved recipe.
    pub recipe: &'a Recipe,
    /// What the run is made from and with.
    pub info: &'a RunInfo,
    /// What a person should know about the pictures.
    pub notes: &'a [String],
    /// How far training had come before.
    pub state: &'a TrainingState,
    /// Batches an epoch.
    pub batches: usize,
    /// The run folder.
    pub folder: &'a std::path::Path,
}

/// A batch done.
#[derive(Clone, Copy, Debug)]
pub struct StepEvent {
    /// The epoch, from 1.
    pub epoch: u32,
    /// What is gone over.
    pub split: Split,
    /// Batches done in this epoch.
    pub batch: usize,
    /// Batches in this epoch.
    pub batches: usize,
    /// Mean loss so far; training only.
    pub loss: Option<f64>,
    /// Pictures a second so far; training only.
    pub images_per_second: Option<f64>,
}

/// Who watches a run. Every method does nothing unless overridden.
pub trait Observer {
    /// The run begins, or goes on.
    fn started(&mut self, _start: &RunStart<'_>) {}
    /// A batch is done.
    fn stepped(&mut self, _event: &StepEvent) {}
    /// A picture can't be used; told once for each.
    fn broken(&mut self, _record: &BrokenRecord) {}
    /// Something that a person should know, and that training goes on without.
    fn note(&mut self, _text: &str) {}
    /// An epoch is done and saved.
    fn epoch(&mut self, _train: &EpochRecord, _val: &EpochRecord, _best: bool) {}
}

/// Watches nothing.
impl Observer for () {}
