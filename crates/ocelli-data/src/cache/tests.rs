use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::dataset::Location;

/// Bytes of one of the test pictures: 20 x 10 pixels in RGB.
const PICTURE_BYTES: u64 = 20 * 10 * 3;
/// A cache's bound is given in whole megabytes; these pictures are large enough to reach it.
const LARGE: (u32, u32) = (500, 400);
const LARGE_BYTES: u64 = 500 * 400 * 3;

fn sample(folder: &Path, name: &str, (width, height): (u32, u32), shade: u8) -> Sample {
    let path = folder.join(name);
    let pixels =
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, shade]));
    pixels.save(&path).unwrap();
    Sample { name: name.to_owned(), location: Location::File(path), label: None, mask: None }
}

fn samples(folder: &Path, count: u8, size: (u32, u32)) -> Vec<Sample> {
    (0..count).map(|shade| sample(folder, &format!("{shade}.bmp"), size, shade)).collect()
}

fn open(kind: CacheKind, max_mb: u64, folder: Option<&Path>, samples: usize) -> Cache {
    let config = CacheConfig { kind, max_mb, folder: folder.map(Path::to_owned) };
    Cache::open(&config, samples).unwrap()
}

fn pictures(cache: &Cache, samples: &[Sample]) -> Vec<Picture> {
    let options = DecodeOptions::default();
    let numbered = samples.iter().enumerate();
    numbered.map(|(index, sample)| cache.picture(index, sample, &options).unwrap()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn kept_pictures_are_the_decoded_ones_and_are_not_decoded_again() {
    for kind in [CacheKind::Memory, CacheKind::Disk] {
        let data = TempDir::new().unwrap();
        let folder = TempDir::new().unwrap();
        let samples = samples(data.path(), 3, (20, 10));
        let expected = pictures(&open(CacheKind::None, 1, None, 3), &samples);
        let folder = (kind == CacheKind::Disk).then(|| folder.path());
        let cache = open(kind, 1, folder, 3);
        assert_eq!(pictures(&cache, &samples), expected);
        // Same length, same time, other content: only a kept picture is still the old one.
        for sample in &samples {
            let Location::File(path) = &sample.location else { unreachable!() };
            let changed = fs::metadata(path).unwrap().modified().unwrap();
            fs::write(path, vec![0; fs::metadata(path).unwrap().len() as usize]).unwrap();
            fs::File::options().append(true).open(path).unwrap().set_modified(changed).unwrap();
        }
        assert_eq!(pictures(&cache, &samples), expected, "{kind:?}");
    }
}

#[test]
fn the_bound_is_kept_and_what_lies_beyond_it_is_decoded_as_before() {
    for kind in [CacheKind::Memory, CacheKind::Disk] {
        let data = TempDir::new().unwrap();
        let folder = TempDir::new().unwrap();
        let samples = samples(data.path(), 4, LARGE);
        let expected = pictures(&open(CacheKind::None, 1, None, 4), &samples);
        let folder = (kind == CacheKind::Disk).then(|| folder.path());
        // Room for one of 600,000 bytes, not for two.
        let cache = open(kind, 1, folder, 4);
        for _ in 0..2 {
            assert_eq!(pictures(&cache, &samples), expected);
            assert!((LARGE_BYTES..=1_000_000).contains(&cache.used_bytes()));
        }
        if let Some(folder) = folder {
            assert_eq!(entries(folder).len(), 1);
            assert_eq!(fs::metadata(&entries(folder)[0]).unwrap().len(), cache.used_bytes());
        }
    }
}

#[test]
fn files_from_earlier_runs_count_and_serve() {
    let data = TempDir::new().unwrap();
    let folder = TempDir::new().unwrap();
    let samples = samples(data.path(), 3, LARGE);
    let expected = pictures(&open(CacheKind::Disk, 2, Some(folder.path()), 3), &samples);
    let kept = entries(folder.path());
    assert_eq!(kept.len(), 3);
    let again = open(CacheKind::Disk, 1, Some(folder.path()), 3);
    assert!(again.used_bytes() >= 3 * LARGE_BYTES);
    let another = sample(data.path(), "another.bmp", LARGE, 77);
    assert!(again.picture(3, &another, &DecodeOptions::default()).is_ok());
    assert_eq!(entries(folder.path()), kept, "an entry was added beyond the bound");
    fs::remove_dir_all(data.path()).unwrap();
    // The pictures themselves are gone, so their state can't be known: an error, not a guess.
    assert!(again.picture(0, &samples[0], &DecodeOptions::default()).is_err());
    assert_eq!(expected.len(), 3);
}

#[test]
fn damaged_entries_are_noticed_decoded_anew_and_replaced() {
    let data = TempDir::new().unwrap();
    let folder = TempDir::new().unwrap();
    let samples = samples(data.path(), 1, (20, 10));
    let cache = open(CacheKind::Disk, 1, Some(folder.path()), 1);
    let expected = pictures(&cache, &samples);
    let path = entries(folder.path()).remove(0);
    let good = fs::read(&path).unwrap();
    assert_eq!(good.len() as u64, 48 + PICTURE_BYTES);
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut huge = good.clone();
    huge[8..16].fill(255);
    let mut empty = good[..48].to_vec();
    empty[8..16].fill(0);
    let damaged = [
        Vec::new(),
        good[..20].to_vec(),
        good[..good.len() - 1].to_vec(),
        [&good[..], &[0]].concat(),
        flipped(0),
        flipped(8),
        flipped(20),
        flipped(48),
        flipped(good.len() - 1),
        huge,
        empty,
    ];
    for (number, bytes) in damaged.into_iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        assert_eq!(pictures(&cache, &samples), expected, "damage {number}");
        assert_eq!(fs::read(&path).unwrap(), good, "damage {number} was not replaced");
    }
}

#[test]
fn a_changed_file_and_other_options_are_other_entries() {
    let data = TempDir::new().unwrap();
    let folder = TempDir::new().unwrap();
    let cache = open(CacheKind::Disk, 1, Some(folder.path()), 1);
    let before = sample(data.path(), "a.bmp", (20, 10), 1);
    let first = pictures(&cache, std::slice::from_ref(&before));
    let after = sample(data.path(), "a.bmp", (21, 10), 2);
    let second = pictures(&cache, std::slice::from_ref(&after));
    assert_ne!(first, second);
    let options = DecodeOptions { background: [1, 2, 3], ..DecodeOptions::default() };
    cache.picture(0, &after, &options).unwrap();
    assert_eq!(entries(folder.path()).len(), 3);
}

#[test]
fn a_folder_that_cannot_be_written_costs_time_and_nothing_else() {
    let data = TempDir::new().unwrap();
    let folder = TempDir::new().unwrap();
    let samples = samples(data.path(), 2, (20, 10));
    let cache = open(CacheKind::Disk, 1, Some(folder.path()), 2);
    fs::remove_dir(folder.path()).unwrap();
    assert_eq!(pictures(&cache, &samples).len(), 2);
    assert_eq!(cache.used_bytes(), 0);
}

#[test]
fn what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not() {
    let folder = TempDir::new().unwrap();
    let [old, new, foreign] = ["a.unfinished", "b.unfinished", "notes.txt"].map(|name| {
        let path = folder.path().join(name);
        fs::write(&path, [0; 100]).unwrap();
        path
    });
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 60 * 60);
    for path in [&old, &foreign] {
        fs::File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
    let cache = open(CacheKind::Disk, 1, Some(folder.path()), 0);
    assert_eq!(entries(folder.path()), [new, foreign]);
    assert_eq!(cache.used_bytes(), 100);
}

#[test]
fn contradictory_configurations_are_refused() {
    let refusal = |kind, folder: Option<&str>| {
        let config = CacheConfig { kind, max_mb: 1, folder: folder.map(PathBuf::from) };
        Cache::open(&config, 1).unwrap_err().to_string()
    };
    assert!(refusal(CacheKind::Disk, None).contains("needs a folder"));
    assert!(refusal(CacheKind::Memory, Some("x")).contains("kind is \"memory\""));
    assert!(refusal(CacheKind::None, Some("x")).contains("kind is \"none\""));
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = refusal(CacheKind::Disk, file.path().to_str());
    assert!(error.contains(file.path().to_str().unwrap()), "{error}");
}

#[test]
fn the_configuration_reads_from_toml_and_refuses_unknown_keys() {
    let read = |text: &str| toml::from_str::<CacheConfig>(text);
    let config = read("kind = \"disk\"\nmax_mb = 5\nfolder = \"kept\"").unwrap();
    let folder = Some(PathBuf::from("kept"));
    assert_eq!(config, CacheConfig { kind: CacheKind::Disk, max_mb: 5, folder });
    assert_eq!(read("").unwrap(), CacheConfig::default());
    assert_eq!(read(&toml::to_string(&config).unwrap()).unwrap(), config);
    assert!(read("max_gb = 5").is_err());
    assert!(read("kind = \"Disk\"").is_err());
}
