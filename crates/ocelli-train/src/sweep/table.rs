//! The table of a sweep: a row a setting, with mean and spread over its seeds.

use serde::Serialize;

use super::folder::SweepFolder;
use super::outcome::{Outcome, Scores};
use super::plan::{Plan, PlannedRun};
use crate::recipe::BestBy;
use crate::run_folder::RunFolderError;

/// What became of a sweep.
#[derive(Clone, Debug, Serialize)]
pub struct SweepTable {
    /// What the sweep is called.
    pub name: String,
    /// The axes that are columns.
    pub columns: Vec<String>,
    /// What the settings start from.
    pub stages: Vec<TableRun>,
    /// One a setting and combination of values.
    pub rows: Vec<TableRow>,
}

/// Runs that differ in nothing but the seed.
#[derive(Clone, Debug, Serialize)]
pub struct TableRow {
    /// The setting's name.
    pub setting: Option<String>,
    /// A value for each column.
    pub values: Vec<String>,
    /// What `best`, `last` and `test` are measured by.
    pub metric: BestBy,
    /// How many of the runs are finished, which are those that count.
    pub finished: usize,
    /// The best validation.
    pub best: Option<Summary>,
    /// The last epoch's validation.
    pub last: Option<Summary>,
    /// On the test pictures.
    pub test: Option<Summary>,
    /// Seconds of training.
    pub seconds_per_epoch: Option<Summary>,
    /// One by one.
    pub runs: Vec<TableRun>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct TableRun {
    /// Which it is.
    pub label: String,
    /// Where it lies in the sweep's folder.
    pub folder: String,
    /// The seed.
    pub seed: u64,
    /// What its scores are.
    pub metric: BestBy,
    /// `finished`, `failed`, `stopped` or `waiting`.
    pub state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How good it is.
    #[serde(flatten)]
    pub scores: Scores,
}

/// Mean and spread of one number over runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation (divided by one less than the count); of a single run, none.
    pub spread: Option<f64>,
    /// How many runs have the number.
    pub count: usize,
}

impl Summary {
    /// Of so many numbers; `None` of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let spread = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
        (count > 0).then_some(Self { mean, spread, count })
    }

    /// `44.58 ± 0.31`.
    fn words(self, show: impl Fn(f64) -> String) -> String {
        let mean = show(self.mean);
        self.spread.map_or_else(|| mean.clone(), |spread| format!("{mean} ± {}", show(spread)))
    }
}

impl SweepTable {
    /// Reads what was measured of each run.
    ///
    /// `outcomes` has one entry for each of the plan's runs.
    ///
    /// # Errors
    /// [`RunFolderError`] names the file that can't be read.
    pub fn read(
        plan: &Plan,
        folder: &SweepFolder,
        outcomes: &[Outcome],
    ) -> Result<Self, RunFolderError> {
        let read = |run: &PlannedRun, outcome: &Outcome| -> Result<TableRun, RunFolderError> {
            let metric = run.recipe.best_by();
            Ok(TableRun {
                label: run.label.clone(),
                folder: run.place.to_string_lossy().replace('\\', "/"),
                seed: run.recipe.seed,
                metric,
                state: outcome.name(),
                error: match outcome {
                    Outcome::Failed { error } => Some(error.clone()),
                    _ => None,
                },
                scores: Scores::read(&folder.run(run), metric)?,
            })
        };
        let runs: Vec<TableRun> = plan
            .runs
            .iter()
            .zip(outcomes)
            .map(|(run, outcome)| read(run, outcome))
            .collect::<Result<_, _>>()?;
        let stages = plan.runs.iter().zip(&runs).filter(|(run, _)| run.is_stage);
        Ok(Self {
            name: plan.name.clone(),
            columns: plan.columns.clone(),
            stages: stages.map(|(_, run)| run.clone()).collect(),
            rows: plan
                .rows
                .iter()
                .map(|row| {
                    let runs = row.runs.iter().map(|&run| runs[run].clone()).collect();
                    TableRow::new(row.setting.clone(), row.values.clone(), runs)
                })
                .collect(),
        })
    }

    /// The runs that failed, stages first.
    pub fn failed(&self) -> impl Iterator<Item = &TableRun> {
        let runs = self.rows.iter().flat_map(|row| &row.runs);
        self.stages.iter().chain(runs).filter(|run| run.error.is_some())
    }

