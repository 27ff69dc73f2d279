use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, Keys, check_range};
use crate::selection::Selection;

const ADAM_KEYS: &[&str] =
    &["lr", "betas", "eps", "weight_decay", "decay_norm_and_bias", "layer_decay", "groups"];
const SGD_KEYS: &[&str] = &[
    "lr",
    "momentum",
    "dampening",
    "nesterov",
    "weight_decay",
    "decay_norm_and_bias",
    "layer_decay",
    "groups",
];

const LARS_KEYS: &[&str] = &[
    "lr",
    "momentum",
    "weight_decay",
    "trust_coefficient",
    "decay_norm_and_bias",
    "layer_decay",
    "groups",
];

/// The `[optimizer]` table. Defaults are PyTorch's; keys that do not apply to `name` are
/// refused by [`resolved`](Self::resolved).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The update rule.
    #[serde(default)]
    pub name: OptimizerName,
    /// Learning rate before the schedule. Default 1e-3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// `sgd`, `lars`: how much of the last update is kept. Default 0, for `lars` 0.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// `sgd` with momentum: how much less the gradient counts. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dampening: Option<f64>,
    /// `sgd` with momentum: look ahead along it (Sutskever et al. 2013). Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// `adam`, `adamw`: decay of the averages of the gradient and of its square. Default
    /// `[0.9, 0.999]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// `adam`, `adamw`: added to the denominator. Default 1e-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
    /// `adamw`: the share of a weight, times the learning rate, that is taken off in a step;
    /// `sgd`, `adam`, `lars`: an L2 penalty, added to the gradient. Default 1e-2 for `adamw`, 1e-6 for
    /// `lars`, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Whether weight decay also applies to parameters of one dimension: those of
    /// normalization layers, and biases. Default true, as in PyTorch; for `lars` false, as in its
    /// users' papers: what doesn't decay isn't scaled either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_norm_and_bias: Option<bool>,
    /// `lars`: the length of a step relative to the parameter's own, at a learning rate of 1. Default
    /// 1e-3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_coefficient: Option<f64>,
    /// Layer-wise decay: what the learning rate of each layer, from the last to the first, is
    /// multiplied by once more than that of the one after it (Clark et al. 2020, BEiT). Default
    /// 1: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_decay: Option<f64>,
    /// Parts of the model with a learning rate or weight decay of their own. A parameter belongs
    /// to the first group that chooses it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupConfig>,
}

/// A `[[optimizer.groups]]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupConfig {
    /// Which parameters.
    pub parameters: Selection,
    /// What the learning rate is multiplied by for them. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lr_scale: Option<f64>,
    /// Their weight decay. By default that of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl GroupConfig {
    fn resolved(&self) -> Result<Self, ConfigError> {
        let scale = self.lr_scale.unwrap_or(1.0);
        check_range("groups", scale, scale >= 0.0, "an lr_scale of 0 or more")?;
        if let Some(decay) = self.weight_decay {
            check_range("groups", decay, decay >= 0.0, "a weight_decay of 0 or more")?;
        }
        Ok(Self { lr_scale: Some(scale), ..self.clone() })
    }
}

/// The update rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerName {
    /// Stochastic gradient descent, with momentum where asked for.
    Sgd,
    /// Adam (Kingma and Ba 2015).
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    #[default]
    AdamW,
    /// Momentum with a rate for each layer (You et al. 2017).
    Lars,
}

impl OptimizerName {
    /// The name as recipes write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::Lars => "lars",
        }
    }
}

impl OptimizerConfig {
    /// The same optimizer with every default that applies written out.
    ///
    /// # Errors
    ///
    /// A key that has no meaning for `name`, or is out of range.
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let is_lars = self.name == OptimizerName::Lars;
        let keys = Keys {
            owner: format!("optimizer `{}`", self.name.as_str()),
            applies: match self.name {
                OptimizerName::Sgd => SGD_KEYS,
                OptimizerName::Lars => LARS_KEYS,
                OptimizerName::Adam | OptimizerName::AdamW => ADAM_KEYS,
            },
        };
        let betas_instead = "its first beta takes the place of momentum";
        keys.check("momentum", self.momentum.is_some(), betas_instead)?;
        let undampened = if is_lars { "it counts the gradient in full" } else { betas_instead };
        keys.check("dampening", self.dampening.is_some(), undampened)?;
        keys.check("nesterov", self.nesterov.is_some(), "Nesterov's form is not implemented")?;
        let trust = self.trust_coefficient.is_some();
        keys.check("trust_coefficient", trust, "it does not scale gradients by layer")?;
        keys.check("betas", self.betas.is_some(), "it keeps no averages; see `momentum`")?;
        keys.check("eps", self.eps.is_some(), "it divides by nothing")?;

