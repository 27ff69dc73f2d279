//! `snapshots/epoch-0001/`: features of pictures and what the model made of them.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::{LARGEST_FEATURES, RunError, content, each_line, read_limited};

/// What was kept of an epoch; entry `n` of each list belongs to the same picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The epoch.
    pub epoch: u32,
    /// Penultimate features, `[pictures, width]`.
    pub features: Vec<f32>,
    /// Features a picture.
    pub width: usize,
    /// Each picture's class; none where it has no label.
    pub labels: Vec<Option<usize>>,
    /// Each picture's answer; none where it wasn't kept.
    pub answers: Vec<Option<usize>>,
    /// The answer's probability; none where it wasn't kept.
    pub confidences: Vec<Option<f32>>,
    /// Each picture's name; empty where it wasn't kept.
    pub names: Vec<String>,
}

impl Snapshot {
    /// How many pictures it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether it has no pictures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// A line of `predictions.jsonl`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Prediction {
    picture: String,
    confidence: Option<f32>,
}

fn folder_name(epoch: u32) -> String {
    format!("epoch-{epoch:04}")
}

/// The epochs of a folder of snapshots, ascending.
pub(super) fn epochs(folder: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut epochs: Vec<u32> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("epoch-")?.parse().ok())
        .filter(|epoch| folder.join(folder_name(*epoch)).join("features.safetensors").is_file())
        .collect();
    epochs.sort_unstable();
    epochs
}

pub(super) fn read(folder: &Path, epoch: u32) -> Result<Snapshot, RunError> {
    let folder = folder.join(folder_name(epoch));
    let path = folder.join("features.safetensors");
    let bytes = read_limited(&path, LARGEST_FEATURES)?;
    let tensors =
        SafeTensors::deserialize(&bytes).map_err(|error| content(&path, error.to_string()))?;
    let features =
        tensors.tensor("features").map_err(|error| content(&path, format!("features: {error}")))?;
    let [count, width] = *features.shape() else {
        return Err(content(
            &path,
            format!("features has the shape {:?}, expected [pictures, width]", features.shape()),
        ));
    };
    if features.dtype() != Dtype::F32 || width == 0 {
        return Err(content(
            &path,
            format!("features is {:?} of width {width}, expected 32-bit floats", features.dtype()),
        ));
    }
    let integers = |name: &str| -> Result<Vec<Option<usize>>, RunError> {
        let Ok(tensor) = tensors.tensor(name) else { return Ok(vec![None; count]) };
        if tensor.dtype() != Dtype::I64 || tensor.shape() != [count] {
            let found = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
            return Err(content(&path, format!("{name} is {found}, expected I64 [{count}]")));
        }
        let values = tensor.data().as_chunks().0.iter();
        Ok(values.map(|bytes| usize::try_from(i64::from_le_bytes(*bytes)).ok()).collect())
    };
    let (labels, answers) = (integers("labels")?, integers("answers")?);
    let values = features.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let mut snapshot = Snapshot {
        epoch,
        features: values.collect(),
        width,
        labels,
        answers,
        confidences: vec![None; count],
        names: vec![String::new(); count],
    };
    let predictions = folder.join("predictions.jsonl");
    if predictions.is_file() {
        let mut row = 0;
        each_line(&predictions, |_, line, _| {
            let line: Prediction = serde_json::from_slice(line).unwrap_or_default();
            if row < count {
                snapshot.confidences[row] = line.confidence.filter(|value| value.is_finite());
                snapshot.names[row] = line.picture;
            }
            row += 1;
        })?;
    }
    Ok(snapshot)
}
