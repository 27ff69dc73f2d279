//! Making one batch.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{
    Batch, Broken, Chance, KeepOriginals, LoaderError, OnBroken, Original, Output, Places, Shared,
};
use crate::dataset::PictureError;
use crate::picture::Mask;
use crate::random::{Purpose, generator};

/// One epoch's work, shared by the threads that do it.
pub(super) struct Epoch {
    shared: Arc<Shared>,
    epoch: u64,
    /// The samples in the order of the visit.
    order: Vec<usize>,
    /// Nobody wants the rest.
    cancelled: AtomicBool,
}

/// How a sample failed.
enum Failure {
    Broken(PictureError),
    Panicked(String),
}

/// A sample on its way into its batch.
pub(super) struct Task<'batch> {
    epoch: &'batch Epoch,
    /// The place in the epoch's order.
    position: usize,
    /// The place in the batch.
    slot: usize,
    /// The first slot that makes the whole batch fail; later ones need not be made.
    fatal: &'batch AtomicUsize,
    places: Places<'batch>,
    original: &'batch mut Original,
    failure: &'batch mut Option<Failure>,
}

/// What a batch's samples have become, broken ones among them.
struct Made {
    images: Vec<f32>,
    further_views: Vec<Vec<f32>>,
    masks: Vec<u8>,
    originals: Vec<Original>,
    failures: Vec<Option<Failure>>,
}

impl Task<'_> {
    /// Makes the sample. Never panics: a panic becomes the batch's error.
    pub(super) fn run(self) {
        let Self { epoch, position, slot, fatal, places, original, failure } = self;
        // Slots before the fatal one are always made, so that the error reported is the
        // first in the batch, however the threads were timed.
        if epoch.is_cancelled() || slot > fatal.load(Ordering::Relaxed) {
            return;
        }
        let shared = &epoch.shared;
        let index = epoch.order[position];
        let key = shared.sampler.augmentation_key(position, index);
        let chance_of = |purpose| generator(shared.config.seed, purpose, epoch.epoch, key);
        let mut chance = Chance {
            first: chance_of(Purpose::Augment),
            further: chance_of(Purpose::FurtherViews),
        };
        // What a panic may have left half-done is in `places`, which are then never read.
        let make = || shared.maker.make(index, &mut chance, places);
        let made = catch_unwind(AssertUnwindSafe(make));
        *failure = match made {
            Ok(Ok(made)) => {
                *original = made;
                None
            }
            Ok(Err(error)) => Some(Failure::Broken(error)),
            Err(payload) => Some(Failure::Panicked(panic_message(payload.as_ref()))),
        };
        let is_fatal = match failure {
            Some(Failure::Panicked(_)) => true,
            Some(Failure::Broken(_)) => shared.config.on_broken == OnBroken::Error,
            None => false,
        };
        if is_fatal {
            fatal.fetch_min(slot, Ordering::Relaxed);
        }
    }
}

