//! A run for TensorBoard: `tensorboard/train`, `val` and `test` in the run folder, which it shows as
//! three curves under each name.
//!
//! Nothing here ends training: what can't be written is told once, and nothing more is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use ocelli_data::mask::color_picture;
use ocelli_data::{Dataset, Picture};
use ocelli_nn::state::StateDict;
use ocelli_tensorboard::projector::{self, Embedding};
use ocelli_tensorboard::{Events, Wanted, Written};

use super::{Observer, epoch_checkpoint};
use crate::pictures::decode_options;
use crate::recipe::Recipe;
use crate::record::{EpochRecord, Split};
use crate::run_folder::{RunFolder, read_json_lines};
use crate::task::Kept;
use crate::task::classify::Features;

/// How many epochs have histograms of the weights, beside those of snapshots: TensorBoard shows no
/// more, and in a long run with a large network those of all epochs would outweigh a checkpoint.
const HISTOGRAMS: u32 = 50;

/// What the name of a picture itself ends in.
const ORIGINAL: &str = "/picture";

/// The folder of the points, within `val/`.
const PROJECTOR: &str = "projector";

/// A run's writer of event files.
pub(super) struct TensorBoard {
    recipe: Recipe,
    folder: RunFolder,
    /// None where nothing is written: the recipe doesn't ask for it, or it failed.
    files: Option<Files>,
}

struct Files {
    train: Events,
    val: Events,
    embeddings: Vec<Embedding>,
    has_originals: bool,
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

impl TensorBoard {
    pub(super) fn new(recipe: &Recipe, folder: &RunFolder) -> Self {
        Self { recipe: recipe.clone(), folder: folder.clone(), files: None }
    }

    /// Begins the files, or goes on with those of the first `epochs`. `metrics.jsonl` is what counts:
    /// numbers that it has and the files lack are put in.
    pub(super) fn begin(&mut self, epochs: u32, observer: &mut dyn Observer) {
        if !self.recipe.train.tensorboard {
            return;
        }
        match self.opened(epochs) {
            Ok(files) => self.files = Some(files),
            Err(error) => self.give_up(&*error, observer),
        }
    }

    fn opened(&self, epochs: u32) -> Outcome<Files> {
        let records: Vec<EpochRecord> = read_json_lines(&self.folder.metrics_file())?;
        let folder = self.folder.tensorboard();
        // The test is done again, as its line in metrics.jsonl.
        let test = folder.join(Split::Test.name());
        if test.exists() {
            fs::remove_dir_all(&test)?;
        }
        let mut has_originals = false;
        let mut open = |split: Split| -> Outcome<Events> {
            let mut steps = BTreeSet::new();
            let wanted = Wanted { last_step: epochs.into() };
            let folder = folder.join(split.name());
            let mut events = Events::continued(&folder, wanted, |event| {
                let Some(Written::Summary(summary)) = &event.what else { return };
                if summary.values.iter().any(|value| value.tag == LOSS) {
                    steps.insert(event.step);
                }
                has_originals |= summary.values.iter().any(|value| value.tag.ends_with(ORIGINAL));
            })?;
            for record in records.iter().filter(|record| record.split == split) {
                if record.epoch <= epochs && !steps.contains(&record.epoch.into()) {
                    add_scalars(&mut events, record);
                    events.write(record.epoch.into())?;
                }
            }
            Ok(events)
        };
        let [train, val] = [open(Split::Train)?, open(Split::Val)?];
        let mut files = Files { train, val, embeddings: Vec::new(), has_originals };
        files.embeddings = self.embeddings(epochs)?;
        projector_config(&self.projector_folder(), &files.embeddings)?;
        Ok(files)
    }

    /// An epoch's numbers, what its snapshot kept, and how its weights are spread.
    pub(super) fn epoch(
        &mut self,
        [train, val]: [&EpochRecord; 2],
        pictures: &Dataset,
        kept: Option<&Kept>,
        weights: impl FnOnce() -> StateDict,
        observer: &mut dyn Observer,
    ) {
        let Some(mut files) = self.files.take() else { return };
        match self.write_epoch(&mut files, [train, val], pictures, kept, weights) {
            Ok(()) => self.files = Some(files),
            Err(error) => self.give_up(&*error, observer),
        }
    }

