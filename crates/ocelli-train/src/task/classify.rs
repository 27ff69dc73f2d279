//! One class a picture.

use burn::tensor::{Device, Int, Tensor, TensorData};
use ocelli_data::Dataset;
use ocelli_data::loader::Batch;
use ocelli_nn::Pass;

use super::{
    Batches, Evaluation, EvaluationError, Kept, Learned, Objective, Scores, floats, images_tensor,
};
use crate::loss::{CrossEntropy, LossConfig, LossError, Targets};
use crate::metric::{ConfusionMatrix, MetricError, TopK, prediction};
use crate::network::Network;
use crate::recipe::{LossSection, Recipe};
use crate::record::{ClassRecord, EpochRecord, MacroAverage};

/// Classification: cross-entropy over pictures.
pub(crate) struct Classification {
    loss: CrossEntropy,
    classes: usize,
}

impl Classification {
    pub(crate) fn for_training(
        recipe: &Recipe,
        train: &Dataset,
        device: &Device,
    ) -> Result<Self, LossError> {
        let config = LossSection::classification(recipe.train.loss.as_ref())
            .map_err(|reason| LossError::Section { reason })?;
        let counts: Vec<u64> = train.class_counts().into_iter().map(|count| count as u64).collect();
        let classes = train.classes.len();
        let loss = CrossEntropy::new(&config, classes, Some(&counts), device)?;
        Ok(Self { loss, classes })
    }

    pub(crate) fn plain(classes: usize, device: &Device) -> Result<Self, LossError> {
        let loss = CrossEntropy::new(&LossConfig::default(), classes, None, device)?;
        Ok(Self { loss, classes })
    }
}

/// A batch's targets: classes, or a share for each class where pictures were mixed.
pub(crate) fn targets(
    labels: &[u32],
    soft_targets: Option<Vec<f32>>,
    classes: usize,
    device: &Device,
) -> Targets {
    match soft_targets {
        Some(shares) => Targets::Soft(Tensor::from_data(
            TensorData::new(shares, [labels.len(), classes]),
            device,
        )),
        None => {
            let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
            let count = labels.len();
            Targets::Labels(Tensor::<1, Int>::from_data(TensorData::new(labels, [count]), device))
        }
    }
}

/// Right and wrong classes of a set of pictures.
#[derive(Debug)]
pub struct ClassScores {
    /// Answers against truth.
    pub confusion: ConfusionMatrix,
    /// Share of pictures whose class was among the first five answers.
    pub top5: Option<f64>,
}

/// The penultimate features of pictures, with what the model made of them.
#[derive(Debug, Default)]
pub struct Features {
    /// `[pictures, width]`, row by row.
    pub values: Vec<f32>,
    /// Features a picture.
    pub width: usize,
    /// The classes; -1 where they aren't known.
    pub labels: Vec<i64>,
    /// The first answers; -1 where there is none, or the model's numbers were none.
    pub answers: Vec<i64>,
    /// The first answers' probabilities; no number where the model's numbers were none.
    pub confidences: Vec<f32>,
    /// Positions in the dataset.
    pub indices: Vec<i64>,
}

impl Features {
    /// Adds those of a batch `[n, width]`, without answers. `labels` are empty where they aren't known.
    pub(crate) fn take(&mut self, features: Tensor<2>, labels: &[u32], indices: &[usize]) {
        self.width = features.dims()[1];
        self.values.extend(floats(features));
        let count = indices.len();
        let known = labels.iter().map(|&label| i64::from(label));
        self.labels.extend(known.chain(std::iter::repeat(-1)).take(count));
        self.indices.extend(indices.iter().map(|&index| index as i64));
        self.answers.resize(self.indices.len(), -1);
        self.confidences.resize(self.indices.len(), f32::NAN);
    }
}

