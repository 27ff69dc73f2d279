//! An exponential moving average of a model's weights (Polyak and Juditsky 1992), which often
//! scores better than the weights themselves and never shares memory with them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_nn::state::{self as nn_state, Array, StateDict};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{ConfigError, check_range};
use crate::flat::{self, Flat, zip_chunks};

/// Prefix of the averages in a state.
const AVERAGE: &str = "average.";

/// Key of the number of updates in a state.
const UPDATES: &str = "updates";

/// How weights are averaged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmaConfig {
    /// Share of the average that an update keeps. Default 0.999.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay: Option<f64>,
    /// Whether the decay rises from 0.1 at first, as `(1 + updates) / (10 + updates)`, so that
    /// the average of a short run is not mostly its random start. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<bool>,
}

impl EmaConfig {
    /// The same averaging with every default written out.
    ///
    /// # Errors
    ///
    /// A decay outside of 0 to 1.
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let decay = self.decay.unwrap_or(0.999);
        check_range("decay", decay, (0.0..1.0).contains(&decay), "0 or more and below 1")?;
        Ok(Self { decay: Some(decay), warmup: Some(self.warmup.unwrap_or(true)) })
    }
}

/// A state of averages that cannot be taken up.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmaStateError {
    /// The number of updates is missing, or no count.
    #[error(
        "the averaged weights have no count under `updates`; the checkpoint was written without \
         averaging: resume with the recipe it was written with"
    )]
    Updates,
    /// An average of another model.
    #[error("the averaged weights have {found} numbers under `{key}`, expected {expected}")]
    Length {
        /// The key.
        key: String,
        /// How many numbers the state has.
        found: usize,
        /// How many the model's parameter has.
        expected: usize,
    },
    /// A key that no average is stored under.
    #[error(
        "the averaged weights hold `{key}`, expected float32 arrays under `average.<parameter>`"
    )]
    Unexpected {
        /// The key.
        key: String,
    },
}

/// A model's state with the averages of a saved [`Ema::state`] in place of its parameters.
#[must_use]
pub fn averaged(model: &StateDict, state: &StateDict) -> StateDict {
    let mut weights = model.clone();
    for (key, average) in state.iter() {
        let Some(parameter) = key.strip_prefix(AVERAGE) else { continue };
        if let (Some(array), Some(values)) = (model.get(parameter), average.as_f32()) {
            weights.insert(parameter, Array::from_f32(array.shape().to_vec(), values.to_vec()));
        }
    }
    weights
}

/// Averages of a model's parameters, by state-dict key.
#[derive(Debug)]
pub struct Ema {
    decay: f64,
    warmup: bool,
    updates: u64,
    averages: BTreeMap<String, Tensor<1>>,
}

impl Ema {
    /// Averages that start as a copy of the model's parameters.
    ///
    /// # Errors
    ///
    /// As [`EmaConfig::resolved`].
    pub fn new<M: Module>(config: &EmaConfig, model: &M) -> Result<Self, ConfigError> {
        let config = config.resolved()?;
        let mut averages = BTreeMap::new();
        for_each_parameter(model, |key, value| {
            averages.insert(key.to_owned(), flat::copied(&value));
        });
        Ok(Self {
            decay: config.decay.unwrap_or_default(),
            warmup: config.warmup.unwrap_or_default(),
            updates: 0,
            averages,
        })
    }

    /// Moves the averages towards the model: `average = decay * average + (1 - decay) * value`.
    /// Called after each optimizer step.
    ///
    /// Frozen parameters are not averaged, they do not move; one unfrozen later is averaged
    /// from its value at that time on.
    pub fn update<M: Module>(&mut self, model: &M) {
        let decay = self.current_decay();
        self.updates += 1;
        for_each_parameter(model, |key, value| match self.averages.remove_entry(key) {
            Some((key, average)) => {
                self.averages.insert(key, moved(average, value, decay));
            }
            None => {
                self.averages.insert(key.to_owned(), flat::copied(&value));
            }
        });
    }

