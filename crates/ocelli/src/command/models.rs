//! `ocelli models`.

use std::process::ExitCode;

use ocelli_models::{ModelEntry, catalogue, dense_catalogue};
use serde::Serialize;

use super::{print_json, print_text};
use crate::cli::ModelsArgs;
use crate::failure::Failure;
use crate::terminal::table::Table;

/// An entry with what its model is for.
#[derive(Serialize)]
struct Listed {
    task: &'static str,
    #[serde(flatten)]
    entry: ModelEntry,
}

pub(crate) fn models(arguments: &ModelsArgs) -> Result<ExitCode, Failure> {
    let of = |task| move |entry| Listed { task, entry };
    let models = catalogue().into_iter().map(of("classify"));
    let models = models.chain(dense_catalogue().into_iter().map(of("segment")));
    if arguments.json {
        for model in models {
            print_json(&model)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        Table::new(&["model", "task", "parameters", "multiply-adds at 224 px", "paper"]);
    for Listed { task, entry } in models {
        table.row(&[
            entry.name.to_owned(),
            task.to_owned(),
            format!("{:.1} M", entry.parameters as f64 / 1e6),
            format!("{:.2} G", entry.multiply_adds as f64 / 1e9),
            entry.paper.to_owned(),
        ]);
    }
    print_text(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
