use std::collections::BTreeMap;

use burn::tensor::Tensor;
use ocelli_nn::state::StateDict;

use super::state::{self, OptimizerStateError, Reader};
use super::{OptimizerConfig, Step};
use crate::flat::{Flat, zip_chunks, zip3_chunks};

/// Stochastic gradient descent with momentum as PyTorch defines it: the buffer starts as the
/// first gradient, undampened, and the learning rate multiplies the buffer (Sutskever et al.
/// 2013 let it multiply the gradient).
#[derive(Debug)]
pub(super) struct Sgd {
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
    buffers: BTreeMap<String, Tensor<1>>,
}

impl Sgd {
    /// Reads a resolved configuration.
    pub(super) fn new(config: &OptimizerConfig) -> Self {
        Self {
            momentum: config.momentum.unwrap_or_default(),
            dampening: config.dampening.unwrap_or_default(),
            nesterov: config.nesterov.unwrap_or_default(),
            weight_decay: config.weight_decay.unwrap_or_default(),
            buffers: BTreeMap::new(),
        }
    }

    pub(super) fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// The parameter after one step.
    pub(super) fn update(
        &mut self,
        key: &str,
        value: Tensor<1>,
        gradient: Tensor<1>,
        step: Step,
    ) -> Tensor<1> {
        self.update_with(key, value, gradient, |value, gradient, buffer, sgd| {
            let factors = sgd.factors(step);
            match flat(value, gradient, buffer) {
                Ok(flat) => flat.updated(factors),
                Err((value, gradient, buffer)) => updated(value, gradient, buffer, factors),
            }
        })
    }

    /// The same on any device, the CPU included.
    #[cfg(test)]
    pub(super) fn update_by_tensors(
        &mut self,
        key: &str,
        value: Tensor<1>,
        gradient: Tensor<1>,
        step: Step,
    ) -> Tensor<1> {
        self.update_with(key, value, gradient, |value, gradient, buffer, sgd| {
            updated(value, gradient, buffer, sgd.factors(step))
        })
    }

    fn update_with(
        &mut self,
        key: &str,
        value: Tensor<1>,
        gradient: Tensor<1>,
        update: impl FnOnce(Tensor<1>, Tensor<1>, Buffer, &Self) -> (Tensor<1>, Option<Tensor<1>>),
    ) -> Tensor<1> {
        let (key, buffer) = match self.buffers.remove_entry(key) {
            _ if self.momentum == 0.0 => (None, Buffer::None),
            Some((key, buffer)) => {
                let (expected, found) = (value.dims()[0], buffer.dims()[0]);
                assert_eq!(
                    expected, found,
                    "the optimizer state of {key} has {found} elements, its parameter {expected}"
                );
                (Some(key), Buffer::Moving(buffer))
            }
            None => (Some(key.to_owned()), Buffer::First),
        };
        let (value, buffer) = update(value, gradient, buffer, self);
        if let (Some(key), Some(buffer)) = (key, buffer) {
            self.buffers.insert(key, buffer);
        }
        value
    }

    fn factors(&self, step: Step) -> Factors {
        Factors {
            penalty: step.weight_decay as f32,
            momentum: self.momentum as f32,
            new: (1.0 - self.dampening) as f32,
            nesterov: self.nesterov,
            learning_rate: step.learning_rate as f32,
        }
    }

    pub(super) fn write_state(&self, state: &mut StateDict) {
        for (key, buffer) in &self.buffers {
            state.insert(format!("momentum_buffer.{key}"), state::array(buffer));
        }
    }

    pub(super) fn read_state(&mut self, mut reader: Reader) -> Result<(), OptimizerStateError> {
        let mut buffers = BTreeMap::new();
        // Without momentum there is nothing to remember, and a buffer would be left over.
        if self.momentum > 0.0 {
            for key in reader.parameters() {
                let (buffer, _) = reader.tensor(&format!("momentum_buffer.{key}"), None)?;
                buffers.insert(key, buffer);
            }
        }
        reader.finish()?;
        self.buffers = buffers;
        Ok(())
    }

    /// Elements of the state of each parameter.
    pub(super) fn lengths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.buffers.iter().map(|(key, buffer)| (key.as_str(), buffer.dims()[0]))
    }
}

