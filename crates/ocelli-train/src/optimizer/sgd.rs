use std::collections::BTreeMap;

use burn::tensor::Tensor;
use ocelli_nn::cpu::{self, optimizer};
use ocelli_nn::state::StateDict;

use super::state::{self, OptimizerStateError, Reader};
use super::{OptimizerConfig, Step};
use crate::flat::{Flat, are_flat};

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
        let (factors, sgd) = (self.factors(step), self.kernel(step));
        self.update_with(key, value, |value, buffer| {
            let mut tensors = vec![&value, &gradient];
            tensors.extend(buffer.as_ref());
            if are_flat(&tensors) {
                updated_in_place(value, gradient, buffer, sgd)
            } else {
                updated(value, gradient, buffer, factors)
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
        let factors = self.factors(step);
        self.update_with(key, value, |value, buffer| updated(value, gradient, buffer, factors))
    }

    fn update_with(
        &mut self,
        key: &str,
        value: Tensor<1>,
        update: impl FnOnce(Tensor<1>, Option<Tensor<1>>) -> (Tensor<1>, Option<Tensor<1>>),
    ) -> Tensor<1> {
        // Taken out of the map rather than borrowed: tensors are updated by value, in place
        // when nothing else holds them.
        let entry = self.buffers.remove_entry(key);
        let [expected] = value.dims();
        let found = entry.as_ref().map_or(expected, |(_, buffer)| buffer.dims()[0]);
        assert_eq!(
            expected, found,
            "the optimizer state of {key} has {found} elements, its parameter {expected}"
        );
        let (own_key, buffer) = entry.unzip();
        let (value, buffer) = update(value, buffer);
        if let Some(buffer) = buffer {
            self.buffers.insert(own_key.unwrap_or_else(|| key.to_owned()), buffer);
        }
        value
    }

    /// The step as the CPU device's kernel takes it.
    fn kernel(&self, step: Step) -> optimizer::Sgd {
        optimizer::Sgd {
            learning_rate: step.learning_rate,
            weight_decay: step.weight_decay,
            momentum: self.momentum,
            dampening: self.dampening,
            nesterov: self.nesterov,
        }
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

/// One step over slices: one pass over memory, in place where nothing else holds it. The
/// buffer is absent before the first step, and stays so without momentum.
fn updated_in_place(
    value: Tensor<1>,
    gradient: Tensor<1>,
    buffer: Option<Tensor<1>>,
    sgd: optimizer::Sgd,
) -> (Tensor<1>, Option<Tensor<1>>) {
    let (mut value, gradient) = (Flat::new(value), Flat::new(gradient));
    let isa = cpu::active_isa();
    if sgd.momentum == 0.0 {
        sgd.step(isa, value.values_mut(), gradient.values(), None, true);
        return (value.into_tensor(), None);
    }
    let is_first = buffer.is_none();
    let mut buffer = buffer.map_or_else(|| Flat::zeros(gradient.values().len()), Flat::new);
    let memory = Some(buffer.values_mut());
    sgd.step(isa, value.values_mut(), gradient.values(), memory, is_first);
    (value.into_tensor(), Some(buffer.into_tensor()))
}

/// The same in tensor operations, for devices whose memory is not ours.
fn updated(
    value: Tensor<1>,
    gradient: Tensor<1>,
    buffer: Option<Tensor<1>>,
    f: Factors,
) -> (Tensor<1>, Option<Tensor<1>>) {
    let gradient = match f.penalty {
        0.0 => gradient,
        penalty => gradient + value.clone().mul_scalar(penalty),
    };
    if f.momentum == 0.0 {
        return (value - gradient.mul_scalar(f.learning_rate), None);
    }
    let buffer = match buffer {
        None => gradient.clone(),
        Some(buffer) => buffer.mul_scalar(f.momentum) + gradient.clone().mul_scalar(f.new),
    };
    let direction =
        if f.nesterov { gradient + buffer.clone().mul_scalar(f.momentum) } else { buffer.clone() };
    (value - direction.mul_scalar(f.learning_rate), Some(buffer))
}
