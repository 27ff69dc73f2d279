//! From the recipe's `[data]` to datasets, pipelines and loaders.

use std::sync::Arc;

use ocelli_data::augment::{AugmentError, Pipeline};
use ocelli_data::batch_mix::BatchMix;
use ocelli_data::cache::CacheConfig;
use ocelli_data::dataset::{ClassMismatch, PictureError};
use ocelli_data::loader::{KeepOriginals, LastBatch, Loader, LoaderConfig, LoaderError, Order};
use ocelli_data::mask::{PaletteOptions, spot_check};
use ocelli_data::source::{self, Found, Labels, Layout, SourceError, SourceOptions};
use ocelli_data::split::{SplitError, split};
use ocelli_data::{Dataset, DecodeOptions};

use crate::recipe::{DataSection, Recipe, Sampling, Task, Validation};
use crate::run_folder::SplitCounts;

/// Why a recipe's pictures can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PicturesError {
    /// The pictures were not found, or not understood.
    #[error("data.{key}: {reason}")]
    Source {
        /// The recipe's key.
        key: &'static str,
        /// Why.
        #[source]
        reason: SourceError,
    },
    /// The training pictures can't be divided.
    #[error("data.val: {0}")]
    Split(#[from] SplitError),
    /// A split has classes that the training pictures don't have.
    #[error("data.{key}: {reason}")]
    Classes {
        /// The recipe's key.
        key: &'static str,
        /// Which.
        #[source]
        reason: ClassMismatch,
    },
    /// The pictures have no classes to learn.
    #[error(
        "data.train: {location}: found {found} pictures and {classes} classes, expected at least 2 classes \
         (a folder for each class, names such as cat_001.jpg, or a CSV with a label column)"
    )]
    NoClasses {
        /// Where.
        location: String,
        /// How many pictures.
        found: usize,
        /// How many classes.
        classes: usize,
    },
    /// There is nothing to compare a picture with.
    #[error(
        "data.train: {location}: found {found} training pictures, expected at least 2: learning \
         without labels compares pictures with each other"
    )]
    TooFew {
        /// Where.
        location: String,
        /// How many pictures.
        found: usize,
    },
    /// Neighbours can't be measured.
    #[error("self_supervised.knn: {0} (its own pictures with classes: knn.data)")]
    Knn(#[source] Box<PicturesError>),
    /// The pictures have no masks to learn.
    #[error(
        "data.train: {location}: found {found} pictures with masks and {classes} classes in them, expected \
         masks of at least 2 classes (see docs/segmentation-data.md; `ocelli data check` says how the \
         files were read)"
    )]
    NoMasks {
        /// Where.
        location: String,
        /// How many pictures.
        found: usize,
        /// How many classes.
        classes: usize,
    },
    /// Pictures without a recipe tell nothing of what is to be learned.
    #[error(
        "{location}: found {found} pictures, but neither classes nor masks, so what is there to learn?\n\
         classes: a folder for each class, names such as cat_001.jpg, or a CSV with a label column\n\
         masks: images/a.jpg beside masks/a.png, or a.jpg beside a_mask.png (docs/segmentation-data.md)\n\
         neither: learn their colours, --set task=colorize, or features, with a recipe of \
         task = \"byol\" and data.train = \"{location}\""
    )]
    NothingToLearn {
        /// Where.
        location: String,
        /// How many pictures.
        found: usize,
    },
    /// The truth of the validation pictures is not known.
    #[error(
        "data.val: {location}: found {found} pictures without {what}; validation needs pictures \
         that have them"
    )]
    NoLabels {
        /// Where.
        location: String,
        /// How many pictures.
        found: usize,
        /// What they lack.
        what: &'static str,
    },
    /// Most of some pictures and masks that were looked at can't be used.
    #[error("data.{key}: {reason}")]
    Pair {
        /// The recipe's key.
        key: &'static str,
        /// The first of them, and why.
        #[source]
        reason: Box<PictureError>,
    },
    /// A transform of the recipe can't be used.
    #[error("data.{key}: {reason}")]
    Transform {
        /// The recipe's key.
        key: &'static str,
        /// Why.
        #[source]
        reason: AugmentError,
    },
    /// The loader can't be set up.
    #[error(transparent)]
    Loader(#[from] LoaderError),
}

/// The datasets of an experiment.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Training pictures; their class list is the experiment's.
    pub train: Arc<Dataset>,
    /// Validation pictures.
    pub val: Arc<Dataset>,
    /// Test pictures.
    pub test: Option<Arc<Dataset>>,
    /// How the training pictures are laid out.
    pub layout: Layout,
    /// What a person should know about them.
    pub notes: Vec<String>,
}

