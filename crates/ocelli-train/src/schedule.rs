//! The learning rate as a function of the step.
//!
//! A [`Schedule`] is a pure function of how many optimizer steps were taken: resuming a run
//! needs no state, and drawing the curve needs no training. The values are those of
//! `torch.optim.lr_scheduler`: `StepLR`, `MultiStepLR`, `ExponentialLR`, `CosineAnnealingLR`
//! (Loshchilov and Hutter 2017, without restarts) and `PolynomialLR`, led in by `LinearLR`
//! through `SequentialLR`.

mod config;

#[cfg(test)]
mod tests;

pub use config::{ScheduleConfig, ScheduleName, Unit};

use crate::config::ConfigError;

/// The learning rate of every step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    curve: Curve,
    base: f64,
    warmup: Warmup,
    /// Units in the whole run.
    length: u64,
    /// Steps in one unit: those of an epoch, or 1.
    steps_per_unit: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Curve {
    Constant,
    Step { size: u64, gamma: f64 },
    MultiStep { milestones: Vec<u64>, gamma: f64 },
    Exponential { gamma: f64 },
    Cosine { minimum: f64 },
    Polynomial { power: f64, minimum: f64 },
}

/// A linear rise from `factor` times the curve's value to all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Warmup {
    None,
    /// In whole units, before the curve, which starts where the warm-up ends: what
    /// `SequentialLR` does.
    Before {
        units: u64,
        factor: f64,
    },
    /// In steps, finer than the curve's unit, multiplying the curve, which is not shifted:
    /// what detection recipes do in their first epoch.
    Over {
        steps: u64,
        factor: f64,
    },
}

impl Schedule {
    /// The schedule of a run of `epochs` epochs with `steps_per_epoch` optimizer steps each
    /// (with gradient accumulation: steps of the optimizer, not batches).
    ///
    /// # Errors
    ///
    /// As [`ScheduleConfig::resolved`]; and where the warm-up leaves nothing of the run.
    pub fn new(
        config: &ScheduleConfig,
        base_lr: f64,
        epochs: u64,
        steps_per_epoch: u64,
    ) -> Result<Self, ConfigError> {
        let config = config.resolved()?;
        let steps_per_epoch = steps_per_epoch.max(1);
        let steps = epochs.saturating_mul(steps_per_epoch);
        let (length, steps_per_unit) = match config.unit() {
            Unit::Epoch => (epochs, steps_per_epoch),
            Unit::Step => (steps, 1),
        };
        let warmup = warmup(&config, steps_per_epoch);
        let (key, taken) = match warmup {
            Warmup::None => ("warmup_epochs", 0),
            Warmup::Before { units, .. } => {
                (config.warmup_key(), units.saturating_mul(steps_per_unit))
            }
            Warmup::Over { steps, .. } => (config.warmup_key(), steps),
        };
        if taken > 0 && taken >= steps {
            return Err(ConfigError::OutOfRange {
                key,
                found: format!("{taken} steps long"),
                expected: format!("a warm-up shorter than the run, which is {steps} steps long"),
            });
        }
        Ok(Self { curve: curve(&config), base: base_lr, warmup, length, steps_per_unit })
    }

    /// The learning rate of the step that comes after `step` steps have been taken: 0 for the
    /// first one. Past the end of the run it keeps the last value of the curve.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let unit = step / self.steps_per_unit;
        match self.warmup {
            Warmup::None => self.at(unit, self.length),
            Warmup::Before { units, factor } if unit < units => {
                self.at(0, self.length - units) * ramp(unit, units, factor)
            }
            Warmup::Before { units, .. } => self.at(unit - units, self.length - units),
            Warmup::Over { steps, factor } => {
                self.at(unit, self.length) * ramp(step, steps, factor)
            }
        }
    }

    /// The curve `unit` units after its start, of the `length` that it has.
    fn at(&self, unit: u64, length: u64) -> f64 {
        let progress = || unit.min(length) as f64 / length.max(1) as f64;
        let power = |gamma: f64, count: u64| gamma.powi(i32::try_from(count).unwrap_or(i32::MAX));
        match &self.curve {
            Curve::Constant => self.base,
            Curve::Step { size, gamma } => self.base * power(*gamma, unit / size),
            Curve::MultiStep { milestones, gamma } => {
                let passed = milestones.partition_point(|milestone| *milestone <= unit);
                self.base * power(*gamma, passed as u64)
            }
            Curve::Exponential { gamma } => self.base * power(*gamma, unit),
            Curve::Cosine { minimum } => {
                let cosine = (std::f64::consts::PI * progress()).cos();
                minimum + (self.base - minimum) * (1.0 + cosine) / 2.0
            }
            Curve::Polynomial { power, minimum } => {
                minimum + (self.base - minimum) * (1.0 - progress()).powf(*power)
            }
        }
    }
}

fn ramp(done: u64, length: u64, factor: f64) -> f64 {
    factor + (1.0 - factor) * done.min(length) as f64 / length as f64
}

/// Reads a resolved configuration: what does not apply is absent, what applies is there.
fn curve(config: &ScheduleConfig) -> Curve {
    let gamma = config.gamma.unwrap_or(1.0);
    let minimum = config.min_lr.unwrap_or(0.0);
    match config.name {
        ScheduleName::Constant => Curve::Constant,
        ScheduleName::Step => Curve::Step { size: config.step_size.unwrap_or(1).max(1), gamma },
        ScheduleName::MultiStep => {
            Curve::MultiStep { milestones: config.milestones.clone().unwrap_or_default(), gamma }
        }
        ScheduleName::Exponential => Curve::Exponential { gamma },
        ScheduleName::Cosine => Curve::Cosine { minimum },
        ScheduleName::Polynomial => {
            Curve::Polynomial { power: config.power.unwrap_or(1.0), minimum }
        }
    }
}

fn warmup(config: &ScheduleConfig, steps_per_epoch: u64) -> Warmup {
    let factor = config.warmup_start_factor.unwrap_or(1.0);
    let (units, steps) = match (config.warmup_steps, config.warmup_epochs, config.unit()) {
        (Some(steps), _, Unit::Step) => (Some(steps), steps),
        (Some(steps), _, Unit::Epoch) => (None, steps),
        (None, Some(epochs), Unit::Epoch) if epochs.fract() == 0.0 => (Some(epochs as u64), 0),
        (None, Some(epochs), unit) => {
            let steps = (epochs * steps_per_epoch as f64).round() as u64;
            ((unit == Unit::Step).then_some(steps), steps)
        }
        (None, None, _) => (None, 0),
    };
    match (units, steps) {
        (Some(0), _) | (None, 0) => Warmup::None,
        (Some(units), _) => Warmup::Before { units, factor },
        (None, steps) => Warmup::Over { steps, factor },
    }
}
