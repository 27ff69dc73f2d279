//! How long a step takes: the work of training or inference, without data.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
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
use crate::recipe::{Method, ModelSection, Recipe, SelfSupervisedSection, Task};
use crate::selection::Selection;
use crate::task::self_supervised::SelfSupervised;
use crate::task::{Objective, classify, floats, images_tensor};

/// What is timed.
#[derive(Clone, Debug)]
pub struct StepBenchmark {
    /// A name of the catalogue.
    pub model: String,
    /// What a step is.
    pub step: Step,
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

/// What a timed step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Forward, backward and an AdamW step.
    Train,
    /// Forward alone, without gradients.
    Infer,
    /// BYOL's step: two views through the model and through its target, backward, an AdamW step, and
    /// the target's.
    Byol,
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
    let learns = benchmark.step != Step::Infer;
    let model_device = if learns { device::autodiff(on) } else { on.clone() };
    let recipe = recipe_of(benchmark)?;
    let mut model = Network::new(&recipe, benchmark.classes, &model_device)?;
    model = Freezing::new(benchmark.freeze.as_ref(), None, &model)?.applied(model, 1);
    let shape = [benchmark.batch, benchmark.size, benchmark.size, 3];
    // Values as a normalized picture has them: zeros would flatter some kernels.
    let mut pictures = || -> Vec<f32> {
        let value = |_| random.next_u32() as f32 / u32::MAX as f32 * 4.0 - 2.0;
        (0..shape.iter().product::<usize>()).map(value).collect()
    };
    let images = pictures();
    let mut truth = Truth::new(benchmark, &recipe, on)?;
    if let Truth::OtherView(objective, view) = &mut truth {
        objective.begin(&model)?;
        *view = pictures();
    }
    let adamw = OptimizerConfig {
        name: OptimizerName::AdamW,
        lr: Some(1e-3),
        ..OptimizerConfig::default()
    };
    let mut optimizer = Optimizer::new(&adamw)?;
    if learns {
        model = optimizer.reserve(model);
    }
    let total = WARM_UP + benchmark.steps;
    let mut milliseconds = Vec::with_capacity(benchmark.steps);
    for step in 0..total {
        let images = images.clone();
        let started = Instant::now();
        if learns {
            let value = truth.loss(&model, images, shape, &model_device);
            let gradients = state::gradients(&model, &mut value.backward());
            model = optimizer.step(model, gradients, 1e-3);
            if let Truth::OtherView(objective, _) = &mut truth {
                objective.stepped(&model, step as f64 / total as f64);
            }
            wait_for(&model);
        } else {
            let images = images_tensor(images, shape, &model_device);
            match &model {
                Network::Classifier(model) => {
                    let _ = floats(model.forward(images, &Pass::eval()));
                }
                Network::Dense(model) => {
                    let _ = floats(model.forward(images, &Pass::eval()).scores);
                }
                Network::JointEmbedding(model) => {
                    let _ = floats(model.project(images, &Pass::eval()));
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
fn recipe_of(benchmark: &StepBenchmark) -> Result<Recipe, ConfigError> {
    let task = match (benchmark.step, ModelEntry::find_dense(&benchmark.model)) {
        (Step::Byol, _) => Task::SelfSupervised(Method::Byol),
        (_, Some(_)) => Task::Segment,
        (_, None) => Task::Classify,
    };
    let section = task.method().map(|method| SelfSupervisedSection::default().resolved(method));
    let model = ModelSection { name: benchmark.model.clone(), ..ModelSection::default() };
    Ok(Recipe { task, model, self_supervised: section.transpose()?, ..Recipe::default() })
}

/// What a training step is measured against.
enum Truth {
    Classes(Box<CrossEntropy>, Targets),
    Masks(DenseLoss, DenseTargets),
    OtherView(Box<SelfSupervised>, Vec<f32>),
}

impl Truth {
    fn new(benchmark: &StepBenchmark, recipe: &Recipe, on: &Device) -> Result<Self, LossError> {
        let StepBenchmark { batch, size, classes, .. } = *benchmark;
        Ok(match recipe.task {
            Task::SelfSupervised(method) => {
                let objective = SelfSupervised::plain(method, recipe, classes, on);
                Self::OtherView(Box::new(objective), Vec::new())
            }
            Task::Classify => {
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

    fn loss(
        &self,
        model: &Network,
        images: Vec<f32>,
        shape: [usize; 4],
        device: &Device,
    ) -> Tensor<1> {
        let pass = Pass::train();
        if let Self::OtherView(objective, view) = self {
            return objective.loss_of_views(model, [images, view.clone()], shape, &pass, device);
        }
        let images = images_tensor(images, shape, device);
        match self {
            Self::OtherView(..) => unreachable!("done above"),
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
    let StepBenchmark { step, batch, size, .. } = *benchmark;
    let Some(entry) = network::entry(&recipe_of(benchmark)?) else { return Ok(()) };
    let expected = if !entry.takes([size; 2]) {
        format!("{} px or more", entry.least_size)
    } else if step == Step::Byol && batch < 2 {
        "more than one to compare".to_owned()
    } else if step != Step::Infer && !entry.learns_from(batch, [size; 2]) {
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
