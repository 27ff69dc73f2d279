//! Weights from elsewhere in a model: keys brought to its own, and a last layer for other classes
//! replaced; a classifier's weights in the backbone of a dense model.

mod dense;

use std::collections::BTreeMap;

use ocelli_nn::{
    state::{self, StateDict, StateDictError},
    weights::keys,
};
use thiserror::Error;

pub use dense::{EncoderError, config_of, encoder_into, has_auxiliary_head, load_dense};

use crate::Classifier;

/// A model with its weights.
#[derive(Debug)]
pub struct Pretrained<M = Classifier> {
    /// The model.
    pub model: M,
    /// What was done to the weights, for a person to know.
    pub notes: Vec<String>,
}

/// Why weights don't fit a model. The model is as it was.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{reason}{}", told(notes))]
pub struct PretrainedError {
    /// What doesn't fit.
    pub reason: StateDictError,
    /// What had been done to the weights before.
    pub notes: Vec<String>,
}

fn told(notes: &[String]) -> String {
    notes.iter().map(|note| format!("\n  before that: {note}")).collect()
}

/// The model with weights from PyTorch, torchvision or timm.
///
/// Known prefixes of keys are taken off and timm's names become torchvision's. A last layer that is
/// not among the weights, or is one for another number of classes, stays as the model has it, with a
/// note; everything else has to fit.
///
/// # Errors
/// [`PretrainedError`] lists every missing, unexpected and wrong-shaped key.
pub fn load(model: Classifier, weights: StateDict) -> Result<Pretrained, PretrainedError> {
    let own = state::state_dict(&model);
    let expected: BTreeMap<String, Vec<usize>> =
        own.iter().map(|(key, array)| (key.to_owned(), array.shape().to_vec())).collect();
    let keys::Fitted { state: mut fitted, mut notes } = keys::fit(weights, &expected);
    if let Some(note) = keep_own_head(model.head(), &own, &mut fitted) {
        notes.push(note);
    }
    match state::load_state_dict(model, &fitted) {
        Ok(model) => Ok(Pretrained { model, notes }),
        Err(reason) => Err(PretrainedError { reason, notes }),
    }
}

/// Puts the model's own last layer where the weights have none, or one for other classes.
fn keep_own_head(head: &str, own: &StateDict, fitted: &mut StateDict) -> Option<String> {
    let weight = format!("{head}weight");
    let own_shape = own.get(&weight)?.shape();
    let found = fitted.get(&weight).map(|array| array.shape().to_vec());
    let note = match found {
        None => {
            // Weights of nothing that the model has are to be refused, not completed.
            own.keys().find(|key| !key.starts_with(head) && fitted.get(key).is_some())?;
            format!(
                "the weights have no last layer ({}): it starts afresh",
                head.trim_end_matches('.')
            )
        }
        Some(shape) if shape.len() == own_shape.len() && shape[1..] == own_shape[1..] => {
            if shape[0] == own_shape[0] {
                return None;
            }
            format!(
                "the last layer ({}) of the weights tells {} classes apart: one for {} takes its place and starts afresh",
                head.trim_end_matches('.'),
                shape[0],
                own_shape[0]
            )
        }
        Some(_) => return None,
    };
    for (key, array) in own.iter().filter(|(key, _)| key.starts_with(head)) {
        fitted.insert(key, array.clone());
    }
    Some(note)
}

/// The classes that the last layer of weights tells apart, under whichever prefix: `head` is what
/// the keys of the model's begin with there.
#[must_use]
pub fn classes_of(weights: &StateDict, head: &str) -> Option<usize> {
    // torchvision's name, then timm's.
    [head, "head.fc.", "classifier."].into_iter().find_map(|layer| {
        let bias = format!("{layer}bias");
        let inner = format!(".{bias}");
        let found = weights.iter().find(|(key, _)| *key == bias || key.ends_with(&inner));
        found?.1.shape().first().copied()
    })
}
