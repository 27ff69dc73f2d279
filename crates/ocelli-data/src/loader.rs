//! Batches, decoded and augmented on worker threads ahead of the training that eats them.
//!
//! What a batch holds depends on the dataset, the pipeline, the seed, the epoch and the batch's
//! number, and on nothing else: not on how many workers there are, how far they run ahead or
//! which of them was faster. That makes runs repeatable, and lets a resumed run begin in the
//! middle of an epoch with the very batches that it would have had.
//!
//! Work is divided by samples, not by batches, so that the first batch of an epoch comes after
//! `batch_size / workers` pictures, and a short validation set keeps all workers busy. Every
//! picture is written where it belongs in its batch: nothing is gathered or copied afterwards.

mod assemble;
mod batches;
mod error;
#[cfg(test)]
mod tests;
mod throughput;

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::augment::Pipeline;
use crate::batch_mix::BatchMix;
use crate::cache::{Cache, CacheConfig};
use crate::dataset::{Dataset, PictureError};
use crate::decode::{DecodeOptions, Part};
use crate::picture::{Mask, Picture};
use crate::random::Generator;
use crate::sampler::Sampler;

pub use crate::sampler::Order;
pub use batches::Batches;
pub use error::LoaderError;
pub use throughput::Throughput;

/// What becomes of the samples that don't fill a last batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastBatch {
    /// They make a smaller batch.
    #[default]
    Keep,
    /// They are left out of this epoch: for layers that can't bear a batch of one.
    Drop,
}

/// What becomes of a picture that can't be read or decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBroken {
    /// It is left out of its batch, which names it in [`Batch::broken`].
    #[default]
    Skip,
    /// It ends the epoch with an error that names it.
    Error,
}

/// How a [`Loader`] makes batches.
#[derive(Clone, Debug)]
pub struct LoaderConfig {
    /// Samples in a batch, at least one.
    pub batch_size: usize,
    /// Threads that decode and augment; 0 does it in the calling thread, when a batch is asked for.
    pub workers: usize,
    /// Batches that may be in the making or waiting at any time, at least one with workers.
    /// They bound the memory: `prefetch_batches × batch_size × height × width × 12` bytes, 13 with
    /// masks, for each view.
    pub prefetch_batches: usize,
    /// Where all chance comes from.
    pub seed: u64,
    /// In which order the samples are visited.
    pub order: Order,
    /// What becomes of the samples that don't fill a last batch.
    pub last_batch: LastBatch,
    /// What becomes of a picture that can't be read or decoded.
    pub on_broken: OnBroken,
    /// What decoding may cost, and what shows through transparent pixels.
    pub decode: DecodeOptions,
    /// MixUp and CutMix.
    pub batch_mix: BatchMix,
    /// Whether decoded pictures and masks are kept for later epochs.
    pub cache: CacheConfig,
    /// What of the samples as they are in their files comes along with each batch.
    pub originals: KeepOriginals,
}

/// What of the samples as they are in their files comes along with each batch, for evaluation at
/// their own size and for figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepOriginals {
    /// The upright picture in its own size.
    pub pictures: bool,
    /// The mask in its own size, where the dataset has masks.
    pub masks: bool,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self {
            batch_size: 32,
            workers: 2,
            prefetch_batches: 3,
            seed: 0,
            order: Order::default(),
            last_batch: LastBatch::default(),
            on_broken: OnBroken::default(),
            decode: DecodeOptions::default(),
            batch_mix: BatchMix::default(),
            cache: CacheConfig::default(),
            originals: KeepOriginals::default(),
        }
    }
}

/// Some samples, ready for a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The values `[n, height, width, 3]`, as the pipeline made them.
    pub images: Vec<f32>,
    /// `[n, height, width, 3]`; `n` may be 0 where every picture of the batch was broken.
    pub shape: [usize; 4],
    /// The same pictures once more, `[n, height, width, 3]` each, as the further pipelines of
    /// [`Loader::with_views`] made them.
    pub further_views: Vec<Vec<f32>>,
    /// The class of each picture, `[n]`; empty without labels.
    pub labels: Vec<u32>,
    /// The class of each pixel, `[n, height, width]`, moved as the pictures were;
    /// [`Mask::IGNORE`] where it doesn't count. Empty without masks.
    pub masks: Vec<u8>,
    /// Class probabilities `[n, classes]`, where pictures were mixed.
    pub soft_targets: Option<Vec<f32>>,
    /// Which sample of the dataset each picture is, `[n]`.
    pub indices: Vec<usize>,
    /// The samples as they are in their files, `[n]`, where [`LoaderConfig::originals`] asks for
    /// them; else empty.
    pub originals: Vec<Original>,
    /// The samples that should have been here, and why they aren't.
    pub broken: Vec<Broken>,
}

