//! `[self_supervised]`: what learning without labels needs to know.

use ocelli_data::augment::Transform;
use ocelli_models::self_supervised::MlpLayer;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::config::{ConfigError, Keys, check_range};

/// Heads, loss and views of learning without labels. Defaults are those of the methods' papers; keys
/// that a method has no use for are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfSupervisedSection {
    /// The width of the projector's hidden layers. Default: 4096 for `byol`, 2048 for `simsiam` and
    /// `simclr`, 8192 for `barlow_twins`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// The width of what is compared. Default: 256 for `byol`, 2048 for `simsiam`, 128 for `simclr`,
    /// 8192 for `barlow_twins`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<usize>,
    /// `byol`, `simsiam`: the width of the predictor's hidden layer. Default 4096 and 512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictor_hidden: Option<usize>,
    /// `byol`: the share of the target network that a step keeps, at the first step. Default 0.99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// `byol`: what `momentum` rises to by the last step, by half a cosine. Default 1; as large as
    /// `momentum`, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_momentum: Option<f64>,
    /// `simclr`: what similarities are divided by. Default 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// `barlow_twins`: the weight of what different features have in common. Default 5e-3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redundancy_weight: Option<f64>,
    /// The transforms of the second view. By default those of the first, `data.augment`; where that
    /// isn't given either, the paper's second view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_view: Option<Vec<Transform>>,
    /// Measures the features on labelled pictures: the answer for a picture is the class of those
    /// that are most like it. `knn = {}` measures every epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knn: Option<KnnSection>,
}

/// How features are measured by their nearest neighbours (Wu et al. 2018, "Unsupervised Feature
/// Learning via Non-Parametric Instance Discrimination").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KnnSection {
    /// Every so many epochs, and after the last.
    pub every: u32,
    /// Neighbours that vote.
    pub k: usize,
    /// What their similarity is divided by before it is the exponent of their weight.
    pub temperature: f64,
    /// Labelled pictures, whose training part votes and whose validation part is asked. By default
    /// the run's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Default for KnnSection {
    fn default() -> Self {
        Self { every: 1, k: 200, temperature: 0.1, data: None }
    }
}

impl KnnSection {
    /// Whether the features are measured after an epoch, counted from 1.
    #[must_use]
    pub fn is_due(&self, epoch: u32, epochs: u32) -> bool {
        epoch.is_multiple_of(self.every) || epoch == epochs
    }
}

/// A layer wider than this is a slip of the pen.
const WIDEST: usize = 1 << 16;

impl SelfSupervisedSection {
    /// The same with every default that applies written out, but for the views.
    ///
    /// # Errors
    /// A key that has no meaning for the method, or a value out of range.
    pub fn resolved(&self, method: Method) -> Result<Self, ConfigError> {
        let applies: &[&'static str] = match method {
            Method::Byol => &[
                "hidden",
                "projection",
                "predictor_hidden",
                "momentum",
                "final_momentum",
                "second_view",
                "knn",
            ],
            Method::SimSiam => &["hidden", "projection", "predictor_hidden", "second_view", "knn"],
            Method::SimClr => &["hidden", "projection", "temperature", "second_view", "knn"],
            Method::BarlowTwins => {
                &["hidden", "projection", "redundancy_weight", "second_view", "knn"]
            }
        };
        let keys = Keys { owner: format!("task `{}`", method.name()), applies };
        let without_target = "it has no target network that follows slowly";
        keys.check("predictor_hidden", self.predictor_hidden.is_some(), "it has no predictor")?;
        keys.check("momentum", self.momentum.is_some(), without_target)?;
        keys.check("final_momentum", self.final_momentum.is_some(), without_target)?;
        keys.check(
            "temperature",
            self.temperature.is_some(),
            "it compares with no other pictures",
        )?;
        let uncorrelated = "it does not correlate features";
        keys.check("redundancy_weight", self.redundancy_weight.is_some(), uncorrelated)?;

        let [hidden, projection] = match method {
            Method::Byol => [4096, 256],
            Method::SimSiam => [2048, 2048],
            Method::SimClr => [2048, 128],
            Method::BarlowTwins => [8192, 8192],
        };
        let width = |key, given: Option<usize>, default| {
            let value = given.unwrap_or(default);
            let expected = "a width from 1 to 65536";
            check_range(key, value as f64, (1..=WIDEST).contains(&value), expected)
                .map(|_| Some(value))
        };
        let mut resolved = self.clone();
        resolved.hidden = width("hidden", self.hidden, hidden)?;
        resolved.projection = width("projection", self.projection, projection)?;
        match method {
            Method::Byol => {
                resolved.predictor_hidden = width("predictor_hidden", self.predictor_hidden, 4096)?;
                let momentum = self.momentum.unwrap_or(0.99);
                let share = |key, value: f64, least: f64, expected| {
                    check_range(key, value, (least..=1.0).contains(&value), expected).map(Some)
                };
                resolved.momentum = share("momentum", momentum, 0.0, "a share from 0 to 1")?;
                let last = self.final_momentum.unwrap_or(1.0);
                resolved.final_momentum =
                    share("final_momentum", last, momentum, "a share from momentum to 1")?;
            }
            Method::SimSiam => {
                resolved.predictor_hidden = width("predictor_hidden", self.predictor_hidden, 512)?;
            }
            Method::SimClr => {
                let value = self.temperature.unwrap_or(0.1);
                let expected = "above 0, at most 100";
                let in_range = value > 0.0 && value <= 100.0;
                resolved.temperature = Some(check_range("temperature", value, in_range, expected)?);
            }
            Method::BarlowTwins => {
                let value = self.redundancy_weight.unwrap_or(5e-3);
                let in_range = (0.0..=1e3).contains(&value);
                resolved.redundancy_weight =
                    Some(check_range("redundancy_weight", value, in_range, "0 to 1000")?);
            }
        }
        if let Some(knn) = &self.knn {
            check_range("knn", knn.k as f64, knn.k >= 1, "a k of at least 1")?;
            check_range("knn", knn.every.into(), knn.every >= 1, "every at least 1 epoch")?;
            let in_range = knn.temperature > 0.0;
            check_range("knn", knn.temperature, in_range, "a temperature above 0")?;
        }
        Ok(resolved)
    }

    /// The layers of the projector of a resolved section.
    #[must_use]
    pub fn projector(&self, method: Method) -> Vec<MlpLayer> {
        let hidden = MlpLayer::hidden(self.hidden.unwrap_or_default());
        let last = MlpLayer::last(self.projection.unwrap_or_default());
        match method {
            Method::Byol | Method::SimClr => vec![hidden, last],
            // The paper's normalization of the projection has no scale and bias; ours has.
            Method::SimSiam => vec![hidden, hidden, MlpLayer { normalized: true, ..last }],
            Method::BarlowTwins => vec![hidden, hidden, last],
        }
    }

    /// The layers of the predictor of a resolved section, if the method has one.
    #[must_use]
    pub fn predictor(&self) -> Option<Vec<MlpLayer>> {
        let hidden = MlpLayer::hidden(self.predictor_hidden?);
        Some(vec![hidden, MlpLayer::last(self.projection.unwrap_or_default())])
    }
}
