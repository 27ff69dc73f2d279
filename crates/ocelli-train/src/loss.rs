//! What training minimizes.
//!
//! [`CrossEntropy`] is `torch.nn.CrossEntropyLoss` in every option. Training takes its mean
//! over the batch ([`forward`](CrossEntropy::forward)); validation takes sums and weights
//! ([`evaluate`](CrossEntropy::evaluate)), so that its loss does not depend on how the data
//! was cut into batches. [`DenseLoss`] is what segmentation minimizes, [`PixelLoss`] what
//! colorization does.

mod config;
mod dense;
mod pixel;

#[cfg(test)]
mod tests;

pub use config::{ClassWeights, LossConfig, LossName};
pub use dense::{Alpha, DenseLoss, DenseLossConfig, DenseLossName, DenseTargets, DenseTermConfig};
pub use pixel::{PixelLoss, PixelLossConfig, PixelLossName};

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ocelli_nn::functional::{CrossEntropyOptions, softmax_cross_entropy};
use thiserror::Error;

use crate::config::ConfigError;

/// Smallest positive normal float32: divided by in place of a sum of weights of 0, it turns
/// 0 / 0 into 0.
const TINY: f32 = f32::MIN_POSITIVE;

/// A loss that does not fit the data.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossError {
    /// The configuration itself is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A list of class weights has another length than there are classes.
    #[error(
        "`class_weights` has {found} weights, expected {expected}: one for each class, in class \
         order"
    )]
    WeightCount {
        /// Weights given.
        found: usize,
        /// Classes.
        expected: usize,
    },
    /// Balanced weights were asked for, but the samples of each class were not counted.
    #[error(
        "`class_weights = \"balanced\"` needs the number of samples of each of the {expected} \
         classes, found {found}; give a list of weights instead"
    )]
    Counts {
        /// Counts given.
        found: usize,
        /// Classes.
        expected: usize,
    },
    /// The recipe's loss is none of the task's.
    #[error("{reason}")]
    Section {
        /// Why.
        reason: String,
    },
    /// A class without samples has no balanced weight.
    #[error(
        "`class_weights = \"balanced\"` has no weight for class {class}: none of the training \
         samples is of that class. Add some, leave the class out, or give a list of weights"
    )]
    EmptyClass {
        /// Index of the class.
        class: usize,
    },
    /// The weights of a focal loss are wrong.
    #[error("`alpha` is what `class_weights` are in other losses: {source}")]
    Alpha {
        /// What is wrong with them.
        source: Box<LossError>,
    },
    /// A mask cannot tell so many classes apart, or there are none.
    #[error("found {found} classes, expected 1 to 255: a mask has a byte for each pixel")]
    Classes {
        /// Classes.
        found: usize,
    },
}

/// What the network should have answered, for each sample of a batch.
#[derive(Clone, Debug)]
pub enum Targets {
    /// The index of the true class: `[batch]`.
    Labels(Tensor<1, Int>),
    /// A probability for each class, as mixing pictures makes them: `[batch, classes]`.
    Soft(Tensor<2>),
}

/// Cross entropy between the softmax of logits and the targets.
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    classes: usize,
    label_smoothing: f64,
    ignore_index: Option<i64>,
    /// `[classes]`; `None` where all are 1.
    class_weights: Option<Tensor<1>>,
}

impl CrossEntropy {
    /// The loss over `classes` classes, with its weights on `device`.
    ///
    /// `counts` are the training samples of each class; only balanced weights need them.
    ///
    /// # Errors
    ///
    /// A configuration out of range, or weights or counts that do not fit the classes.
    pub fn new(
        config: &LossConfig,
        classes: usize,
        counts: Option<&[u64]>,
        device: &Device,
    ) -> Result<Self, LossError> {
        let config = config.resolved()?;
        let weights = match config.class_weights.unwrap_or_default() {
            ClassWeights::None => None,
            ClassWeights::Balanced => Some(balanced_weights(classes, counts.unwrap_or(&[]))?),
            ClassWeights::List(weights) => Some(weights),
        };
        if let Some(found) = weights.as_ref().map(Vec::len).filter(|found| *found != classes) {
            return Err(LossError::WeightCount { found, expected: classes });
        }
        let device = device.clone().inner();
        let class_weights = weights.map(|weights| {
            let weights: Vec<f32> = weights.into_iter().map(|weight| weight as f32).collect();
            Tensor::from_data(TensorData::new(weights, [classes]), &device)
        });
        Ok(Self {
            classes,
            label_smoothing: config.label_smoothing.unwrap_or_default(),
            ignore_index: config.ignore_index,
            class_weights,
        })
    }

