//! What the tasks differ in: the loss of a batch, how validation measures, what a snapshot keeps.
//!
//! The loop ([`trainer`](crate::trainer)) knows an `Objective` alone. A further task is a further
//! implementation, with what is known of its networks in [`network`](crate::network).

pub mod classify;
pub mod colorize;
pub mod segment;
pub mod self_supervised;

use burn::tensor::{Device, Tensor, TensorData};
use ocelli_data::loader::{Batch, Broken, Loader, LoaderError};
use ocelli_models::BuildError;
use ocelli_nn::Pass;
use ocelli_nn::state::StateDict;

use crate::loss::LossError;
use crate::metric::MetricError;
use crate::network::Network;
use crate::pictures::{Pictures, PicturesError};
use crate::recipe::{Recipe, Task};
use crate::record::{EpochRecord, Split};
use classify::{ClassScores, Classification, Features};
use colorize::{ColorScores, Colorization, Colorized};
use segment::{RegionScores, Segmentation, Segmented};
use self_supervised::{EmbeddingScores, SelfSupervised};

/// What a task minimizes and measures.
pub(crate) trait Objective {
    /// Before the first step, also of a run that goes on: takes note of the network.
    ///
    /// # Errors
    /// If a network like it can't be built.
    fn begin(&mut self, _network: &Network) -> Result<(), BuildError> {
        Ok(())
    }

    /// After an optimizer step; `progress` is the share of all steps that were done before it.
    fn stepped(&mut self, _network: &Network, _progress: f64) {}

    /// Whether it remembers anything beside the network.
    fn remembers(&self) -> bool {
        false
    }

    /// What it remembers beside the network, for a checkpoint.
    fn state(&self) -> Option<StateDict> {
        None
    }

    /// Takes up a state written by [`Self::state`].
    ///
    /// # Errors
    /// In words, what of it doesn't fit.
    fn load_state(&mut self, _state: &StateDict) -> Result<(), String> {
        Ok(())
    }

    /// The loss of a batch, with what the network got right.
    ///
    /// # Errors
    /// If network and batch don't fit together.
    fn learn(
        &self,
        network: &Network,
        batch: Batch,
        pass: &Pass,
        device: &Device,
    ) -> Result<Learned, MetricError>;

    /// Runs a network over a loader's pictures. The result does not depend on the batch size.
    ///
    /// `keep` are the positions of the pictures whose answers are to be kept, `None` for none.
    ///
    /// # Errors
    /// [`EvaluationError`], mostly what the loader reports.
    fn evaluate(
        &self,
        network: &Network,
        batches: Batches<'_>,
        device: &Device,
        keep: Option<&[usize]>,
    ) -> Result<Evaluation, EvaluationError>;
}

/// The batches of a loader, gone over once.
pub(crate) struct Batches<'a> {
    loader: &'a Loader,
    each_batch: &'a mut dyn FnMut() -> bool,
    epoch: Option<u32>,
}

impl<'a> Batches<'a> {
    /// `each_batch` is called for every batch, and ends the pass by returning `false`.
    pub(crate) fn new(loader: &'a Loader, each_batch: &'a mut dyn FnMut() -> bool) -> Self {
        Self { loader, each_batch, epoch: None }
    }

    /// The same, after an epoch of training, counted from 1.
    pub(crate) fn after_epoch(self, epoch: u32) -> Self {
        Self { epoch: Some(epoch), ..self }
    }

    /// After which epoch of training; `None` where none is going on.
    fn epoch(&self) -> Option<u32> {
        self.epoch
    }

    /// The batches of another loader, told to and stopped by the same.
    fn over<'b>(&'b mut self, loader: &'b Loader) -> Batches<'b> {
        Batches { loader, each_batch: &mut *self.each_batch, epoch: self.epoch }
    }

    /// Hands every batch that has pictures to `measure`, which gives the sum of its losses and their
    /// weight, and at last asks `scores` for what was measured and kept.
    ///
    /// # Errors
    /// What the loader reports, and what `measure` gives.
    fn measure<S>(
        self,
        mut state: S,
        mut measure: impl FnMut(&mut S, Batch) -> Result<(f64, f64), MetricError>,
        scores: impl FnOnce(S) -> (Scores, Option<Kept>),
    ) -> Result<Evaluation, EvaluationError> {
        let started = std::time::Instant::now();
        let (mut loss, mut weight, mut pictures) = (0.0, 0.0, 0);
        let (mut broken, mut stopped) = (Vec::new(), false);
        for batch in self.loader.epoch(0, 0) {
            if !(self.each_batch)() {
                stopped = true;
                break;
            }
            let mut batch = batch?;
            broken.append(&mut batch.broken);
            let count = batch.shape[0];
            if count == 0 {
                continue;
            }
            pictures += count as u64;
            let (sum, of_batch) = measure(&mut state, batch)?;
            loss += sum;
            weight += of_batch;
        }
        let seconds = started.elapsed().as_secs_f64();
        let (scores, kept) = scores(state);
        let loss = if weight > 0.0 { loss / weight } else { f64::NAN };
        Ok(Evaluation { loss, pictures, scores, seconds, kept, broken, stopped })
    }
}