    /// Header and rows, as people read them.
    #[must_use]
    pub fn cells(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let metrics: Vec<BestBy> = self.rows.iter().map(|row| row.metric).collect();
        let same = metrics.windows(2).all(|pair| pair[0] == pair[1]);
        let has_settings = self.rows.iter().any(|row| row.setting.is_some());
        let has_tests = self.rows.iter().any(|row| row.test.is_some());
        let metric = metrics
            .first()
            .filter(|_| same)
            .map_or(String::new(), |metric| format!(" {}", heading(*metric)));
        let mut header = Vec::new();
        if has_settings || self.columns.is_empty() {
            header.push("setting".to_owned());
        }
        header.extend(self.columns.iter().cloned());
        header.push("runs".to_owned());
        if !same {
            header.push("measure".to_owned());
        }
        header.extend([format!("best val{metric}"), format!("last val{metric}")]);
        if has_tests {
            header.push(format!("test{metric}"));
        }
        header.push("s/epoch".to_owned());
        let row = |row: &TableRow| {
            let mut cells = Vec::new();
            if has_settings || self.columns.is_empty() {
                cells.push(row.setting.clone().unwrap_or_else(|| self.name.clone()));
            }
            cells.extend(row.values.iter().cloned());
            let planned = row.runs.len();
            cells.push(if row.finished == planned {
                planned.to_string()
            } else {
                format!("{} of {planned}", row.finished)
            });
            if !same {
                cells.push(heading(row.metric));
            }
            let score = |summary: Option<Summary>| {
                let show = |value| shown(row.metric, value);
                summary.map_or_else(|| "-".to_owned(), |summary| summary.words(show))
            };
            cells.extend([score(row.best), score(row.last)]);
            if has_tests {
                cells.push(score(row.test));
            }
            let seconds = |summary: Summary| summary.words(|value| format!("{value:.1}"));
            cells.push(row.seconds_per_epoch.map_or_else(|| "-".to_owned(), seconds));
            cells
        };
        (header, self.rows.iter().map(row).collect())
    }

    /// What the table is about, and what it leaves out, a line each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for stage in &self.stages {
            let scores = &stage.scores;
            let (name, unit) = named(stage.metric);
            let best =
                scores.best.zip(scores.best_epoch).map_or_else(String::new, |(best, epoch)| {
                    format!(", {name} {}{unit} at epoch {epoch}", shown(stage.metric, best))
                });
            notes.push(format!("{}: {}{best}", stage.label, stage.state));
        }
        for run in self.failed() {
            let error = run.error.as_deref().unwrap_or_default();
            notes.push(format!("failed: {}: {error}", run.label));
        }
        notes
    }

    /// The table in Markdown, with the notes below.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let (header, rows) = self.cells();
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| in_markdown(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = format!("# {}\n\n", in_markdown(&self.name));
        text.push_str(&line(&header));
        text.push_str(&format!("|{}\n", "---|".repeat(header.len())));
        rows.iter().for_each(|row| text.push_str(&line(row)));
        text.push_str(
            "\nMean and sample standard deviation over the finished runs of a row; seconds are of \
             training, validation left out.\n",
        );
        for (number, note) in self.notes().iter().enumerate() {
            let gap = if number == 0 { "\n" } else { "" };
            text.push_str(&format!("{gap}- {}\n", in_markdown(note)));
        }
        text
    }

    /// The table as CSV: numbers as they were measured, shares from 0 to 1.
    ///
    /// # Errors
    /// If a row can't be written.
    pub fn to_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let numbers = ["best", "last", "test", "seconds_per_epoch"];
        let header = ["setting".to_owned()]
            .into_iter()
            .chain(self.columns.iter().cloned())
            .chain(["runs", "finished", "metric"].map(str::to_owned))
            .chain(
                numbers.iter().flat_map(|name| [format!("{name}_mean"), format!("{name}_spread")]),
            );
        writer.write_record(header)?;
        for row in &self.rows {
            let summaries = [row.best, row.last, row.test, row.seconds_per_epoch];
            let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
            let cells = [row.setting.clone().unwrap_or_default()]
                .into_iter()
                .chain(row.values.iter().cloned())
                .chain([
                    row.runs.len().to_string(),
                    row.finished.to_string(),
                    row.metric.name().to_owned(),
                ])
                .chain(summaries.iter().flat_map(|summary| {
                    let spread = summary.and_then(|summary| summary.spread);
                    [number(summary.map(|summary| summary.mean)), number(spread)]
                }));
            writer.write_record(cells)?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl TableRow {
    fn new(setting: Option<String>, values: Vec<String>, runs: Vec<TableRun>) -> Self {
        let finished = || runs.iter().filter(|run| run.state == Outcome::Finished.name());
        let summary = |number: fn(&Scores) -> Option<f64>| {
            Summary::of(&finished().filter_map(|run| number(&run.scores)).collect::<Vec<_>>())
        };
        Self {
            setting,
            values,
            metric: runs.first().map(|run| run.metric).unwrap_or_default(),
            finished: finished().count(),
            best: summary(|scores| scores.best),
            last: summary(|scores| scores.last),
            test: summary(|scores| scores.test),
            seconds_per_epoch: summary(|scores| scores.seconds_per_epoch),
            runs,
        }
    }
}

/// A measure's name, and what its values as people read them are followed by.
fn named(by: BestBy) -> (&'static str, &'static str) {
    match by {
        BestBy::Accuracy => ("accuracy", " %"),
        BestBy::Miou => ("mIoU", " %"),
        BestBy::Psnr => ("PSNR", " dB"),
        BestBy::Knn => ("kNN", " %"),
        other => (other.name(), ""),
    }
}

/// A measure's name above its numbers.
fn heading(by: BestBy) -> String {
    let (name, unit) = named(by);
    format!("{name}{unit}")
}

/// A measure's value as people read it.
fn shown(by: BestBy, value: f64) -> String {
    match by {
        BestBy::Accuracy | BestBy::Miou | BestBy::Knn => format!("{:.2}", value * 100.0),
        BestBy::Psnr | BestBy::Ciede2000 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Text that stays text in a Markdown table.
fn in_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => plain.push(' '),
            '|' | '*' | '_' | '`' | '<' | '\\' => plain.extend(['\\', letter]),
            letter => plain.push(letter),
        }
    }
    plain
}
