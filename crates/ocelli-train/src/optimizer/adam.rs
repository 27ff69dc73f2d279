use std::collections::BTreeMap;

use burn::tensor::Tensor;
use ocelli_nn::cpu::{self, optimizer};
use ocelli_nn::state::StateDict;

use super::state::{self, OptimizerStateError, Reader};
use super::{OptimizerConfig, OptimizerName, Step};
use crate::flat::{Flat, are_flat};

/// Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) where `decoupled`.
#[derive(Debug)]
pub(super) struct Adam {
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    /// Weight decay shrinks the weight itself (AdamW), instead of adding to the gradient.
    decoupled: bool,
    moments: BTreeMap<String, Moments>,
}

/// Running averages of one parameter's gradient and of its square.
#[derive(Debug)]
struct Moments {
    /// Steps that the parameter has taken; a shared count would overcorrect the averages of
    /// a parameter that was unfrozen late.
    step: u64,
    exp_avg: Tensor<1>,
    exp_avg_sq: Tensor<1>,
}

impl Moments {
    /// Those of a parameter that has taken no step.
    fn new(value: &Tensor<1>) -> Self {
        let zeros = || Tensor::zeros(value.dims(), &value.device());
        Self { step: 0, exp_avg: zeros(), exp_avg_sq: zeros() }
    }
}

/// The factors of one step of one parameter, rounded once.
#[derive(Clone, Copy, Debug)]
struct Factors {
    /// What remains of the weight: `1 - lr * weight_decay` when decoupled.
    keep: f32,
    /// Times the weight, added to the gradient when not decoupled.
    penalty: f32,
    /// `1 - beta1`.
    new1: f32,
    beta2: f32,
    /// `1 - beta2`.
    new2: f32,
    /// `lr * sqrt(1 - beta2^t) / (1 - beta1^t)`.
    step_size: f32,
    /// `eps * sqrt(1 - beta2^t)`: with both sides of the fraction multiplied by the
    /// correction of the root, an element costs one division, not two.
    eps: f32,
}

impl Adam {
    /// Reads a resolved configuration.
    pub(super) fn new(config: &OptimizerConfig) -> Self {
        let [beta1, beta2] = config.betas.unwrap_or([0.9, 0.999]);
        Self {
            beta1,
            beta2,
            eps: config.eps.unwrap_or(1e-8),
            weight_decay: config.weight_decay.unwrap_or_default(),
            decoupled: config.name == OptimizerName::AdamW,
            moments: BTreeMap::new(),
        }
    }

    pub(super) fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// Takes the memory for a parameter's moments, if it hasn't.
    pub(super) fn reserve(&mut self, key: &str, value: &Tensor<1>) {
        if !self.moments.contains_key(key) {
            self.moments.insert(key.to_owned(), Moments::new(value));
        }
    }

