use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, Keys, check_range};

/// `LinearLR` of PyTorch starts at a third; the torchvision training scripts at a hundredth,
/// which is what their published recipes were made with.
const DEFAULT_WARMUP_START_FACTOR: f64 = 0.01;

/// The `[schedule]` table: how the learning rate moves. Keys that do not apply to `name` are
/// refused by [`resolved`](Self::resolved).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// The curve.
    #[serde(default)]
    pub name: ScheduleName,
    /// What `step_size`, `milestones` and the curve count: the rate changes once per `epoch`,
    /// or with every `step`. Default: `step` for `cosine` and `polynomial`, else `epoch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Unit>,
    /// `step`: units between two drops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_size: Option<u64>,
    /// `multi_step`: units after which the rate drops, rising.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestones: Option<Vec<u64>>,
    /// `step`, `multi_step` (default 0.1), `exponential` (no default): what the rate is
    /// multiplied with at each drop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// `cosine`, `polynomial`: the learning rate at the end. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f64>,
    /// `polynomial`: the exponent. Default 1, a straight line; segmentation recipes use 0.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// Length of the linear warm-up in epochs, which may be a fraction. Default 0.
    ///
    /// A warm-up of whole units (epochs where `per` is `epoch`) comes before the curve, and
    /// `milestones` and `step_size` count from its end, as with PyTorch's `SequentialLR`. A
    /// finer one, of steps or of half an epoch where `per` is `epoch`, multiplies the curve,
    /// which counts from the start of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_epochs: Option<f64>,
    /// Length of the linear warm-up in optimizer steps, in place of `warmup_epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// The share of the learning rate that the warm-up starts at. Default 0.01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_start_factor: Option<f64>,
}

/// The curves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleName {
    /// The same rate throughout.
    #[default]
    Constant,
    /// Times `gamma` every `step_size` units.
    Step,
    /// Times `gamma` at each of `milestones`.
    MultiStep,
    /// Times `gamma` every unit.
    Exponential,
    /// Half a cosine from the base rate to `min_lr`.
    Cosine,
    /// `(1 - progress) ^ power` from the base rate to `min_lr`.
    Polynomial,
}

/// What a schedule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Epochs: the rate is constant within one.
    Epoch,
    /// Optimizer steps.
    Step,
}

impl ScheduleName {
    /// The name as recipes write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Step => "step",
            Self::MultiStep => "multi_step",
            Self::Exponential => "exponential",
            Self::Cosine => "cosine",
            Self::Polynomial => "polynomial",
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Constant => &["per", "warmup_epochs", "warmup_steps", "warmup_start_factor"],
            Self::Step => &[
                "step_size",
                "gamma",
                "per",
                "warmup_epochs",
                "warmup_steps",
                "warmup_start_factor",
            ],
            Self::MultiStep => &[
                "milestones",
                "gamma",
                "per",
                "warmup_epochs",
                "warmup_steps",
                "warmup_start_factor",
            ],
            Self::Exponential => {
                &["gamma", "per", "warmup_epochs", "warmup_steps", "warmup_start_factor"]
            }
            Self::Cosine => {
                &["min_lr", "per", "warmup_epochs", "warmup_steps", "warmup_start_factor"]
            }
            Self::Polynomial => {
                &["power", "min_lr", "per", "warmup_epochs", "warmup_steps", "warmup_start_factor"]
            }
        }
    }

    fn default_unit(self) -> Unit {
        match self {
            Self::Cosine | Self::Polynomial => Unit::Step,
            _ => Unit::Epoch,
        }
    }
}

impl ScheduleConfig {
    /// The same schedule with every default that applies written out.
    ///
    /// # Errors
    ///
    /// A key that has no meaning for `name`, is out of range, or is needed and missing.
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let name = self.name;
        let owner = format!("schedule `{}`", name.as_str());
        let keys = Keys { owner: owner.clone(), applies: name.keys() };
        keys.check("step_size", self.step_size.is_some(), "it has no regular drops")?;
        keys.check("milestones", self.milestones.is_some(), "it has no listed drops")?;
        keys.check("gamma", self.gamma.is_some(), "it does not drop by a factor")?;
        keys.check("min_lr", self.min_lr.is_some(), "it has no lowest rate to end at")?;
        keys.check("power", self.power.is_some(), "it is not a polynomial")?;

