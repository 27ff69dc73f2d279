//! `ocelli embed`: the features of any pictures.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_data::Picture;
use ocelli_data::dataset::{Location, Sample};
use ocelli_data::source::{self, SourceOptions};
use ocelli_train::feature_file;
use ocelli_train::pictures::decode_options;
use ocelli_train::trained::Trained;
use rayon::prelude::*;
use serde::Serialize;

use super::{new_table, print_json, print_text};
use crate::cli::EmbedArgs;
use crate::compute;
use crate::failure::Failure;

/// Pictures decoded and looked at, at a time: of a folder of any size, memory holds no more pictures
/// than these beside all features.
const BATCH: usize = 16;

/// What was done.
#[derive(Serialize)]
struct Report<'a> {
    features: &'a Path,
    table: &'a Path,
    pictures: usize,
    width: usize,
    epoch: u32,
    /// What the labels count; empty where no picture has one.
    classes: &'a [String],
    broken: Vec<Broken>,
}

#[derive(Serialize)]
struct Broken {
    path: String,
    reason: String,
}

pub(crate) fn embed(arguments: &EmbedArgs) -> Result<ExitCode, Failure> {
    let compute = compute::set_up(&arguments.compute)?;
    let trained = Trained::open(&arguments.run, &arguments.checkpoint, &compute.device)
        .map_err(Failure::failed)?;
    if !trained.has_features() {
        return Err(Failure::usage(format!(
            "{}: a run of task = \"{}\" has no features of whole pictures; expected one of classification, or without labels",
            arguments.run.display(),
            trained.recipe.task.name()
        )));
    }
    for note in &trained.notes {
        eprintln!("note: {note}");
    }
    let mut found = Found { samples: Vec::new(), classes: trained.info.classes.clone() };
    for path in &arguments.paths {
        found.add(path)?;
    }
    let Found { samples, classes } = found;
    let is_labelled = samples.iter().any(|sample| sample.label.is_some());
    let decode = decode_options(&trained.recipe.data);
    let mut table = Table::create(&arguments.out)?;
    let (mut features, mut width, mut labels) = (Vec::new(), 0, Vec::new());
    let mut broken = Vec::new();
    for samples in samples.chunks(BATCH) {
        let decoded: Vec<Result<Picture, String>> = samples
            .par_iter()
            .map(|sample| sample.picture(&decode).map_err(|error| error.reason.to_string()))
            .collect();
        let (mut pictures, mut whole) = (Vec::new(), Vec::new());
        for (sample, picture) in samples.iter().zip(decoded) {
            match picture {
                Ok(picture) => {
                    pictures.push(picture);
                    whole.push(sample);
                }
                Err(reason) => {
                    eprintln!("left out: {}: {reason}", sample.name);
                    broken.push(Broken { path: sample.name.clone(), reason });
                }
            }
        }
        if pictures.is_empty() {
            continue;
        }
        let (values, columns) = trained.features(pictures);
        width = columns;
        for (sample, row) in whole.into_iter().zip(values.chunks_exact(columns)) {
            let class = sample.label.and_then(|label| classes.get(label as usize));
            table.add(&sample.name, class.map_or("", String::as_str), row)?;
            labels.push(sample.label.map_or(-1, i64::from));
        }
        features.extend(values);
    }
    if labels.is_empty() {
        return Err(Failure::failed(format!("none of {} pictures could be read", samples.len())));
    }
    let table = table.finish()?;
    let mut metadata = BTreeMap::new();
    let mut columns: Vec<(&str, &[i64])> = Vec::new();
    if is_labelled {
        let names = serde_json::to_string(&classes).map_err(Failure::failed)?;
        metadata.insert("classes".to_owned(), names);
        columns.push(("labels", &labels));
    }
    let path = feature_file::write(&arguments.out, &features, width, &columns, &metadata)
        .map_err(Failure::failed)?;
    if arguments.json {
        print_json(&Report {
            features: &path,
            table: &table,
            pictures: labels.len(),
            width,
            epoch: trained.epoch,
            classes: if is_labelled { &classes } else { &[] },
            broken,
        })?;
    } else {
        print_text(&format!(
            "{} pictures, {width} features each, by the weights of epoch {}\nwritten: {}\nwritten: {}\n",
            labels.len(),
            trained.epoch,
            path.display(),
            table.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The pictures that the paths name. Classes that the run doesn't know come after its own.
struct Found {
    samples: Vec<Sample>,
    classes: Vec<String>,
}

impl Found {
    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        if !path.is_dir() && !is_collection(path) {
            // A path that isn't there is told with the others that can't be read.
            let name = path.display().to_string();
            let location = Location::File(path.to_owned());
            self.samples.push(Sample { name, location, label: None, mask: None });
            return Ok(());
        }
        let found = source::open_path(path, &SourceOptions::default()).map_err(Failure::failed)?;
        for note in &found.notes {
            eprintln!("note: {note}");
        }
        for dataset in [Some(found.train), found.val, found.test].into_iter().flatten() {
            let mut numbers = Vec::with_capacity(dataset.classes.len());
            for class in &dataset.classes {
                let known = self.classes.iter().position(|other| other == class);
                numbers.push(known.unwrap_or_else(|| {
                    self.classes.push(class.clone());
                    self.classes.len() - 1
                }));
            }
            self.samples.extend(dataset.samples.into_iter().map(|mut sample| {
                let number = |label: u32| numbers.get(label as usize).map(|&number| number as u32);
                sample.label = sample.label.and_then(number);
                sample
            }));
        }
        Ok(())
    }
}

/// Whether a file holds many pictures rather than one.
fn is_collection(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["tar", "csv", "tsv"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// `features.csv`: name, label, f0, f1, ….
struct Table {
    path: PathBuf,
    writer: csv::Writer<File>,
    has_header: bool,
}

impl Table {
    fn create(folder: &Path) -> Result<Self, Failure> {
        let (path, writer) = new_table(folder, "features.csv")?;
        Ok(Self { path, writer, has_header: false })
    }

    fn add(&mut self, name: &str, label: &str, features: &[f32]) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.has_header, true) {
            let names = (0..features.len()).map(|index| format!("f{index}"));
            self.write(["name".to_owned(), "label".to_owned()].into_iter().chain(names))?;
        }
        let values = features.iter().map(f32::to_string);
        self.write([name.to_owned(), label.to_owned()].into_iter().chain(values))
    }

    fn write(&mut self, fields: impl Iterator<Item = String>) -> Result<(), Failure> {
        let written = self.writer.write_record(fields);
        written.map_err(|error| self.failure(&error))
    }

    fn finish(mut self) -> Result<PathBuf, Failure> {
        self.writer.flush().map_err(|error| self.failure(&error))?;
        Ok(self.path)
    }

    fn failure(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::failed(format!("{}: could not be written: {error}", self.path.display()))
    }
}
