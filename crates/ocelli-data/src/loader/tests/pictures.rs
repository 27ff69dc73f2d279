//! The loader over real files: decoding, augmenting, caches, and photographs where there are any.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::augment::Transform;
use crate::cache::CacheKind;
use crate::source::{self, SourceOptions};

fn pipeline(size: [u32; 2]) -> Arc<Pipeline> {
    let transforms: Vec<Transform> = serde_json::from_str(
        r#"[{"random_resized_crop": {}}, {"random_horizontal_flip": {}}, {"normalize": {}}]"#,
    )
    .unwrap();
    Arc::new(Pipeline::new(&transforms, size).unwrap())
}

/// Two class folders of JPEG files, every fifth of them cut short.
fn folder(count: u32) -> (TempDir, Arc<Dataset>) {
    let folder = TempDir::new().unwrap();
    for number in 0..count {
        let class = folder.path().join(if number % 3 == 0 { "rare" } else { "common" });
        std::fs::create_dir_all(&class).unwrap();
        let picture = image::RgbImage::from_fn(40 + number, 30, |x, y| {
            image::Rgb([(x * 5) as u8, (y * 8) as u8, (number * 10) as u8])
        });
        let path = class.join(format!("{number:02}.jpg"));
        picture.save(&path).unwrap();
        if number % 5 == 4 {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    let found = source::open(folder.path().to_str().unwrap(), &SourceOptions::default()).unwrap();
    (folder, Arc::new(found.train))
}

fn open(dataset: &Arc<Dataset>, config: LoaderConfig) -> Loader {
    Loader::new(Arc::clone(dataset), pipeline([16, 24]), config).unwrap()
}

#[test]
fn files_become_batches_and_broken_ones_are_named() {
    let (_folder, dataset) = folder(20);
    let reference = batches(&open(&dataset, config(8, 0)), 1, 0);
    assert_eq!(batches(&open(&dataset, config(8, 3)), 1, 0), reference);
    let kept: usize = reference.iter().map(|batch| batch.shape[0]).sum();
    let broken: Vec<_> = reference.iter().flat_map(|batch| &batch.broken).collect();
    assert_eq!((kept, broken.len()), (16, 4));
    for Broken { index, name, reason } in broken {
        assert_eq!(&dataset.samples[*index].name, name);
        assert!(reason.contains("truncated"), "{name}: {reason}");
    }
    for batch in &reference {
        assert_eq!(batch.shape[1..], [16, 24, 3]);
        assert!(batch.images.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn a_cache_changes_no_batch_neither_full_nor_overflowing() {
    let (_folder, dataset) = folder(20);
    let reference = open(&dataset, config(8, 2));
    let kept = TempDir::new().unwrap();
    for kind in [CacheKind::Memory, CacheKind::Disk] {
        for max_mb in [0, 1] {
            let folder = (kind == CacheKind::Disk).then(|| kept.path().to_owned());
            let cache = CacheConfig { kind, max_mb, folder };
            let cached = open(&dataset, LoaderConfig { cache, ..config(8, 2) });
            for epoch in 1..4 {
                assert_eq!(batches(&cached, epoch, 0), batches(&reference, epoch, 0), "{kind:?}");
            }
        }
    }
    assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 16, "the whole ones are kept");
}

#[test]
fn a_broken_file_can_be_an_error() {
    let (_folder, dataset) = folder(10);
    let loader = open(&dataset, LoaderConfig { on_broken: OnBroken::Error, ..config(4, 2) });
    let errors: Vec<_> = loader.epoch(1, 0).filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    let text = errors[0].to_string();
    assert!(text.contains(".jpg") && text.contains("on_broken"), "{text}");
}

#[test]
fn mixed_batches_have_soft_targets_and_depend_on_neither_workers_nor_the_start() {
    let (_folder, dataset) = folder(20);
    let batch_mix: BatchMix = serde_json::from_str(r#"{"mixup_alpha": 0.2}"#).unwrap();
    let mixed = |workers| {
        open(&dataset, LoaderConfig { batch_mix: batch_mix.clone(), ..config(8, workers) })
    };
    let reference = batches(&mixed(0), 1, 0);
    assert_eq!(batches(&mixed(2), 1, 1), reference[1..]);
    for batch in &reference {
        let targets = batch.soft_targets.as_ref().unwrap();
        assert_eq!(targets.len(), batch.shape[0] * 2);
        assert!(targets.chunks(2).all(|row| (row[0] + row[1] - 1.0).abs() < 1e-6));
    }
    assert_ne!(reference[0].images, batches(&open(&dataset, config(8, 0)), 1, 0)[0].images);
}

#[test]
fn photographs_load_the_same_with_any_number_of_workers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = root.ancestors().map(|folder| folder.join("shared/data/clothing10/val"));
    let Some(data) = data.into_iter().find(|folder| folder.is_dir()) else {
        eprintln!("skipped: shared/data/clothing10 is not here");
        return;
    };
    let found = source::open(data.to_str().unwrap(), &SourceOptions::default()).unwrap();
    let dataset = Arc::new(found.train);
    let made = |workers| {
        let config = LoaderConfig { on_broken: OnBroken::Error, ..config(16, workers) };
        let loader = Loader::new(Arc::clone(&dataset), pipeline([64, 64]), config).unwrap();
        loader.epoch(1, 0).take(4).map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(made(2), made(0));
}
