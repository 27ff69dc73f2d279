//! Optimizers: a gradient for each parameter in, an updated model out.
//!
//! [`Optimizer`] keeps its state by parameter key, so that a checkpoint can be read by anyone
//! who knows the model's state dict. Its updates are PyTorch's, operation for operation; on
//! the embedded CPU device they run as one pass over memory, in place.

mod adam;
mod config;
mod lars;
mod sgd;
mod state;

#[cfg(test)]
mod tests;

pub use config::{GroupConfig, OptimizerConfig, OptimizerName};
pub use state::OptimizerStateError;

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use ocelli_nn::state::{self as nn_state, StateDict};

use crate::config::ConfigError;
use adam::Adam;
use lars::Lars;
use sgd::Sgd;

/// An update rule and what it remembers of every parameter.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    learning_rate: f64,
    decay_norm_and_bias: bool,
    /// Of parameters that have their own.
    settings: BTreeMap<String, ParameterSettings>,
    /// Keys of the parameters of one dimension, read from the model once it is known.
    one_dimensional: Option<BTreeSet<String>>,
    /// Steps taken.
    steps: u64,
}

/// What a parameter has of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterSettings {
    /// What the learning rate is multiplied by.
    pub lr_scale: f64,
    /// Its weight decay, where that is not everyone's.
    pub weight_decay: Option<f64>,
}

impl Default for ParameterSettings {
    fn default() -> Self {
        Self { lr_scale: 1.0, weight_decay: None }
    }
}

#[derive(Debug)]
enum Rule {
    Adam(Adam),
    Sgd(Sgd),
    Lars(Lars),
}

/// What a rule needs to know about one step.
#[derive(Clone, Copy, Debug)]
struct Step {
    learning_rate: f64,
    weight_decay: f64,
}

impl Optimizer {
    /// An optimizer that has not seen a gradient yet.
    ///
    /// # Errors
    ///
    /// As [`OptimizerConfig::resolved`].
    pub fn new(config: &OptimizerConfig) -> Result<Self, ConfigError> {
        let config = config.resolved()?;
        let rule = match config.name {
            OptimizerName::Sgd => Rule::Sgd(Sgd::new(&config)),
            OptimizerName::Lars => Rule::Lars(Lars::new(&config)),
            OptimizerName::Adam | OptimizerName::AdamW => Rule::Adam(Adam::new(&config)),
        };
        Ok(Self {
            rule,
            learning_rate: config.lr.unwrap_or_default(),
            decay_norm_and_bias: config.decay_norm_and_bias.unwrap_or(true),
            settings: BTreeMap::new(),
            one_dimensional: None,
            steps: 0,
        })
    }

    /// The same with other settings for some parameters, by state-dict key.
    #[must_use]
    pub fn with_settings(mut self, settings: BTreeMap<String, ParameterSettings>) -> Self {
        self.settings = settings;
        self
    }

    /// The learning rate of the configuration: what a schedule starts from.
    pub fn base_learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Steps taken so far, those before a checkpoint included.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes Adam's memory for every trained parameter of the model. Taken now, it lies together;
    /// taken between the activations of the first step, it leaves gaps that those of later steps
    /// don't fit. Nothing else changes. The other rules, which remember half as much, take theirs as
    /// they step.
    pub fn reserve<M: Module>(&mut self, model: M) -> M {
        nn_state::update_parameters(model, |key: &str, value: Tensor<1>| {
            if let Rule::Adam(adam) = &mut self.rule {
                adam.reserve(key, &value);
            }
            value
        })
    }

