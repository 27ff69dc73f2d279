//! Scores of classifiers and segmentations, accumulated over a whole data set and read once at its end.
//!
//! Every accumulator counts; none averages per-batch averages, so a score does not depend on
//! the batch size or on a shorter last batch. A score that is not defined (the precision of
//! a class that was never predicted) is `None`, written as `-` by [`shown`], never a made-up 0.

mod argmax;
mod confusion;
mod mean;
mod segmentation;
mod top_k;

#[cfg(test)]
mod tests;

pub use argmax::{argmax_classes, argmax_rows};
pub use confusion::{Averages, ClassScore, ConfusionMatrix};
pub use mean::Mean;
pub use segmentation::{IGNORED, RegionScore, SegmentationMatrix, SegmentationScores};
pub use top_k::{TopK, prediction};

use thiserror::Error;

/// Predictions and truths that do not fit together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricError {
    /// The number of logits is not the number of labels times the number of classes.
    #[error(
        "found {found} logits for {samples} labels, expected {expected} \
         ({samples} x {classes} classes); pass a row of {classes} logits for each label"
    )]
    Shape {
        /// Logits that were passed.
        found: usize,
        /// Logits that the labels call for.
        expected: usize,
        /// Labels that were passed.
        samples: usize,
        /// Classes of the metric.
        classes: usize,
    },
    /// Counts of two accumulators with different numbers of classes cannot be added.
    #[error("found counts over {found} classes, expected {expected}; both must score one model")]
    Classes {
        /// Classes of the counts that were to be added.
        found: usize,
        /// Classes of the accumulator.
        expected: usize,
    },
    /// A confusion matrix read from a file has a cell that lies outside of it.
    #[error(
        "found a count at truth {truth}, prediction {predicted}; expected both below {classes}"
    )]
    Cell {
        /// Row of the cell.
        truth: usize,
        /// Column of the cell.
        predicted: usize,
        /// Classes of the matrix.
        classes: usize,
    },
    /// A mask and its prediction have different numbers of pixels.
    #[error("found predictions for {found} pixels, expected {expected}: one for each of the mask")]
    Pixels {
        /// Pixels predicted.
        found: usize,
        /// Pixels of the mask.
        expected: usize,
    },
    /// A mask has a value that is neither a class nor ignored.
    #[error(
        "found the value {found} in a mask (at pixel {at}), expected a class below {classes}, or \
         255, which is ignored"
    )]
    Truth {
        /// The value.
        found: u8,
        /// Where, row-major over all pixels given.
        at: usize,
        /// Classes of the matrix.
        classes: usize,
    },
}

/// A score with `digits` decimals, or `-` where it is not defined.
pub fn shown(score: Option<f64>, digits: usize) -> String {
    score.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
