//! MixUp and CutMix: pictures of a batch blended with each other, and their labels with them.
//!
//! As in torchvision, every picture's partner is the one before it in the batch (the first's is
//! the last), and one mixture serves the whole batch: batches are shuffled anyway.

mod blend;

use rand::RngExt;
use rand_distr::{Beta, Distribution};
use serde::{Deserialize, Serialize};

use crate::augment::AugmentError;
use crate::random::Generator;
use blend::{Rectangle, cut_mix, mix_up, soft_targets};

/// When and how strongly batches are mixed. The default mixes nothing.
///
/// MixUp: "mixup: Beyond Empirical Risk Minimization" (<https://arxiv.org/abs/1710.09412>).
/// CutMix: "Regularization Strategy to Train Strong Classifiers with Localizable Features"
/// (<https://arxiv.org/abs/1905.04899>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchMix {
    /// MixUp's share is drawn from Beta(alpha, alpha); 0 turns MixUp off.
    pub mixup_alpha: f64,
    /// CutMix's share is drawn from Beta(alpha, alpha); 0 turns CutMix off.
    pub cutmix_alpha: f64,
    /// The probability that a batch is mixed at all.
    pub probability: f64,
    /// The probability of CutMix rather than MixUp, where both are on.
    pub switch_probability: f64,
}

impl Default for BatchMix {
    fn default() -> Self {
        Self { mixup_alpha: 0.0, cutmix_alpha: 0.0, probability: 1.0, switch_probability: 0.5 }
    }
}

/// Largest alpha: beyond it every share is a half.
const MAX_ALPHA: f64 = 1000.0;

/// Smallest alpha but 0: below it the Beta distribution's draws are 0 or 1 by rounding.
const MIN_ALPHA: f64 = 1e-3;

impl BatchMix {
    /// Whether any batch can come out mixed.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.probability > 0.0 && (self.mixup_alpha > 0.0 || self.cutmix_alpha > 0.0)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// A setting out of range, by its key.
    pub fn validate(&self) -> Result<(), AugmentError> {
        let alpha = |alpha: f64| alpha == 0.0 || (MIN_ALPHA..=MAX_ALPHA).contains(&alpha);
        let probability = |p: f64| (0.0..=1.0).contains(&p);
        let alphas = format!("0 for off, or a number from {MIN_ALPHA} to {MAX_ALPHA}");
        let probabilities = "a probability from 0 to 1".to_owned();
        for (key, value, holds, expected) in [
            ("mixup_alpha", self.mixup_alpha, alpha(self.mixup_alpha), &alphas),
            ("cutmix_alpha", self.cutmix_alpha, alpha(self.cutmix_alpha), &alphas),
            ("probability", self.probability, probability(self.probability), &probabilities),
            (
                "switch_probability",
                self.switch_probability,
                probability(self.switch_probability),
                &probabilities,
            ),
        ] {
            if !holds {
                let (at, found) = (key.to_owned(), value.to_string());
                return Err(AugmentError { at, found, expected: expected.clone() });
            }
        }
        Ok(())
    }

    /// Mixes a batch in place and returns its targets, `[n, classes]`, each row's sum 1. Where
    /// nothing is mixed the targets are one-hot.
    ///
    /// # Shapes
    /// `images`: `[n, height, width, channels]` as `shape` says; `labels`: `[n]`.
    ///
    /// # Panics
    /// If `images` or `labels` don't have the shape, or a label is not below `classes`.
    #[must_use]
    pub fn mix(
        &self,
        images: &mut [f32],
        shape: [usize; 4],
        labels: &[u32],
        classes: usize,
        random: &mut Generator,
    ) -> Vec<f32> {
        let [n, height, width, channels] = shape;
        let expected = n * height * width * channels;
        assert!(
            images.len() == expected && labels.len() == n,
            "a batch of {shape:?} has {expected} values and {n} labels, found {} and {}",
            images.len(),
            labels.len()
        );
        let image = height * width * channels;
        let share = match self.draw(random) {
            _ if n < 2 || image == 0 => 1.0,
            None => 1.0,
            Some((Kind::MixUp, share)) => {
                mix_up(images, image, share as f32);
                share
            }
            Some((Kind::CutMix, share)) => {
                let center = [
                    random.random_range(0..width as u64) as usize,
                    random.random_range(0..height as u64) as usize,
                ];
                let part = Rectangle::around(center, share, [height, width]);
                cut_mix(images, [height, width, channels], part);
                part.share_left([height, width])
            }
        };
        soft_targets(labels, classes, share)
    }

    /// Which mixture this batch gets, and the share that its own pictures keep.
    fn draw(&self, random: &mut Generator) -> Option<(Kind, f64)> {
        if !self.is_active() || random.random::<f64>() >= self.probability {
            return None;
        }
        let kind = match (self.mixup_alpha > 0.0, self.cutmix_alpha > 0.0) {
            (true, true) if random.random::<f64>() < self.switch_probability => Kind::CutMix,
            (false, _) => Kind::CutMix,
            (true, _) => Kind::MixUp,
        };
        let alpha = match kind {
            Kind::MixUp => self.mixup_alpha,
            Kind::CutMix => self.cutmix_alpha,
        };
        let share = Beta::new(alpha, alpha).ok()?.sample(random);
        Some((kind, share.clamp(0.0, 1.0)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    MixUp,
    CutMix,
}

#[cfg(test)]
mod tests;
