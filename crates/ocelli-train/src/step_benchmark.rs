//! How long a step takes: the work of training or inference, without data.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_data::random::{Purpose, generator};
use ocelli_models::{BuildError, ModelConfig, build};
use ocelli_nn::{Pass, device, state};
use rand::Rng;

use crate::classify;
use crate::loss::CrossEntropy;
use crate::optimizer::{Optimizer, OptimizerConfig, OptimizerName};

/// What is timed.
#[derive(Clone, Debug)]
pub struct StepBenchmark {
    /// A name of the catalogue.
    pub model: String,
    /// Forward, backward and an AdamW step; else forward alone, without gradients.
    pub train: bool,
    /// Pictures a batch.
    pub batch: usize,
    /// Height and width in pixels.
    pub size: usize,
    /// Classes told apart.
    pub classes: usize,
    /// Steps timed, after [`WARM_UP`] that are not.
    pub steps: usize,
}

/// Steps before the timed ones: the first ones pay for memory and caches.
pub const WARM_UP: usize = 2;

/// Milliseconds of each timed step. `progress` is told (steps done, steps in all).
///
/// # Errors
/// [`BuildError`] if there is no such model.
pub fn run(
    benchmark: &StepBenchmark,
    on: &Device,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<f64>, BuildError> {
    let config =
        ModelConfig { name: benchmark.model.clone(), classes: benchmark.classes, in_channels: 3 };
    let mut random = generator(0, Purpose::Initialization, 0, 0);
    let model_device = if benchmark.train { device::autodiff(on) } else { on.clone() };
    let mut model = Some(build(&config, &mut random, &model_device)?);
    let shape = [benchmark.batch, benchmark.size, benchmark.size, 3];
    // Values as a normalized picture has them: zeros would flatter some kernels.
    let images: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| random.next_u32() as f32 / u32::MAX as f32 * 4.0 - 2.0)
        .collect();
    let labels: Vec<u32> =
        (0..benchmark.batch).map(|index| (index % benchmark.classes) as u32).collect();
    let loss = CrossEntropy::plain();
    let optimizer =
        OptimizerConfig { name: OptimizerName::Adamw, lr: Some(1e-3), ..OptimizerConfig::default() };
    let mut optimizer = Optimizer::new(&optimizer);
    let total = WARM_UP + benchmark.steps;
    let mut milliseconds = Vec::with_capacity(benchmark.steps);
    for step in 0..total {
        let data = TensorData::new(images.clone(), shape);
        let started = Instant::now();
        let images = Tensor::<4>::from_data(data, &model_device);
        if benchmark.train {
            let current = model.take().expect("put back below");
            let targets = classify::targets(&labels, None, benchmark.classes, &model_device);
            let value = loss.forward(current.forward(images, &Pass::train()), &targets);
            let gradients = state::gradients(&current, &mut value.backward());
            let next = optimizer.step(current, gradients, 1e-3);
            // Reading the loss waits for the forward pass, reading a weight for the rest.
            let _ = value.inner().into_scalar::<f32>();
            wait_for(&next);
            model = Some(next);
        } else if let Some(model) = &model {
            let _ = classify::floats(model.forward(images, &Pass::eval()));
        }
        if step >= WARM_UP {
            milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        }
        progress(step + 1, total);
    }
    Ok(milliseconds)
}

/// Waits until a device that works in the background has done all that was asked of it.
fn wait_for<M: Module>(model: &M) {
    for device in model.devices() {
        let _ = device.sync();
    }
}