        let mut config = self.clone();
        let lr = self.lr.unwrap_or(1e-3);
        config.lr = Some(check_range("lr", lr, lr >= 0.0, "0 or more")?);
        let default_decay = match self.name {
            OptimizerName::AdamW => 1e-2,
            OptimizerName::Lars => 1e-6,
            OptimizerName::Sgd | OptimizerName::Adam => 0.0,
        };
        let decay = self.weight_decay.unwrap_or(default_decay);
        config.weight_decay = Some(check_range("weight_decay", decay, decay >= 0.0, "0 or more")?);
        config.decay_norm_and_bias = Some(self.decay_norm_and_bias.unwrap_or(!is_lars));
        if let Some(decay) = self.layer_decay {
            check_range("layer_decay", decay, decay > 0.0 && decay <= 1.0, "above 0, at most 1")?;
        }
        config.groups = self.groups.iter().map(GroupConfig::resolved).collect::<Result<_, _>>()?;
        match self.name {
            OptimizerName::Sgd => config.resolve_momentum()?,
            OptimizerName::Lars => config.resolve_lars()?,
            OptimizerName::Adam | OptimizerName::AdamW => config.resolve_averages()?,
        }
        Ok(config)
    }

    fn resolve_momentum(&mut self) -> Result<(), ConfigError> {
        let momentum = self.momentum.unwrap_or(0.0);
        let in_range = (0.0..1.0).contains(&momentum);
        check_range("momentum", momentum, in_range, "0 or more and below 1")?;
        let dampening = self.dampening.unwrap_or(0.0);
        let in_range = (0.0..=1.0).contains(&dampening);
        check_range("dampening", dampening, in_range, "from 0 to 1")?;
        let nesterov = self.nesterov.unwrap_or(false);
        let without_momentum = |key| ConfigError::Inapplicable {
            key,
            owner: "optimizer `sgd` without momentum".to_owned(),
            reason: "there is no momentum for it to change".to_owned(),
            applies: "it together with `momentum` above 0".to_owned(),
        };
        if momentum == 0.0 && dampening != 0.0 {
            return Err(without_momentum("dampening"));
        }
        if momentum == 0.0 && nesterov {
            return Err(without_momentum("nesterov"));
        }
        if nesterov && dampening != 0.0 {
            return Err(ConfigError::Inapplicable {
                key: "dampening",
                owner: "optimizer `sgd` with `nesterov = true`".to_owned(),
                reason: "Nesterov's momentum is defined without it".to_owned(),
                applies: "`momentum` above 0, without `dampening`".to_owned(),
            });
        }
        self.momentum = Some(momentum);
        if momentum > 0.0 {
            self.dampening = Some(dampening);
            self.nesterov = Some(nesterov);
        }
        Ok(())
    }

    fn resolve_lars(&mut self) -> Result<(), ConfigError> {
        let momentum = self.momentum.unwrap_or(0.9);
        let in_range = (0.0..1.0).contains(&momentum);
        self.momentum = Some(check_range("momentum", momentum, in_range, "0 or more and below 1")?);
        let trust = self.trust_coefficient.unwrap_or(1e-3);
        let trust = check_range("trust_coefficient", trust, trust > 0.0, "above 0")?;
        self.trust_coefficient = Some(trust);
        Ok(())
    }

    fn resolve_averages(&mut self) -> Result<(), ConfigError> {
        let betas = self.betas.unwrap_or([0.9, 0.999]);
        for beta in betas {
            let in_range = (0.0..1.0).contains(&beta);
            check_range("betas", beta, in_range, "two numbers, each 0 or more and below 1")?;
        }
        self.betas = Some(betas);
        let eps = self.eps.unwrap_or(1e-8);
        self.eps = Some(check_range("eps", eps, eps >= 0.0, "0 or more")?);
        Ok(())
    }
}
