//! What is written down of each epoch: the lines of `metrics.jsonl`.

use std::collections::BTreeMap;

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
    /// Share of pictures, or of pixels, whose first answer was right; not for colorization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Share of pictures whose class was among the first five answers; classification only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<f64>,
    /// What segmentation is measured by.
    #[serde(flatten)]
    pub regions: RegionRecord,
    /// What colorization is measured by.
    #[serde(flatten)]
    pub colors: ColorRecord,
    /// What features learned without labels are measured by.
    #[serde(flatten)]
    pub embedding: EmbeddingRecord,
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
    /// The confusion matrix's cells that aren't zero: `[truth, answer, pictures]`, or pixels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<[u64; 3]>,
}

impl EpochRecord {
    /// A record in which nothing is measured yet.
    #[must_use]
    pub fn new(epoch: u32, split: Split, pictures: u64) -> Self {
        Self {
            epoch,
            split,
            pictures,
            loss: f64::NAN,
            accuracy: None,
            top5: None,
            regions: RegionRecord::default(),
            colors: ColorRecord::default(),
            embedding: EmbeddingRecord::default(),
            learning_rate: None,
            images_per_second: f64::NAN,
            seconds: 0.0,
            macro_average: None,
            classes: Vec::new(),
            confusion: Vec::new(),
        }
    }
}

/// How well regions were found: segmentation's part of an epoch. Empty for other tasks and training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionRecord {
    /// Mean intersection over union of the classes that are in answers or truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miou: Option<f64>,
    /// Intersection over union, each class as often as its pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_weighted_iou: Option<f64>,
    /// Mean Dice coefficient of the classes that are in answers or truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_dice: Option<f64>,
    /// Intersection over union by class; `null` for one that is in neither answers nor truth.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub iou: BTreeMap<String, Option<f64>>,
    /// Dice coefficient by class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dice: BTreeMap<String, Option<f64>>,
}

/// How near colours came: colorization's part of an epoch. Empty for other tasks and training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColorRecord {
    /// Mean over pictures of the peak signal-to-noise ratio of 8-bit RGB, in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr: Option<f64>,
    /// Mean over pictures of the structural similarity, at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssim: Option<f64>,
    /// Mean over pictures of the mean colour difference CIEDE2000; 0 is equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciede2000: Option<f64>,
}

/// How good features are that were learned without labels. Empty for other tasks and training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingRecord {
    /// Mean over the numbers of a projection of their standard deviation over pictures, when each
    /// projection has length 1, times the root of how many numbers it has: near 1 where they spread
    /// evenly over the sphere, near 0 where they have collapsed to a point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_std: Option<f64>,
    /// Share of pictures whose class is that of their nearest neighbours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knn: Option<f64>,
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
        assert_eq!((read.accuracy, read.pictures), (Some(0.5), 4));
    }
}
