//! Batches with masks, of the embedded birds and of files.

use std::path::Path;

use tempfile::TempDir;

use super::super::*;
use crate::augment::{RandomFlip, Resize, Transform};
use crate::cache::CacheKind;
use crate::source::{Labels, SourceOptions, open};

fn masked(location: &str) -> Arc<Dataset> {
    let options = SourceOptions { labels: Labels::Masks, ..SourceOptions::default() };
    Arc::new(open(location, &options).unwrap().train)
}

fn pipeline(size: [u32; 2]) -> Arc<Pipeline> {
    let transforms = [
        Transform::Resize(Resize::default()),
        Transform::RandomHorizontalFlip(RandomFlip::default()),
    ];
    Arc::new(Pipeline::new(&transforms, size).unwrap())
}

fn config(workers: usize) -> LoaderConfig {
    LoaderConfig { batch_size: 4, workers, seed: 3, ..LoaderConfig::default() }
}

fn batches(dataset: &Arc<Dataset>, config: LoaderConfig, epoch: u64) -> Vec<Batch> {
    let loader = Loader::new(Arc::clone(dataset), pipeline([12, 16]), config).unwrap();
    loader.epoch(epoch, 0).map(Result::unwrap).collect()
}

/// Pictures and masks in which class `c` is gray `c`, with some that can't be used.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for part in ["images", "masks"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
    }
    let save = |path: &Path, width: u32, shade: u8| {
        image::GrayImage::from_fn(width, 12, |x, _| image::Luma([if x < 8 { shade } else { 0 }]))
            .save(path)
            .unwrap();
    };
    for number in 0..9u8 {
        let mask_shade = if number == 4 { 99 } else { number % 3 };
        save(&folder.path().join(format!("images/{number}.png")), 16, number % 3);
        let width = if number == 6 { 15 } else { 16 };
        save(&folder.path().join(format!("masks/{number}.png")), width, mask_shade);
    }
    std::fs::write(folder.path().join("palette.csv"), "index,name\n0,a\n1,b\n2,c\n").unwrap();
    folder
}

#[test]
fn a_batch_has_the_class_of_every_pixel() {
    let dataset = masked("synth://birds?classes=2&count=10&size=32");
    let epoch = batches(&dataset, config(2), 1);
    assert_eq!(epoch.len(), 3);
    for batch in &epoch {
        let [n, height, width, 3] = batch.shape else { panic!("{:?}", batch.shape) };
        assert_eq!(batch.masks.len(), n * height * width);
        assert!(batch.masks.iter().all(|&class| (class as usize) < dataset.classes.len()));
        assert!(batch.labels.is_empty() && batch.originals.is_empty());
    }
    assert!(epoch[0].masks.iter().any(|&class| class != 0));
}

#[test]
fn masks_move_with_their_pictures_and_broken_ones_leave_no_gap() {
    let folder = folder();
    let dataset = masked(folder.path().to_str().unwrap());
    for cache in [CacheKind::None, CacheKind::Memory] {
        let cache = CacheConfig { kind: cache, ..CacheConfig::default() };
        let epoch = batches(&dataset, LoaderConfig { cache, ..config(2) }, 1);
        let broken: Vec<&Broken> = epoch.iter().flat_map(|batch| &batch.broken).collect();
        let mut indices: Vec<usize> = broken.iter().map(|broken| broken.index).collect();
        indices.sort_unstable();
        assert_eq!(indices, [4, 6]);
        for broken in broken {
            assert!(broken.name.ends_with(&format!("images/{}.png", broken.index)));
            let expected = [
                "99 in 96; expected 0 to 2, or 255 (ignored)",
                "15x12 pixels, but its picture has 16x12",
            ];
            let expected = expected[usize::from(broken.index == 6)];
            assert!(broken.reason.contains(&format!("masks/{}.png", broken.index)));
            assert!(broken.reason.contains(expected), "{}", broken.reason);
        }
        for batch in &epoch {
            let normalize = |class: u8| (f32::from(class) / 255.0 - 0.485) / 0.229;
            for (pixel, &class) in batch.images.chunks_exact(3).zip(&batch.masks) {
                assert!((pixel[0] - normalize(class)).abs() < 1e-5);
            }
            assert_eq!(batch.indices.len() * 12 * 16, batch.masks.len());
        }
    }
}

#[test]
fn batches_depend_on_neither_workers_nor_caches() {
    let folder = folder();
    let files = masked(folder.path().to_str().unwrap());
    let disk = TempDir::new().unwrap();
    for dataset in [files, masked("synth://birds?classes=3&count=9&size=24")] {
        let alone = batches(&dataset, config(0), 2);
        assert_eq!(alone, batches(&dataset, config(3), 2));
        for (kind, folder) in
            [(CacheKind::Memory, None), (CacheKind::Disk, Some(disk.path().to_owned()))]
        {
            let cache = CacheConfig { kind, folder, ..CacheConfig::default() };
            let cached = LoaderConfig { cache, ..config(2) };
            let loader = Loader::new(Arc::clone(&dataset), pipeline([12, 16]), cached).unwrap();
            for _ in 0..2 {
                let again: Vec<Batch> = loader.epoch(2, 0).map(Result::unwrap).collect();
                assert_eq!(alone, again, "{kind:?}");
            }
            let rest: Vec<Batch> = loader.epoch(2, 1).map(Result::unwrap).collect();
            assert_eq!(alone[1..], rest);
        }
    }
}

#[test]
fn originals_come_along_in_their_own_size() {
    let folder = folder();
    let dataset = masked(folder.path().to_str().unwrap());
    let originals = KeepOriginals { pictures: true, masks: true };
    let order = Order::Sequential;
    let epoch = batches(&dataset, LoaderConfig { originals, order, ..config(2) }, 0);
    let all: Vec<&Original> = epoch.iter().flat_map(|batch| &batch.originals).collect();
    assert_eq!(all.len(), 7);
    for (original, index) in all.iter().zip(epoch.iter().flat_map(|batch| &batch.indices)) {
        let (picture, mask) = (original.picture.as_ref().unwrap(), original.mask.as_ref().unwrap());
        assert_eq!((picture.width(), mask.width()), (16, 16));
        assert_eq!(mask.label(0, 0) as usize, index % 3);
    }
    let alone = SourceOptions { labels: Labels::None, ..SourceOptions::default() };
    let pictures = Arc::new(open(folder.path().to_str().unwrap(), &alone).unwrap().train);
    let epoch = batches(&pictures, LoaderConfig { originals, order, ..config(2) }, 0);
    let count = |batch: &Batch| (batch.originals.len(), batch.masks.len(), batch.labels.len());
    assert_eq!(epoch.iter().map(count).collect::<Vec<_>>(), [(4, 0, 0), (4, 0, 0), (1, 0, 0)]);
    assert!(epoch[0].originals.iter().all(|it| it.picture.is_some() && it.mask.is_none()));
}

#[test]
fn a_spot_check_finds_what_is_wrong_with_all_masks_before_training() {
    use crate::mask::spot_check;
    let folder = folder();
    let options = DecodeOptions::default();
    let dataset = masked(folder.path().to_str().unwrap());
    // Two of nine are broken: for the loader to leave out.
    assert!(spot_check(&dataset, &options, 100).is_ok());
    for number in 0..9 {
        let path = folder.path().join(format!("masks/{number}.png"));
        image::GrayImage::from_pixel(16, 12, image::Luma([77])).save(path).unwrap();
    }
    let error = spot_check(&dataset, &options, 4).unwrap_err().to_string();
    assert!(error.contains("masks/0.png: 192 of 192 pixels have values"), "{error}");
}
