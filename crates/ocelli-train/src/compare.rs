//! Runs side by side: the experiment table.

use std::path::Path;

use serde::Serialize;

use crate::loss::{ClassWeights, LossConfig, LossName};
use crate::recipe::BestBy;
use crate::record::{EpochRecord, Split};
use crate::run_folder::{RunFolder, RunFolderError, RunStatus, read_json_lines};

/// A run's line in the experiment table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedRun {
    /// The run folder's name.
    pub run: String,
    /// The network.
    pub model: String,
    /// What is minimized.
    pub loss: String,
    /// The optimizer.
    pub optimizer: String,
    /// The base learning rate.
    pub learning_rate: f64,
    /// How it moves.
    pub schedule: String,
    /// Pictures a batch, with accumulation.
    pub batch_size: usize,
    /// Height and width in pixels.
    pub size: [u32; 2],
    /// The seed.
    pub seed: u64,
    /// Epochs done.
    pub epochs: u32,
    /// Epochs that the recipe asks for.
    pub epochs_planned: u32,
    /// Where the run stands.
    pub status: RunStatus,
    /// The best validation's epoch.
    pub best_epoch: Option<u32>,
    /// Its accuracy.
    pub accuracy: Option<f64>,
    /// Its top-5 accuracy.
    pub top5: Option<f64>,
    /// Its loss.
    pub val_loss: Option<f64>,
    /// The accuracy on the test pictures with the best weights.
    pub test_accuracy: Option<f64>,
    /// Seconds of training, validation left out.
    pub seconds: f64,
}

/// Reads a run's line.
///
/// # Errors
/// [`RunFolderError`] names the file that can't be read.
pub fn compared(run: &Path) -> Result<ComparedRun, RunFolderError> {
    let folder = RunFolder::open(run)?;
    let recipe = folder.read_recipe()?;
    let info = folder.read_info()?;
    let records: Vec<EpochRecord> = read_json_lines(&folder.metrics_file())?;
    let of = |split| records.iter().filter(move |record| record.split == split);
    let best = best_validation(of(Split::Val), recipe.train.best_by);
    Ok(ComparedRun {
        run: folder.name(),
        model: recipe.model.name.clone(),
        loss: described(&recipe.train.loss),
        optimizer: recipe.optimizer.name.as_str().to_owned(),
        learning_rate: recipe.optimizer.lr.unwrap_or_default(),
        schedule: recipe.schedule.name.as_str().to_owned(),
        batch_size: recipe.train.batch_size * recipe.train.accumulate,
        size: recipe.data.size.height_width(),
        seed: recipe.seed,
        epochs: of(Split::Val).map(|record| record.epoch).max().unwrap_or(0),
        epochs_planned: recipe.train.epochs,
        status: info.status,
        best_epoch: best.map(|record| record.epoch),
        accuracy: best.map(|record| record.accuracy),
        top5: best.map(|record| record.top5),
        val_loss: best.map(|record| record.loss),
        test_accuracy: of(Split::Test).next_back().map(|record| record.accuracy),
        seconds: of(Split::Train).map(|record| record.seconds).sum(),
    })
}

/// A loss in a few words: its name, and what is not as usual.
fn described(loss: &LossConfig) -> String {
    let mut words = match loss.name {
        LossName::CrossEntropy => "cross entropy".to_owned(),
    };
    if let Some(smoothing) = loss.label_smoothing.filter(|&smoothing| smoothing > 0.0) {
        words.push_str(&format!(", smoothing {smoothing}"));
    }
    match &loss.class_weights {
        None | Some(ClassWeights::None) => {}
        Some(ClassWeights::Balanced) => words.push_str(", balanced"),
        Some(ClassWeights::List(_)) => words.push_str(", weighted"),
    }
    words
}

/// The best of validations; of equal ones the first, and one that is no number only for want of
/// others: as training itself chooses.
fn best_validation<'a>(
    records: impl Iterator<Item = &'a EpochRecord>,
    by: BestBy,
) -> Option<&'a EpochRecord> {
    records.reduce(|best, record| {
        if by.prefers(by.value(record), by.value(best)) { record } else { best }
    })
}