    fn write_epoch(
        &self,
        files: &mut Files,
        [train, val]: [&EpochRecord; 2],
        pictures: &Dataset,
        kept: Option<&Kept>,
        weights: impl FnOnce() -> StateDict,
    ) -> Outcome {
        let epoch = train.epoch;
        add_scalars(&mut files.train, train);
        add_scalars(&mut files.val, val);
        let every = self.recipe.train.epochs.div_ceil(HISTOGRAMS);
        if kept.is_some() || epoch.is_multiple_of(every) {
            for (name, array) in weights().iter() {
                // Statistics of normalizations are no weights.
                if let Some(values) = array.as_f32().filter(|_| !name.contains("running_")) {
                    files.train.histogram(format!("weights/{name}"), values);
                }
            }
        }
        match kept {
            None => {}
            Some(Kept::Features(features)) => {
                files.embeddings.push(self.write_points(epoch, pictures, features)?);
                projector_config(&self.projector_folder(), &files.embeddings)?;
            }
            Some(Kept::Masks(masks)) => {
                let Some(palette) = &pictures.palette else { return Ok(()) };
                let indices = masks.iter().map(|segmented| segmented.index);
                self.add_originals(files, pictures, indices)?;
                for segmented in masks {
                    let name = &pictures.samples[segmented.index].name;
                    let picture = color_picture(&segmented.mask, palette);
                    add_picture(&mut files.val, format!("{name}/prediction"), &picture)?;
                }
            }
            Some(Kept::Pictures(colorized)) => {
                let indices = colorized.iter().map(|colorized| colorized.index);
                self.add_originals(files, pictures, indices)?;
                for colorized in colorized {
                    let name = &pictures.samples[colorized.index].name;
                    add_picture(&mut files.val, format!("{name}/prediction"), &colorized.picture)?;
                }
            }
        }
        files.train.write(epoch.into())?;
        files.val.write(epoch.into())?;
        Ok(())
    }

    /// The pictures themselves and their true masks, beside the run's first answers.
    fn add_originals(
        &self,
        files: &mut Files,
        pictures: &Dataset,
        indices: impl Iterator<Item = usize>,
    ) -> Outcome {
        if std::mem::replace(&mut files.has_originals, true) {
            return Ok(());
        }
        let decode = decode_options(&self.recipe.data);
        for index in indices {
            let sample = &pictures.samples[index];
            let name = &sample.name;
            // A broken picture is told by validation.
            let Ok(picture) = sample.picture(&decode) else { continue };
            add_picture(&mut files.val, format!("{name}{ORIGINAL}"), &picture)?;
            if let Some(palette) = &pictures.palette
                && let Ok(mask) = sample.mask(palette, &decode)
            {
                add_picture(
                    &mut files.val,
                    format!("{name}/truth"),
                    &color_picture(&mask, palette),
                )?;
            }
        }
        Ok(())
    }

    /// The last test.
    pub(super) fn test(&mut self, record: &EpochRecord, observer: &mut dyn Observer) {
        if self.files.is_none() {
            return;
        }
        let folder = self.folder.tensorboard().join(Split::Test.name());
        let written =
            Events::continued(&folder, Wanted { last_step: 0 }, |_| ()).and_then(|mut events| {
                add_scalars(&mut events, record);
                events.write(record.epoch.into())
            });
        if let Err(error) = written {
            self.give_up(&error, observer);
        }
    }

    fn give_up(&mut self, error: &dyn Display, observer: &mut dyn Observer) {
        self.files = None;
        observer.note(&format!(
            "{}: could not be written, and is left as it is: {error}. Training goes on without it; \
             `ocelli resume` puts in what is missing, and metrics.jsonl has all numbers",
            self.folder.tensorboard().display()
        ));
    }

    fn projector_folder(&self) -> PathBuf {
        self.folder.tensorboard().join(Split::Val.name())
    }

