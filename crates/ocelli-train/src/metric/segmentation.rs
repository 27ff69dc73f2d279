use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ConfusionMatrix, MetricError};

/// The mask value of pixels that count for nothing, and the prediction of pixels that have none.
pub const IGNORED: u8 = 255;

/// Pixels that one task counts.
const TASK: usize = 1 << 16;

/// How often the pixels of each class were taken for each other, over a whole data set.
///
/// Scores come from one confusion matrix of all pixels, never from means over pictures or
/// batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SegmentationMatrix {
    matrix: ConfusionMatrix,
}

/// Scores of one class over all pixels. `None` where the score is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionScore {
    /// Index of the class.
    pub class: usize,
    /// Intersection over union, `tp / (tp + fp + fn)`. Not defined for a class that is neither in
    /// the masks nor in the predictions.
    pub iou: Option<f64>,
    /// `2 tp / (2 tp + fp + fn)`: the F1 score of the pixels. Not defined where `iou` isn't.
    pub dice: Option<f64>,
    /// Share of the class's pixels that were found, `tp / (tp + fn)`. Not defined for a class
    /// that is not in the masks.
    pub accuracy: Option<f64>,
    /// Pixels of this class in the masks.
    pub pixels: u64,
    /// Pixels predicted as this class.
    pub predicted: u64,
}

/// All scores of a segmentation. `None` where a score is not defined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentationScores {
    /// Mean intersection over union. Classes that are neither in the masks nor in the predictions
    /// are left out, as with mmsegmentation and torchmetrics: they are neither 0, 1 nor the end of
    /// the mean.
    pub mean_iou: Option<f64>,
    /// Share of the pixels that were predicted right.
    pub pixel_accuracy: Option<f64>,
    /// Intersection over union, each class weighted by its pixels in the masks.
    pub frequency_weighted_iou: Option<f64>,
    /// Mean Dice score, over the same classes as `mean_iou`.
    pub mean_dice: Option<f64>,
    /// Pixels in the scores.
    pub pixels: u64,
    /// Pixels left out because the masks say so.
    pub ignored: u64,
    /// Scores of every class, in class order.
    pub classes: Vec<RegionScore>,
}

impl SegmentationMatrix {
    /// An empty matrix over `classes` classes.
    ///
    /// # Panics
    ///
    /// If there are more than 255: a mask has a byte for each pixel, of which one value is
    /// [`IGNORED`].
    pub fn new(classes: usize) -> Self {
        assert!(classes <= usize::from(IGNORED), "found {classes} classes, expected at most 255");
        Self { matrix: ConfusionMatrix::new(classes) }
    }

    /// Counts pixels. Those whose `truth` is [`IGNORED`] are left out of every score; a prediction
    /// that is no class, as [`argmax_classes`](super::argmax_classes) gives for scores that are
    /// not a number, is a miss.
    ///
    /// # Errors
    ///
    /// [`MetricError::Pixels`] where the two have different lengths, [`MetricError::Truth`] where
    /// a `truth` is neither a class nor ignored. Nothing is counted then.
    pub fn add(&mut self, predicted: &[u8], truth: &[u8]) -> Result<(), MetricError> {
        let (found, expected) = (predicted.len(), truth.len());
        if found != expected {
            return Err(MetricError::Pixels { found, expected });
        }
        let classes = self.matrix.classes();
        // One row and column more: what is ignored, and what was not predicted.
        let side = classes + 1;
        let tables =
            predicted.par_chunks(TASK).zip(truth.par_chunks(TASK)).map(|(found, truth)| {
                let mut table = vec![0u64; side * side];
                let mut valid = true;
                for (&found, &truth) in found.iter().zip(truth) {
                    let row = usize::from(truth).min(classes);
                    table[row * side + usize::from(found).min(classes)] += 1;
                    valid &= row < classes || truth == IGNORED;
                }
                (table, valid)
            });
        // Whole numbers: the order in which they are added changes nothing.
        let (table, valid) = tables.reduce(
            || (vec![0; side * side], true),
            |(mut table, valid), (more, too)| {
                table.iter_mut().zip(&more).for_each(|(count, more)| *count += more);
                (table, valid && too)
            },
        );
        if !valid {
            let at =
                truth.iter().position(|&value| value != IGNORED && usize::from(value) >= classes);
            let at = at.unwrap_or(0);
            return Err(MetricError::Truth { found: truth[at], at, classes });
        }
        for (at, count) in table.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            self.matrix.add_count(at % side, at / side, count);
        }
        Ok(())
    }

    /// Adds the counts of another matrix over the same classes.
    ///
    /// # Errors
    ///
    /// [`MetricError::Classes`] where the number of classes differs.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        self.matrix.merge(&other.matrix)
    }

    /// The counts.
    pub fn matrix(&self) -> &ConfusionMatrix {
        &self.matrix
    }

    /// Intersection over union of each class, in class order; `None` for a class that is neither
    /// in the masks nor in the predictions.
    pub fn iou(&self) -> Vec<Option<f64>> {
        self.per_class().into_iter().map(|score| score.iou).collect()
    }

    /// The mean of [`iou`](Self::iou) over the classes that have one.
    pub fn mean_iou(&self) -> Option<f64> {
        mean(self.per_class().iter().map(|score| score.iou))
    }

    /// Share of pixels, 0 to 1, that were predicted right; `None` without pixels.
    pub fn pixel_accuracy(&self) -> Option<f64> {
        self.matrix.accuracy()
    }

    /// Scores of every class, in class order.
    pub fn per_class(&self) -> Vec<RegionScore> {
        let scores = self.matrix.per_class();
        let scores = scores.into_iter().map(|score| {
            let hits = self.matrix.count(score.class, score.class);
            let union = score.support + score.predicted - hits;
            RegionScore {
                class: score.class,
                iou: (union > 0).then(|| hits as f64 / union as f64),
                dice: score.f1,
                accuracy: score.recall,
                pixels: score.support,
                predicted: score.predicted,
            }
        });
        scores.collect()
    }

    /// All scores.
    pub fn scores(&self) -> SegmentationScores {
        let classes = self.per_class();
        let pixels = self.matrix.total();
        let weighted = classes.iter().map(|class| class.iou.unwrap_or(0.0) * class.pixels as f64);
        SegmentationScores {
            mean_iou: mean(classes.iter().map(|class| class.iou)),
            pixel_accuracy: self.matrix.accuracy(),
            frequency_weighted_iou: (pixels > 0).then(|| weighted.sum::<f64>() / pixels as f64),
            mean_dice: mean(classes.iter().map(|class| class.dice)),
            pixels,
            ignored: self.matrix.ignored(),
            classes,
        }
    }
}

/// The mean of those that are defined.
fn mean(scores: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) =
        scores.flatten().fold((0.0, 0u64), |(sum, count), score| (sum + score, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests;
