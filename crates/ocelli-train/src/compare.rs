//! Runs side by side: the experiment table.

mod loss;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::recipe::{BestBy, ModelSection, Task};
use crate::record::{ColorRecord, EmbeddingRecord, EpochRecord, Split};
use crate::run_folder::{RunFolder, RunFolderError, RunStatus, read_json_lines};

/// A run's line in the experiment table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedRun {
    /// The run folder's name.
    pub run: String,
    /// What is learned.
    pub task: Task,
    /// The network, with what is not as usual.
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
    /// Its mean intersection over union.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub miou: Option<f64>,
    /// The classes, in order.
    #[serde(skip)]
    pub classes: Vec<String>,
    /// Its intersection over union by class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub iou: BTreeMap<String, Option<f64>>,
    /// How near its colours came.
    #[serde(flatten)]
    pub colors: ColorRecord,
    /// How good its features are, learned without labels.
    #[serde(flatten)]
    pub embedding: EmbeddingRecord,
    /// Its loss.
    pub val_loss: Option<f64>,
    /// The accuracy on the test pictures with the best weights.
    pub test_accuracy: Option<f64>,
    /// The mean intersection over union on the test pictures with the best weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_miou: Option<f64>,
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
    let best = best_validation(of(Split::Val), recipe.best_by());
    Ok(ComparedRun {
        run: folder.name(),
        task: recipe.task,
        model: described_model(&recipe.model),
        loss: loss::described(&recipe),
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
        accuracy: best.and_then(|record| record.accuracy),
        top5: best.and_then(|record| record.top5),
        classes: info.classes.clone(),
        miou: best.and_then(|record| record.regions.miou),
        iou: best.map(|record| record.regions.iou.clone()).unwrap_or_default(),
        colors: best.map(|record| record.colors).unwrap_or_default(),
        embedding: best.map(|record| record.embedding).unwrap_or_default(),
        val_loss: best.map(|record| record.loss),
        test_accuracy: of(Split::Test).next_back().and_then(|record| record.accuracy),
        test_miou: of(Split::Test).next_back().and_then(|record| record.regions.miou),
        seconds: of(Split::Train).map(|record| record.seconds).sum(),
    })
}

/// A model in a few words: its name, and what is not as usual.
fn described_model(model: &ModelSection) -> String {
    let mut words = model.name.clone();
    let numbers = [("depth", model.depth), ("width", model.width)];
    for (key, value) in numbers.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        words.push_str(&format!(", {key} {value}"));
    }
    let switches = [
        ("skip connections", model.skip_connections),
        ("BatchNorm", model.batch_norm),
        ("auxiliary head", model.auxiliary),
    ];
    for (part, value) in switches.into_iter().filter_map(|(part, value)| Some((part, value?))) {
        words.push_str(&format!(", {} {part}", if value { "with" } else { "without" }));
    }
    words
}

/// The best of validations; of equal ones the first, and one that is no number only for want of
/// others: as training itself chooses.
pub(crate) fn best_validation<'a>(
    records: impl Iterator<Item = &'a EpochRecord>,
    by: BestBy,
) -> Option<&'a EpochRecord> {
    records.reduce(
        |best, record| {
            if by.prefers(by.value(record), by.value(best)) { record } else { best }
        },
    )
}
