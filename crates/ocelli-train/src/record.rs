//! What is written down of each epoch: the lines of `metrics.jsonl`.

use serde::{Deserialize, Deserializer, Serialize};

/// One epoch of one split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Which pictures.
    pub split: Split,
    /// Mean loss over the pictures.
    #[serde(deserialize_with = "number_or_nan")]
    pub loss: f64,
    /// Share of pictures whose first answer was right.
    #[serde(deserialize_with = "number_or_nan")]
    pub accuracy: f64,
    /// Share of pictures whose class was among the first five answers.
    #[serde(deserialize_with = "number_or_nan")]
    pub top5: f64,
    /// Pictures used.
    pub pictures: u64,
    /// The learning rate of the epoch's last step; training only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Pictures a second.
    #[serde(deserialize_with = "number_or_nan")]
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

/// JSON has no word for what is no number: it is written as `null`, and must be read again, or a
/// run whose validation diverged once could not be resumed.
fn number_or_nan<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_no_number_is_written_and_read_again() {
        let text = r#"{"epoch":1,"split":"val","loss":2.5,"accuracy":0.5,"top5":1.0,
            "pictures":4,"images_per_second":8.0,"seconds":0.5}"#;
        let mut record: EpochRecord = serde_json::from_str(text).unwrap();
        record.loss = f64::INFINITY;
        let written = serde_json::to_string(&record).unwrap();
        let read: EpochRecord = serde_json::from_str(&written).unwrap();
        assert!(read.loss.is_nan());
        assert_eq!((read.accuracy, read.pictures), (0.5, 4));
    }
}
