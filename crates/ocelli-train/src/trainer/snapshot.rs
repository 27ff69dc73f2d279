//! What is kept of the epochs that the recipe names: the penultimate features of the validation
//! pictures, and what the model made of them.

use std::path::Path;

use ocelli_data::Dataset;
use ocelli_nn::safetensors;
use ocelli_nn::state::{Array, StateDict};
use serde::Serialize;

use crate::classify::Features;
use crate::run_folder::{RunFolder, RunFolderError, replace_json_lines, system};
use crate::trainer::epoch_checkpoint;

/// A line of `predictions.jsonl`: row `n` of the features is line `n`.
#[derive(Serialize)]
struct Prediction<'a> {
    picture: &'a str,
    class: Option<&'a str>,
    answer: Option<&'a str>,
}

/// Writes `snapshots/epoch-0001/features.safetensors` (`features` `[pictures, width]`, `labels`,
/// `answers`) and `predictions.jsonl` beside it.
pub(super) fn write(
    folder: &RunFolder,
    epoch: u32,
    dataset: &Dataset,
    features: &Features,
) -> Result<(), RunFolderError> {
    let place = folder.snapshots().join(epoch_checkpoint(epoch));
    std::fs::create_dir_all(&place).map_err(system(&place, "could not be made"))?;
    let count = features.labels.len();
    let integers = |values: &[i64]| Array::from_i64(vec![count], values.to_vec());
    let mut dict = StateDict::new();
    dict.insert("features", Array::from_f32(vec![count, features.width], features.values.clone()));
    dict.insert("labels", integers(&features.labels));
    dict.insert("answers", integers(&features.answers));
    write_whole(
        &place.join("features.safetensors"),
        &safetensors::to_bytes(&dict, &std::collections::BTreeMap::new()),
    )?;
    let class = |index: i64| {
        usize::try_from(index).ok().and_then(|index| dataset.classes.get(index)).map(String::as_str)
    };
    let predictions: Vec<Prediction<'_>> = features
        .indices
        .iter()
        .zip(features.labels.iter().zip(&features.answers))
        .map(|(&index, (&label, &answer))| Prediction {
            picture: usize::try_from(index)
                .ok()
                .and_then(|index| dataset.samples.get(index))
                .map_or("", |sample| &sample.name),
            class: class(label),
            answer: class(answer),
        })
        .collect();
    replace_json_lines(&place.join("predictions.jsonl"), &predictions)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RunFolderError> {
    std::fs::write(path, bytes).map_err(system(path, "could not be written"))
}