    fn write_points(
        &self,
        epoch: u32,
        pictures: &Dataset,
        features: &Features,
    ) -> Outcome<Embedding> {
        let folder = self.projector_folder();
        fs::create_dir_all(folder.join(PROJECTOR))?;
        let embedding = embedding(epoch, [features.labels.len(), features.width]);
        projector::write_points(&folder.join(&embedding.points), &features.values, features.width)?;
        let class = |index: i64| {
            usize::try_from(index).ok().and_then(|index| pictures.classes.get(index)).cloned()
        };
        let name = |index: i64| {
            let sample = usize::try_from(index).ok().and_then(|index| pictures.samples.get(index));
            sample.map(|sample| sample.name.clone())
        };
        let answers = features.labels.iter().zip(&features.answers).zip(&features.indices);
        let rows = answers.map(|((&label, &answer), &index)| {
            [class(label), class(answer), name(index)].map(Option::unwrap_or_default)
        });
        let columns = ["class", "answer", "picture"];
        projector::write_metadata(&folder.join(&embedding.metadata), columns, rows)?;
        Ok(embedding)
    }

    /// The points of the first `epochs` that are there already.
    fn embeddings(&self, epochs: u32) -> Outcome<Vec<Embedding>> {
        let folder = self.projector_folder();
        let mut found = BTreeMap::new();
        for at in &self.recipe.train.snapshots {
            let epoch = at.number(self.recipe.train.epochs);
            let embedding = embedding(epoch, [0, 0]);
            let points = folder.join(&embedding.points);
            if epoch > epochs || !points.is_file() || !folder.join(&embedding.metadata).is_file() {
                continue;
            }
            let text = fs::read_to_string(points)?;
            let width = text.lines().next().map_or(0, |line| line.split('\t').count());
            let shape = [text.lines().count(), width];
            found.insert(epoch, Embedding { shape, ..embedding });
        }
        Ok(found.into_values().collect())
    }
}

/// What a snapshot's points are called, and where they are.
fn embedding(epoch: u32, shape: [usize; 2]) -> Embedding {
    let place = format!("{PROJECTOR}/{}", epoch_checkpoint(epoch));
    Embedding {
        name: format!("features of epoch {epoch}"),
        points: format!("{place}.tsv"),
        shape,
        metadata: format!("{place}-labels.tsv"),
        sprite: None,
    }
}

/// The list of points; a run without any has none.
fn projector_config(folder: &std::path::Path, embeddings: &[Embedding]) -> std::io::Result<()> {
    if embeddings.is_empty() {
        return match fs::remove_file(folder.join(projector::CONFIG)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    projector::write_config(folder, embeddings)
}

/// Every record has one, so that it tells which epochs a file has.
const LOSS: &str = "loss";

/// The numbers of an epoch, under the names that they have in `metrics.jsonl`.
fn add_scalars(events: &mut Events, record: &EpochRecord) {
    let EpochRecord { loss, accuracy, top5, regions, colors, macro_average, .. } = record;
    events.scalar(LOSS, *loss);
    let means = [
        ("accuracy", *accuracy),
        ("top5", *top5),
        ("miou", regions.miou),
        ("frequency_weighted_iou", regions.frequency_weighted_iou),
        ("mean_dice", regions.mean_dice),
        ("psnr", colors.psnr),
        ("ssim", colors.ssim),
        ("ciede2000", colors.ciede2000),
        ("embedding_std", record.embedding.embedding_std),
        ("knn", record.embedding.knn),
        ("macro/precision", macro_average.and_then(|average| average.precision)),
        ("macro/recall", macro_average.and_then(|average| average.recall)),
        ("macro/f1", macro_average.and_then(|average| average.f1)),
        ("learning_rate", record.learning_rate),
        ("images_per_second", Some(record.images_per_second)),
        ("seconds", Some(record.seconds)),
    ];
    for (tag, value) in means {
        if let Some(value) = value {
            events.scalar(tag, value);
        }
    }
    for (group, classes) in [("iou", &regions.iou), ("dice", &regions.dice)] {
        for (class, value) in classes {
            if let Some(value) = value {
                events.scalar(format!("{group}/{class}"), *value);
            }
        }
    }
}

fn add_picture(events: &mut Events, tag: String, picture: &Picture) -> Outcome {
    let png = picture.to_png().map_err(|error| error.to_string())?;
    events.image(tag, [picture.height(), picture.width()], png);
    Ok(())
}
