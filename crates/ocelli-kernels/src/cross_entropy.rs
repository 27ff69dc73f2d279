//! Softmax cross entropy of logits `[rows, classes]`, rows being pictures or pixels, as
//! `torch.nn.CrossEntropyLoss` has it: class weights, label smoothing, an ignored label, or
//! probabilities as targets.
//!
//! With `a` the weighted target of a row, `a[c] = weight[c] · target[c]`,
//!
//! ```text
//! loss = Σ a[c] · (ln Σ e^x - x[c])        gradient[c] = softmax(x)[c] · Σ a - a[c]
//! ```
//!
//! and the mean divides by the rows, or, with labels, by the weights of the labels that count. With
//! a power `gamma` (focal loss), and `p` the softmax of the label,
//!
//! ```text
//! loss = -weight · (1 - p)^gamma · ln p
//! gradient[c] = (softmax(x)[c] - target[c]) · weight · (1 - p)^(gamma - 1) · (1 - p - gamma p ln p)
//! ```
//!
//! The loss reads the logits once and adds up in f64; the gradient reads them again rather than a
//! stored softmax, and can take their memory.

mod row;

use std::borrow::Cow;

use row::{GradientOfRows, LossOfRows, Row};

use crate::isa::Isa;
use crate::parallel::{self, Shared};
use crate::pass::{Extent, Room};
use crate::profile;
use crate::softmax::tasks;

/// What the answer should have been, for each row.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// The true class, `[rows]`.
    Labels(&'a [i64]),
    /// The same in less memory.
    ShortLabels(&'a [u32]),
    /// A probability for each class, `[rows, classes]`.
    Probabilities(&'a [f32]),
}

/// The loss and its options.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy<'a> {
    /// The instructions to use.
    pub isa: Isa,
    /// Numbers in a row.
    pub classes: usize,
    /// A weight for each class; else all are 1.
    pub class_weights: Option<&'a [f32]>,
    /// The share of the target that all classes get alike, in 0..=1.
    pub label_smoothing: f64,
    /// The power of `1 - p` that the loss of a label is multiplied with. Not zero only without
    /// label smoothing, and with labels.
    pub gamma: f64,
    /// A label whose rows do not count.
    pub ignore_index: Option<i64>,
}

/// A loss before it is divided: those of several batches can be added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// The sum over the rows.
    pub sum: f64,
    /// What the mean divides by.
    pub weight: f64,
}

impl Loss {
    /// The mean; where nothing counts, 0 (PyTorch: not a number, which would end a training).
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.weight == 0.0 { 0.0 } else { self.sum / self.weight }
    }
}

impl CrossEntropy<'_> {
    /// The loss.
    ///
    /// # Panics
    /// If lengths do not fit, or a label is neither a class nor ignored.
    #[must_use]
    pub fn loss(&self, logits: &[f32], targets: Targets<'_>) -> Loss {
        let extent = Extent::new(logits.len(), self.classes);
        let weight = self.checked_weight(extent.rows, targets);
        let row = &self.row();
        let parts = tasks(extent.rows, self.classes);
        let mut sums = vec![0.0; parts];
        let to = Shared::new(sums.as_mut_ptr());
        profile::record(
            || profile::pass("cross entropy", "forward", extent, 1),
            || {
                parallel::for_each(parts, |part| {
                    let rows = parallel::part(extent.rows, parts, part);
                    let sum = self.isa.run(LossOfRows { row, logits, targets, rows });
                    // SAFETY: each task has its own place.
                    unsafe { to.slice(part..part + 1)[0] = sum };
                });
            },
        );
        Loss { sum: sums.iter().sum(), weight }
    }

    /// The gradient of the logits, given that of the loss's sum. Logits that are given away become
    /// it.
    ///
    /// # Panics
    /// As [`loss`](Self::loss).
    #[must_use]
    pub fn gradient(&self, logits: Cow<'_, [f32]>, targets: Targets<'_>, of_sum: f32) -> Vec<f32> {
        let extent = Extent::new(logits.len(), self.classes);
        self.checked_weight(extent.rows, targets);
        let row = &self.row();
        let mut room = Room::of(logits);
        let (from, to) = room.pointers();
        let (from, to) = (Shared::new(from.cast_mut()), Shared::new(to));
        let parts = tasks(extent.rows, self.classes);
        profile::record(
            || profile::pass("cross entropy", "backward", extent, 2),
            || {
                parallel::for_each(parts, |part| {
                    let rows = parallel::part(extent.rows, parts, part);
                    let (logits, to) = (from.pointer().cast_const(), to.pointer());
                    self.isa.run(GradientOfRows { row, logits, targets, rows, of_sum, to });
                });
            },
        );
        // SAFETY: the tasks wrote all rows.
        unsafe { room.finish() }
    }

    /// What the mean divides by.
    fn checked_weight(&self, rows: usize, targets: Targets<'_>) -> f64 {
        if let Some(weights) = self.class_weights {
            assert_eq!(weights.len(), self.classes, "a weight for each class");
        }
        assert!(
            self.gamma == 0.0
                || (self.gamma > 0.0
                    && self.label_smoothing == 0.0
                    && !matches!(targets, Targets::Probabilities(_))),
            "a gamma of {}, which wants labels, and these not smoothed",
            self.gamma
        );
        let length = match targets {
            Targets::Labels(labels) => labels.len(),
            Targets::ShortLabels(labels) => labels.len(),
            Targets::Probabilities(all) => {
                assert_eq!(all.len(), rows * self.classes, "a probability for each class");
                return rows as f64;
            }
        };
        assert_eq!(length, rows, "a label for each row of logits");
        let mut sum = 0.0;
        for row in 0..rows {
            let label = targets.label(row);
            if Some(label) == self.ignore_index {
                continue;
            }
            let class = usize::try_from(label).ok().filter(|&class| class < self.classes);
            let class = class.unwrap_or_else(|| {
                panic!("label {label} in row {row}: there are {} classes", self.classes)
            });
            sum += self.class_weights.map_or(1.0, |weights| f64::from(weights[class]));
        }
        sum
    }

    fn row(&self) -> Row {
        let share = self.label_smoothing / self.classes.max(1) as f64;
        let weight = |class: usize| self.class_weights.map_or(1.0, |all| f64::from(all[class]));
        let of_classes = |factor: f64| -> Vec<f32> {
            (0..self.classes).map(|class| (weight(class) * factor) as f32).collect()
        };
        let spread = of_classes(share);
        Row {
            classes: self.classes,
            kept: of_classes(1.0 - self.label_smoothing),
            spread_total: spread.iter().sum(),
            spread,
            gamma: self.gamma,
            ignore_index: self.ignore_index,
        }
    }
}

impl Targets<'_> {
    fn label(&self, row: usize) -> i64 {
        match self {
            Self::Labels(labels) => labels[row],
            Self::ShortLabels(labels) => i64::from(labels[row]),
            Self::Probabilities(_) => unreachable!("probabilities name no class"),
        }
    }
}

#[cfg(test)]
mod tests;
