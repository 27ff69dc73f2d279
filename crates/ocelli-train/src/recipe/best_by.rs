use serde::{Deserialize, Serialize};

use super::Task;
use crate::record::EpochRecord;

/// What makes one validation better than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BestBy {
    /// The largest share of right answers; of pixels, for segmentation.
    #[default]
    Accuracy,
    /// The smallest loss.
    Loss,
    /// The largest mean intersection over union.
    Miou,
    /// The largest peak signal-to-noise ratio.
    Psnr,
    /// The largest structural similarity.
    Ssim,
    /// The smallest colour difference.
    Ciede2000,
    /// The largest share of right answers of the nearest neighbours.
    Knn,
    /// The last is always the best: a loss without labels doesn't tell how good features are.
    Last,
}

impl BestBy {
    /// What a task's validations can be compared by, its default first.
    #[must_use]
    pub fn of(task: Task) -> &'static [Self] {
        match task {
            Task::Classify => &[Self::Accuracy, Self::Loss],
            Task::Segment => &[Self::Miou, Self::Accuracy, Self::Loss],
            Task::Colorize => &[Self::Psnr, Self::Ssim, Self::Ciede2000, Self::Loss],
            Task::SelfSupervised(_) => &[Self::Last, Self::Knn],
        }
    }

    /// Its name in recipes and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Loss => "loss",
            Self::Miou => "miou",
            Self::Psnr => "psnr",
            Self::Ssim => "ssim",
            Self::Ciede2000 => "ciede2000",
            Self::Knn => "knn",
            Self::Last => "last",
        }
    }

    /// What a validation is worth; NaN where it was not measured.
    #[must_use]
    pub fn value(self, record: &EpochRecord) -> f64 {
        let value = match self {
            Self::Loss => Some(record.loss),
            Self::Accuracy => record.accuracy,
            Self::Miou => record.regions.miou,
            Self::Psnr => record.colors.psnr,
            Self::Ssim => record.colors.ssim,
            Self::Ciede2000 => record.colors.ciede2000,
            Self::Knn => record.embedding.knn,
            Self::Last => Some(f64::from(record.epoch)),
        };
        value.unwrap_or(f64::NAN)
    }

    /// Whether a value is better than the best so far. One that is no number is worse than any that
    /// is one.
    #[must_use]
    pub fn prefers(self, value: f64, best: f64) -> bool {
        best.is_nan()
            || match self {
                Self::Loss | Self::Ciede2000 => value < best,
                Self::Accuracy | Self::Miou | Self::Psnr | Self::Ssim | Self::Knn | Self::Last => {
                    value > best
                }
            }
    }
}
