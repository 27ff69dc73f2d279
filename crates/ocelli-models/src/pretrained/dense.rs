use std::collections::BTreeMap;

use ocelli_nn::{
    state::{self, Array, StateDict},
    weights::keys,
};
use thiserror::Error;

use super::{Pretrained, PretrainedError, classes_of};
use crate::{DenseConfig, DenseModel, ModelEntry, dense::AUXILIARY};

/// Why a classifier's weights can't become a dense model's backbone. The model is as it was.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EncoderError {
    /// The model has no backbone that classifiers have too.
    #[error("the model has no backbone that a classifier's weights could go into")]
    NoEncoder,
    /// The weights are another classifier's.
    #[error(transparent)]
    Weights(#[from] PretrainedError),
}

/// The dense model with weights of the same model, from PyTorch or torchvision.
///
/// Known prefixes of keys are taken off. Layers that score, where the weights have none or such for
/// other outputs, stay as the model has them, with a note; so does an auxiliary head that the
/// weights lack, and one that the model lacks is left out. Everything else has to fit.
///
/// # Errors
/// [`PretrainedError`] lists every missing, unexpected and wrong-shaped key.
pub fn load_dense(
    model: DenseModel,
    weights: StateDict,
) -> Result<Pretrained<DenseModel>, PretrainedError> {
    let own = state::state_dict(&model);
    let keys::Fitted { state: mut fitted, mut notes } = keys::fit(weights, &shapes(own.iter()));
    notes.extend(fit_auxiliary(&own, &mut fitted));
    notes.extend(keep_own_heads(&model.head_prefixes(), &own, &mut fitted));
    match state::load_state_dict(model, &fitted) {
        Ok(model) => Ok(Pretrained { model, notes }),
        Err(reason) => Err(PretrainedError { reason, notes }),
    }
}

/// The dense model with a classifier's weights in its backbone, whose last layers are left out.
///
/// The first two linear layers of a VGG become the convolutions after an FCN's backbone, as Long et
/// al. (2015) have it.
///
/// # Errors
/// [`EncoderError`] where the model has no backbone, or lists every missing, unexpected and
/// wrong-shaped key.
pub fn encoder_into(
    model: DenseModel,
    weights: StateDict,
) -> Result<Pretrained<DenseModel>, EncoderError> {
    let prefix = model.encoder_prefix().ok_or(EncoderError::NoEncoder)?;
    let mut state = state::state_dict(&model);
    let backbone = state.iter().filter_map(|(key, array)| Some((key.strip_prefix(prefix)?, array)));
    let expected = shapes(backbone);
    let keys::Fitted { state: fitted, mut notes } = keys::fit(weights, &expected);
    notes.extend(take_linear_layers(&fitted, &mut state));
    // What the weights lack is to be told.
    state = state.into_iter().filter(|(key, _)| !key.starts_with(prefix)).collect();
    let mut left_out = Vec::new();
    for (key, array) in fitted {
        let is_head = CLASSIFIERS.iter().any(|head| key.starts_with(head));
        if is_head && !expected.contains_key(&key) {
            left_out.push(key);
        } else {
            state.insert(format!("{prefix}{key}"), array);
        }
    }
    if !left_out.is_empty() {
        notes.push(format!("left out the classifier's last layers: {}", left_out.join(", ")));
    }
    match state::load_state_dict(model, &state) {
        Ok(model) => Ok(Pretrained { model, notes }),
        Err(reason) => Err(PretrainedError { reason, notes }.into()),
    }
}

/// The model named `name` that weights were made by, or fit, as far as they tell: how many outputs it
/// has, and whether an auxiliary head. Where they don't tell the outputs, and they are not given, they
/// are the 21 classes of PASCAL VOC.
#[must_use]
pub fn config_of(name: &str, outputs: Option<usize>, weights: Option<&StateDict>) -> DenseConfig {
    let told = || classes_of(weights?, ModelEntry::find_dense(name)?.head);
    let auxiliary = weights.is_some_and(has_auxiliary_head).then_some(true);
    let outputs = outputs.or_else(told).unwrap_or(VOC_CLASSES);
    DenseConfig { auxiliary, ..DenseConfig::new(name, outputs) }
}

