//! What of a model learns, from when on, and how fast: `train.freeze`, `train.unfreeze_epoch`,
//! `optimizer.groups` and `optimizer.layer_decay`, applied to a model.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_nn::state;

use crate::config::ConfigError;
use crate::network::Network;
use crate::optimizer::{OptimizerConfig, ParameterSettings};
use crate::selection::Selection;

/// Which parameters are frozen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Freezing {
    frozen: BTreeSet<String>,
    /// The first epoch, from 1, in which everything learns.
    unfreeze_epoch: Option<u32>,
}

impl Freezing {
    /// What `freeze` chooses of a model, until `unfreeze_epoch`.
    ///
    /// # Errors
    /// A name that chooses nothing, or if nothing is left to learn.
    pub(crate) fn new(
        freeze: Option<&Selection>,
        unfreeze_epoch: Option<u32>,
        model: &Network,
    ) -> Result<Self, ConfigError> {
        let Some(selection) = freeze else { return Ok(Self::default()) };
        let keys = state::parameter_keys(model);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let frozen = selection.choose("freeze", &keys, &model.heads())?;
        if frozen.len() == keys.len() {
            return Err(ConfigError::OutOfRange {
                key: "freeze",
                found: "the whole model".to_owned(),
                expected: "something left to learn".to_owned(),
            });
        }
        Ok(Self { frozen: frozen.into_iter().map(str::to_owned).collect(), unfreeze_epoch })
    }

    /// The model as it is to be in an epoch, counted from 1.
    ///
    /// Frozen parameters get no gradient, and layers that are frozen whole stand still.
    pub(crate) fn applied(&self, model: Network, epoch: u32) -> Network {
        if self.frozen.is_empty() {
            return model;
        }
        let all_learn = self.unfreeze_epoch.is_some_and(|from| epoch >= from);
        state::select_trainable(model, |key| all_learn || !self.frozen.contains(key))
    }
}

/// The optimizer's settings of each parameter that has its own.
///
/// # Errors
/// A group that chooses nothing.
pub(crate) fn parameter_settings(
    config: &OptimizerConfig,
    model: &Network,
) -> Result<BTreeMap<String, ParameterSettings>, ConfigError> {
    let mut settings = BTreeMap::<String, ParameterSettings>::new();
    if config.groups.is_empty() && config.layer_decay.is_none() {
        return Ok(settings);
    }
    let keys = state::parameter_keys(model);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut ungrouped: BTreeSet<&str> = keys.iter().copied().collect();
    for group in &config.groups {
        for key in group.parameters.choose("groups", &keys, &model.heads())? {
            if ungrouped.remove(key) {
                let own = ParameterSettings {
                    lr_scale: group.lr_scale.unwrap_or(1.0),
                    weight_decay: group.weight_decay,
                };
                settings.insert(key.to_owned(), own);
            }
        }
    }
    if let Some(decay) = config.layer_decay {
        let layers = model.layer_prefixes();
        for &key in &keys {
            let layer = layers
                .iter()
                .position(|prefixes| prefixes.iter().any(|prefix| key.starts_with(prefix)))
                .expect("every parameter is in a layer");
            let from_last = (layers.len() - 1 - layer) as i32;
            settings.entry(key.to_owned()).or_default().lr_scale *= decay.powi(from_last);
        }
    }
    Ok(settings)
}
