//! The recipe: one TOML file that says everything about an experiment.
//!
//! [`read`] turns text into a [`Recipe`], pointing at line and column when it can't;
//! [`resolve`] writes every default out and checks every value; [`suggest`] makes a recipe for a
//! person who has only a folder of pictures.

mod best_by;
mod colorize;
mod data;
mod evaluate;
mod loss;
mod model;
pub mod read;
pub mod resolve;
mod self_supervised;
pub mod suggest;
mod task;
mod train;
pub mod views;

pub use best_by::BestBy;
pub use colorize::{ColorSpace, ColorizeSection};
pub use data::{DataSection, Sampling, Size, Validation};
pub use evaluate::EvaluateSection;
pub use loss::LossSection;
pub use model::ModelSection;
pub use self_supervised::{KnnSection, SelfSupervisedSection};
pub use task::{Method, Task};
pub use train::{NamedEpoch, SnapshotEpoch, SnapshotPictures, TrainSection};

use serde::{Deserialize, Serialize};

use crate::optimizer::OptimizerConfig;
use crate::schedule::ScheduleConfig;

/// A whole experiment. A key left out has the default given here; what depends on the pictures
/// is `None` until [`resolve`] fills it in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// What is learned.
    pub task: Task,
    /// The one root of all randomness.
    pub seed: u64,
    /// The network.
    pub model: ModelSection,
    /// The pictures.
    pub data: DataSection,
    /// How long and against what.
    pub train: TrainSection,
    /// What turns gradients into steps.
    pub optimizer: OptimizerConfig,
    /// How the learning rate moves.
    pub schedule: ScheduleConfig,
    /// Segmentation: how it is measured and predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate: Option<EvaluateSection>,
    /// Colorization: which numbers stand for colours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colorize: Option<ColorizeSection>,
    /// Learning without labels: heads, loss and views.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_supervised: Option<SelfSupervisedSection>,
}

impl Recipe {
    /// What makes one validation better than another.
    #[must_use]
    pub fn best_by(&self) -> BestBy {
        let measures = self.self_supervised.as_ref().is_some_and(|section| section.knn.is_some());
        let default = if measures { BestBy::Knn } else { BestBy::of(self.task)[0] };
        self.train.best_by.unwrap_or(default)
    }

    /// The recipe as text.
    ///
    /// # Errors
    /// If a number has no TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}
