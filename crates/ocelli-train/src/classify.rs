//! Classification: one training step, and one evaluation.

use burn::tensor::{Device, Int, Tensor, TensorData};
use ocelli_data::loader::{Batch, Broken, Loader, LoaderError};
use ocelli_models::Classifier;
use ocelli_nn::Pass;

use crate::loss::{CrossEntropy, Targets};
use crate::metric::{ConfusionMatrix, MetricError, TopK, prediction};
use crate::record::{ClassRecord, EpochRecord, MacroAverage, Split};

/// A batch's pictures as a tensor `[batch, height, width, channels]`.
pub(crate) fn images_tensor(images: Vec<f32>, shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(images, shape), device)
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

/// What a model got right and wrong over a set of pictures.
#[derive(Debug)]
pub struct Evaluation {
    /// Mean loss over the pictures, as PyTorch's cross-entropy over all of them at once would be.
    pub loss: f64,
    /// Answers against truth.
    pub confusion: ConfusionMatrix,
    /// Share of pictures whose class was among the first five answers.
    pub top5: f64,
    /// Seconds.
    pub seconds: f64,
    /// The penultimate features, where they were asked for.
    pub features: Option<Features>,
    /// Pictures that could not be used.
    pub broken: Vec<Broken>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// The penultimate features of pictures, with what the model made of them.
#[derive(Debug, Default)]
pub struct Features {
    /// `[pictures, width]`, row by row.
    pub values: Vec<f32>,
    /// Features a picture.
    pub width: usize,
    /// The classes.
    pub labels: Vec<i64>,
    /// The first answers; -1 where the model's numbers were none.
    pub answers: Vec<i64>,
    /// Positions in the dataset.
    pub indices: Vec<i64>,
}

/// How an evaluation is done.
pub struct EvaluationSettings<'a> {
    /// The loss that is reported.
    pub loss: &'a CrossEntropy,
    /// How many classes there are.
    pub classes: usize,
    /// Where the model is.
    pub device: &'a Device,
    /// Whether to keep the penultimate features.
    pub keep_features: bool,
}

/// Why an evaluation ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// Loading pictures failed.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// The model answers other classes than the pictures have.
    #[error(transparent)]
    Metric(#[from] MetricError),
}

/// Runs a model over a loader's pictures. The result does not depend on the batch size.
///
/// `each_batch` is called for every batch, and ends the evaluation by returning `false`.
///
/// # Errors
/// [`EvaluationError`], mostly what the loader reports.
pub fn evaluate(
    model: &Classifier,
    loader: &Loader,
    settings: &EvaluationSettings<'_>,
    mut each_batch: impl FnMut() -> bool,
) -> Result<Evaluation, EvaluationError> {
    let started = std::time::Instant::now();
    let (mut loss_sum, mut loss_weight) = (0.0, 0.0);
    let mut confusion = ConfusionMatrix::new(settings.classes);
    let mut top5 = TopK::new(settings.classes, &[5]);
    let mut features = settings.keep_features.then(Features::default);
    let mut broken = Vec::new();
    let mut stopped = false;
    for batch in loader.epoch(0, 0) {
        if !each_batch() {
            stopped = true;
            break;
        }
        let Batch { images, shape, labels, indices, broken: broken_here, .. } = batch?;
        broken.extend(broken_here);
        if labels.is_empty() {
            continue;
        }
        let pass = Pass::eval();
        let images = images_tensor(images, shape, settings.device);
        let logits = model.forward(images.clone(), &pass);
        let (sum, weight) = settings
            .loss
            .evaluate(logits.clone(), &targets(&labels, None, settings.classes, settings.device));
        loss_sum += sum;
        loss_weight += weight;
        let logits = floats(logits);
        let truth: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
        let answers: Vec<Option<usize>> =
            logits.chunks_exact(settings.classes).map(prediction).collect();
        for (&answer, &label) in answers.iter().zip(&truth) {
            confusion.add_prediction(answer, label);
        }
        top5.add(&logits, &truth)?;
        if let Some(features) = &mut features {
            let hidden = model.forward_features(images, &pass);
            features.width = hidden.dims()[1];
            features.values.extend(floats(hidden));
            features.labels.extend(labels.iter().map(|&label| i64::from(label)));
            features
                .answers
                .extend(answers.iter().map(|answer| answer.map_or(-1, |answer| answer as i64)));
            features.indices.extend(indices.iter().map(|&index| index as i64));
        }
    }
    Ok(Evaluation {
        loss: if loss_weight > 0.0 { loss_sum / loss_weight } else { f64::NAN },
        confusion,
        top5: top5.accuracy(5).unwrap_or(f64::NAN),
        seconds: started.elapsed().as_secs_f64(),
        features,
        broken,
        stopped,
    })
}

/// A tensor's values on the host.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("activations are 32-bit floats")
}

impl Evaluation {
    /// The line of `metrics.jsonl` for it.
    #[must_use]
    pub fn record(&self, epoch: u32, split: Split, classes: &[String]) -> EpochRecord {
        let pictures = self.confusion.total();
        let averages = self.confusion.macro_averages();
        EpochRecord {
            epoch,
            split,
            loss: self.loss,
            accuracy: self.confusion.accuracy().unwrap_or(f64::NAN),
            top5: self.top5,
            pictures,
            learning_rate: None,
            images_per_second: pictures as f64 / self.seconds,
            seconds: self.seconds,
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
            confusion: self
                .confusion
                .non_zero()
                .map(|(truth, answer, count)| [truth as u64, answer as u64, count])
                .collect(),
        }
    }
}
