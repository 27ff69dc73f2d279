//! A recipe for a person who has only pictures: good defaults for the size of the data.

use ocelli_data::dataset::Location;
use ocelli_data::decode::dimensions;
use ocelli_data::source::{self, Found};
use ocelli_data::{Dataset, DecodeOptions};

use super::{DataSection, Recipe, Size, Task, TrainSection};
use crate::optimizer::{OptimizerConfig, OptimizerName};
use crate::pictures::{PicturesError, check_truth, source_options};
use crate::schedule::{ScheduleConfig, ScheduleName};

/// A recipe made for a set of pictures, and why it is as it is.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// The recipe, not yet resolved.
    pub recipe: Recipe,
    /// One line for each choice, for people.
    pub reasons: Vec<String>,
}

/// Pictures whose header is read to learn how large they are.
const MEASURED: usize = 64;
/// The largest picture size chosen: beyond it, training from scratch on a CPU takes days.
const MOST_PIXELS: u32 = 128;
/// Pictures that training should see in all. Small sets are gone over more often, within bounds.
const PICTURES_SEEN: usize = 60_000;
const EPOCHS: std::ops::RangeInclusive<usize> = 10..=40;
/// A class this many times as frequent as another is worth a word.
const NOTABLE_IMBALANCE: usize = 4;

/// What the person has decided already.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// Where the pictures are and how they are to be read.
    pub data: DataSection,
    /// Whether `data` also gives the size.
    pub has_size: bool,
    /// How many epochs.
    pub epochs: Option<u32>,
    /// How many pictures a batch.
    pub batch_size: Option<usize>,
}

/// Looks at the pictures and chooses what is not yet decided.
///
/// # Errors
/// [`PicturesError`] if there are none.
pub fn suggest(decided: &Decided) -> Result<Suggestion, PicturesError> {
    let data = decided.data.clone();
    let location = data.train.as_str();
    let found = source::open(location, &source_options(Task::Classify, &data))
        .map_err(|reason| PicturesError::Source { key: "train", reason })?;
    check_truth(Task::Classify, location, &found.train)?;
    let mut reasons = vec![description(location, &found)];

    let shorter = median_shorter_side(&found.train);
    let fitting = shorter.map_or(64, |shorter| (shorter / 32 * 32).clamp(32, MOST_PIXELS));
    let size = if decided.has_size { data.size } else { Size::Square(fitting) };
    reasons.push(match shorter {
        _ if decided.has_size => format!("size {size}, as you say"),
        Some(shorter) => {
            format!("size {size}: the pictures' shorter side is about {shorter} pixels")
        }
        None => format!("size {size}: no picture's own size could be read"),
    });

    let count = found.train.len().max(1);
    let fitting = (PICTURES_SEEN / count).clamp(*EPOCHS.start(), *EPOCHS.end()) as u32;
    let epochs = decided.epochs.unwrap_or(fitting);
    reasons.push(match decided.epochs {
        Some(1) => "1 epoch, as you say".to_owned(),
        Some(_) => format!("{epochs} epochs, as you say"),
        None => format!("{epochs} epochs, for {count} training pictures"),
    });

    let batch_size = decided.batch_size.unwrap_or(if count < 500 { 16 } else { 32 });
    // A warm-up must leave something of the run.
    let (warmup_epochs, warmup) = if epochs > 1 { (1.0, "one") } else { (0.5, "half an") };
    reasons.push(format!(
        "batches of {batch_size}, AdamW at 1e-3, warm-up for {warmup} epoch, then a cosine down to 0"
    ));

    let counts = found.train.class_counts();
    if let (Some(&most), Some(&least)) = (counts.iter().max(), counts.iter().min())
        && most >= NOTABLE_IMBALANCE * least.max(1)
    {
        reasons.push(format!(
            "the classes are uneven ({least} to {most} pictures): if the rare ones matter to you as much, \
             add --set train.loss.class_weights=balanced or --set data.sampling=balanced"
        ));
    }

    let recipe = Recipe {
        data: DataSection { size, ..data.clone() },
        train: TrainSection { epochs, batch_size, ..TrainSection::default() },
        optimizer: OptimizerConfig {
            name: OptimizerName::AdamW,
            lr: Some(1e-3),
            ..OptimizerConfig::default()
        },
        schedule: ScheduleConfig {
            name: ScheduleName::Cosine,
            warmup_epochs: Some(warmup_epochs),
            ..ScheduleConfig::default()
        },
        ..Recipe::default()
    };
    Ok(Suggestion { recipe, reasons })
}

fn description(location: &str, found: &Found) -> String {
    let parts: Vec<String> =
        [("train", Some(&found.train)), ("val", found.val.as_ref()), ("test", found.test.as_ref())]
            .into_iter()
            .filter_map(|(name, dataset)| dataset.map(|dataset| (name, dataset.len())))
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
    format!(
        "{location}: {}, {} classes, pictures: {}",
        found.layout,
        found.train.classes.len(),
        parts.join(", ")
    )
}

/// The median of the shorter sides of some pictures, evenly spaced over the dataset.
fn median_shorter_side(dataset: &Dataset) -> Option<u32> {
    let every = dataset.len().div_ceil(MEASURED).max(1);
    let options = DecodeOptions::default();
    let mut sides: Vec<u32> = dataset
        .samples
        .iter()
        .step_by(every)
        .filter_map(|sample| match &sample.location {
            Location::Synth { birds, .. } => Some((birds.config().size, birds.config().size)),
            _ => dimensions(&sample.bytes().ok()?, &options).ok(),
        })
        .map(|(width, height)| width.min(height))
        .collect();
    sides.sort_unstable();
    sides.get(sides.len() / 2).copied()
}