/// How a section's files are to be read for a task.
#[must_use]
pub fn source_options(task: Task, data: &DataSection) -> SourceOptions {
    SourceOptions {
        layout: data.layout,
        name_pattern: data.name_pattern.clone(),
        image_column: data.image_column.clone(),
        label_column: data.label_column.clone(),
        mask_column: data.mask_column.clone(),
        masks: data.masks.clone(),
        palette: data.palette.clone(),
        image_suffix: data.image_suffix.clone(),
        mask_suffix: data.mask_suffix.clone(),
        ignore: PaletteOptions {
            ignore_index: data.ignore_index.clone(),
            ignore_colors: data.ignore_colors.clone(),
        },
        labels: match task {
            // Of pictures that needn't have classes too: neighbours are measured by them.
            Task::Classify | Task::SelfSupervised(_) => Labels::Classes,
            Task::Segment => Labels::Masks,
            Task::Colorize => Labels::None,
        },
    }
}

/// What decoding may cost.
#[must_use]
pub fn decode_options(data: &DataSection) -> DecodeOptions {
    DecodeOptions {
        // A recipe's megapixels were checked to be positive; the cast saturates.
        max_pixels: (data.max_megapixels * 1e6) as u64,
        background: data.background,
    }
}

/// Finds the pictures of a recipe, and writes into it where validation comes from.
///
/// # Errors
/// [`PicturesError`] names the recipe's key and what was found there.
pub fn open(recipe: &mut Recipe) -> Result<Pictures, PicturesError> {
    let options = source_options(recipe.task, &recipe.data);
    let open = |key, location: &str| {
        source::open(location, &options).map_err(|reason| PicturesError::Source { key, reason })
    };
    let Found { train, val: own_val, test: own_test, layout, mut notes, .. } =
        open("train", &recipe.data.train)?;
    check_truth(recipe.task, &recipe.data.train, &train)?;
    let with_classes = |key, dataset: Dataset, classes: &[String]| {
        dataset.with_classes(classes).map_err(|reason| PicturesError::Classes { key, reason })
    };
    // A location given for validation or testing may itself hold a `train`-like folder of classes
    // only, or be one half of a folder that has both.
    let elsewhere = |key, location: &str, classes: &[String]| -> Result<Dataset, PicturesError> {
        let found = open(key, location)?;
        with_classes(key, found.train, classes)
    };
    let (train, val) = match (&recipe.data.val, own_val) {
        (Some(Validation::Location(location)), _) => {
            let val = elsewhere("val", location, &train.classes)?;
            (train, val)
        }
        (Some(Validation::Fraction(fraction)), own_val) => {
            if own_val.is_some() {
                notes.push(format!(
                    "{} has a validation part, which data.val = {fraction} leaves unused",
                    recipe.data.train
                ));
            }
            split(train, *fraction, recipe.seed)?
        }
        (None, Some(val)) => {
            let val = with_classes("val", val, &train.classes)?;
            (train, val)
        }
        (None, None) => {
            recipe.data.val = Some(Validation::Fraction(DEFAULT_VALIDATION));
            split(train, DEFAULT_VALIDATION, recipe.seed)?
        }
    };
    if !has_truth(recipe.task, &val) {
        let location = match &recipe.data.val {
            Some(Validation::Location(location)) => location.clone(),
            _ => recipe.data.train.clone(),
        };
        let what = expected_truth(recipe.task);
        return Err(PicturesError::NoLabels { location, found: val.len(), what });
    }
    if recipe.task.method().is_some() && train.len() < 2 {
        let location = recipe.data.train.clone();
        return Err(PicturesError::TooFew { location, found: train.len() });
    }
    let test = match (&recipe.data.test, own_test) {
        (Some(location), _) => Some(elsewhere("test", location, &train.classes)?),
        (None, Some(test)) => Some(with_classes("test", test, &train.classes)?),
        (None, None) => None,
    };
    let test = test.filter(|test| {
        let usable = has_truth(recipe.task, test);
        if !usable {
            notes.push(format!(
                "the {} test pictures have no {}, so there is no test after training",
                test.len(),
                expected_truth(recipe.task)
            ));
        }
        usable
    });
    for (key, dataset) in [("train", &train), ("val", &val)] {
        let seen = spot_check(dataset, &decode_options(&recipe.data), CHECKED_PAIRS)
            .map_err(|reason| PicturesError::Pair { key, reason: Box::new(reason) })?;
        if let ([class], true) = (seen.classes.as_slice(), seen.masks > 1) {
            notes.push(format!(
                "data.{key}: the {} masks looked at show nothing but {class} and ignored pixels; if \
                 that is not so, the palette file gives their values to other classes, or to none \
                 (`ocelli data check` counts them)",
                seen.masks
            ));
        }
    }
    Ok(Pictures { train: train.into(), val: val.into(), test: test.map(Arc::new), layout, notes })
}

/// Pictures and masks that are read before training begins.
const CHECKED_PAIRS: usize = 16;

/// Whether pictures have what a task learns from.
pub(crate) fn has_truth(task: Task, dataset: &Dataset) -> bool {
    match task {
        Task::Classify => dataset.is_labelled(),
        Task::Segment => dataset.palette.is_some(),
        Task::Colorize | Task::SelfSupervised(_) => !dataset.is_empty(),
    }
}

/// What a task learns from, in words.
pub(crate) fn expected_truth(task: Task) -> &'static str {
    match task {
        Task::Classify => "classes",
        Task::Segment => "masks",
        Task::Colorize | Task::SelfSupervised(_) => "pictures",
    }
}

