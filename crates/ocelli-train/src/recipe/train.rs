//! `[train]`: how long and against what.

use serde::{Deserialize, Serialize};

use super::{BestBy, LossSection};
use crate::ema::EmaConfig;
use crate::selection::Selection;

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
    /// `{ name = "cross_entropy", label_smoothing = 0.1, class_weights = "balanced" }`; for
    /// segmentation also a list of them, whose weighted sum it is. Default: cross-entropy, for
    /// colorization `l1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossSection>,
    /// What the loss of a segmentation model's auxiliary scores is multiplied with before it is
    /// added.
    pub auxiliary_weight: f64,
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
    /// What `checkpoints/best` is best at, on the validation pictures. Default: accuracy; miou for
    /// segmentation, psnr for colorization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_by: Option<BestBy>,
    /// Stop after this many epochs without a better validation; 0 never stops early.
    pub early_stopping_patience: u32,
    /// Also write `checkpoints/last` after every so many steps; 0 only after epochs.
    pub checkpoint_every_steps: u64,
    /// Epochs at which a checkpoint is kept, and what the model makes of validation pictures: the
    /// penultimate features of all, the masks or the colours of some. Numbers, or `"first"`,
    /// `"middle"`, `"last"`.
    pub snapshots: Vec<SnapshotEpoch>,
    /// Segmentation and colorization: whose masks or colours are kept, a number of validation
    /// pictures drawn by the seed, or a list of their names.
    pub snapshot_pictures: SnapshotPictures,
    /// Also write what TensorBoard opens, into the run folder's `tensorboard/`.
    pub tensorboard: bool,
}

impl Default for TrainSection {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 32,
            accumulate: 1,
            loss: None,
            auxiliary_weight: 0.4,
            mixup_alpha: 0.0,
            cutmix_alpha: 0.0,
            mix_probability: 1.0,
            clip_norm: 0.0,
            ema: None,
            freeze: None,
            unfreeze_epoch: None,
            exact_convolution: false,
            best_by: None,
            early_stopping_patience: 0,
            checkpoint_every_steps: 0,
            snapshots: Vec::new(),
            snapshot_pictures: SnapshotPictures::default(),
            tensorboard: true,
        }
    }
}

/// Whose masks or colours a snapshot keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of pictures, or a list of their names")]
pub enum SnapshotPictures {
    /// So many validation pictures, drawn by the seed.
    Count(usize),
    /// The validation pictures with these file names, with or without extension.
    Names(Vec<String>),
}

impl Default for SnapshotPictures {
    fn default() -> Self {
        Self::Count(4)
    }
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