/// A training batch gone through forwards.
pub(crate) struct Learned {
    /// `[1]`
    pub(crate) loss: Tensor<1>,
    /// Pictures in the batch.
    pub(crate) pictures: u64,
    /// What was to be answered: a class a picture, or a pixel; none for colours.
    pub(crate) questions: u64,
    /// First answers that were right.
    pub(crate) correct: u64,
    /// Questions whose class was among the first five answers.
    pub(crate) correct_top5: u64,
}

/// What a network makes of a set of pictures.
#[derive(Debug)]
pub struct Evaluation {
    /// Mean loss over the pictures.
    pub loss: f64,
    /// Pictures that were looked at.
    pub pictures: u64,
    /// How well it did.
    pub scores: Scores,
    /// Seconds.
    pub seconds: f64,
    /// What was asked to be kept.
    pub kept: Option<Kept>,
    /// Pictures that could not be used.
    pub broken: Vec<Broken>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// How well a network did, by task.
#[derive(Debug)]
pub enum Scores {
    /// One class a picture.
    Classes(ClassScores),
    /// One class a pixel.
    Regions(RegionScores),
    /// Colours.
    Colors(ColorScores),
    /// Features without labels.
    Embedding(EmbeddingScores),
}

/// Answers that are kept, by task.
#[derive(Debug)]
pub enum Kept {
    /// Penultimate features of all pictures.
    Features(Features),
    /// Masks of some pictures.
    Masks(Vec<Segmented>),
    /// Some pictures, colorized.
    Pictures(Vec<Colorized>),
}

/// Why an evaluation ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// Loading pictures failed.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// The network answers other classes than the pictures have.
    #[error(transparent)]
    Metric(#[from] MetricError),
}

impl Evaluation {
    /// The line of `metrics.jsonl` for it.
    #[must_use]
    pub fn record(&self, epoch: u32, split: Split, classes: &[String]) -> EpochRecord {
        let record = EpochRecord {
            loss: self.loss,
            images_per_second: self.pictures as f64 / self.seconds,
            seconds: self.seconds,
            ..EpochRecord::new(epoch, split, self.pictures)
        };
        match &self.scores {
            Scores::Classes(scores) => scores.written(record, classes),
            Scores::Regions(scores) => scores.written(record, classes),
            Scores::Colors(scores) => scores.written(record),
            Scores::Embedding(scores) => scores.written(record),
        }
    }
}

/// Why what a recipe asks for can't be learned from its pictures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectiveError {
    /// The loss doesn't fit the pictures.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// Further pictures can't be used.
    #[error(transparent)]
    Pictures(#[from] PicturesError),
}

/// What a recipe's training minimizes.
///
/// # Errors
/// A loss that doesn't fit the pictures.
pub(crate) fn objective(
    recipe: &Recipe,
    pictures: &Pictures,
    device: &Device,
) -> Result<Box<dyn Objective>, ObjectiveError> {
    Ok(match recipe.task {
        Task::Classify => Box::new(Classification::for_training(recipe, &pictures.train, device)?),
        Task::Segment => Box::new(Segmentation::for_training(recipe, pictures, device)?),
        Task::Colorize => Box::new(Colorization::for_training(recipe)?),
        Task::SelfSupervised(method) => {
            Box::new(SelfSupervised::for_training(method, recipe, pictures, device)?)
        }
    })
}

/// What a recipe's run is measured by afterwards: the task's plain loss, whatever training
/// minimized, so that runs can be compared.
///
/// # Errors
/// None, unless there are no classes.
pub(crate) fn plain_objective(
    recipe: &Recipe,
    classes: usize,
    device: &Device,
) -> Result<Box<dyn Objective>, LossError> {
    Ok(match recipe.task {
        Task::Classify => Box::new(Classification::plain(classes, device)?),
        Task::Segment => Box::new(Segmentation::plain(recipe, classes, device)?),
        Task::Colorize => Box::new(Colorization::plain(recipe)?),
        Task::SelfSupervised(method) => {
            Box::new(SelfSupervised::plain(method, recipe, classes, device))
        }
    })
}

/// A batch's pictures as a tensor `[batch, height, width, channels]`.
pub(crate) fn images_tensor(images: Vec<f32>, shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(images, shape), device)
}

/// A tensor's values on the host.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("activations are 32-bit floats")
}
