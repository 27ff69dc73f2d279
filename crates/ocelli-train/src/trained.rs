//! A run's model, ready to be used.

pub mod grad_cam;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor, activation};
use ocelli_data::augment::Pipeline;
use ocelli_data::dataset::ClassMismatch;
use ocelli_data::random::{Purpose, generator};
use ocelli_data::source::{self, SourceError};
use ocelli_data::{Dataset, Mask, Picture};
use ocelli_models::BuildError;
use ocelli_nn::{Pass, cpu, state};

use crate::checkpoint::{self, CheckpointError};
use crate::loss::LossError;
use crate::network::{Network, gray_channels};
use crate::pictures::{self, PicturesError};
use crate::recipe::{EvaluateSection, Recipe};
use crate::run_folder::{RunFolder, RunFolderError, RunInfo};
use crate::task::segment::Look;
use crate::task::{
    Batches, Evaluation, EvaluationError, colorize, floats, images_tensor, plain_objective,
};
use crate::trainer::{LAST, epoch_checkpoint};

/// Why a run's model can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TrainedError {
    /// The run folder can't be read.
    #[error(transparent)]
    RunFolder(#[from] RunFolderError),
    /// The checkpoint can't be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// `--checkpoint` names no checkpoint.
    #[error("--checkpoint {found}: expected best, last or an epoch's number")]
    CheckpointName {
        /// What was given.
        found: String,
    },
    /// The run's model can't be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The checkpoint doesn't fit the run's recipe.
    #[error("{path}: does not fit the run's recipe: {reason}")]
    Content {
        /// The checkpoint.
        path: PathBuf,
        /// What doesn't fit.
        reason: String,
    },
    /// The recipe's pictures can't be used.
    #[error(transparent)]
    Pictures(#[from] PicturesError),
    /// The run's own pictures are no longer those that it was trained with.
    #[error(
        "{location}: the pictures have changed since the run began, so its validation pictures can't be told \
         from its training pictures; name others with --data"
    )]
    PicturesChanged {
        /// Where.
        location: String,
    },
    /// The pictures to evaluate can't be found.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The pictures to evaluate have classes that the model doesn't know.
    #[error("{location}: {reason}")]
    Classes {
        /// Where.
        location: String,
        /// Which.
        reason: ClassMismatch,
    },
    /// The truth of the pictures to evaluate is not known.
    #[error("{location}: found no {expected}; evaluation needs pictures that have them")]
    NoTruth {
        /// Where.
        location: String,
        /// What they lack.
        expected: &'static str,
    },
    /// The evaluation failed.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// The loss can't be set up.
    #[error(transparent)]
    Loss(#[from] LossError),
}

/// A run's model with everything needed to use it.
pub struct Trained {
    /// The run's resolved recipe.
    pub recipe: Recipe,
    /// What the run was made from and with.
    pub info: RunInfo,
    /// The epoch that the weights are of; 0 before the first was finished.
    pub epoch: u32,
    /// What a person should know about the run.
    pub notes: Vec<String>,
    network: Network,
    pipeline: Pipeline,
    device: Device,
}

/// The pictures of an evaluation.
pub struct EvaluationPictures {
    /// Where they are.
    pub location: String,
    /// The pictures, with the run's classes.
    pub dataset: Arc<Dataset>,
    /// What a person should know about them.
    pub notes: Vec<String>,
}

/// One class and the model's confidence in it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Answer {
    /// The class.
    pub class: String,
    /// From 0 to 1; all classes together make 1.
    pub probability: f32,
}

