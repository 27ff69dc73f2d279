//! What is written down of each epoch: the lines of `metrics.jsonl`.

use serde::{Deserialize, Serialize};

/// One epoch of one split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Which pictures.
    pub split: Split,
    /// Mean loss over the pictures.
    pub loss: f64,
    /// Share of pictures whose first answer was right.
    pub accuracy: f64,
    /// Share of pictures whose class was among the first five answers.
    pub top5: f64,
    /// Pictures used.
    pub pictures: u64,
    /// The learning rate of the epoch's last step; training only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Pictures a second.
    pub images_per_second: f64,
    /// Seconds.
    pub seconds: f64,
    /// Means of the per-class values over the classes that have them; not for training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_average: Option<MacroAverage>,
    /// One entry a class; not for training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassRecord>,
    /// The confusion matrix's cells that aren't zero: `[truth, answer, pictures]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<[u64; 3]>,
}

/// Which pictures an epoch went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Training.
    Train,
    /// Validation.
    Val,
    /// The last test.
    Test,
}

impl Split {
    /// The split's name in files and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// Means over classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MacroAverage {
    /// Mean precision over the classes that were answered at all.
    pub precision: Option<f64>,
    /// Mean recall over the classes that have pictures.
    pub recall: Option<f64>,
    /// Mean F1 over the classes that have pictures or answers.
    pub f1: Option<f64>,
}

/// How one class fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// The class's name.
    pub class: String,
    /// Share of the answers of this class that were right; `null` if there were none.
    pub precision: Option<f64>,
    /// Share of this class's pictures that were answered right; `null` if there were none.
    pub recall: Option<f64>,
    /// Harmonic mean of the two; `null` if there were neither pictures nor answers.
    pub f1: Option<f64>,
    /// Pictures of this class.
    pub support: u64,
}

/// A picture that could not be used: a line of `broken.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenRecord {
    /// The split that it belongs to.
    pub split: Split,
    /// The picture.
    pub name: String,
    /// Why.
    pub reason: String,
}
