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
pub mod suggest;
mod train;

pub use best_by::BestBy;
pub use colorize::{ColorSpace, ColorizeSection};
pub use data::{DataSection, Sampling, Size, Validation};
pub use evaluate::EvaluateSection;
pub use loss::LossSection;
pub use model::ModelSection;
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
}

impl Recipe {
    /// What makes one validation better than another.
    #[must_use]
    pub fn best_by(&self) -> BestBy {
        self.train.best_by.unwrap_or(BestBy::of(self.task)[0])
    }

    /// The recipe as text.
    ///
    /// # Errors
    /// If a number has no TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

/// What is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One class a picture.
    #[default]
    Classify,
    /// One class a pixel.
    Segment,
    /// Colours for gray pictures.
    Colorize,
}

impl Task {
    /// Its name in recipes and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Segment => "segment",
            Self::Colorize => "colorize",
        }
    }
}
