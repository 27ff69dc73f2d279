//! Broken samples, panics, early ends, impossible configurations.

use std::sync::mpsc;
use std::thread;

use super::*;

/// Longer than any of these tests takes on the slowest machine, shorter than patience.
const HANG: Duration = Duration::from_secs(60);

/// Runs `test` in a thread of its own, and fails if it doesn't end.
fn without_hanging(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match wait.recv_timeout(HANG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running after {HANG:?}"),
        // The test's own failure.
        _ => thread.join().unwrap_or_else(|failure| std::panic::resume_unwind(failure)),
    }
}

fn breaking(
    at: &'static [usize],
) -> impl Fn(usize, &mut Generator, &mut [f32]) -> Result<(), PictureError> {
    move |index, chance, out| {
        if at.contains(&index) {
            out.fill(f32::NAN);
            return Err(broken(index));
        }
        write(index, chance, out)
    }
}

#[test]
fn a_skipped_picture_leaves_its_batch_smaller_and_is_named() {
    for workers in [0, 2] {
        let config = LoaderConfig { order: Order::Sequential, ..config(4, workers) };
        let made = batches(&loader(12, config, breaking(&[1, 4, 5, 6, 7])), 1, 0);
        let indices: Vec<_> = made.iter().map(|batch| batch.indices.clone()).collect();
        assert_eq!(indices, [vec![0, 2, 3], vec![], vec![8, 9, 10, 11]]);
        assert_eq!(made[0].labels, [2, 1, 0]);
        let firsts: Vec<_> = made[0].images.chunks(VALUES).map(|image| image[1]).collect();
        assert_eq!(firsts, [0.0, 2.0, 3.0]);
        let reason = "could not be read: made up".to_owned();
        assert_eq!(made[0].broken, [Broken { index: 1, name: "picture 1".to_owned(), reason }]);
        assert_eq!((made[1].shape, made[1].images.len()), ([0, 2, 3, 3], 0));
        assert_eq!(made[1].broken.len(), 4);
        assert!(made[2].broken.is_empty());
    }
}

#[test]
fn a_broken_picture_can_end_the_epoch_with_one_error_that_names_it() {
    for workers in [0, 1, 5] {
        let order = Order::Sequential;
        let config = LoaderConfig { order, on_broken: OnBroken::Error, ..config(4, workers) };
        // The batches before come whole; of several errors in a batch it is always the first.
        let loader = loader(40, config, breaking(&[9, 10, 11, 12]));
        for _ in 0..20 {
            let mut epoch = loader.epoch(1, 0);
            assert_eq!(epoch.next().unwrap().unwrap().indices, [0, 1, 2, 3]);
            assert_eq!(epoch.next().unwrap().unwrap().indices, [4, 5, 6, 7]);
            let error = epoch.next().unwrap().unwrap_err();
            assert!(matches!(error, LoaderError::Broken(_)), "{error}");
            assert!(error.to_string().contains("picture 9"), "{error}");
            assert!(epoch.next().is_none());
        }
    }
}

#[test]
fn a_panic_while_making_a_sample_becomes_one_error_that_names_it() {
    for workers in [0, 1, 3] {
        without_hanging(move || {
            let config = LoaderConfig { order: Order::Sequential, ..config(4, workers) };
            let loader = loader(40, config, |index, chance, out| {
                assert_ne!(index, 6, "made to panic");
                write(index, chance, out)
            });
            let mut epoch = loader.epoch(1, 0);
            assert_eq!(epoch.next().unwrap().unwrap().indices, [0, 1, 2, 3]);
            let error = epoch.next().unwrap().unwrap_err();
            let LoaderError::SamplePanicked { name, message } = &error else {
                panic!("{error}");
            };
            assert_eq!(name, "picture 6");
            assert!(message.contains("made to panic"), "{message}");
            assert!(epoch.next().is_none());
            // The workers have survived it.
            assert_eq!(loader.epoch(1, 2).count(), 8);
        });
    }
}

#[test]
fn an_epoch_in_which_every_sample_panics_is_one_error() {
    without_hanging(|| {
        let loader = loader(40, config(4, 3), |_, _, _| panic!("all of them"));
        let results: Vec<_> = loader.epoch(1, 0).collect();
        assert_eq!(results.len(), 1);
        assert!(results[0].is_err());
    });
}

#[test]
fn dropping_an_epoch_early_stops_the_work() {
    without_hanging(|| {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let loader = loader(10_000, config(100, 2), move |index, chance, out| {
            thread::sleep(Duration::from_millis(1));
            count.fetch_add(1, Ordering::SeqCst);
            write(index, chance, out)
        });
        for taken in 0..3 {
            let mut epoch = loader.epoch(1, 0);
            (0..taken).for_each(|_| assert!(epoch.next().unwrap().is_ok()));
            drop(epoch);
            let after = made.load(Ordering::SeqCst);
            thread::sleep(Duration::from_millis(30));
            assert_eq!(made.load(Ordering::SeqCst), after, "work goes on after the drop");
        }
    });
}

#[test]
fn nothing_outlives_the_loader_and_its_epochs() {
    without_hanging(|| {
        let data = dataset(100);
        let maker = Arc::new(Made(write));
        for taken in [0, 1, 13] {
            let loader =
                Loader::with_maker(data.clone(), maker.clone(), OUTPUT, config(8, 2)).unwrap();
            let epoch = loader.epoch(1, 0);
            // The epoch goes on without the loader.
            drop(loader);
            assert_eq!(epoch.take(taken).map(Result::unwrap).count(), taken);
        }
        assert_eq!((Arc::strong_count(&data), Arc::strong_count(&maker)), (1, 1));
    });
}

#[test]
fn two_epochs_at_a_time_do_not_disturb_each_other() {
    without_hanging(|| {
        let loader = loader(60, config(7, 2), write);
        let [first, second] = [1, 2].map(|epoch| batches(&loader, epoch, 0));
        let pairs: Vec<_> = loader.epoch(1, 0).zip(loader.epoch(2, 0)).collect();
        for (number, (one, two)) in pairs.into_iter().enumerate() {
            assert_eq!(
                (one.unwrap(), two.unwrap()),
                (first[number].clone(), second[number].clone())
            );
        }
    });
}

#[test]
fn impossible_configurations_are_refused_with_advice() {
    let refusal = |samples, config| match Loader::with_maker(
        dataset(samples),
        Arc::new(Made(write)),
        OUTPUT,
        config,
    ) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    };
    assert!(refusal(0, config(1, 1)).contains("no samples"));
    assert!(refusal(4, config(0, 1)).contains("batch_size is 0"));
    let no_prefetch = LoaderConfig { prefetch_batches: 0, ..config(1, 1) };
    assert!(refusal(4, no_prefetch).contains("prefetch_batches is 0"));
    let all_dropped = LoaderConfig { last_batch: LastBatch::Drop, ..config(5, 1) };
    assert!(refusal(4, all_dropped).contains("4 samples make no whole batch of 5"));
}

#[test]
fn labels_must_be_whole_and_within_the_classes() {
    let refusal = |change: fn(&mut Dataset)| {
        let mut data = Arc::unwrap_or_clone(dataset(4));
        change(&mut data);
        match Loader::with_maker(Arc::new(data), Arc::new(Made(write)), OUTPUT, config(2, 1)) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        }
    };
    let error = refusal(|data| data.samples[2].label = Some(3));
    assert!(error.contains("picture 2 has label 3, but there are 3 classes"), "{error}");
    let error = refusal(|data| data.samples[1].label = None);
    assert!(error.contains("1 of 4 samples have no label, the first is picture 1"), "{error}");
}
