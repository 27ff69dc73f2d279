//! The recipe: one TOML file that says everything about an experiment.
//!
//! [`read`] turns text into a [`Recipe`], pointing at line and column when it can't;
//! [`resolve`] writes every default out and checks every value; [`suggest`] makes a recipe for a
//! person who has only a folder of pictures.

pub mod read;
pub mod resolve;
pub mod suggest;

use std::path::PathBuf;

use ocelli_data::augment::Transform;
use ocelli_data::cache::CacheKind;
use ocelli_data::loader::{LastBatch, OnBroken};
use ocelli_data::source::Layout;
use ocelli_models::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::ema::EmaConfig;
use crate::loss::LossConfig;
use crate::optimizer::OptimizerConfig;
use crate::schedule::ScheduleConfig;
use crate::selection::Selection;

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
}

impl Recipe {
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
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSection {
    /// A name that `ocelli models` lists. Default `resnet18`.
    pub name: String,
    /// Where the first weights come from: `none` (a fresh start), a `.safetensors` or `.pth` file,
    /// `https://…` with `#sha256=…`, `torchvision://resnet18/IMAGENET1K_V1`, or
    /// `hf://timm/resnet18.a1_in1k`.
    pub weights: String,
    /// The share of numbers that the classifier's dropout drops in training. By default the model's
    /// own, as torchvision has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// The chance that training drops the last residual branch, earlier ones less. By default the
    /// model's own, as torchvision has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stochastic_depth: Option<f64>,
}

impl Default for ModelSection {
    fn default() -> Self {
        Self {
            name: "resnet18".to_owned(),
            weights: "none".to_owned(),
            dropout: None,
            stochastic_depth: None,
        }
    }
}

impl ModelSection {
    /// What to build for so many classes.
    #[must_use]
    pub fn config(&self, classes: usize) -> ModelConfig {
        ModelConfig {
            dropout: self.dropout,
            stochastic_depth: self.stochastic_depth,
            ..ModelConfig::new(&self.name, classes)
        }
    }
}

/// The pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSection {
    /// A folder, a `.tar`, a `.csv`, or `synth://birds?…`.
    pub train: String,
    /// The same for validation, or the fraction of `train` to keep back. By default the `val`
    /// part that `train` has, else 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val: Option<Validation>,
    /// The same for a last test after training. By default the `test` part that `train` has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Pixels: `N`, or `[height, width]`.
    pub size: Size,
    /// How the files are laid out; `auto` tells it from the files.
    pub layout: Layout,
    /// For `layout = "names"`: a regular expression whose group `class` is the class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_pattern: Option<String>,
    /// For a CSV: the column with the picture's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_column: Option<String>,
    /// For a CSV: the column with the class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// The training pictures' transforms, in order. By default a random resized crop and a flip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Vec<Transform>>,
    /// The validation and test pictures' transforms, in order. By default a resize, and a centre
    /// crop where training crops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_transforms: Option<Vec<Transform>>,
    /// Which training pictures make an epoch: each once in random order, or drawn so that every
    /// class is seen equally often.
    pub sampling: Sampling,
    /// What happens to a last batch that is not full.
    pub last_batch: LastBatch,
    /// What happens at a picture that can't be decoded.
    pub on_broken: OnBroken,
    /// A picture with more pixels than this counts as broken.
    pub max_megapixels: f64,
    /// The colour behind transparent pixels.
    pub background: [u8; 3],
    /// Threads that decode and augment. 0: the training thread does it.
    pub workers: usize,
    /// Batches made ahead of training.
    pub prefetch_batches: usize,
    /// Where decoded pictures are kept between epochs.
    pub cache: CacheKind,
    /// The cache's bound.
    pub cache_max_mb: u64,
    /// The disk cache's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_folder: Option<PathBuf>,
}

impl Default for DataSection {
    fn default() -> Self {
        Self {
            train: "synth://birds?classes=8&count=800".to_owned(),
            val: None,
            test: None,
            size: Size::Square(64),
            layout: Layout::Auto,
            name_pattern: None,
            image_column: None,
            label_column: None,
            augment: None,
            eval_transforms: None,
            sampling: Sampling::Shuffled,
            last_batch: LastBatch::Keep,
            on_broken: OnBroken::Skip,
            max_megapixels: 100.0,
            background: [255; 3],
            workers: 2,
            prefetch_batches: 4,
            cache: CacheKind::None,
            cache_max_mb: 1024,
            cache_folder: None,
        }
    }
}

