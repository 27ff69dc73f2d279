//! Running a model on given tensors, to compare its numbers with another framework's.

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use ocelli_nn::{
    Pass,
    state::{self, Array, StateDict},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use thiserror::Error;

use crate::{
    BuildError, DenseConfig, ModelConfig, ModelEntry, build, build_dense,
    pretrained::{self, PretrainedError},
};

/// What to run on what.
#[derive(Clone, Debug)]
pub struct ProbeRequest {
    /// The model's name.
    pub model: String,
    /// Its classes, or other outputs. None: what the weights say; without weights 1000, and 21 of a
    /// dense model.
    pub classes: Option<usize>,
    /// Its weights. None: freshly drawn, from seed 0.
    pub weights: Option<StateDict>,
    /// The pictures, `[n, channels, h, w]`, as PyTorch orders them.
    pub x: Array,
    /// The gradient of a loss by the output, in its shape: gradients are computed from it.
    pub grad_out: Option<Array>,
    /// Whether to make a training pass.
    pub train: bool,
}

/// What came out: arrays by name.
///
/// `y` is the output `[n, classes]`, or `[n, outputs, h, w]` of a dense model; with gradients, `grad.x` is the input's, in the input's
/// order, and `grad.<key>` a parameter's; after a training pass every `<key>` is the model's
/// state with its updated running statistics.
pub type ProbeResult = StateDict;

/// Why a probe could not run.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// The model could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The weights are another model's.
    #[error(transparent)]
    Weights(#[from] PretrainedError),
    /// An input tensor has a shape that the model can't take.
    #[error("{name} has {found_type} shape {found:?}; expected float32 {expected}")]
    Input {
        /// The tensor's name.
        name: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// Its element type.
        found_type: &'static str,
        /// What is expected, in words.
        expected: String,
    },
}

/// Runs a model forward, and backward where `grad_out` is given.
///
/// # Errors
/// [`ProbeError`] where the model is unknown, the weights don't fit or a tensor has a wrong shape.
pub fn probe(request: &ProbeRequest, device: &Device) -> Result<ProbeResult, ProbeError> {
    let ProbeRequest { model, weights, x, grad_out, train, .. } = request;
    if ModelEntry::find_dense(model).is_some() {
        let config = pretrained::config_of(model, request.classes, weights.as_ref());
        return probe_dense(&config, request, device);
    }
    let [n, c, h, w] = shape_of("x", x, EXPECTED_X)?;
    // An unknown name is told where the model is built.
    let entry = ModelEntry::find(model);
    if let Some(entry) = &entry {
        check_pictures(entry, x, [n, h, w], *train)?;
    }
    let told = || pretrained::classes_of(weights.as_ref()?, entry.as_ref()?.head);
    let classes = request.classes.or_else(told).unwrap_or(1000);

    let device = device_of(request, device);
    let config = ModelConfig::new(model, classes).with_in_channels(c).without_dropping();
    let mut network = build(&config, &mut ChaCha8Rng::seed_from_u64(0), &device)?;
    if let Some(weights) = weights {
        network = pretrained::load(network, weights.clone())?.model;
    }
    let pictures = pictures(x, [n, c, h, w], grad_out.is_some(), &device);
    let y = network.forward(pictures.clone().permute([0, 2, 3, 1]), &pass_of(request));
    outcome(&network, pictures, y, None, request)
}

/// Runs a dense model with options of its own: number of outputs, and what its family has; the
/// request's name and classes are passed over.
///
/// Where the model has an auxiliary head, a training pass gives its scores as `auxiliary`, and half
/// their product with `grad_out` counts in the gradients, as torchvision weighs it.
///
/// # Errors
/// As [`probe`].
pub fn probe_dense(
    config: &DenseConfig,
    request: &ProbeRequest,
    device: &Device,
) -> Result<ProbeResult, ProbeError> {
    let ProbeRequest { weights, x, grad_out, train, .. } = request;
    let [n, c, h, w] = shape_of("x", x, EXPECTED_X)?;
    if let Some(entry) = ModelEntry::of_dense(config) {
        check_pictures(&entry, x, [n, h, w], *train)?;
    }
    let device = device_of(request, device);
    let config = config.clone().with_in_channels(c).without_dropping();
    let mut network = build_dense(&config, &mut ChaCha8Rng::seed_from_u64(0), &device)?;
    if let Some(weights) = weights {
        network = pretrained::load_dense(network, weights.clone())?.model;
    }
    let pictures = pictures(x, [n, c, h, w], grad_out.is_some(), &device);
    let output = network.forward(pictures.clone().permute([0, 2, 3, 1]), &pass_of(request));
    let [y, auxiliary] = [Some(output.scores), output.auxiliary]
        .map(|scores| scores.map(|scores| scores.permute([0, 3, 1, 2])));
    outcome(&network, pictures, y.expect("just put there"), auxiliary, request)
}

const EXPECTED_X: &str = "[pictures, channels, height, width], none of them 0";

fn device_of(request: &ProbeRequest, device: &Device) -> Device {
    if request.grad_out.is_some() {
        device.clone().autodiff()
    } else {
        device.clone().without_autodiff()
    }
}

fn pass_of(request: &ProbeRequest) -> Pass {
    if request.train { Pass::train() } else { Pass::eval() }
}

fn pictures(x: &Array, shape: [usize; 4], recorded: bool, device: &Device) -> Tensor<4> {
    let pictures = tensor::<4>(x, shape, device);
    if recorded { pictures.require_grad() } else { pictures }
}

/// What a pass gave, and gradients where they are asked for.
fn outcome<M: Module, const D: usize>(
    network: &M,
    pictures: Tensor<4>,
    y: Tensor<D>,
    auxiliary: Option<Tensor<D>>,
    request: &ProbeRequest,
) -> Result<ProbeResult, ProbeError> {
    let mut result = ProbeResult::new();
    if request.train {
        result.extend(state::state_dict(network));
    }
    result.insert("y", array(y.clone().without_autodiff()));
    if let Some(scores) = &auxiliary {
        result.insert("auxiliary", array(scores.clone().without_autodiff()));
    }
    let Some(grad_out) = &request.grad_out else { return Ok(result) };
    let expected = y.dims();
    let found = shape_of("grad_out", grad_out, &format!("{expected:?}"))?;
    if found != expected {
        return Err(input("grad_out", grad_out, format!("{expected:?}")));
    }
    // The gradient of <y, grad_out> by y is grad_out.
    let grad_out: Tensor<D> = tensor(grad_out, expected, &y.device());
    let mut loss = (y * grad_out.clone()).sum();
    if let Some(scores) = auxiliary {
        loss = loss + (scores * grad_out).sum() * 0.5;
    }
    let mut gradients = loss.backward();
    if let Some(gradient) = pictures.grad_remove(&mut gradients) {
        result.insert("grad.x", array(gradient));
    }
    let shapes = state::state_dict(network);
    for (key, gradient) in state::gradients(network, &mut gradients) {
        let shape = shapes.get(&key).map_or_else(Vec::new, |array| array.shape().to_vec());
        result.insert(format!("grad.{key}"), Array::from_f32(shape, values(gradient)));
    }
    Ok(result)
}

/// Refuses pictures that are too small for the model, or for a training pass.
fn check_pictures(
    entry: &ModelEntry,
    x: &Array,
    [pictures, height, width]: [usize; 3],
    train: bool,
) -> Result<(), ProbeError> {
    let ModelEntry { name, least_size, .. } = *entry;
    let size = [height, width];
    let expected = if !entry.takes(size) {
        format!("pictures of at least {least_size} pixels a side for {name}")
    } else if train && !entry.learns_from(pictures, size) {
        let larger = |side| format!(", or one larger than {side} pixels");
        let larger = entry.size_for_one().map_or_else(String::new, larger);
        format!("more than one picture{larger}, in a training pass of {name}")
    } else {
        return Ok(());
    };
    Err(input("x", x, expected))
}

/// The shape, where the array has floats, `D` axes and no axis of length 0.
fn shape_of<const D: usize>(
    name: &'static str,
    array: &Array,
    expected: &str,
) -> Result<[usize; D], ProbeError> {
    match <[usize; D]>::try_from(array.shape()) {
        Ok(shape) if array.as_f32().is_some() && !shape.contains(&0) => Ok(shape),
        _ => Err(input(name, array, expected.into())),
    }
}

fn input(name: &'static str, array: &Array, expected: String) -> ProbeError {
    let found_type = array.values().type_name();
    ProbeError::Input { name, found: array.shape().to_vec(), found_type, expected }
}

fn tensor<const D: usize>(array: &Array, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = array.as_f32().unwrap_or_default().to_vec();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn array<const D: usize>(tensor: Tensor<D>) -> Array {
    Array::from_f32(tensor.dims().to_vec(), values(tensor))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .try_into_vec_as()
        .unwrap_or_else(|error| panic!("reading a tensor from its device failed: {error}"))
}
