//! Losses of segmentation: scores for each pixel against a mask.
//!
//! Cross entropy and focal loss are means over pixels; Dice, Jaccard and Tversky losses compare
//! regions, class by class. Any weighted sum of them can be asked for. None of them ever makes a
//! tensor of one-hot masks.

mod config;
mod overlap;
mod targets;

#[cfg(test)]
mod tests;

pub use config::{Alpha, DenseLossConfig, DenseLossName, DenseTermConfig};
pub use targets::DenseTargets;

use burn::tensor::{Device, Tensor, TensorData};
use ocelli_nn::functional::{CrossEntropyOptions, softmax_class_sums, softmax_cross_entropy};

use self::overlap::Overlap;
use super::{ClassWeights, LossError, TINY, balanced_weights};

/// The value of a mask's pixels that count for nothing.
const IGNORED: u8 = 255;

/// A loss between scores for each pixel and masks: a sum of one or more losses.
#[derive(Clone, Debug)]
pub struct DenseLoss {
    classes: usize,
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    /// What the loss counts in the sum.
    weight: f64,
    /// A class that is ignored besides what masks ignore, or again [`IGNORED`].
    ignore: u8,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Cross entropy or focal loss, with `[classes]` weights.
    Pixels(CrossEntropyOptions, Option<Box<Tensor<1>>>),
    Regions(Overlap),
}

impl DenseLoss {
    /// The loss over `classes` classes, with its weights on `device`.
    ///
    /// `pixel_counts` are the pixels of each class in the training masks; only balanced weights
    /// need them.
    ///
    /// # Errors
    ///
    /// A configuration out of range, weights or counts that do not fit the classes, or more
    /// classes than a mask can tell apart.
    pub fn new(
        config: &DenseLossConfig,
        classes: usize,
        pixel_counts: Option<&[u64]>,
        device: &Device,
    ) -> Result<Self, LossError> {
        if !(1..=usize::from(IGNORED)).contains(&classes) {
            return Err(LossError::Classes { found: classes });
        }
        let config = config.resolved()?;
        let device = device.clone().inner();
        let terms = config.terms.iter().map(|term| Term::new(term, classes, pixel_counts, &device));
        Ok(Self { classes, terms: terms.collect::<Result<_, _>>()? })
    }

    /// The mean loss of a batch, differentiable in the scores.
    ///
    /// Cross entropy and focal loss: the mean over the pixels that are not ignored, each weighted
    /// with the weight of its class. Dice, Jaccard and Tversky losses: over all pixels of the
    /// batch at once, then the (weighted) mean over the classes that its masks hold. Where nothing
    /// counts, loss and gradient are 0.
    ///
    /// # Shapes
    ///
    /// `scores`: `[n, h, w, classes]`, before the softmax; the result `[1]`.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or a mask has a value that is neither a class nor ignored.
    pub fn forward(&self, scores: Tensor<4>, masks: &DenseTargets) -> Tensor<1> {
        let scores = self.rows(scores, masks);
        let losses = self.terms.iter().map(|term| term.mean(scores.clone(), masks));
        losses.reduce(|sum, loss| sum + loss).expect("a loss has at least one term")
    }

    /// The loss of a batch as a sum and its weight, so that those of a data set can be added up
    /// and then divided.
    ///
    /// Of cross entropy or focal loss alone, the sum over the pixels and that of their weights:
    /// the mean does not depend on how the data was cut into batches. All others are defined for
    /// a batch only; of them, the batch's loss times its pictures, and the pictures. A batch in
    /// which nothing counts weighs nothing.
    ///
    /// # Shapes
    ///
    /// `scores`: `[n, h, w, classes]`.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn evaluate(&self, scores: Tensor<4>, masks: &DenseTargets) -> (f64, f64) {
        let pictures = scores.dims()[0] as f64;
        let scores = scores.inner();
        if let [Term { weight, ignore, kind: Kind::Pixels(options, weights) }] = &self.terms[..] {
            let scores = self.rows(scores, masks);
            let labels = masks.labels(*ignore);
            let weights = weights.as_deref().cloned();
            let (sum, total) = softmax_cross_entropy(scores, labels, weights, *options);
            let both: Vec<f32> = Tensor::cat(vec![sum, total], 0).into_data().iter().collect();
            return (weight * f64::from(both[0]), f64::from(both[1]));
        }
        let counts = self.terms.iter().any(|term| masks.counted(term.ignore) > 0);
        let loss: f32 = self.forward(scores, masks).into_scalar();
        if counts { (f64::from(loss) * pictures, pictures) } else { (0.0, 0.0) }
    }

    /// Scores with a row for each pixel, `[pixels, classes]`.
    fn rows(&self, scores: Tensor<4>, masks: &DenseTargets) -> Tensor<2> {
        let [n, h, w, classes] = scores.dims();
        let expected = self.classes;
        assert_eq!(classes, expected, "found scores of {classes} classes, expected {expected}");
        let found = masks.shape();
        assert_eq!(
            found,
            [n, h, w],
            "found masks of shape {found:?} for scores of {:?}",
            [n, h, w]
        );
        let ignored = self.terms.iter().map(|term| term.ignore);
        masks.check(self.classes, ignored);
        scores.reshape([n * h * w, classes])
    }
}