/// Where the validation pictures come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a fraction such as 0.2, or a path")]
pub enum Validation {
    /// This part of the training pictures, chosen by the seed, the same part of every class.
    Fraction(f64),
    /// A folder, a `.tar`, a `.csv`, or `synth://birds?…`.
    Location(String),
}

/// A picture's size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of pixels, or [height, width]")]
pub enum Size {
    /// Height and width alike.
    Square(u32),
    /// Height, then width.
    HeightWidth([u32; 2]),
}

impl Size {
    /// Height and width in pixels.
    #[must_use]
    pub fn height_width(self) -> [u32; 2] {
        match self {
            Self::Square(side) => [side, side],
            Self::HeightWidth(size) => size,
        }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [height, width] = self.height_width();
        if height == width {
            write!(formatter, "{height}")
        } else {
            write!(formatter, "{height}x{width}")
        }
    }
}

/// Which training pictures make an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Each picture once, in random order.
    #[default]
    Shuffled,
    /// As many draws as there are pictures, with replacement, every class equally often.
    Balanced,
}

/// How long and against what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSection {
    /// Passes over the training pictures.
    pub epochs: u32,
    /// Pictures a batch.
    pub batch_size: usize,
    /// Batches whose gradients are added up before a step.
    pub accumulate: usize,
    /// What is minimized: a name, or a table such as
    /// `{ name = "cross_entropy", label_smoothing = 0.1, class_weights = "balanced" }`.
    pub loss: LossConfig,
    /// MixUp's Beta parameter; 0 turns it off.
    pub mixup_alpha: f64,
    /// CutMix's Beta parameter; 0 turns it off.
    pub cutmix_alpha: f64,
    /// The chance that a batch is mixed at all.
    pub mix_probability: f64,
    /// The largest norm of all gradients together; larger ones are scaled down before the step. 0: no bound.
    pub clip_norm: f64,
    /// Keep an exponential moving average of the weights, and validate with it: a table such as
    /// `{ decay = 0.999 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<EmaConfig>,
    /// What doesn't learn: `"backbone"` (all but the last layer), parts such as `"layer1"`, patterns
    /// such as `"*.bn*"`, or a list of these. Frozen layers get no gradient and no optimizer state,
    /// and their normalizations stand still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Selection>,
    /// The first epoch, from 1, in which what was frozen learns too. By default it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfreeze_epoch: Option<u32>,
    /// On the CPU: never compute a convolution by Winograd's algorithm, which is up to four times
    /// as fast and wrong by up to 1e-5 of the largest value.
    pub exact_convolution: bool,
    /// What `checkpoints/best` is best at, on the validation pictures.
    pub best_by: BestBy,
    /// Stop after this many epochs without a better validation; 0 never stops early.
    pub early_stopping_patience: u32,
    /// Also write `checkpoints/last` after every so many steps; 0 only after epochs.
    pub checkpoint_every_steps: u64,
    /// Epochs at which a checkpoint and the penultimate features of the validation pictures are
    /// kept: numbers, or `"first"`, `"middle"`, `"last"`.
    pub snapshots: Vec<SnapshotEpoch>,
}

impl Default for TrainSection {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 32,
            accumulate: 1,
            loss: LossConfig::default(),
            mixup_alpha: 0.0,
            cutmix_alpha: 0.0,
            mix_probability: 1.0,
            clip_norm: 0.0,
            ema: None,
            freeze: None,
            unfreeze_epoch: None,
            exact_convolution: false,
            best_by: BestBy::Accuracy,
            early_stopping_patience: 0,
            checkpoint_every_steps: 0,
            snapshots: Vec::new(),
        }
    }
}

/// What makes one validation better than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BestBy {
    /// The largest share of right answers.
    #[default]
    Accuracy,
    /// The smallest loss.
    Loss,
}

/// An epoch, by number (from 1) or by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected an epoch number, \"first\", \"middle\" or \"last\"")]
pub enum SnapshotEpoch {
    /// The epoch's number, from 1.
    Number(u32),
    /// A place in the run.
    Named(NamedEpoch),
}

/// A place in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedEpoch {
    /// Epoch 1.
    First,
    /// The epoch in the middle, rounded up.
    Middle,
    /// The last epoch of the recipe.
    Last,
}

impl SnapshotEpoch {
    /// The epoch's number in a run of `epochs` epochs.
    #[must_use]
    pub fn number(self, epochs: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Named(NamedEpoch::First) => 1,
            Self::Named(NamedEpoch::Middle) => epochs.div_ceil(2),
            Self::Named(NamedEpoch::Last) => epochs,
        }
    }
}