impl Epoch {
    pub(super) fn new(shared: Arc<Shared>, epoch: u64) -> Self {
        let order = shared.sampler.epoch(epoch);
        Self { shared, epoch, order, cancelled: AtomicBool::new(false) }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Lets all work that is under way end with the sample at hand.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`Epoch::cancel`] has been called.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Makes the batch `number`. `run_all` is given the samples' tasks, and returns when all
    /// have run, in any order and on any threads.
    pub(super) fn assemble(
        &self,
        number: usize,
        run_all: impl FnOnce(&mut dyn Iterator<Item = Task<'_>>),
    ) -> Result<Batch, LoaderError> {
        let made = catch_unwind(AssertUnwindSafe(|| self.assemble_or_panic(number, run_all)));
        made.unwrap_or_else(|payload| {
            let message = panic_message(payload.as_ref());
            Err(LoaderError::BatchPanicked { batch: number, message })
        })
    }

    fn assemble_or_panic(
        &self,
        number: usize,
        run_all: impl FnOnce(&mut dyn Iterator<Item = Task<'_>>),
    ) -> Result<Batch, LoaderError> {
        let first = number * self.shared.config.batch_size;
        let count = self.shared.config.batch_size.min(self.order.len() - first);
        let Output { size: [height, width], views } = self.shared.output;
        let values = height * width * 3;
        let mut images = vec![0.0; count * values];
        let mut further_views: Vec<Vec<f32>> = vec![vec![0.0; count * values]; views - 1];
        let area = height * width;
        let mut masks = vec![Mask::IGNORE; if self.shared.masked { count * area } else { 0 }];
        let mut originals = vec![Original::default(); count];
        let mut failures: Vec<Option<Failure>> = (0..count).map(|_| None).collect();
        let fatal = AtomicUsize::new(usize::MAX);
        let mut mask_places = masks.chunks_exact_mut(area);
        let mut further_places: Vec<_> =
            further_views.iter_mut().map(|view| view.chunks_exact_mut(values)).collect();
        let places = images.chunks_exact_mut(values).zip(&mut failures).zip(&mut originals);
        run_all(&mut places.enumerate().map(|(slot, ((out, failure), original))| Task {
            epoch: self,
            position: first + slot,
            slot,
            fatal: &fatal,
            places: Places {
                image: out,
                further: further_places.iter_mut().filter_map(Iterator::next).collect(),
                mask: mask_places.next().unwrap_or_default(),
            },
            original,
            failure,
        }));
        let made = Made { images, further_views, masks, originals, failures };
        self.finish(number, &self.order[first..first + count], made)
    }

    /// Closes the gaps that broken samples left, and mixes.
    fn finish(&self, number: usize, samples: &[usize], made: Made) -> Result<Batch, LoaderError> {
        let Made { mut images, mut further_views, mut masks, mut originals, failures } = made;
        let Shared { dataset, output, config, labelled, .. } = &*self.shared;
        let [height, width] = output.size;
        let (values, area) = (height * width * 3, height * width);
        let mut indices = Vec::with_capacity(samples.len());
        let mut broken = Vec::new();
        for (slot, (&index, failure)) in samples.iter().zip(failures).enumerate() {
            let name = &dataset.samples[index].name;
            match failure {
                None => {
                    if indices.len() < slot {
                        let from = slot * values..(slot + 1) * values;
                        let to = indices.len() * values;
                        for view in further_views.iter_mut().chain([&mut images]) {
                            view.copy_within(from.clone(), to);
                        }
                        originals.swap(slot, indices.len());
                        if !masks.is_empty() {
                            let from = slot * area..(slot + 1) * area;
                            masks.copy_within(from, indices.len() * area);
                        }
                    }
                    indices.push(index);
                }
                Some(Failure::Panicked(message)) => {
                    return Err(LoaderError::SamplePanicked { name: name.clone(), message });
                }
                Some(Failure::Broken(error)) if config.on_broken == OnBroken::Error => {
                    return Err(LoaderError::Broken(error));
                }
                Some(Failure::Broken(error)) => {
                    let reason = error.reason.to_string();
                    broken.push(Broken { index, name: name.clone(), reason });
                }
            }
        }
        for view in further_views.iter_mut().chain([&mut images]) {
            view.truncate(indices.len() * values);
        }
        masks.truncate(indices.len() * area);
        let keeps_any = config.originals != KeepOriginals::default();
        originals.truncate(if keeps_any { indices.len() } else { 0 });
        let shape = [indices.len(), height, width, 3];
        let labels: Vec<u32> = match labelled {
            true => indices.iter().filter_map(|&index| dataset.samples[index].label).collect(),
            false => Vec::new(),
        };
        let soft_targets = config.batch_mix.is_active().then(|| {
            let mut chance = generator(config.seed, Purpose::BatchMix, self.epoch, number as u64);
            let classes = dataset.classes.len();
            config.batch_mix.mix(&mut images, shape, &labels, classes, &mut chance)
        });
        Ok(Batch {
            images,
            shape,
            further_views,
            labels,
            masks,
            soft_targets,
            indices,
            originals,
            broken,
        })
    }
}

/// What a panic said, where it said something.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