    /// The model with the averages in place of its parameters.
    ///
    /// What is not averaged stays the model's own: buffers such as BatchNorm's statistics,
    /// and frozen parameters. To go on training, keep the model and pass a clone. A model
    /// that was put out of training (`valid()`) has no trainable parameters and comes back
    /// unchanged: apply first, then call `valid()`.
    pub fn apply<M: Module>(&self, model: M) -> M {
        nn_state::update_parameters(model, |key: &str, value: Tensor<1>| {
            self.averages.get(key).map_or(value, flat::copied)
        })
    }

    /// Updates so far, those before a checkpoint included.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// All that averaging remembers: `updates`, and `average.<key>` for each parameter,
    /// flattened.
    pub fn state(&self) -> StateDict {
        let updates = i64::try_from(self.updates).unwrap_or(i64::MAX);
        let averages = self.averages.iter().map(|(key, average)| {
            let array = Array::from_f32(average.dims().to_vec(), flat::to_vec(average));
            (format!("{AVERAGE}{key}"), array)
        });
        averages.chain([(UPDATES.to_owned(), Array::from_i64(Vec::new(), vec![updates]))]).collect()
    }

    /// Takes up a state written by [`state`](Self::state).
    ///
    /// # Errors
    ///
    /// A state that is incomplete or holds something else. The averages are then unchanged.
    pub fn load_state(&mut self, state: &StateDict, device: &Device) -> Result<(), EmaStateError> {
        let updates = match state.get(UPDATES).and_then(Array::as_i64) {
            Some([updates]) => u64::try_from(*updates).map_err(|_| EmaStateError::Updates)?,
            _ => return Err(EmaStateError::Updates),
        };
        let mut averages = BTreeMap::new();
        for (key, array) in state.iter().filter(|(key, _)| *key != UPDATES) {
            let (Some(parameter), Some(values)) = (key.strip_prefix(AVERAGE), array.as_f32())
            else {
                return Err(EmaStateError::Unexpected { key: key.to_owned() });
            };
            let expected = self.averages.get(parameter).map(|average| average.dims()[0]);
            if let Some(expected) = expected.filter(|&expected| expected != values.len()) {
                let (key, found) = (key.to_owned(), values.len());
                return Err(EmaStateError::Length { key, found, expected });
            }
            let data = TensorData::new(values.to_vec(), [values.len()]);
            averages.insert(parameter.to_owned(), Tensor::from_data(data, device));
        }
        self.updates = updates;
        self.averages = averages;
        Ok(())
    }

    fn current_decay(&self) -> f64 {
        let updates = self.updates as f64;
        let rising = (1.0 + updates) / (10.0 + updates);
        if self.warmup { self.decay.min(rising) } else { self.decay }
    }
}

/// Reads every trainable parameter, flattened, without copying it.
pub(crate) fn for_each_parameter<M: Module>(model: &M, mut read: impl FnMut(&str, Tensor<1>)) {
    // A clone shares the tensors; what it is mapped to is dropped.
    drop(nn_state::update_parameters(model.clone(), |key: &str, value: Tensor<1>| {
        read(key, value.clone());
        value
    }));
}

/// `average + (1 - decay) * (value - average)`, in place where nothing else holds the average.
///
/// # Panics
///
/// If the two differ in length: the averages of another model were loaded.
pub(crate) fn moved(average: Tensor<1>, value: Tensor<1>, decay: f64) -> Tensor<1> {
    let (expected, found) = (value.dims()[0], average.dims()[0]);
    assert_eq!(expected, found, "an average of {found} elements for {expected} parameters");
    let new = (1.0 - decay) as f32;
    if !flat::are_flat(&[&average, &value]) {
        return average.clone() + (value - average).mul_scalar(new);
    }
    let (mut average, value) = (Flat::new(average), Flat::new(value));
    zip_chunks(average.values_mut(), value.values(), |average, value| {
        for (average, value) in average.iter_mut().zip(value) {
            *average += (value - *average) * new;
        }
    });
    average.into_tensor()
}
