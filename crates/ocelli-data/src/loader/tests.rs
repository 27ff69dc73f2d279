//! The loader's machinery, with samples that are made up: what order, workers, resuming, broken
//! samples, panics and cancelling do to the batches.

mod masks;
mod pictures;
mod trouble;
mod views;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use rand::Rng;

use super::*;
use crate::dataset::{Location, PictureFault, Sample};

const OUTPUT: Output = Output { size: [2, 3], views: 1 };
const VALUES: usize = 2 * 3 * 3;

/// A sample maker made of a function.
struct Made<F>(F);

impl<F> MakeSample for Made<F>
where
    F: Fn(usize, &mut Generator, &mut [f32]) -> Result<(), PictureError> + Send + Sync,
{
    fn make(
        &self,
        index: usize,
        chance: &mut Chance,
        places: Places<'_>,
    ) -> Result<Original, PictureError> {
        for further in places.further {
            (self.0)(index, &mut chance.further, further)?;
        }
        (self.0)(index, &mut chance.first, places.image).map(|()| Original::default())
    }
}

/// `samples` samples in three classes of very different size.
fn dataset(samples: usize) -> Arc<Dataset> {
    let label = |index: usize| match index % 10 {
        0 => 2,
        1 | 2 => 1,
        _ => 0,
    };
    let samples = (0..samples)
        .map(|index| Sample {
            name: format!("picture {index}"),
            location: Location::File(PathBuf::new()),
            label: Some(label(index)),
            mask: None,
        })
        .collect();
    Arc::new(Dataset { classes: vec!["a".into(), "b".into(), "c".into()], samples, palette: None })
}

fn broken(index: usize) -> PictureError {
    let reason = PictureFault::Read(io::Error::other("made up"));
    PictureError { name: format!("picture {index}"), reason }
}

/// Writes the sample's index and its chance: all that a batch depends on.
fn write(index: usize, chance: &mut Generator, out: &mut [f32]) -> Result<(), PictureError> {
    out.fill(index as f32);
    out[0] = chance.next_u32() as f32;
    Ok(())
}

/// As [`write`], but every seventh sample is broken and times differ from sample to sample.
fn write_unevenly(
    index: usize,
    chance: &mut Generator,
    out: &mut [f32],
) -> Result<(), PictureError> {
    std::thread::sleep(Duration::from_micros((index * 7919 % 300) as u64));
    if index % 7 == 3 {
        // What was written before a picture turns out to be broken must not show.
        out.fill(f32::NAN);
        return Err(broken(index));
    }
    write(index, chance, out)
}

fn config(batch_size: usize, workers: usize) -> LoaderConfig {
    LoaderConfig { batch_size, workers, seed: 11, ..LoaderConfig::default() }
}

fn loader<F>(samples: usize, config: LoaderConfig, make: F) -> Loader
where
    F: Fn(usize, &mut Generator, &mut [f32]) -> Result<(), PictureError> + Send + Sync + 'static,
{
    Loader::with_maker(dataset(samples), Arc::new(Made(make)), OUTPUT, config).unwrap()
}

fn batches(loader: &Loader, epoch: u64, first_batch: usize) -> Vec<Batch> {
    loader.epoch(epoch, first_batch).map(Result::unwrap).collect()
}

