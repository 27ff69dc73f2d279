//! What can go wrong while loading.

use crate::augment::AugmentError;
use crate::cache::CacheError;
use crate::dataset::PictureError;
use crate::sampler::SamplerError;

/// Why a loader could not be made, or an epoch ended early.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// There is nothing to load.
    #[error("the dataset has no samples: check the path, and that its pictures have known formats")]
    NoSamples,
    /// A batch of nothing.
    #[error("batch_size is 0: a batch has at least 1 sample")]
    NoBatchSize,
    /// Workers that may not work ahead.
    #[error(
        "prefetch_batches is 0 with {workers} workers: let them make at least 1 batch ahead, \
         or set workers to 0"
    )]
    NoPrefetch {
        /// The workers asked for.
        workers: usize,
    },
    /// The one batch that there is would be dropped.
    #[error(
        "{samples} samples make no whole batch of {batch_size}, and last_batch = \"drop\" leaves \
         out the rest: choose a batch_size of at most {samples}, or last_batch = \"keep\""
    )]
    NoWholeBatch {
        /// Samples in the dataset.
        samples: usize,
        /// Samples in a batch.
        batch_size: usize,
    },
    /// A label without a class name.
    #[error("{name} has label {label}, but there are {classes} classes, counted from 0")]
    LabelOutOfRange {
        /// The sample.
        name: String,
        /// Its label.
        label: u32,
        /// How many classes have names.
        classes: usize,
    },
    /// Labels for some samples only.
    #[error(
        "{unlabelled} of {samples} samples have no label, the first is {name}: \
         label all samples or none"
    )]
    PartlyLabelled {
        /// The first sample without a label.
        name: String,
        /// Samples without a label.
        unlabelled: usize,
        /// Samples in the dataset.
        samples: usize,
    },
    /// Views that don't fit into one batch.
    #[error(
        "the views of a picture end at different sizes, {first:?} and {further:?} [height, width]: \
         let all their transforms end at the same"
    )]
    ViewSizes {
        /// The first view's.
        first: [u32; 2],
        /// Another's.
        further: [u32; 2],
    },
    /// Masks would have to move with each view.
    #[error("pictures with masks are loaded in one view only: leave the masks or the views out")]
    ViewsOfMasks,
    /// MixUp and CutMix mix labels too.
    #[error("mixup and cutmix need labels, and the dataset has none: leave them out")]
    MixWithoutLabels,
    /// MixUp and CutMix mix one view.
    #[error("mixup and cutmix mix pictures in one view only: leave them or the views out")]
    MixOfViews,
    /// MixUp's or CutMix's settings are out of range.
    #[error("batch_mix: {0}")]
    Mix(#[from] AugmentError),
    /// The order doesn't suit the dataset.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The cache can't be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The operating system gave no threads.
    #[error("could not start {workers} loader threads: {reason}")]
    Threads {
        /// The workers asked for.
        workers: usize,
        /// What the operating system said.
        #[source]
        reason: std::io::Error,
    },
    /// A picture is broken, and broken pictures are errors.
    #[error("{0}: repair or remove it, or leave such pictures out with on_broken = \"skip\"")]
    Broken(#[from] PictureError),
    /// A defect of this program, met while a sample was made.
    #[error("{name}: the loader panicked: {message}; this is a defect, please report it")]
    SamplePanicked {
        /// The sample.
        name: String,
        /// What the panic said.
        message: String,
    },
    /// A defect of this program, met while a batch was put together.
    #[error("batch {batch}: the loader panicked: {message}; this is a defect, please report it")]
    BatchPanicked {
        /// The batch's number in its epoch, from 0.
        batch: usize,
        /// What the panic said.
        message: String,
    },
}
