//! `[evaluate]`: how segmentation is measured and predicts.

use serde::{Deserialize, Serialize};

/// How segmentation is measured and predicts. Validation during training does the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateSection {
    /// Bring scores to the picture's own size and compare with the mask as it is in its file; else
    /// compare at `data.size`.
    pub original_size: bool,
    /// Also look at the mirrored picture, and average the probabilities.
    pub flip: bool,
    /// Look at the picture at these multiples of its size, and average the probabilities.
    pub scales: Vec<f64>,
    /// Look at the picture in its own size, through a window of `data.size` that slides over it, and
    /// average where windows overlap: for pictures that lose too much when they are resized.
    pub sliding_window: bool,
    /// The share of a window that the next one covers too.
    pub overlap: f64,
}

impl Default for EvaluateSection {
    fn default() -> Self {
        Self {
            original_size: true,
            flip: false,
            scales: vec![1.0],
            sliding_window: false,
            overlap: 0.25,
        }
    }
}