/// A sample as it is in its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// The upright picture.
    pub picture: Option<Picture>,
    /// The mask, of the picture's size.
    pub mask: Option<Mask>,
}

/// A sample that was left out of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which sample of the dataset.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Why it could not be had.
    pub reason: String,
}

/// Makes batches of a dataset, epoch after epoch.
pub struct Loader {
    shared: Arc<Shared>,
}

impl Loader {
    /// A loader over `dataset`, whose threads start now and sleep until an epoch begins.
    ///
    /// # Errors
    /// If the configuration contradicts itself or the dataset: no samples, a batch size or
    /// prefetch of zero, no whole batch where the last one is dropped, balancing or mixing
    /// without labels, labels for only some samples or beyond the class names; if the cache can't
    /// be opened, or the threads can't be started.
    pub fn new(
        dataset: Arc<Dataset>,
        pipeline: Arc<Pipeline>,
        config: LoaderConfig,
    ) -> Result<Self, LoaderError> {
        Self::with_views(dataset, pipeline, Vec::new(), config)
    }

    /// A loader that augments every picture several times, each with chance of its own: once by
    /// `pipeline`, as [`Loader::new`] does, and once by each of `further`, which end at the same size.
    ///
    /// # Errors
    /// As [`Loader::new`], or if the sizes differ, or if there are further views of pictures with masks.
    pub fn with_views(
        dataset: Arc<Dataset>,
        pipeline: Arc<Pipeline>,
        further: Vec<Arc<Pipeline>>,
        config: LoaderConfig,
    ) -> Result<Self, LoaderError> {
        if let Some(other) = further.iter().find(|other| other.size() != pipeline.size()) {
            return Err(LoaderError::ViewSizes { first: pipeline.size(), further: other.size() });
        }
        if dataset.palette.is_some() && !further.is_empty() {
            return Err(LoaderError::ViewsOfMasks);
        }
        if config.batch_mix.is_active() && !further.is_empty() {
            return Err(LoaderError::MixOfViews);
        }
        let cache = Cache::open(&config.cache, dataset.len())?;
        let [height, width] = pipeline.size().map(|side| side as usize);
        let decode = config.decode.clone();
        let keep = config.originals;
        let views = 1 + further.len();
        let maker =
            Pictures { dataset: Arc::clone(&dataset), pipeline, further, decode, cache, keep };
        let output = Output { size: [height, width], views };
        Self::with_maker(dataset, Arc::new(maker), output, config)
    }

    /// A loader whose samples come from `maker`.
    fn with_maker(
        dataset: Arc<Dataset>,
        maker: Arc<dyn MakeSample>,
        output: Output,
        config: LoaderConfig,
    ) -> Result<Self, LoaderError> {
        check(&dataset, &config)?;
        let sampler = Sampler::new(&dataset, config.order, config.seed)?;
        let labelled = dataset.samples.iter().all(|sample| sample.label.is_some());
        let pool = match config.workers {
            0 => None,
            workers => Some(
                ThreadPoolBuilder::new()
                    .num_threads(workers)
                    .thread_name(|worker| format!("ocelli-loader-{worker}"))
                    .build()
                    .map_err(|reason| LoaderError::Threads {
                        workers,
                        reason: std::io::Error::other(reason),
                    })?,
            ),
        };
        let masked = dataset.palette.is_some();
        let shared = Shared { dataset, maker, output, config, sampler, labelled, masked, pool };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How many batches an epoch has.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.shared.batches_per_epoch()
    }

    /// How many samples an epoch visits, broken ones included.
    #[must_use]
    pub fn samples_per_epoch(&self) -> usize {
        let samples = self.shared.sampler.len();
        samples.min(self.batches_per_epoch() * self.shared.config.batch_size)
    }

    /// The batches of an epoch, from the batch `first_batch` on; the workers start now.
    ///
    /// Beginning in the middle gives the same batches, bit for bit, as an epoch from the start
    /// does at that place. Dropping the iterator stops the work within one picture's time.
    #[must_use]
    pub fn epoch(&self, epoch: u64, first_batch: usize) -> Batches {
        Batches::new(Arc::clone(&self.shared), epoch, first_batch)
    }
}

/// What a sample becomes.
#[derive(Clone, Copy, Debug)]
struct Output {
    /// Height and width of the pictures in a batch.
    size: [usize; 2],
    /// How often each is in it.
    views: usize,
}

/// What the threads of a loader share.
struct Shared {
    dataset: Arc<Dataset>,
    maker: Arc<dyn MakeSample>,
    output: Output,
    config: LoaderConfig,
    sampler: Sampler,
    labelled: bool,
    masked: bool,
    pool: Option<ThreadPool>,
}