    /// The mean loss of a batch, differentiable in the logits.
    ///
    /// With labels, the mean over the samples that are not ignored, each weighted with the
    /// weight of its class. With soft targets, class weights multiply each class's part and
    /// the mean is over all samples, as PyTorch has it. A batch in which nothing counts has
    /// loss and gradient 0 (PyTorch: NaN, which would end the training).
    ///
    /// # Shapes
    ///
    /// `logits`: `[batch, classes]`; the result `[1]`.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or, on the CPU, a label is neither a class nor ignored.
    pub fn forward(&self, logits: Tensor<2>, targets: &Targets) -> Tensor<1> {
        let [samples, _] = self.checked(&logits, targets);
        match targets {
            Targets::Labels(labels) => {
                let (sum, weight) = self.label_terms(logits, labels.clone());
                sum / weight.clamp_min(TINY)
            }
            Targets::Soft(probabilities) => {
                let losses = self.soft_losses(logits, probabilities.clone());
                losses.sum().div_scalar(samples.max(1) as f64)
            }
        }
    }

    /// Sum of the weighted losses of a batch, and sum of their weights. Added up over a data
    /// set and then divided, they are the loss of the data set taken as one batch.
    ///
    /// Losses are added in double precision on the CPU, as those of soft targets are everywhere.
    ///
    /// # Shapes
    ///
    /// `logits`: `[batch, classes]`.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn evaluate(&self, logits: Tensor<2>, targets: &Targets) -> (f64, f64) {
        let [samples, _] = self.checked(&logits, targets);
        match targets {
            Targets::Labels(labels) => {
                let (sum, weight) = self.label_terms(logits.inner(), labels.clone());
                // Read at once: two reads would wait for the device twice.
                let both: Vec<f32> = Tensor::cat(vec![sum, weight], 0).into_data().iter().collect();
                (f64::from(both[0]), f64::from(both[1]))
            }
            Targets::Soft(probabilities) => {
                let losses = self.soft_losses(logits.inner(), probabilities.clone());
                let sum = losses.into_data().iter::<f32>().map(f64::from).sum();
                (sum, samples as f64)
            }
        }
    }

    /// The shape of logits that fit the targets.
    fn checked(&self, logits: &Tensor<2>, targets: &Targets) -> [usize; 2] {
        let [samples, classes] = logits.dims();
        let expected = self.classes;
        assert_eq!(classes, expected, "found logits of {classes} classes, expected {expected}");
        match targets {
            Targets::Labels(labels) => {
                let [found] = labels.dims();
                assert_eq!(found, samples, "found {found} labels for {samples} rows of logits");
            }
            Targets::Soft(probabilities) => {
                let (expected, found) = ([samples, classes], probabilities.dims());
                assert_eq!(found, expected, "found targets of shape {found:?} for {expected:?}");
            }
        }
        [samples, classes]
    }

    /// The sum of the losses, and of their weights.
    fn label_terms(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> (Tensor<1>, Tensor<1>) {
        self.check_labels(&labels);
        let options = CrossEntropyOptions {
            label_smoothing: self.label_smoothing,
            gamma: 0.0,
            ignore_index: self.ignore_index,
        };
        softmax_cross_entropy(logits, labels, self.class_weights.clone(), options)
    }

    /// The loss of each sample, `[batch]`.
    fn soft_losses(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Tensor<1> {
        let share = self.label_smoothing / self.classes as f64;
        let probabilities = if self.label_smoothing > 0.0 {
            probabilities.mul_scalar(1.0 - self.label_smoothing).add_scalar(share)
        } else {
            probabilities
        };
        let log_probabilities = log_softmax(logits, 1);
        (log_probabilities * self.weighted(probabilities)).sum_dim(1).squeeze_dim(1).neg()
    }

    /// Each column times the weight of its class.
    fn weighted(&self, values: Tensor<2>) -> Tensor<2> {
        match &self.class_weights {
            Some(weights) => values * weights.clone().unsqueeze_dim(0),
            None => values,
        }
    }

    /// Refuses labels that are no class, where looking at them does not mean waiting for a
    /// device; elsewhere the gather below does what that device does.
    fn check_labels(&self, labels: &Tensor<1, Int>) {
        if !ocelli_nn::device::is_cpu(&labels.device()) {
            return;
        }
        let outside = labels.to_data().iter::<i64>().enumerate().find(|(_, label)| {
            Some(*label) != self.ignore_index
                && usize::try_from(*label).map_or(true, |label| label >= self.classes)
        });
        if let Some((at, label)) = outside {
            let ignored = self.ignore_index;
            panic!(
                "found label {label} (at {at} of the batch), expected 0 to {}{}",
                self.classes.saturating_sub(1),
                ignored.map_or_else(String::new, |index| format!(", or {index}, which is ignored"))
            );
        }
    }
}

/// `samples / (classes * samples of the class)` for each class, as scikit-learn's
/// `compute_class_weight("balanced", …)`.
///
/// # Errors
///
/// [`LossError::Counts`] where `counts` does not have one entry for each class,
/// [`LossError::EmptyClass`] for a class without samples.
pub fn balanced_weights(classes: usize, counts: &[u64]) -> Result<Vec<f64>, LossError> {
    if counts.len() != classes {
        return Err(LossError::Counts { found: counts.len(), expected: classes });
    }
    if let Some(class) = counts.iter().position(|count| *count == 0) {
        return Err(LossError::EmptyClass { class });
    }
    let samples: f64 = counts.iter().map(|count| *count as f64).sum();
    Ok(counts.iter().map(|count| samples / (classes as f64 * *count as f64)).collect())
}
