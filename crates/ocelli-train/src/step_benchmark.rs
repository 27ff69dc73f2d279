//! How long a step takes: the work of training or inference, without data.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_data::random::{Purpose, generator};
use ocelli_models::{BuildError, ModelEntry};
use ocelli_nn::{Pass, device, state};
use rand::Rng;

use crate::config::ConfigError;
use crate::fine_tuning::Freezing;
use crate::loss::{
    CrossEntropy, DenseLoss, DenseLossConfig, DenseTargets, LossConfig, LossError, Targets,
};
use crate::network::{self, Network};
use crate::optimizer::{Optimizer, OptimizerConfig, OptimizerName};
use crate::recipe::{ModelSection, Recipe, Task};
use crate::selection::Selection;
use crate::task::{classify, floats};

/// What is timed.
#[derive(Clone, Debug)]
pub struct StepBenchmark {
    /// A name of the catalogue.
    pub model: String,
    /// Forward, backward and an AdamW step; else forward alone, without gradients.
    pub train: bool,
    /// What doesn't learn.
    pub freeze: Option<Selection>,
    /// Pictures a batch.
    pub batch: usize,
    /// Height and width in pixels.
    pub size: usize,
    /// Classes told apart.
    pub classes: usize,
    /// Steps timed, after [`WARM_UP`] that are not.
    pub steps: usize,
}

/// Why a step can't be timed.
#[derive(Debug, thiserror::Error)]
pub enum StepBenchmarkError {
    /// The model can't be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// There are too few pictures, or too few pixels.
    #[error("{model} can't take {batch} pictures of {size} px: expected {expected}")]
    Pictures {
        /// The model.
        model: &'static str,
        /// Pictures a batch.
        batch: usize,
        /// Height and width in pixels.
        size: usize,
        /// What is expected, in words.
        expected: String,
    },
    /// The loss can't be set up.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// The optimizer can't be set up, or there is nothing of that name to freeze.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Steps before the timed ones: the first ones pay for memory and caches.
pub const WARM_UP: usize = 2;

/// Milliseconds of each timed step. `progress` is told (steps done, steps in all).
///
/// # Errors
/// If there is no such model, or no memory of that size.
pub fn run(
    benchmark: &StepBenchmark,
    on: &Device,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<f64>, StepBenchmarkError> {
    check_pictures(benchmark)?;
    let mut random = generator(0, Purpose::Initialization, 0, 0);
    let model_device = if benchmark.train { device::autodiff(on) } else { on.clone() };
    let recipe = recipe_of(&benchmark.model);
    let mut model = Network::new(&recipe, benchmark.classes, &model_device)?;
    model = Freezing::new(benchmark.freeze.as_ref(), None, &model)?.applied(model, 1);
    let shape = [benchmark.batch, benchmark.size, benchmark.size, 3];
    // Values as a normalized picture has them: zeros would flatter some kernels.
    let images: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| random.next_u32() as f32 / u32::MAX as f32 * 4.0 - 2.0)
        .collect();
    let truth = Truth::new(benchmark, recipe.task, on)?;
    let adamw = OptimizerConfig {
        name: OptimizerName::AdamW,
        lr: Some(1e-3),
        ..OptimizerConfig::default()
    };
    let mut optimizer = Optimizer::new(&adamw)?;
    let total = WARM_UP + benchmark.steps;
    let mut milliseconds = Vec::with_capacity(benchmark.steps);
    for step in 0..total {
        let data = TensorData::new(images.clone(), shape);
        let started = Instant::now();
        let images = Tensor::<4>::from_data(data, &model_device);
        if benchmark.train {
            let value = truth.loss(&model, images);
            let gradients = state::gradients(&model, &mut value.backward());
            model = optimizer.step(model, gradients, 1e-3);
            wait_for(&model);
        } else {
            match &model {
                Network::Classifier(model) => {
                    let _ = floats(model.forward(images, &Pass::eval()));
                }
                Network::JointEmbedding(_) => unreachable!("a benchmark has a model of its own"),
                Network::Dense(model) => {
                    let _ = floats(model.forward(images, &Pass::eval()).scores);
                }
            }
        }
        if step >= WARM_UP {
            milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        }
        progress(step + 1, total);
    }
    Ok(milliseconds)
}

/// The recipe that builds a model, whichever task it is for.
fn recipe_of(model: &str) -> Recipe {
    let task = match ModelEntry::find_dense(model) {
        Some(_) => Task::Segment,
        None => Task::Classify,
    };
    let model = ModelSection { name: model.to_owned(), ..ModelSection::default() };
    Recipe { task, model, ..Recipe::default() }
}

/// What a training step is measured against.
enum Truth {
    Classes(Box<CrossEntropy>, Targets),
    Masks(DenseLoss, DenseTargets),
}

impl Truth {
    fn new(benchmark: &StepBenchmark, task: Task, on: &Device) -> Result<Self, LossError> {
        let StepBenchmark { batch, size, classes, .. } = *benchmark;
        Ok(match task {
            Task::Classify | Task::SelfSupervised(_) => {
                let labels: Vec<u32> = (0..batch).map(|index| (index % classes) as u32).collect();
                let loss = CrossEntropy::new(&LossConfig::default(), classes, None, on)?;
                Self::Classes(Box::new(loss), classify::targets(&labels, None, classes, on))
            }
            Task::Segment | Task::Colorize => {
                let loss = DenseLoss::new(&DenseLossConfig::default(), classes, None, on)?;
                let masks = (0..batch * size * size).map(|index| (index / 7 % classes) as u8);
                Self::Masks(loss, DenseTargets::new(masks.collect(), [batch, size, size], on))
            }
        })
    }

    fn loss(&self, model: &Network, images: Tensor<4>) -> Tensor<1> {
        let pass = Pass::train();
        match self {
            Self::Classes(loss, targets) => {
                loss.forward(model.classifier().forward(images, &pass), targets)
            }
            Self::Masks(loss, targets) => {
                loss.forward(model.dense().forward(images, &pass).scores, targets)
            }
        }
    }
}

/// Refuses pictures that the model can't take. An unknown model is told where it is built.
fn check_pictures(benchmark: &StepBenchmark) -> Result<(), StepBenchmarkError> {
    let StepBenchmark { train, batch, size, .. } = *benchmark;
    let Some(entry) = network::entry(&recipe_of(&benchmark.model)) else { return Ok(()) };
    let expected = if !entry.takes([size; 2]) {
        format!("{} px or more", entry.least_size)
    } else if train && !entry.learns_from(batch, [size; 2]) {
        let larger = |side| format!(", or more than {side} px");
        format!(
            "more than one to train on{}",
            entry.size_for_one().map_or_else(String::new, larger)
        )
    } else {
        return Ok(());
    };
    Err(StepBenchmarkError::Pictures { model: entry.name, batch, size, expected })
}

/// Waits until a device that works in the background has done all that was asked of it.
fn wait_for<M: Module>(model: &M) {
    for device in model.devices() {
        let _ = device.sync();
    }
}
