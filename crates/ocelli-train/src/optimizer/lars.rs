use burn::tensor::Tensor;
use ocelli_nn::state::StateDict;

use super::sgd::Sgd;
use super::state::{OptimizerStateError, Reader};
use super::{OptimizerConfig, Step};
use crate::flat;

/// Added to the divisor of the layer's rate.
const EPSILON: f64 = 1e-8;

/// Layer-wise adaptive rate scaling (You et al. 2017, "Large Batch Training of Convolutional
/// Networks"), as lightly has it: momentum, in which each parameter's gradient is scaled to a fixed
/// share of the parameter's own length. Parameters that don't decay aren't scaled.
#[derive(Debug)]
pub(super) struct Lars {
    momentum: Sgd,
    trust_coefficient: f64,
}

impl Lars {
    /// Reads a resolved configuration.
    pub(super) fn new(config: &OptimizerConfig) -> Self {
        let trust_coefficient = config.trust_coefficient.unwrap_or_default();
        Self { momentum: Sgd::new(config), trust_coefficient }
    }

    pub(super) fn weight_decay(&self) -> f64 {
        self.momentum.weight_decay()
    }

    /// The parameter after one step.
    pub(super) fn update(
        &mut self,
        key: &str,
        value: Tensor<1>,
        gradient: Tensor<1>,
        step: Step,
    ) -> Tensor<1> {
        let decay = step.weight_decay;
        let [value_length, gradient_length] = [&value, &gradient].map(length);
        let gradient = if decay > 0.0 && value_length > 0.0 && gradient_length > 0.0 {
            let share = self.trust_coefficient * value_length
                / (gradient_length + decay * value_length + EPSILON);
            (gradient + value.clone().mul_scalar(decay)).mul_scalar(share)
        } else {
            gradient
        };
        self.momentum.update(key, value, gradient, Step { weight_decay: 0.0, ..step })
    }

    pub(super) fn write_state(&self, state: &mut StateDict) {
        self.momentum.write_state(state);
    }

    pub(super) fn read_state(&mut self, reader: Reader) -> Result<(), OptimizerStateError> {
        self.momentum.read_state(reader)
    }

    /// Elements of the state of each parameter.
    pub(super) fn lengths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.momentum.lengths()
    }
}

/// The root of the sum of squares.
fn length(tensor: &Tensor<1>) -> f64 {
    flat::sum_of_squares(tensor)
        .unwrap_or_else(|| f64::from(tensor.clone().powi_scalar(2).sum().into_scalar::<f32>()))
        .sqrt()
}
