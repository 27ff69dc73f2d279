//! What became of a planned run.

use serde::Serialize;

use crate::compare::best_validation;
use crate::recipe::BestBy;
use crate::record::{EpochRecord, Split};
use crate::run_folder::{RunFolder, RunFolderError, read_json_lines};

/// Where a planned run stands when the table is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Its turn has not come.
    #[default]
    Waiting,
    /// Stopped with everything saved.
    Stopped,
    /// Ended by an error.
    Failed {
        /// What it said.
        error: String,
    },
    /// Over, as it should be.
    Finished,
}

impl Outcome {
    /// Its name in files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
            Self::Failed { .. } => "failed",
            Self::Finished => "finished",
        }
    }
}

/// How good a run is. What was not measured, or is no number, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// The best validation.
    pub best: Option<f64>,
    /// Its epoch.
    pub best_epoch: Option<u32>,
    /// The last epoch's validation.
    pub last: Option<f64>,
    /// On the test pictures, with the best weights.
    pub test: Option<f64>,
    /// Epochs done.
    pub epochs: u32,
    /// Mean over epochs of the seconds of training, validation left out.
    pub seconds_per_epoch: Option<f64>,
}

impl Scores {
    /// Reads what a run has measured so far.
    ///
    /// # Errors
    /// [`RunFolderError`] names the file that can't be read.
    pub fn read(folder: &RunFolder, by: BestBy) -> Result<Self, RunFolderError> {
        let records: Vec<EpochRecord> = read_json_lines(&folder.metrics_file())?;
        let of = |split| records.iter().filter(move |record| record.split == split);
        let value = |record: &EpochRecord| Some(by.value(record)).filter(|value| value.is_finite());
        let best = best_validation(of(Split::Val), by).filter(|record| value(record).is_some());
        let epochs = of(Split::Train).count();
        let seconds: f64 = of(Split::Train).map(|record| record.seconds).sum();
        Ok(Self {
            best: best.and_then(value),
            best_epoch: best.map(|record| record.epoch),
            last: of(Split::Val).next_back().and_then(value),
            test: of(Split::Test).next_back().and_then(value),
            epochs: of(Split::Train).map(|record| record.epoch).max().unwrap_or(0),
            seconds_per_epoch: (epochs > 0).then(|| seconds / epochs as f64),
        })
    }
}
