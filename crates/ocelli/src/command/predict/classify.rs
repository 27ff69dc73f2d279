//! One class a picture.

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_data::Picture;
use ocelli_data::dataset::Sample;
use ocelli_train::pictures::decode_options;
use ocelli_train::trained::{Answer, Trained};
use rayon::prelude::*;
use serde::Serialize;

use super::super::{new_table, print_json, print_text};
use crate::cli::PredictArgs;
use crate::failure::Failure;

/// Pictures decoded and predicted at a time: enough to keep the processors busy, and a bound on
/// memory for a folder of any size.
const BATCH: usize = 16;

#[derive(Serialize)]
struct Prediction<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    top: &'a [Answer],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The likeliest classes of each picture.
pub(super) fn predict(
    arguments: &PredictArgs,
    trained: &Trained,
    samples: &[Sample],
) -> Result<ExitCode, Failure> {
    let mut table = match &arguments.out {
        Some(folder) => Some(Table::create(folder)?),
        None => None,
    };
    let decode = decode_options(&trained.recipe.data);
    let mut failed = 0;
    for samples in samples.chunks(BATCH) {
        let decoded: Vec<Result<Picture, String>> = samples
            .par_iter()
            .map(|sample| sample.picture(&decode).map_err(|error| error.reason.to_string()))
            .collect();
        let (pictures, outcomes): (Vec<_>, Vec<_>) = decoded
            .into_iter()
            .map(|result| match result {
                Ok(picture) => (Some(picture), None),
                Err(reason) => (None, Some(reason)),
            })
            .unzip();
        let mut answers =
            trained.predict(pictures.into_iter().flatten().collect(), arguments.top).into_iter();
        for (Sample { name, .. }, error) in samples.iter().zip(outcomes) {
            let top = if error.is_none() { answers.next().unwrap_or_default() } else { Vec::new() };
            if let Some(reason) = &error {
                failed += 1;
                eprintln!("error: {name}: {reason}");
            }
            if let Some(table) = &mut table {
                table.add(name, &top, error.as_deref())?;
            }
            let first = top.first();
            let prediction = Prediction {
                path: name,
                class: first.map(|answer| answer.class.as_str()),
                probability: first.map(|answer| answer.probability),
                top: &top,
                error,
            };
            if arguments.json {
                print_json(&prediction)?;
            } else if !top.is_empty() {
                print_text(&line(name, &top))?;
            }
        }
    }
    if let Some(table) = table {
        let path = table.finish()?;
        eprintln!("written: {}", path.display());
    }
    if failed > 0 {
        return Err(Failure::failed(format!(
            "{failed} of {} pictures could not be read",
            samples.len()
        )));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(name: &str, top: &[Answer]) -> String {
    let mut text = format!("{name}:");
    for answer in top {
        let _ = write!(text, "  {} {:.1} %", answer.class, answer.probability * 100.0);
    }
    text.push('\n');
    text
}

/// `predictions.csv`: path, class, probability, error.
struct Table {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl Table {
    fn create(folder: &Path) -> Result<Self, Failure> {
        let (path, writer) = new_table(folder, "predictions.csv")?;
        let mut table = Self { path, writer };
        table.write(&["path", "class", "probability", "error"])?;
        Ok(table)
    }

    fn add(&mut self, name: &str, top: &[Answer], error: Option<&str>) -> Result<(), Failure> {
        let (class, probability) = top
            .first()
            .map_or(("", String::new()), |answer| (&answer.class, answer.probability.to_string()));
        self.write(&[name, class, &probability, error.unwrap_or_default()])
    }

    fn write(&mut self, fields: &[&str]) -> Result<(), Failure> {
        self.writer.write_record(fields).map_err(|error| self.failure(&error))
    }

    fn finish(mut self) -> Result<PathBuf, Failure> {
        self.writer.flush().map_err(|error| self.failure(&error))?;
        Ok(self.path)
    }

    fn failure(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::failed(format!("{}: could not be written: {error}", self.path.display()))
    }
}
