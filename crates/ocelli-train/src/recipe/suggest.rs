//! A recipe for a person who has only pictures: good defaults for the size of the data.
//!
//! Masks make a segmentation, classes a classification; pictures alone could be for several tasks,
//! which the person has to choose between.

mod classify;
mod dense;
mod measure;

use ocelli_data::source::{self, Found, Labels, Layout, SourceOptions};

use super::{DataSection, ModelSection, Recipe, Task, TrainSection};
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

/// What the person has decided already.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// What is to be learned; by default what the files tell.
    pub task: Option<Task>,
    /// The network.
    pub model: Option<ModelSection>,
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
/// [`PicturesError`] if there are none, or if what is to be learned of them can't be told.
pub fn suggest(decided: &Decided) -> Result<Suggestion, PicturesError> {
    let location = decided.data.train.as_str();
    let options = options(decided);
    let found = source::open(location, &options)
        .map_err(|reason| PicturesError::Source { key: "train", reason })?;
    let task = match decided.task {
        Some(task) => task,
        None if found.train.palette.is_some() => Task::Segment,
        // A layout that was asked for has to give classes, or say why not.
        None if found.layout == Layout::Flat && decided.data.layout == Layout::Auto => {
            let (location, found) = (location.to_owned(), found.train.len());
            return Err(PicturesError::NothingToLearn { location, found });
        }
        None => Task::Classify,
    };
    check_truth(task, location, &found.train)?;
    Ok(match task {
        Task::Classify => classify::suggest(decided, &found),
        Task::Segment => dense::segment(decided, &found),
        Task::Colorize => dense::colorize(decided, &found),
    })
}

/// What is looked for. Whoever speaks of masks wants them.
fn options(decided: &Decided) -> SourceOptions {
    let data = &decided.data;
    let speaks_of_masks = data.masks.is_some()
        || data.palette.is_some()
        || data.mask_suffix.is_some()
        || data.mask_column.is_some()
        || data.ignore_index.is_some()
        || !data.ignore_colors.is_empty()
        || matches!(data.layout, Layout::MaskFolders | Layout::MaskSuffixes | Layout::MaskLists);
    match decided.task {
        Some(task) => source_options(task, data),
        None if speaks_of_masks => source_options(Task::Segment, data),
        None => SourceOptions { labels: Labels::Either, ..source_options(Task::Classify, data) },
    }
}

/// Collects the choices that every task makes in its own measure, and their reasons.
struct Choice<'a> {
    decided: &'a Decided,
    reasons: Vec<String>,
}

impl<'a> Choice<'a> {
    fn of(decided: &'a Decided, found: &Found) -> Self {
        Self { decided, reasons: vec![description(&decided.data.train, found)] }
    }

    /// As many epochs as show training `seen` pictures, within bounds.
    fn epochs(
        &mut self,
        found: &Found,
        seen: usize,
        bounds: std::ops::RangeInclusive<usize>,
    ) -> u32 {
        let count = found.train.len().max(1);
        let fitting = (seen / count).clamp(*bounds.start(), *bounds.end()) as u32;
        let epochs = self.decided.epochs.unwrap_or(fitting);
        self.reasons.push(match self.decided.epochs {
            Some(1) => "1 epoch, as you say".to_owned(),
            Some(_) => format!("{epochs} epochs, as you say"),
            None => format!("{epochs} epochs, for {count} training pictures"),
        });
        epochs
    }

    /// AdamW with a warm-up and a cosine, in batches of so many pictures unless decided otherwise.
    fn recipe(&mut self, task: Task, data: DataSection, epochs: u32, batch_size: usize) -> Recipe {
        let batch_size = self.decided.batch_size.unwrap_or(batch_size);
        // A warm-up must leave something of the run.
        let (warmup_epochs, warmup) = if epochs > 1 { (1.0, "one") } else { (0.5, "half an") };
        self.reasons.push(format!(
            "batches of {batch_size}, AdamW at 1e-3, warm-up for {warmup} epoch, then a cosine down to 0"
        ));
        Recipe {
            task,
            data,
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
        }
    }

    /// The network decided on, or this one.
    fn model(&mut self, model: ModelSection, reason: &str) -> ModelSection {
        if let Some(model) = &self.decided.model {
            self.reasons.push(format!("{}, as you say", model.name));
            return model.clone();
        }
        self.reasons.push(format!("{}: {reason}", model.name));
        model
    }

    fn finish(self, recipe: Recipe) -> Suggestion {
        Suggestion { recipe, reasons: self.reasons }
    }
}

fn description(location: &str, found: &Found) -> String {
    let parts: Vec<String> =
        [("train", Some(&found.train)), ("val", found.val.as_ref()), ("test", found.test.as_ref())]
            .into_iter()
            .filter_map(|(name, dataset)| dataset.map(|dataset| (name, dataset.len())))
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
    let classes = match found.train.classes.len() {
        0 => String::new(),
        classes => format!("{classes} classes, "),
    };
    format!("{location}: {}, {classes}pictures: {}", found.layout, parts.join(", "))
}
