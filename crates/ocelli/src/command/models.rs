//! `ocelli models`.

use std::process::ExitCode;

use ocelli_models::{catalogue, dense_catalogue};
use serde::Serialize;

use super::{print_json, print_text};
use crate::cli::ModelsArgs;
use crate::failure::Failure;
use crate::terminal::table::Table;

/// An entry with what its model is for.
#[derive(Serialize)]
struct Listed<Entry> {
    task: &'static str,
    #[serde(flatten)]
    entry: Entry,
}

pub(crate) fn models(arguments: &ModelsArgs) -> Result<ExitCode, Failure> {
    let classifiers = catalogue().into_iter().map(|entry| Listed { task: "classify", entry });
    let dense = dense_catalogue().into_iter().map(|entry| Listed { task: "segment", entry });
    if arguments.json {
        for model in classifiers {
            print_json(&model)?;
        }
        for model in dense {
            print_json(&model)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        Table::new(&["model", "task", "parameters", "multiply-adds at 224 px", "paper"]);
    let mut row = |name: &str, task: &str, parameters: usize, multiply_adds: u64, paper: &str| {
        table.row(&[
            name.to_owned(),
            task.to_owned(),
            format!("{:.1} M", parameters as f64 / 1e6),
            format!("{:.2} G", multiply_adds as f64 / 1e9),
            paper.to_owned(),
        ]);
    };
    for Listed { task, entry } in classifiers {
        row(entry.name, task, entry.parameters, entry.multiply_adds, entry.paper);
    }
    for Listed { task, entry } in dense {
        row(entry.name, task, entry.parameters, entry.multiply_adds, entry.paper);
    }
    print_text(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