impl Term {
    fn new(
        config: &DenseTermConfig,
        classes: usize,
        counts: Option<&[u64]>,
        device: &Device,
    ) -> Result<Self, LossError> {
        let ignore = config.ignore_index.unwrap_or(IGNORED);
        let given = match (&config.alpha, &config.class_weights) {
            (Some(Alpha::Classes(alpha)), _) => Some(alpha),
            (_, given) => given.as_ref(),
        };
        let weights =
            weights(given, classes, counts, ignore).map_err(|source| match config.name {
                DenseLossName::Focal => LossError::Alpha { source: Box::new(source) },
                _ => source,
            })?;
        let smooth = config.smooth.unwrap_or_default();
        let overlap = |alpha, beta| Overlap { alpha, beta, smooth, weights: weights.clone() };
        let kind = match (config.name, &config.alpha, config.beta) {
            (DenseLossName::CrossEntropy | DenseLossName::Focal, ..) => {
                let options = CrossEntropyOptions {
                    label_smoothing: config.label_smoothing.unwrap_or_default(),
                    gamma: config.gamma.unwrap_or_default(),
                    ignore_index: Some(i64::from(IGNORED)),
                };
                let weights = weights.map(|weights| {
                    let weights: Vec<f32> = weights.into_iter().map(|w| w as f32).collect();
                    Box::new(Tensor::from_data(TensorData::new(weights, [classes]), device))
                });
                Kind::Pixels(options, weights)
            }
            // 2 tp / (2 tp + fp + fn) = tp / (tp + fp / 2 + fn / 2)
            (DenseLossName::Dice, ..) => Kind::Regions(overlap(0.5, 0.5)),
            (DenseLossName::Jaccard, ..) => Kind::Regions(overlap(1.0, 1.0)),
            (DenseLossName::Tversky, Some(Alpha::Number(alpha)), Some(beta)) => {
                Kind::Regions(overlap(*alpha, beta))
            }
            (DenseLossName::Tversky, ..) => unreachable!("resolved, so with alpha and beta"),
        };
        Ok(Self { weight: config.weight.unwrap_or(1.0), ignore, kind })
    }

    /// The term's mean over a batch, times its weight.
    fn mean(&self, scores: Tensor<2>, masks: &DenseTargets) -> Tensor<1> {
        let labels = masks.labels(self.ignore);
        let loss = match &self.kind {
            Kind::Pixels(options, weights) => {
                let weights = weights.as_deref().cloned();
                let (sum, total) = softmax_cross_entropy(scores, labels, weights, *options);
                sum / total.clamp_min(TINY)
            }
            Kind::Regions(overlap) => {
                let [_, classes] = scores.dims();
                let truth = masks.class_counts(classes, self.ignore);
                overlap.loss(softmax_class_sums(scores, labels, Some(i64::from(IGNORED))), &truth)
            }
        };
        if self.weight == 1.0 { loss } else { loss.mul_scalar(self.weight) }
    }
}

/// A weight for each class, unless all are 1. A class that is ignored does not weigh in the
/// balance of the others.
fn weights(
    given: Option<&ClassWeights>,
    classes: usize,
    counts: Option<&[u64]>,
    ignore: u8,
) -> Result<Option<Vec<f64>>, LossError> {
    let weights = match given.unwrap_or(&ClassWeights::None) {
        ClassWeights::None => return Ok(None),
        ClassWeights::List(weights) => weights.clone(),
        ClassWeights::Balanced => {
            let ignore = usize::from(ignore);
            match counts {
                Some(counts) if counts.len() == classes && ignore < classes => {
                    let mut others = counts.to_vec();
                    others.remove(ignore);
                    let weights = balanced_weights(classes - 1, &others);
                    let mut weights = weights.map_err(|error| match error {
                        LossError::EmptyClass { class } if class >= ignore => {
                            LossError::EmptyClass { class: class + 1 }
                        }
                        error => error,
                    })?;
                    weights.insert(ignore, 0.0);
                    weights
                }
                counts => balanced_weights(classes, counts.unwrap_or(&[]))?,
            }
        }
    };
    if weights.len() != classes {
        return Err(LossError::WeightCount { found: weights.len(), expected: classes });
    }
    Ok(Some(weights))
}