/// What a parameter's momentum is before a step.
enum Buffer {
    /// There is no momentum.
    None,
    /// There will be, from this step on.
    First,
    /// There is.
    Moving(Tensor<1>),
}

/// The factors of one step, rounded once.
#[derive(Clone, Copy, Debug)]
struct Factors {
    /// Times the weight, added to the gradient.
    penalty: f32,
    momentum: f32,
    /// `1 - dampening`.
    new: f32,
    nesterov: bool,
    learning_rate: f32,
}

/// The arrays of a step as slices of this process's memory.
struct FlatStep {
    value: Flat,
    gradient: Flat,
    /// `None` without momentum.
    buffer: Option<Flat>,
    /// Whether this step fills the buffer.
    is_first: bool,
}

fn flat(
    value: Tensor<1>,
    gradient: Tensor<1>,
    buffer: Buffer,
) -> Result<FlatStep, (Tensor<1>, Tensor<1>, Buffer)> {
    let (value, gradient) = match Flat::pair(value, gradient) {
        Ok(pair) => pair,
        Err((value, gradient)) => return Err((value, gradient, buffer)),
    };
    let is_first = matches!(buffer, Buffer::First);
    let buffer = match buffer {
        Buffer::None => None,
        Buffer::First => Some(Flat::zeros(value.values().len())),
        Buffer::Moving(buffer) => match Flat::new(buffer) {
            Ok(buffer) => Some(buffer),
            Err(buffer) => {
                let (value, gradient) = (value.into_tensor(), gradient.into_tensor());
                return Err((value, gradient, Buffer::Moving(buffer)));
            }
        },
    };
    Ok(FlatStep { value, gradient, buffer, is_first })
}

impl FlatStep {
    fn updated(mut self, f: Factors) -> (Tensor<1>, Option<Tensor<1>>) {
        let (value, gradient) = (self.value.values_mut(), self.gradient.values());
        let Some(mut buffer) = self.buffer else {
            zip_chunks(value, gradient, |value, gradient| {
                for (value, gradient) in value.iter_mut().zip(gradient) {
                    *value -= f.learning_rate * (gradient + f.penalty * *value);
                }
            });
            return (self.value.into_tensor(), None);
        };
        let is_first = self.is_first;
        zip3_chunks(value, buffer.values_mut(), gradient, |value, buffer, gradient| {
            update_slices(value, buffer, gradient, f, is_first);
        });
        (self.value.into_tensor(), Some(buffer.into_tensor()))
    }
}

fn update_slices(
    value: &mut [f32],
    buffer: &mut [f32],
    gradient: &[f32],
    f: Factors,
    is_first: bool,
) {
    let n = value.len();
    // Equal lengths, known before the loop, let the compiler drop its checks and vectorize;
    // so do choices that are made of numbers rather than of branches.
    let (buffer, gradient) = (&mut buffer[..n], &gradient[..n]);
    let (keep, new) = if is_first { (0.0, 1.0) } else { (f.momentum, f.new) };
    let (of_gradient, of_buffer) = if f.nesterov { (1.0, f.momentum) } else { (0.0, 1.0) };
    for i in 0..n {
        let g = gradient[i] + f.penalty * value[i];
        let b = buffer[i] * keep + g * new;
        buffer[i] = b;
        value[i] -= f.learning_rate * (g * of_gradient + b * of_buffer);
    }
}

/// The same in tensor operations, for devices whose memory is not ours.
fn updated(
    value: Tensor<1>,
    gradient: Tensor<1>,
    buffer: Buffer,
    f: Factors,
) -> (Tensor<1>, Option<Tensor<1>>) {
    let gradient = match f.penalty {
        0.0 => gradient,
        penalty => gradient + value.clone().mul_scalar(penalty),
    };
    let buffer = match buffer {
        Buffer::None => return (value - gradient.mul_scalar(f.learning_rate), None),
        Buffer::First => gradient.clone(),
        Buffer::Moving(buffer) => {
            buffer.mul_scalar(f.momentum) + gradient.clone().mul_scalar(f.new)
        }
    };
    let direction = match f.nesterov {
        true => gradient + buffer.clone().mul_scalar(f.momentum),
        false => buffer.clone(),
    };
    (value - direction.mul_scalar(f.learning_rate), Some(buffer))
}