/// The classes of PASCAL VOC, the background among them.
const VOC_CLASSES: usize = 21;

/// Whether weights have an auxiliary head as torchvision's, under whichever prefix.
#[must_use]
pub fn has_auxiliary_head(weights: &StateDict) -> bool {
    let inner = format!(".{AUXILIARY}");
    weights.keys().any(|key| key.starts_with(AUXILIARY) || key.contains(&inner))
}

/// What the keys of the last layers of classifiers begin with: torchvision's, then timm's.
const CLASSIFIERS: [&str; 3] = ["fc.", "classifier.", "head."];

fn shapes<'a>(arrays: impl Iterator<Item = (&'a str, &'a Array)>) -> BTreeMap<String, Vec<usize>> {
    arrays.map(|(key, array)| (key.to_owned(), array.shape().to_vec())).collect()
}

/// Leaves out an auxiliary head that the model lacks, or puts its own where the weights have none.
fn fit_auxiliary(own: &StateDict, fitted: &mut StateDict) -> Option<String> {
    let has = |state: &StateDict| state.keys().any(|key| key.starts_with(AUXILIARY));
    match (has(own), has(fitted)) {
        (false, true) => {
            let taken = std::mem::take(fitted);
            *fitted = taken.into_iter().filter(|(key, _)| !key.starts_with(AUXILIARY)).collect();
            Some("left out the auxiliary head of the weights, which the model hasn't".into())
        }
        (true, false) if own.keys().any(|key| fitted.get(key).is_some()) => {
            copy(&[AUXILIARY], own, fitted);
            Some("the weights have no auxiliary head: it starts afresh".into())
        }
        _ => None,
    }
}

/// Puts the model's own scoring layers where the weights have none, or ones for other outputs.
fn keep_own_heads(heads: &[&str], own: &StateDict, fitted: &mut StateDict) -> Option<String> {
    let weight = format!("{}weight", heads.first()?);
    let expected = own.get(&weight)?.shape();
    let note = match fitted.get(&weight).map(Array::shape) {
        None => {
            // Weights of nothing that the model has are to be refused, not completed.
            own.keys().find(|key| fitted.get(key).is_some())?;
            format!("the weights have no layers that score ({}): they start afresh", named(heads))
        }
        Some(found) if found.len() == 4 && found[1..] == expected[1..] => {
            if found[0] == expected[0] {
                return None;
            }
            format!(
                "the layers of the weights that score ({}) have {} outputs: ones for {} take their place and start afresh",
                named(heads),
                found[0],
                expected[0]
            )
        }
        Some(_) => return None,
    };
    copy(heads, own, fitted);
    Some(note)
}

fn named(prefixes: &[&str]) -> String {
    let names: Vec<&str> = prefixes.iter().map(|prefix| prefix.trim_end_matches('.')).collect();
    names.join(", ")
}

fn copy(prefixes: &[&str], from: &StateDict, to: &mut StateDict) {
    for (key, array) in from.iter() {
        if prefixes.iter().any(|prefix| key.starts_with(prefix)) {
            to.insert(key, array.clone());
        }
    }
}

/// Linear layers of a VGG, and the convolutions of an FCN that see the same.
const LINEAR_LAYERS: [(&str, &str); 2] = [("classifier.0.", "conv6."), ("classifier.3.", "conv7.")];

/// Makes convolutions of a VGG's linear layers, where the model and the weights have them.
fn take_linear_layers(weights: &StateDict, state: &mut StateDict) -> Option<String> {
    let mut taken = Vec::new();
    for (linear, convolution) in LINEAR_LAYERS {
        for part in ["weight", "bias"] {
            let key = format!("{convolution}{part}");
            let values = weights.get(&format!("{linear}{part}"))?.as_f32()?;
            let shape = state.get(&key)?.shape().to_vec();
            // Weights published for their features alone have no numbers there.
            if values.len() != shape.iter().product::<usize>()
                || !values.iter().all(|v| v.is_finite())
            {
                return None;
            }
            taken.push((key, Array::from_f32(shape, values.to_vec())));
        }
    }
    state.extend(taken);
    Some("took the classifier's first two layers for conv6 and conv7".into())
}
