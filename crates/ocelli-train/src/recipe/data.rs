//! `[data]`: the pictures.

use std::path::PathBuf;

use ocelli_data::augment::Transform;
use ocelli_data::cache::CacheKind;
use ocelli_data::loader::{LastBatch, OnBroken};
use ocelli_data::source::Layout;
use serde::{Deserialize, Serialize};

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
    /// Where the masks are, if not among the pictures: a folder, a `.tar`, or a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<PathBuf>,
    /// The palette file, which says which indices and colours of the masks stand for which classes.
    /// By default a `palette.csv`, `classes.csv` or `class_dict.csv` near the pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub palette: Option<PathBuf>,
    /// Indices of masks that count for no class. By default 255, and classes called `unlabelled`,
    /// `void` or the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<Vec<u16>>,
    /// Colours of masks that count for no class, beside those of ignored indices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_colors: Vec<[u8; 3]>,
    /// What the names of pictures end in, where those of masks end in something else: `_sat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_suffix: Option<String>,
    /// What the names of masks end in: `_mask`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_suffix: Option<String>,
    /// For a CSV: the column with the mask's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_column: Option<String>,
    /// The training pictures' transforms, in order. By default a random resized crop
    /// and a flip; for segmentation and colorization the flip alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Vec<Transform>>,
    /// The validation and test pictures' transforms, in order. By default a resize, and for
    /// classification a centre crop where training crops.
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
            masks: None,
            palette: None,
            ignore_index: None,
            ignore_colors: Vec::new(),
            image_suffix: None,
            mask_suffix: None,
            mask_column: None,
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