    /// The parameter after one step.
    pub(super) fn update(
        &mut self,
        key: &str,
        value: Tensor<1>,
        gradient: Tensor<1>,
        step: Step,
    ) -> Tensor<1> {
        let adam = self.kernel(step);
        self.update_with(key, value, step, |value, moments, factors| {
            if are_flat(&[&value, &gradient, &moments.exp_avg, &moments.exp_avg_sq]) {
                updated_in_place(value, gradient, moments, adam)
            } else {
                updated(value, gradient, moments, factors)
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
        self.update_with(key, value, step, |value, moments, factors| {
            updated(value, gradient, moments, factors)
        })
    }

    fn update_with(
        &mut self,
        key: &str,
        value: Tensor<1>,
        step: Step,
        update: impl FnOnce(Tensor<1>, Moments, Factors) -> (Tensor<1>, Moments),
    ) -> Tensor<1> {
        // Taken out of the map rather than borrowed: tensors are updated by value, in place
        // when nothing else holds them.
        let entry = self.moments.remove_entry(key);
        let (key, moments) = entry.unwrap_or_else(|| (key.to_owned(), Moments::new(&value)));
        let (expected, found) = (value.dims()[0], moments.exp_avg.dims()[0]);
        assert_eq!(
            expected, found,
            "the optimizer state of {key} has {found} elements, its parameter {expected}"
        );
        let factors = self.factors(moments.step + 1, step);
        let (value, moments) = update(value, moments, factors);
        self.moments.insert(key, moments);
        value
    }

    /// The step as the CPU device's kernel takes it.
    fn kernel(&self, step: Step) -> optimizer::Adam {
        optimizer::Adam {
            learning_rate: step.learning_rate,
            betas: [self.beta1, self.beta2],
            epsilon: self.eps,
            weight_decay: step.weight_decay,
            decoupled: self.decoupled,
        }
    }

    fn factors(&self, t: u64, step: Step) -> Factors {
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        let correction1 = 1.0 - self.beta1.powi(t);
        let root_correction = (1.0 - self.beta2.powi(t)).sqrt();
        let decay = step.weight_decay;
        Factors {
            keep: if self.decoupled { (1.0 - step.learning_rate * decay) as f32 } else { 1.0 },
            penalty: if self.decoupled { 0.0 } else { decay as f32 },
            new1: (1.0 - self.beta1) as f32,
            beta2: self.beta2 as f32,
            new2: (1.0 - self.beta2) as f32,
            step_size: (step.learning_rate * root_correction / correction1) as f32,
            eps: (self.eps * root_correction) as f32,
        }
    }

    pub(super) fn write_state(&self, state: &mut StateDict) {
        for (key, moments) in self.moments.iter().filter(|(_, moments)| moments.step > 0) {
            state.insert(format!("step.{key}"), state::count(moments.step));
            state.insert(format!("exp_avg.{key}"), state::array(&moments.exp_avg));
            state.insert(format!("exp_avg_sq.{key}"), state::array(&moments.exp_avg_sq));
        }
    }

    pub(super) fn read_state(&mut self, mut reader: Reader) -> Result<(), OptimizerStateError> {
        let mut moments = BTreeMap::new();
        for key in reader.parameters() {
            let step = reader.count(&format!("step.{key}"))?;
            let (exp_avg, length) = reader.tensor(&format!("exp_avg.{key}"), None)?;
            let (exp_avg_sq, _) = reader.tensor(&format!("exp_avg_sq.{key}"), Some(length))?;
            moments.insert(key, Moments { step, exp_avg, exp_avg_sq });
        }
        reader.finish()?;
        self.moments = moments;
        Ok(())
    }

    /// Elements of the state of each parameter.
    pub(super) fn lengths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.moments.iter().map(|(key, moments)| (key.as_str(), moments.exp_avg.dims()[0]))
    }
}

/// One step over slices: one pass over memory, in place where nothing else holds it.
fn updated_in_place(
    value: Tensor<1>,
    gradient: Tensor<1>,
    moments: Moments,
    adam: optimizer::Adam,
) -> (Tensor<1>, Moments) {
    let (mut value, gradient) = (Flat::new(value), Flat::new(gradient));
    let mut exp_avg = Flat::new(moments.exp_avg);
    let mut exp_avg_sq = Flat::new(moments.exp_avg_sq);
    let step = moments.step + 1;
    let averages = [exp_avg.values_mut(), exp_avg_sq.values_mut()];
    adam.step(cpu::active_isa(), step, value.values_mut(), gradient.values(), averages);
    let moments =
        Moments { step, exp_avg: exp_avg.into_tensor(), exp_avg_sq: exp_avg_sq.into_tensor() };
    (value.into_tensor(), moments)
}

/// The same in tensor operations, for devices whose memory is not ours.
fn updated(
    value: Tensor<1>,
    gradient: Tensor<1>,
    moments: Moments,
    f: Factors,
) -> (Tensor<1>, Moments) {
    let gradient =
        if f.penalty == 0.0 { gradient } else { gradient + value.clone().mul_scalar(f.penalty) };
    let kept = if f.keep == 1.0 { value } else { value.mul_scalar(f.keep) };
    let exp_avg = moments.exp_avg.clone() + (gradient.clone() - moments.exp_avg).mul_scalar(f.new1);
    let exp_avg_sq = moments.exp_avg_sq.mul_scalar(f.beta2) + gradient.square().mul_scalar(f.new2);
    let root = exp_avg_sq.clone().sqrt().add_scalar(f.eps);
    let value = kept - exp_avg.clone().mul_scalar(f.step_size) / root;
    (value, Moments { step: moments.step + 1, exp_avg, exp_avg_sq })
}
