//! How far training has come: what a checkpoint remembers beside weights.

use serde::{Deserialize, Serialize};

use crate::recipe::BestBy;

/// How far training has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Epochs completed, validation included.
    pub epoch: u32,
    /// Batches of the next epoch already trained on.
    pub batch: usize,
    /// Optimizer steps so far.
    pub step: u64,
    /// The best validation so far.
    pub best: Option<Best>,
    /// Epochs since then.
    pub epochs_without_improvement: u32,
    /// What the unfinished epoch has added up.
    pub totals: EpochTotals,
}

/// The best validation of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The epoch, from 1.
    pub epoch: u32,
    /// What the recipe's `train.best_by` says of it.
    #[serde(with = "exact")]
    pub value: f64,
}

/// What the training half of an epoch adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochTotals {
    /// Sum over pictures of the loss.
    #[serde(with = "exact")]
    pub loss: f64,
    /// Pictures.
    pub pictures: u64,
    /// What was to be answered: the class of each picture, or of each pixel that counts.
    pub questions: u64,
    /// First answers that were right.
    pub correct: u64,
    /// Questions whose class was among the first five answers; classification only.
    pub correct_top5: u64,
    /// Seconds of training.
    pub seconds: f64,
}

impl TrainingState {
    /// Takes note of an epoch's validation; returns whether it is the best so far.
    pub fn note_validation(&mut self, by: BestBy, value: f64) -> bool {
        let better = self.best.is_none_or(|best| by.prefers(value, best.value));
        if better {
            self.best = Some(Best { epoch: self.epoch, value });
            self.epochs_without_improvement = 0;
        } else {
            self.epochs_without_improvement += 1;
        }
        better
    }
}

/// Numbers as text that reads back to the last bit; JSON's own numbers may lose it.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        let text = String::deserialize(from)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("found {text:?}, expected a number as text")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_validation_is_the_best_and_an_equal_one_is_no_improvement() {
        let mut state = TrainingState { epoch: 1, ..TrainingState::default() };
        assert!(state.note_validation(BestBy::Loss, 2.0));
        state.epoch = 2;
        assert!(!state.note_validation(BestBy::Loss, 2.0));
        assert_eq!(state.epochs_without_improvement, 1);
        assert!(state.note_validation(BestBy::Loss, 1.5));
        assert_eq!(state.best, Some(Best { epoch: 2, value: 1.5 }));
        assert_eq!(state.epochs_without_improvement, 0);
    }

    #[test]
    fn a_validation_that_is_no_number_is_beaten_by_any_that_is_one() {
        let mut state = TrainingState { epoch: 1, ..TrainingState::default() };
        assert!(state.note_validation(BestBy::Loss, f64::NAN));
        state.epoch = 2;
        assert!(state.note_validation(BestBy::Loss, 9.0));
        state.epoch = 3;
        assert!(!state.note_validation(BestBy::Loss, f64::NAN));
        assert_eq!(state.best, Some(Best { epoch: 2, value: 9.0 }));
    }

    #[test]
    fn every_number_survives_being_written_to_text_to_the_last_bit() {
        let mut state = TrainingState::default();
        for exponent in -300..300 {
            state.totals.loss = (1.0 + f64::EPSILON) / 3.0 * 10f64.powi(exponent);
            let text = serde_json::to_string(&state).unwrap();
            let read: TrainingState = serde_json::from_str(&text).unwrap();
            assert_eq!(read.totals.loss.to_bits(), state.totals.loss.to_bits());
        }
    }
}