        let mut config = self.clone();
        config.per = Some(self.unit());
        match name {
            ScheduleName::Constant => {}
            ScheduleName::Step => {
                let size = needed("step_size", self.step_size, &owner, "step_size = 30")?;
                check_range("step_size", size as f64, size > 0, "1 or more")?;
                config.gamma = Some(gamma(self.gamma.unwrap_or(0.1))?);
            }
            ScheduleName::MultiStep => {
                let example = "milestones = [30, 60]";
                let milestones = needed("milestones", self.milestones.clone(), &owner, example)?;
                check_milestones(&milestones)?;
                config.gamma = Some(gamma(self.gamma.unwrap_or(0.1))?);
            }
            ScheduleName::Exponential => {
                config.gamma = Some(gamma(needed("gamma", self.gamma, &owner, "gamma = 0.95")?)?);
            }
            ScheduleName::Cosine => config.min_lr = Some(self.lowest()?),
            ScheduleName::Polynomial => {
                let power = self.power.unwrap_or(1.0);
                config.power = Some(check_range("power", power, power > 0.0, "above 0")?);
                config.min_lr = Some(self.lowest()?);
            }
        }
        config.resolve_warmup(&owner)?;
        Ok(config)
    }

    /// What the schedule counts: `per`, or the default of its name.
    pub fn unit(&self) -> Unit {
        self.per.unwrap_or_else(|| self.name.default_unit())
    }

    pub(super) fn warmup_key(&self) -> &'static str {
        if self.warmup_steps.is_some() { "warmup_steps" } else { "warmup_epochs" }
    }

    fn lowest(&self) -> Result<f64, ConfigError> {
        let lowest = self.min_lr.unwrap_or(0.0);
        check_range("min_lr", lowest, lowest >= 0.0, "0 or more")
    }

    fn resolve_warmup(&mut self, owner: &str) -> Result<(), ConfigError> {
        let inapplicable = |key, reason: &str, applies: &str| ConfigError::Inapplicable {
            key,
            owner: owner.to_owned(),
            reason: reason.to_owned(),
            applies: applies.to_owned(),
        };
        if self.warmup_steps.is_some() && self.warmup_epochs.is_some() {
            return Err(inapplicable(
                "warmup_steps",
                "`warmup_epochs` gives the length of the warm-up already",
                "one of `warmup_epochs` and `warmup_steps`",
            ));
        }
        let has_warmup = match (self.warmup_steps, self.warmup_epochs) {
            (Some(steps), _) => steps > 0,
            (None, epochs) => {
                let epochs = epochs.unwrap_or(0.0);
                check_range("warmup_epochs", epochs, epochs >= 0.0, "0 or more")?;
                self.warmup_epochs = Some(epochs);
                epochs > 0.0
            }
        };
        match (has_warmup, self.warmup_start_factor) {
            (false, Some(_)) => Err(inapplicable(
                "warmup_start_factor",
                "there is no warm-up",
                "it together with `warmup_epochs` or `warmup_steps` above 0",
            )),
            (false, None) => Ok(()),
            (true, factor) => {
                let factor = factor.unwrap_or(DEFAULT_WARMUP_START_FACTOR);
                let allowed = factor > 0.0 && factor <= 1.0;
                let expected = "above 0 and at most 1";
                check_range("warmup_start_factor", factor, allowed, expected)?;
                self.warmup_start_factor = Some(factor);
                Ok(())
            }
        }
    }
}

fn gamma(value: f64) -> Result<f64, ConfigError> {
    check_range("gamma", value, value > 0.0 && value <= 1.0, "above 0 and at most 1")
}

fn check_milestones(milestones: &[u64]) -> Result<(), ConfigError> {
    let rising = milestones.windows(2).all(|pair| pair[0] < pair[1]);
    if !milestones.is_empty() && milestones[0] > 0 && rising {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        key: "milestones",
        found: format!("{milestones:?}"),
        expected: "at least one, each above 0 and above the one before".to_owned(),
    })
}

fn needed<T>(
    key: &'static str,
    value: Option<T>,
    owner: &str,
    example: &'static str,
) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::Missing { key, owner: owner.to_owned(), example })
}