impl Shared {
    fn batches_per_epoch(&self) -> usize {
        let (samples, batch_size) = (self.sampler.len(), self.config.batch_size);
        match self.config.last_batch {
            LastBatch::Keep => samples.div_ceil(batch_size),
            LastBatch::Drop => samples / batch_size,
        }
    }
}

/// Turns a sample of the dataset into numbers. It may be called from several threads at once,
/// and must depend on nothing but its arguments.
trait MakeSample: Send + Sync {
    /// Writes sample `index` to its places, taking all chance from `chance`.
    fn make(
        &self,
        index: usize,
        chance: &mut Chance,
        places: Places<'_>,
    ) -> Result<Original, PictureError>;
}

/// Where all chance of a sample comes from.
struct Chance {
    first: Generator,
    /// Of the views after the first, one after the other.
    further: Generator,
}

/// Where a sample is to be written.
struct Places<'batch> {
    /// The first view, `[height, width, 3]`.
    image: &'batch mut [f32],
    /// The others.
    further: Vec<&'batch mut [f32]>,
    /// The mask, `[height, width]`; empty where the dataset has none.
    mask: &'batch mut [u8],
}

/// Reads, decodes and augments the pictures of a dataset.
struct Pictures {
    dataset: Arc<Dataset>,
    pipeline: Arc<Pipeline>,
    /// Of the views after the first.
    further: Vec<Arc<Pipeline>>,
    decode: DecodeOptions,
    cache: Cache,
    keep: KeepOriginals,
}

impl MakeSample for Pictures {
    fn make(
        &self,
        index: usize,
        chance: &mut Chance,
        places: Places<'_>,
    ) -> Result<Original, PictureError> {
        let Places { image: out, further, mask: mask_out } = places;
        let Chance { first: chance, further: further_chance } = chance;
        let sample = &self.dataset.samples[index];
        if let Some(palette) = &self.dataset.palette {
            let (picture, mask) =
                self.cache.picture_and_mask(index, sample, palette, &self.decode)?;
            let original = Original {
                picture: self.keep.pictures.then(|| picture.clone()),
                mask: self.keep.masks.then(|| mask.clone()),
            };
            self.pipeline.apply_with_mask(picture, mask, chance, out, mask_out);
            return Ok(original);
        }
        if self.cache.is_active() || self.keep.pictures || !further.is_empty() {
            // Later epochs and further views look at other parts, so the whole picture is decoded.
            let picture = self.cache.picture(index, sample, &self.decode)?;
            let original = self.keep.pictures.then(|| picture.clone());
            for (pipeline, out) in self.further.iter().zip(further) {
                pipeline.apply(picture.clone(), further_chance, out);
            }
            self.pipeline.apply(picture, chance, out);
            return Ok(Original { picture: original, mask: None });
        }
        // What to look at is drawn first, so that only that has to be decoded.
        let mut plan = None;
        let picture = sample.picture_part(&self.decode, |size| {
            let plan = plan.insert(self.pipeline.sample(size, chance));
            plan.take_crop().map_or_else(
                || Part::whole(size),
                |region| Part {
                    columns: region.left as usize..(region.left + region.width) as usize,
                    rows: region.top as usize..(region.top + region.height) as usize,
                },
            )
        })?;
        if let Some(plan) = plan {
            self.pipeline.apply_plan(plan, picture, chance, out);
        }
        Ok(Original::default())
    }
}

/// Refuses what can't work before any thread starts.
fn check(dataset: &Dataset, config: &LoaderConfig) -> Result<(), LoaderError> {
    let samples = dataset.len();
    if samples == 0 {
        return Err(LoaderError::NoSamples);
    }
    if config.batch_size == 0 {
        return Err(LoaderError::NoBatchSize);
    }
    if config.workers > 0 && config.prefetch_batches == 0 {
        return Err(LoaderError::NoPrefetch { workers: config.workers });
    }
    if config.last_batch == LastBatch::Drop && samples < config.batch_size {
        return Err(LoaderError::NoWholeBatch { samples, batch_size: config.batch_size });
    }
    let classes = dataset.classes.len();
    for sample in &dataset.samples {
        if let Some(label) = sample.label
            && label as usize >= classes
        {
            return Err(LoaderError::LabelOutOfRange { name: sample.name.clone(), label, classes });
        }
    }
    let unlabelled = dataset.samples.iter().filter(|sample| sample.label.is_none()).count();
    if unlabelled > 0 && unlabelled < samples {
        let first = dataset.samples.iter().find(|sample| sample.label.is_none());
        let name = first.map(|sample| sample.name.clone()).unwrap_or_default();
        return Err(LoaderError::PartlyLabelled { name, unlabelled, samples });
    }
    config.batch_mix.validate()?;
    if unlabelled > 0 && config.batch_mix.is_active() {
        return Err(LoaderError::MixWithoutLabels);
    }
    Ok(())
}
