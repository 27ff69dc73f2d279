//! What a run writes for TensorBoard, read by a reader of its own: frames, checksums and messages by
//! their definitions, against `metrics.jsonl`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ocelli_nn::{device, safetensors};
use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;
use ocelli_train::record::{EpochRecord, Split};
use ocelli_train::run_folder::{RunFolder, read_json_lines};
use ocelli_train::trainer::{Compute, Observer, StepEvent, resume, start};

const RECIPE: &str = r#"
seed = 7
[data]
train = "synth://birds?classes=3&count=36&size=16"
val = 0.25
size = 16
augment = []
[train]
epochs = 3
batch_size = 8
snapshots = ["first", "last"]
"#;

/// CRC-32C, bit by bit.
fn masked_checksum(data: &[u8]) -> u32 {
    let mut checksum = !0u32;
    for &byte in data {
        checksum ^= u32::from(byte);
        for _ in 0..8 {
            checksum = (checksum >> 1) ^ if checksum & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    (!checksum).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A field of a message.
enum Field<'a> {
    Number(u64),
    Double(f64),
    Float(f32),
    Bytes(&'a [u8]),
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = from.split_at(count);
    *from = rest;
    taken
}

fn number(from: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0.. {
        let byte = take(from, 1)[0];
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// A message's fields, by number.
fn fields(mut from: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !from.is_empty() {
        let key = number(&mut from);
        let field = match key & 7 {
            0 => Field::Number(number(&mut from)),
            1 => Field::Double(f64::from_le_bytes(take(&mut from, 8).try_into().unwrap())),
            2 => {
                let length = number(&mut from) as usize;
                Field::Bytes(take(&mut from, length))
            }
            5 => Field::Float(f32::from_le_bytes(take(&mut from, 4).try_into().unwrap())),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

#[derive(Default)]
struct Read {
    scalars: BTreeMap<(i64, String), Vec<f32>>,
    /// Counts, sums of buckets, least and largest.
    histograms: BTreeMap<(i64, String), Vec<[f64; 4]>>,
    pictures: BTreeMap<(i64, String), Vec<Vec<u8>>>,
}

/// The one event file of a folder.
fn event_file(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_events = |path: &PathBuf| path.to_string_lossy().contains("tfevents");
    let files: Vec<PathBuf> = files.filter(is_events).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn read(folder: &Path) -> Read {
    let content = std::fs::read(event_file(folder)).unwrap();
    let mut rest = &content[..];
    let mut read = Read::default();
    let mut count = 0;
    while !rest.is_empty() {
        let length = take(&mut rest, 8);
        assert_eq!(take(&mut rest, 4), masked_checksum(length).to_le_bytes(), "length's checksum");
        let data = take(&mut rest, u64::from_le_bytes(length.try_into().unwrap()) as usize);
        assert_eq!(take(&mut rest, 4), masked_checksum(data).to_le_bytes(), "data's checksum");
        event(data, count, &mut read);
        count += 1;
    }
    read
}

fn event(data: &[u8], place: usize, read: &mut Read) {
    let (mut step, mut summary, mut version) = (0, None, None);
    for (key, field) in fields(data) {
        match (key, field) {
            (1, Field::Double(time)) => assert!(time > 1.7e9, "{time}"),
            (2, Field::Number(value)) => step = value as i64,
            (3, Field::Bytes(text)) => version = Some(text),
            (5, Field::Bytes(bytes)) => summary = Some(bytes),
            (7, Field::Bytes(_)) => assert_eq!(place, 1, "only a file that goes on has a session"),
            (key, _) => panic!("field {key} of an event"),
        }
    }
    assert_eq!(version.is_some(), place == 0);
    assert!(version.is_none_or(|version| version == b"brain.Event:2"));
    for (_, value) in summary.map(fields).unwrap_or_default() {
        let Field::Bytes(value) = value else { panic!("a value is a message") };
        let mut tag = String::new();
        for (key, field) in fields(value) {
            let at = (step, tag.clone());
            match (key, field) {
                (1, Field::Bytes(text)) => tag = String::from_utf8(text.to_vec()).unwrap(),
                (2, Field::Float(value)) => read.scalars.entry(at).or_default().push(value),
                (4, Field::Bytes(image)) => {
                    for (key, field) in fields(image) {
                        if let (4, Field::Bytes(png)) = (key, field) {
                            read.pictures.entry(at.clone()).or_default().push(png.to_vec());
                        }
                    }
                }
                (5, Field::Bytes(histogram)) => {
                    read.histograms.entry(at).or_default().push(spread(histogram));
                }
                (key, _) => panic!("field {key} of a value"),
            }
        }
    }
}

fn spread(histogram: &[u8]) -> [f64; 4] {
    // Fields that are zero are not written.
    let mut found = [0.0; 4];
    for (key, field) in fields(histogram) {
        match (key, field) {
            (1, Field::Double(min)) => found[2] = min,
            (2, Field::Double(max)) => found[3] = max,
            (3, Field::Double(count)) => found[0] = count,
            (7, Field::Bytes(buckets)) => {
                let counts = buckets.chunks_exact(8);
                found[1] = counts.map(|count| f64::from_le_bytes(count.try_into().unwrap())).sum();
            }
            _ => {}
        }
    }
    found
}

/// Sets the stop flag after so many batches, and keeps what it was told.
struct Watcher<'a> {
    batches: usize,
    stop: &'a AtomicBool,
    notes: Vec<String>,
}

impl Observer for Watcher<'_> {
    fn stepped(&mut self, _event: &StepEvent) {
        match self.batches.checked_sub(1) {
            Some(left) => self.batches = left,
            None => self.stop.store(true, Ordering::Relaxed),
        }
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
}

/// Trains, or goes on, until the end or a stop; returns what was told.
fn train(path: &Path, overrides: &[&str], stop_after: usize) -> Vec<String> {
    let device = device::parse("cpu").unwrap();
    let compute = Compute { device, device_name: "cpu".into(), threads: 2, commit: None };
    let stop = AtomicBool::new(false);
    let mut watcher = Watcher { batches: stop_after, stop: &stop, notes: Vec::new() };
    if path.join("run.json").exists() {
        resume(&RunFolder::open(path).unwrap(), &compute, &mut watcher, &stop).unwrap();
    } else {
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        let text = RecipeText::new("test".into(), RECIPE.into());
        let (recipe, text) = text.parse(&overrides).unwrap();
        let recipe = resolve(recipe, &text).unwrap();
        let folder = RunFolder::create(path).unwrap();
        start(recipe, &folder, &compute, &mut watcher, &stop).unwrap();
    }
    watcher.notes
}

/// Every number of `metrics.jsonl` is there once, and nothing else.
fn assert_as_recorded(path: &Path) {
    let folder = RunFolder::open(path).unwrap();
    let records: Vec<EpochRecord> = read_json_lines(&folder.metrics_file()).unwrap();
    for split in [Split::Train, Split::Val] {
        let read = read(&path.join("tensorboard").join(split.name()));
        let mut wanted = BTreeMap::new();
        for record in records.iter().filter(|record| record.split == split) {
            let mut put = |tag: &str, value: Option<f64>| {
                if let Some(value) = value {
                    let at = (i64::from(record.epoch), tag.to_owned());
                    assert!(wanted.insert(at, vec![value as f32]).is_none(), "{tag} twice");
                }
            };
            put("loss", Some(record.loss));
            put("accuracy", record.accuracy);
            put("top5", record.top5);
            put("learning_rate", record.learning_rate);
            put("images_per_second", Some(record.images_per_second));
            put("seconds", Some(record.seconds));
            put("macro/precision", record.macro_average.and_then(|mean| mean.precision));
            put("macro/recall", record.macro_average.and_then(|mean| mean.recall));
            put("macro/f1", record.macro_average.and_then(|mean| mean.f1));
        }
        assert_eq!(read.scalars, wanted, "{}", split.name());
    }
}

#[test]
fn a_stopped_run_goes_on_without_an_epoch_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    // 4 batches of training and 2 of validation an epoch: stopped within the second.
    assert_eq!(train(&path, &[], 8), [""; 0]);
    assert_as_recorded(&path);
    // As a crash between an epoch's numbers and its checkpoint would leave it: one that is done again.
    let file = event_file(&path.join("tensorboard/train"));
    let mut events = ocelli_tensorboard::Events::continued(
        &path.join("tensorboard/train"),
        ocelli_tensorboard::Wanted { last_step: 1 },
        |_| (),
    )
    .unwrap();
    events.scalar("loss", 99.0);
    events.write(2).unwrap();
    assert!(!file.exists());
    assert_eq!(train(&path, &[], usize::MAX), [""; 0]);
    assert_as_recorded(&path);

    let train_events = read(&path.join("tensorboard/train"));
    let weights = checkpointed(&path.join("checkpoints/last/model.safetensors"));
    let weights: BTreeMap<_, _> =
        weights.into_iter().filter(|(name, _)| !name.contains("running_")).collect();
    assert_eq!(train_events.histograms.len(), 3 * weights.len(), "each epoch, each weight, once");
    for (name, values) in weights {
        let found = &train_events.histograms[&(3, format!("weights/{name}"))];
        let count = values.len() as f64;
        let min = f64::from(values.iter().copied().fold(f32::INFINITY, f32::min));
        let max = f64::from(values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        assert_eq!(found[..], [[count, count, min, max]], "{name}");
    }

    let val = path.join("tensorboard/val");
    let config = std::fs::read_to_string(val.join("projector_config.pbtxt")).unwrap();
    assert_eq!(config.matches("embeddings {").count(), 2, "{config}");
    for epoch in ["epoch-0001", "epoch-0003"] {
        assert!(config.contains(&format!("tensor_path: \"projector/{epoch}.tsv\"")), "{config}");
        let kept =
            safetensors::read(path.join("snapshots").join(epoch).join("features.safetensors"))
                .unwrap();
        let points = std::fs::read_to_string(val.join(format!("projector/{epoch}.tsv"))).unwrap();
        let points: Vec<f32> =
            points.split_whitespace().map(|number| number.parse().unwrap()).collect();
        assert_eq!(points, kept.get("features").unwrap().as_f32().unwrap());
        let labels = std::fs::read_to_string(val.join(format!("projector/{epoch}-labels.tsv")));
        let labels = labels.unwrap();
        assert!(labels.starts_with("class\tanswer\tpicture\n"), "{labels}");
        assert_eq!(labels.lines().count(), 10);
    }
}

fn checkpointed(path: &Path) -> Vec<(String, Vec<f32>)> {
    let dict = safetensors::read(path).unwrap();
    let floats = dict.iter().filter_map(|(name, array)| Some((name, array.as_f32()?)));
    floats.map(|(name, values)| (name.to_owned(), values.to_vec())).collect()
}

#[test]
fn what_cannot_be_written_is_told_once_and_put_in_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    std::fs::create_dir(&path).unwrap();
    /// Puts a file where the folder should be, as soon as there is a run.
    struct Blocker<'a>(Watcher<'a>, &'a Path);
    impl Observer for Blocker<'_> {
        fn started(&mut self, _start: &ocelli_train::trainer::RunStart<'_>) {
            std::fs::write(self.1.join("tensorboard"), "in the way").unwrap();
        }
        fn stepped(&mut self, event: &StepEvent) {
            self.0.stepped(event);
        }
        fn note(&mut self, text: &str) {
            self.0.note(text);
        }
    }
    let device = device::parse("cpu").unwrap();
    let compute = Compute { device, device_name: "cpu".into(), threads: 2, commit: None };
    let stop = AtomicBool::new(false);
    let watcher = Watcher { batches: 14, stop: &stop, notes: Vec::new() };
    let mut blocker = Blocker(watcher, &path);
    let text = RecipeText::new("test".into(), RECIPE.into());
    let (recipe, text) = text.parse(&[]).unwrap();
    let recipe = resolve(recipe, &text).unwrap();
    start(recipe, &RunFolder::create(&path).unwrap(), &compute, &mut blocker, &stop).unwrap();
    let notes = blocker.0.notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("tensorboard: could not be written"), "{notes:?}");

    std::fs::remove_file(path.join("tensorboard")).unwrap();
    assert_eq!(train(&path, &[], usize::MAX), [""; 0]);
    assert_as_recorded(&path);
}

#[test]
fn a_recipe_can_do_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    train(&path, &["train.tensorboard=false", "train.epochs=1"], usize::MAX);
    assert!(!path.join("tensorboard").exists());
}

#[test]
fn masks_are_shown_in_colour_beside_picture_and_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let overrides = [
        "task=segment",
        "model.name=unet",
        "data.train=synth://birds?classes=3&count=12&size=16",
        "train.epochs=1",
        "train.batch_size=4",
        "train.snapshot_pictures=2",
    ];
    assert_eq!(train(&path, &overrides, usize::MAX), [""; 0]);
    let read = read(&path.join("tensorboard/val"));
    assert_eq!(read.pictures.len(), 6, "{:?}", read.pictures.keys());
    for kind in ["picture", "truth", "prediction"] {
        let tags = read.pictures.iter().filter(|((_, tag), _)| tag.ends_with(kind));
        let shown: Vec<_> = tags.collect();
        assert_eq!(shown.len(), 2, "{kind}");
        for ((step, _), pngs) in shown {
            assert_eq!((*step, pngs.len()), (1, 1));
            assert!(pngs[0].starts_with(b"\x89PNG"));
        }
    }
    assert!(read.scalars.keys().any(|(_, tag)| tag == "miou"));
    assert!(read.scalars.keys().any(|(_, tag)| tag.starts_with("iou/")));
}