    /// Moves every parameter that has a gradient, at `learning_rate`.
    ///
    /// `gradients` holds the flattened gradient of each parameter by its state-dict key. A
    /// parameter without one (frozen, or not reached by the loss) stays as it is, weight
    /// decay included, and its own step count does not advance: unfrozen later, it starts as
    /// a fresh one would.
    ///
    /// Updates happen in place where the model is the only owner of its parameters; a live
    /// clone of it costs a copy of each.
    ///
    /// # Panics
    ///
    /// If a gradient belongs to no trainable parameter of the model, or has another number of
    /// elements than its parameter or than the state read by [`load_state`](Self::load_state)
    /// ([`check`](Self::check) finds the latter beforehand).
    pub fn step<M: Module>(
        &mut self,
        model: M,
        mut gradients: BTreeMap<String, Tensor<1>>,
        learning_rate: f64,
    ) -> M {
        if !self.decay_norm_and_bias && self.one_dimensional.is_none() {
            self.one_dimensional = Some(one_dimensional(&model));
        }
        self.steps += 1;
        let weight_decay = match &self.rule {
            Rule::Adam(adam) => adam.weight_decay(),
            Rule::Sgd(sgd) => sgd.weight_decay(),
            Rule::Lars(lars) => lars.weight_decay(),
        };
        let exempt = self.one_dimensional.as_ref();
        let settings = &self.settings;
        let rule = &mut self.rule;
        let model = nn_state::update_parameters(model, |key: &str, value: Tensor<1>| {
            let Some(gradient) = gradients.remove(key) else {
                return value;
            };
            let (expected, found) = (value.dims()[0], gradient.dims()[0]);
            assert_eq!(
                expected, found,
                "the gradient of {key} has {found} elements, its parameter {expected}"
            );
            let is_exempt = exempt.is_some_and(|keys| keys.contains(key));
            let own = settings.get(key).copied().unwrap_or_default();
            let weight_decay =
                if is_exempt { 0.0 } else { own.weight_decay.unwrap_or(weight_decay) };
            let step = Step { learning_rate: learning_rate * own.lr_scale, weight_decay };
            match rule {
                Rule::Adam(adam) => adam.update(key, value, gradient, step),
                Rule::Sgd(sgd) => sgd.update(key, value, gradient, step),
                Rule::Lars(lars) => lars.update(key, value, gradient, step),
            }
        });
        assert!(
            gradients.is_empty(),
            "found gradients for {:?}, which the model has no trainable parameter for",
            gradients.keys().collect::<Vec<_>>()
        );
        model
    }

    /// All that the optimizer remembers: `step`, and for each parameter it has moved
    /// `step.<key>` and, by rule, `exp_avg.<key>` and `exp_avg_sq.<key>`, or
    /// `momentum_buffer.<key>`, flattened.
    pub fn state(&self) -> StateDict {
        let mut state = StateDict::new();
        state.insert("step", state::count(self.steps));
        match &self.rule {
            Rule::Adam(adam) => adam.write_state(&mut state),
            Rule::Sgd(sgd) => sgd.write_state(&mut state),
            Rule::Lars(lars) => lars.write_state(&mut state),
        }
        state
    }

    /// Takes up a state written by [`state`](Self::state); training goes on bit for bit as if
    /// it had not been interrupted.
    ///
    /// # Errors
    ///
    /// A state that another rule wrote, that is incomplete, or of the wrong type. The
    /// optimizer is then unchanged.
    pub fn load_state(
        &mut self,
        state: &StateDict,
        device: &Device,
    ) -> Result<(), OptimizerStateError> {
        let mut reader = state::Reader::new(state, device, self.rule_name());
        let steps = reader.count("step")?;
        match &mut self.rule {
            Rule::Adam(adam) => adam.read_state(reader)?,
            Rule::Sgd(sgd) => sgd.read_state(reader)?,
            Rule::Lars(lars) => lars.read_state(reader)?,
        }
        self.steps = steps;
        Ok(())
    }

    /// Whether the state belongs to a model with these parameters: every key known, with as
    /// many elements. To be asked after [`load_state`](Self::load_state) and before training
    /// goes on.
    ///
    /// # Errors
    ///
    /// The first key that the model does not have, or has in another size.
    pub fn check(&self, model: &StateDict) -> Result<(), OptimizerStateError> {
        match &self.rule {
            Rule::Adam(adam) => state::check_lengths(adam.lengths(), model),
            Rule::Sgd(sgd) => state::check_lengths(sgd.lengths(), model),
            Rule::Lars(lars) => state::check_lengths(lars.lengths(), model),
        }
    }

    fn rule_name(&self) -> &'static str {
        match &self.rule {
            Rule::Adam(_) => "adam and adamw",
            Rule::Sgd(_) => "sgd",
            Rule::Lars(_) => "lars",
        }
    }
}

/// Keys of the parameters and buffers of one dimension.
fn one_dimensional<M: Module>(model: &M) -> BTreeSet<String> {
    nn_state::state_dict(model)
        .iter()
        .filter(|(_, array)| array.shape().len() <= 1)
        .map(|(key, _)| key.to_owned())
        .collect()
}