impl Trained {
    /// Opens a run's model: `checkpoint` is `best`, `last` or an epoch's number. Averaged weights
    /// are used where the run kept them.
    ///
    /// # Errors
    /// [`TrainedError`] names the file.
    pub fn open(run: &Path, checkpoint: &str, device: &Device) -> Result<Self, TrainedError> {
        let folder = RunFolder::open(run)?;
        let recipe = folder.read_recipe()?;
        let info = folder.read_info()?;
        let notes = folder.recipe_change(&info)?.into_iter().collect();
        let name = match (checkpoint, checkpoint.parse::<u32>()) {
            ("best" | LAST, _) => checkpoint.to_owned(),
            (_, Ok(epoch)) => epoch_checkpoint(epoch),
            (found, Err(_)) => {
                return Err(TrainedError::CheckpointName { found: found.to_owned() });
            }
        };
        let path = folder.checkpoints().join(&name);
        let checkpoint = checkpoint::read(&folder.checkpoints(), &name)?;
        // The first weights are replaced at once.
        let network = Network::new(&recipe, info.classes.len(), device)?;
        let network = state::load_state_dict(network, &checkpoint.weights())
            .map_err(|error| TrainedError::Content { path, reason: error.to_string() })?;
        let pipeline = pictures::evaluation_pipeline(&recipe)?;
        Ok(Self {
            epoch: checkpoint.state.epoch,
            notes,
            network,
            pipeline,
            device: device.clone(),
            recipe,
            info,
        })
    }

    /// The pictures to evaluate: those at `location`, classes matched by name, or the run's own
    /// validation pictures.
    ///
    /// # Errors
    /// [`TrainedError`] if there are none, if they have no classes or unknown ones, or if the
    /// run's own pictures have changed.
    pub fn evaluation_pictures(
        &self,
        location: Option<&str>,
    ) -> Result<EvaluationPictures, TrainedError> {
        let Some(location) = location else {
            let mut recipe = self.recipe.clone();
            let pictures = pictures::open(&mut recipe)?;
            if pictures.fingerprint() != self.info.data_fingerprint {
                return Err(TrainedError::PicturesChanged { location: recipe.data.train });
            }
            return Ok(EvaluationPictures {
                location: format!("the validation pictures of {}", recipe.data.train),
                dataset: pictures.val,
                notes: pictures.notes,
            });
        };
        let found =
            source::open(location, &pictures::source_options(self.recipe.task, &self.recipe.data))?;
        // Of a folder with parts, the one that was not trained on says most.
        let parts = [found.test, found.val, Some(found.train)];
        let dataset = parts
            .into_iter()
            .flatten()
            .find(|dataset| pictures::has_truth(self.recipe.task, dataset))
            .ok_or_else(|| TrainedError::NoTruth {
                location: location.to_owned(),
                expected: pictures::expected_truth(self.recipe.task),
            })?
            .with_classes(&self.info.classes)
            .map_err(|reason| TrainedError::Classes { location: location.to_owned(), reason })?;
        Ok(EvaluationPictures {
            location: location.to_owned(),
            dataset: dataset.into(),
            notes: found.notes,
        })
    }

    /// Measures the model. The loss is the task's plain one (cross-entropy, for colours L1), whatever
    /// training used, so that runs can be compared.
    ///
    /// # Errors
    /// What the loader reports.
    pub fn evaluate(
        &self,
        dataset: Arc<Dataset>,
        mut each_batch: impl FnMut(usize, usize),
    ) -> Result<Evaluation, TrainedError> {
        self.compute_as_trained();
        let loader = pictures::evaluation_loader(&self.recipe, dataset)?;
        let batches = loader.batches_per_epoch();
        let objective = plain_objective(&self.recipe, self.info.classes.len(), &self.device)?;
        let mut batch = 0;
        let mut count = || {
            batch += 1;
            each_batch(batch, batches);
            true
        };
        let passed = Batches::new(&loader, &mut count);
        Ok(objective.evaluate(&self.network, passed, &self.device, None)?)
    }

    /// The process computes as the run's recipe says, whatever another run in it said.
    fn compute_as_trained(&self) {
        cpu::set_exact_convolution(self.recipe.train.exact_convolution);
    }

    /// The `top` likeliest classes of each picture, likeliest first.
    ///
    /// # Panics
    /// If the run's task is not classification.
    #[must_use]
    pub fn predict(&self, pictures: Vec<Picture>, top: usize) -> Vec<Vec<Answer>> {
        if pictures.is_empty() {
            return Vec::new();
        }
        let images = self.images(pictures);
        let logits = self.network.classifier().forward(images, &Pass::eval());
        let probabilities = activation::softmax(logits, 1);
        let classes = &self.info.classes;
        floats(probabilities)
            .chunks_exact(classes.len())
            .map(|row| {
                ranking(row)
                    .into_iter()
                    .take(top)
                    .map(|class| Answer { class: classes[class].clone(), probability: row[class] })
                    .collect()
            })
            .collect()
    }

