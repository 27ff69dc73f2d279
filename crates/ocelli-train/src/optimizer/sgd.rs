use std::collections::BTreeMap;

use burn::tensor::Tensor;
use ocelli_nn::state::StateDict;

use super::state::{self, OptimizerStateError, Reader};
use super::{OptimizerConfig, Step};
use crate::flat::{Flat, zip_chunks};

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
        let gradient = match step.weight_decay {
            0.0 => gradient,
            decay => add_scaled(gradient, &value, decay as f32),
        };
        let direction = if self.momentum == 0.0 {
            gradient
        } else {
            self.direction(key, value.dims()[0], gradient)
        };
        add_scaled(value, &direction, -step.learning_rate as f32)
    }

    /// Where momentum takes the parameter, to be multiplied with the learning rate.
    fn direction(&mut self, key: &str, expected: usize, gradient: Tensor<1>) -> Tensor<1> {
        let (key, buffer) = match self.buffers.remove_entry(key) {
            Some((key, buffer)) => {
                let found = buffer.dims()[0];
                assert_eq!(
                    expected, found,
                    "the optimizer state of {key} has {found} elements, its parameter {expected}"
                );
                let new = (1.0 - self.dampening) as f32;
                (key, scale_and_add(buffer, self.momentum as f32, &gradient, new))
            }
            None => (key.to_owned(), gradient.clone()),
        };
        let direction = if self.nesterov {
            add_scaled(gradient, &buffer, self.momentum as f32)
        } else {
            buffer.clone()
        };
        self.buffers.insert(key, buffer);
        direction
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

/// `target + factor * source`, in place where nothing else holds the target.
fn add_scaled(target: Tensor<1>, source: &Tensor<1>, factor: f32) -> Tensor<1> {
    scale_and_add(target, 1.0, source, factor)
}

/// `scale * target + factor * source`, in place where nothing else holds the target.
fn scale_and_add(target: Tensor<1>, scale: f32, source: &Tensor<1>, factor: f32) -> Tensor<1> {
    match (Flat::new(target), Flat::new(source.clone())) {
        (Ok(mut target), Ok(source)) => {
            zip_chunks(target.values_mut(), source.values(), |target, source| {
                for (target, source) in target.iter_mut().zip(source) {
                    *target = *target * scale + factor * source;
                }
            });
            target.into_tensor()
        }
        (target, source) => {
            let back = |flat: Result<Flat, Tensor<1>>| flat.map_or_else(|t| t, Flat::into_tensor);
            let target = back(target);
            let target = if scale == 1.0 { target } else { target.mul_scalar(scale) };
            target + back(source).mul_scalar(factor)
        }
    }
}