#[test]
fn any_number_of_workers_makes_the_same_batches() {
    for order in [Order::Sequential, Order::Shuffled, Order::Balanced] {
        let made = |workers| {
            let config = LoaderConfig { order, ..config(8, workers) };
            batches(&loader(53, config, write_unevenly), 2, 0)
        };
        let reference = made(0);
        assert_eq!(reference.len(), 7);
        for workers in [1, 2, 5] {
            assert_eq!(made(workers), reference, "{workers} workers, {order:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn batches_depend_on_neither_workers_nor_prefetch_nor_where_the_epoch_begins(
        samples in 1usize..60,
        batch_size in 1usize..20,
        workers in 0usize..6,
        prefetch_batches in 1usize..6,
        first_batch in 0usize..10,
        order in prop_oneof![Just(Order::Shuffled), Just(Order::Balanced)],
    ) {
        let reference = LoaderConfig { order, ..config(batch_size, 0) };
        let reference = batches(&loader(samples, reference, write_unevenly), 3, 0);
        let tested = LoaderConfig { order, prefetch_batches, ..config(batch_size, workers) };
        let tested = batches(&loader(samples, tested, write_unevenly), 3, first_batch);
        prop_assert_eq!(&tested[..], &reference[first_batch.min(reference.len())..]);
    }
}

#[test]
fn an_epoch_begun_in_the_middle_is_the_tail_of_a_whole_one() {
    let loader = loader(50, config(8, 2), write);
    let whole = batches(&loader, 4, 0);
    for first in 0..=whole.len() + 1 {
        assert_eq!(batches(&loader, 4, first), &whole[first.min(whole.len())..]);
    }
}

#[test]
fn a_shuffled_epoch_has_every_sample_once_with_its_own_label_and_chance() {
    let data = dataset(41);
    let loader = loader(41, config(6, 3), write);
    let mut seen = Vec::new();
    for batch in batches(&loader, 1, 0) {
        assert_eq!(batch.images.len(), batch.indices.len() * VALUES);
        assert_eq!(batch.shape, [batch.indices.len(), 2, 3, 3]);
        for ((image, &index), &label) in
            batch.images.chunks(VALUES).zip(&batch.indices).zip(&batch.labels)
        {
            assert_eq!(image[1..], [index as f32; VALUES - 1]);
            assert_eq!(Some(label), data.samples[index].label);
            let mut chance =
                crate::random::generator(11, crate::random::Purpose::Augment, 1, index as u64);
            assert_eq!(image[0], chance.next_u32() as f32);
        }
        seen.extend(batch.indices);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..41).collect::<Vec<_>>());
}

#[test]
fn epochs_differ_in_order_and_in_chance() {
    let loader = loader(64, config(64, 0), write);
    let [first, second] = [1, 2].map(|epoch| batches(&loader, epoch, 0).remove(0));
    assert_ne!(first.indices, second.indices);
    let chance_of = |batch: &Batch, index| {
        let slot = batch.indices.iter().position(|&found| found == index).unwrap();
        batch.images[slot * VALUES]
    };
    assert_ne!(chance_of(&first, 5), chance_of(&second, 5));
}

#[test]
fn balanced_visits_of_one_sample_have_different_chances() {
    let config = LoaderConfig { order: Order::Balanced, ..config(100, 2) };
    // Ten of class 0, so each comes about three times; two of class 1; one of class 2.
    let batch =
        batches(&loader(13, LoaderConfig { batch_size: 13, ..config }, write), 1, 0).remove(0);
    let mut chances: Vec<_> = batch.images.chunks(VALUES).map(|image| image[0] as u32).collect();
    let distinct_samples: std::collections::BTreeSet<_> = batch.indices.iter().collect();
    assert!(distinct_samples.len() < 13, "no sample came twice, so this test shows nothing");
    chances.sort_unstable();
    chances.dedup();
    assert_eq!(chances.len(), 13);
}

#[test]
fn balanced_batches_have_as_many_of_a_rare_class_as_of_a_common_one() {
    let config = LoaderConfig { order: Order::Balanced, ..config(50, 2) };
    let mut counts = [0usize; 3];
    for batch in batches(&loader(1000, config, write), 1, 0) {
        batch.labels.iter().for_each(|&label| counts[label as usize] += 1);
    }
    assert_eq!(counts.iter().sum::<usize>(), 1000);
    // 333 expected, standard deviation 15: five of them either way.
    assert!(counts.iter().all(|count| (258..=408).contains(count)), "{counts:?}");
}

#[test]
fn the_last_batch_is_kept_small_or_dropped() {
    for (last_batch, sizes) in [(LastBatch::Keep, vec![8, 8, 4]), (LastBatch::Drop, vec![8, 8])] {
        let loader = loader(20, LoaderConfig { last_batch, ..config(8, 2) }, write);
        assert_eq!(loader.batches_per_epoch(), sizes.len());
        assert_eq!(loader.samples_per_epoch(), sizes.iter().sum::<usize>());
        let made: Vec<_> = batches(&loader, 1, 0).iter().map(|batch| batch.shape[0]).collect();
        assert_eq!(made, sizes);
    }
}

#[test]
fn unlabelled_data_gives_no_labels() {
    let mut data = Arc::unwrap_or_clone(dataset(5));
    data.samples.iter_mut().for_each(|sample| sample.label = None);
    let loader =
        Loader::with_maker(Arc::new(data), Arc::new(Made(write)), OUTPUT, config(5, 1)).unwrap();
    let batch = batches(&loader, 1, 0).remove(0);
    assert_eq!((batch.shape[0], batch.labels.len(), batch.soft_targets), (5, 0, None));
}

#[test]
fn no_more_batches_than_allowed_are_in_flight() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let config = LoaderConfig { prefetch_batches: 3, ..config(4, 2) };
    let loader = loader(400, config, move |index, chance, out| {
        count.fetch_add(1, Ordering::SeqCst);
        write(index, chance, out)
    });
    let mut epoch = loader.epoch(1, 0);
    for taken in 1..=10 {
        epoch.next().unwrap().unwrap();
        // Long enough for workers that don't stop to run far ahead: a sample takes microseconds.
        std::thread::sleep(Duration::from_millis(20));
        let made = made.load(Ordering::SeqCst);
        assert!(made <= (taken + 3) * 4, "{made} samples made after {taken} batches of 4");
    }
    assert!(made.load(Ordering::SeqCst) > 10 * 4, "nothing is made ahead");
}

#[test]
fn the_samples_of_one_batch_are_made_by_several_workers() {
    // Four workers, one batch of four: each sample waits until all four are in the making.
    let barrier = std::sync::Barrier::new(4);
    let loader = loader(4, config(4, 4), move |index, chance, out| {
        barrier.wait();
        write(index, chance, out)
    });
    assert_eq!(batches(&loader, 1, 0)[0].shape[0], 4);
}
