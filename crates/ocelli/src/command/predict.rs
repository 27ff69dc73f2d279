//! `ocelli predict`.

mod classify;
mod dense;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_data::dataset::{Location, Sample};
use ocelli_data::source::{self, Labels, Layout, SourceOptions};
use ocelli_train::recipe::Task;
use ocelli_train::trained::Trained;

use super::look;
use crate::cli::PredictArgs;
use crate::compute;
use crate::failure::Failure;

pub(crate) fn predict(arguments: &PredictArgs) -> Result<ExitCode, Failure> {
    if arguments.top == 0 {
        return Err(Failure::usage("--top 0: expected at least 1"));
    }
    let compute = compute::set_up(&arguments.compute)?;
    let mut trained = Trained::open(&arguments.run, &arguments.checkpoint, &compute.device)
        .map_err(Failure::failed)?;
    look(&mut trained, &arguments.look)?;
    if arguments.masks.is_some() && trained.recipe.task != Task::Segment {
        return Err(Failure::usage(format!(
            "--masks is for segmentation; the run's task is {}",
            trained.recipe.task.name()
        )));
    }
    let samples = found(&arguments.paths)?;
    match trained.recipe.task {
        Task::Classify => classify::predict(arguments, &trained, &samples),
        Task::Segment | Task::Colorize => dense::predict(arguments, &trained, &samples),
    }
}

/// The names of files in a folder that are unmistakably masks of other files there.
fn masks_in(folder: &Path) -> HashSet<String> {
    let options = SourceOptions { labels: Labels::Either, ..SourceOptions::default() };
    // What can't be told is a picture like any other.
    let Ok(found) = source::open_path(folder, &options) else { return HashSet::new() };
    [Some(found.train), found.val, found.test]
        .into_iter()
        .flatten()
        .flat_map(|dataset| dataset.samples)
        .filter_map(|sample| Some(sample.mask?.name))
        .collect()
}

/// The pictures that the paths name, folders opened.
fn found(paths: &[PathBuf]) -> Result<Vec<Sample>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            // Whatever the folders within are called: here they are no classes.
            let options = SourceOptions {
                labels: Labels::None,
                layout: Layout::Flat,
                ..SourceOptions::default()
            };
            let found = source::open_path(path, &options).map_err(Failure::failed)?;
            let masks = masks_in(path);
            let (masks, pictures): (Vec<_>, Vec<_>) =
                found.train.samples.into_iter().partition(|sample| masks.contains(&sample.name));
            if !masks.is_empty() {
                let count = masks.len();
                eprintln!("note: {}: {count} masks of its pictures are left out", path.display());
            }
            all.extend(pictures);
        } else {
            // A path that isn't there is reported with the others that can't be read.
            let name = path.display().to_string();
            all.push(Sample {
                name,
                location: Location::File(path.clone()),
                label: None,
                mask: None,
            });
        }
    }
    Ok(all)
}