impl Objective for Classification {
    fn learn(
        &self,
        network: &Network,
        batch: Batch,
        pass: &Pass,
        device: &Device,
    ) -> Result<Learned, MetricError> {
        let Batch { images, shape, labels, soft_targets, .. } = batch;
        let targets = targets(&labels, soft_targets, self.classes, device);
        let images = images_tensor(images, shape, device);
        let logits = network.classifier().forward(images, pass);
        let loss = self.loss.forward(logits.clone(), &targets);
        let truth: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
        let mut top = TopK::new(self.classes, &[1, 5]);
        top.add(&floats(logits.inner()), &truth)?;
        Ok(Learned {
            loss,
            pictures: labels.len() as u64,
            questions: labels.len() as u64,
            correct: top.hits(1),
            correct_top5: top.hits(5),
        })
    }

    /// Keeps the penultimate features of all pictures, whichever are asked for.
    fn evaluate(
        &self,
        network: &Network,
        batches: Batches<'_>,
        device: &Device,
        keep: Option<&[usize]>,
    ) -> Result<Evaluation, EvaluationError> {
        let model = network.classifier();
        let counted = Counted {
            confusion: ConfusionMatrix::new(self.classes),
            top5: TopK::new(self.classes, &[5]),
            features: keep.map(|_| Features::default()),
        };
        let measure = |counted: &mut Counted, batch: Batch| {
            let Batch { images, shape, labels, indices, .. } = batch;
            let pass = Pass::eval();
            let images = images_tensor(images, shape, device);
            let logits = model.forward(images.clone(), &pass);
            let loss =
                self.loss.evaluate(logits.clone(), &targets(&labels, None, self.classes, device));
            let logits = floats(logits);
            let truth: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
            let answers: Vec<Option<usize>> =
                logits.chunks_exact(self.classes).map(prediction).collect();
            for (&answer, &label) in answers.iter().zip(&truth) {
                counted.confusion.add_prediction(answer, label);
            }
            counted.top5.add(&logits, &truth)?;
            if let Some(features) = &mut counted.features {
                let before = features.answers.len();
                features.take(model.forward_features(images, &pass), &labels, &indices);
                for (place, answer) in features.answers[before..].iter_mut().zip(&answers) {
                    *place = answer.map_or(-1, |answer| answer as i64);
                }
                let confidences = logits.chunks_exact(self.classes).zip(&answers).map(confidence);
                features.confidences.truncate(before);
                features.confidences.extend(confidences);
            }
            Ok(loss)
        };
        batches.measure(counted, measure, |Counted { confusion, top5, features }| {
            let scores = ClassScores { top5: top5.accuracy(5), confusion };
            (Scores::Classes(scores), features.map(Kept::Features))
        })
    }
}

/// The probability of an answer among its picture's scores.
fn confidence((scores, answer): (&[f32], &Option<usize>)) -> f32 {
    let Some(answer) = *answer else { return f32::NAN };
    // The answer's score is the largest: no exponential overflows.
    let total: f64 = scores.iter().map(|score| f64::from(score - scores[answer]).exp()).sum();
    (1.0 / total) as f32
}

/// What an evaluation counts.
struct Counted {
    confusion: ConfusionMatrix,
    top5: TopK,
    features: Option<Features>,
}

impl ClassScores {
    /// A record with these scores in it.
    pub(super) fn written(&self, record: EpochRecord, classes: &[String]) -> EpochRecord {
        let averages = self.confusion.macro_averages();
        EpochRecord {
            accuracy: self.confusion.accuracy(),
            top5: self.top5,
            macro_average: Some(MacroAverage {
                precision: averages.precision,
                recall: averages.recall,
                f1: averages.f1,
            }),
            classes: classes
                .iter()
                .zip(self.confusion.per_class())
                .map(|(class, metrics)| ClassRecord {
                    class: class.clone(),
                    precision: metrics.precision,
                    recall: metrics.recall,
                    f1: metrics.f1,
                    support: metrics.support,
                })
                .collect(),
            confusion: confusion_cells(&self.confusion),
            ..record
        }
    }
}

/// The cells of a confusion matrix that aren't zero: `[truth, answer, count]`.
pub(super) fn confusion_cells(confusion: &ConfusionMatrix) -> Vec<[u64; 3]> {
    confusion
        .non_zero()
        .map(|(truth, answer, count)| [truth as u64, answer as u64, count])
        .collect()
}