    /// The penultimate features of each picture, `[pictures, width]` row by row, and their width.
    ///
    /// # Panics
    /// If the run's model has none; see [`Trained::has_features`].
    #[must_use]
    pub fn features(&self, pictures: Vec<Picture>) -> (Vec<f32>, usize) {
        if pictures.is_empty() {
            return (Vec::new(), 0);
        }
        let images = self.images(pictures);
        let features = self.network.classifier().forward_features(images, &Pass::eval());
        let width = features.dims()[1];
        (floats(features), width)
    }

    /// Whether the run's model describes a whole picture by features.
    #[must_use]
    pub fn has_features(&self) -> bool {
        !self.recipe.task.answers_with_pictures()
    }

    /// What the network is given of pictures; the process is set to compute as the run did.
    ///
    /// `[n, height, width, 3]`
    fn images(&self, pictures: Vec<Picture>) -> Tensor<4> {
        let [height, width] = self.pipeline.size().map(|side| side as usize);
        let shape = [pictures.len(), height, width, 3];
        let mut images = vec![0.0; shape.iter().product()];
        for (index, (picture, output)) in
            pictures.into_iter().zip(images.chunks_exact_mut(height * width * 3)).enumerate()
        {
            // Evaluation transforms draw nothing; the generator is a formality.
            let mut random = generator(0, Purpose::Augment, 0, index as u64);
            self.pipeline.apply(picture, &mut random, output);
        }
        self.compute_as_trained();
        images_tensor(images, shape, &self.device)
    }

    /// The class of every pixel of a picture, in its own size.
    ///
    /// # Panics
    /// If the run's task is not segmentation.
    #[must_use]
    pub fn segment(&self, picture: &Picture) -> Mask {
        self.compute_as_trained();
        let evaluate = self.recipe.evaluate.clone().unwrap_or_default();
        let transforms = self.recipe.data.eval_transforms.as_deref().unwrap_or_default();
        let size = self.recipe.data.size.height_width();
        let look = Look::new(&evaluate, size, transforms);
        let own_size = [picture.height(), picture.width()];
        let model = self.network.dense();
        let scores = if look.slides() {
            look.slide(model, picture, &self.device)
        } else {
            let (values, [height, width]) = self.seen(picture);
            let images = images_tensor(values, [1, height, width, 3], &self.device);
            let scores = model.forward(images.clone(), &Pass::eval()).scores;
            look.again(model, images, scores)
        };
        Look::mask(scores, own_size)
    }

    /// The picture, gray or not, in the colours that the model gives it, in its own size.
    ///
    /// # Panics
    /// If the run's task is not colorization.
    #[must_use]
    pub fn colorize(&self, picture: &Picture) -> Picture {
        self.compute_as_trained();
        let space = self.recipe.colorize.unwrap_or_default().space;
        let settings = (space, gray_channels(&self.recipe.model.name));
        let (values, size) = self.seen(picture);
        colorize::colorize(self.network.dense(), picture, &values, size, settings, &self.device)
    }

    /// Changes how pictures are looked at, from what the recipe says.
    pub fn look(&mut self, change: impl FnOnce(&mut EvaluateSection)) {
        change(self.recipe.evaluate.get_or_insert_default());
    }

    /// What the network is given of a picture, `[height, width, 3]`, and its height and width.
    fn seen(&self, picture: &Picture) -> (Vec<f32>, [usize; 2]) {
        let size = self.pipeline.size().map(|side| side as usize);
        let mut values = vec![0.0; size[0] * size[1] * 3];
        // Evaluation transforms draw nothing; the generator is a formality.
        let mut random = generator(0, Purpose::Augment, 0, 0);
        self.pipeline.apply(picture.clone(), &mut random, &mut values);
        (values, size)
    }
}

/// Positions by falling value; of equal ones the first comes first, as in the metrics.
fn ranking(values: &[f32]) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..values.len()).collect();
    positions.sort_by(|&left, &right| values[right].total_cmp(&values[left]));
    positions
}