/// Refuses training pictures that have nothing to learn from.
pub(crate) fn check_truth(
    task: Task,
    location: &str,
    train: &Dataset,
) -> Result<(), PicturesError> {
    let (location, found) = (location.to_owned(), train.len());
    let classes = train.classes.len();
    match task {
        Task::Classify if classes < 2 => Err(PicturesError::NoClasses { location, found, classes }),
        Task::Segment if train.palette.is_none() || classes < 2 => {
            Err(PicturesError::NoMasks { location, found, classes })
        }
        _ => Ok(()),
    }
}

/// The part of the training pictures kept for validation where nothing else is said.
const DEFAULT_VALIDATION: f64 = 0.2;

impl Pictures {
    /// A digest of the training and validation samples' names, sizes and labels.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let parts = [self.train.fingerprint(), self.val.fingerprint()];
        blake3::hash(parts.join("\n").as_bytes()).to_hex().to_string()
    }

    /// How many pictures each split has.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        SplitCounts {
            train: self.train.len(),
            val: self.val.len(),
            test: self.test.as_ref().map_or(0, |test| test.len()),
        }
    }
}

/// The loader of training batches.
///
/// # Errors
/// [`PicturesError`] names the recipe's key.
pub fn training_loader(recipe: &Recipe, dataset: Arc<Dataset>) -> Result<Loader, PicturesError> {
    let data = &recipe.data;
    let transforms = data.augment.as_deref().unwrap_or_default();
    let pipeline = Pipeline::new(transforms, data.size.height_width())
        .map_err(|reason| PicturesError::Transform { key: "augment", reason })?;
    let further = second_view(recipe)?;
    let config = LoaderConfig {
        batch_size: recipe.train.batch_size,
        order: match data.sampling {
            Sampling::Shuffled => Order::Shuffled,
            Sampling::Balanced => Order::Balanced,
        },
        last_batch: data.last_batch,
        batch_mix: BatchMix {
            mixup_alpha: recipe.train.mixup_alpha,
            cutmix_alpha: recipe.train.cutmix_alpha,
            probability: recipe.train.mix_probability,
            ..BatchMix::default()
        },
        ..loader_config(recipe)
    };
    Ok(Loader::with_views(dataset, Arc::new(pipeline), further, config)?)
}

/// What makes the second view of training pictures, for tasks that have one.
pub(crate) fn second_view(recipe: &Recipe) -> Result<Vec<Arc<Pipeline>>, PicturesError> {
    if recipe.task.method().is_none() {
        return Ok(Vec::new());
    }
    let section = recipe.self_supervised.as_ref();
    let transforms = section.and_then(|section| section.second_view.as_deref()).unwrap_or_default();
    let pipeline = Pipeline::new(transforms, recipe.data.size.height_width())
        .map_err(|reason| PicturesError::Transform { key: "second_view", reason })?;
    Ok(vec![Arc::new(pipeline)])
}

/// A loader that gives every picture once, in order, with the evaluation transforms.
///
/// # Errors
/// [`PicturesError`] names the recipe's key.
pub fn evaluation_loader(recipe: &Recipe, dataset: Arc<Dataset>) -> Result<Loader, PicturesError> {
    let pipeline = Arc::new(evaluation_pipeline(recipe)?);
    let evaluate = recipe.evaluate.clone().unwrap_or_default();
    let segments = recipe.task == Task::Segment;
    let originals = KeepOriginals {
        masks: segments && (evaluate.original_size || evaluate.sliding_window),
        pictures: match recipe.task {
            Task::Classify | Task::SelfSupervised(_) => false,
            Task::Segment => evaluate.sliding_window,
            Task::Colorize => !recipe.train.snapshots.is_empty(),
        },
    };
    let config = LoaderConfig { originals, ..loader_config(recipe) };
    Ok(Loader::new(dataset, pipeline, config)?)
}

/// The evaluation transforms.
///
/// # Errors
/// [`PicturesError::Transform`].
pub fn evaluation_pipeline(recipe: &Recipe) -> Result<Pipeline, PicturesError> {
    let transforms = recipe.data.eval_transforms.as_deref().unwrap_or_default();
    Pipeline::new(transforms, recipe.data.size.height_width())
        .map_err(|reason| PicturesError::Transform { key: "eval_transforms", reason })
}

fn loader_config(recipe: &Recipe) -> LoaderConfig {
    let data = &recipe.data;
    LoaderConfig {
        batch_size: recipe.train.batch_size,
        workers: data.workers,
        prefetch_batches: data.prefetch_batches,
        seed: recipe.seed,
        order: Order::Sequential,
        last_batch: LastBatch::Keep,
        on_broken: data.on_broken,
        decode: decode_options(data),
        batch_mix: BatchMix::default(),
        cache: CacheConfig {
            kind: data.cache,
            max_mb: data.cache_max_mb,
            folder: data.cache_folder.clone(),
        },
        originals: KeepOriginals::default(),
    }
}
