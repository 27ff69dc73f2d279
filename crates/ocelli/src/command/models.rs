//! `ocelli models`.

use std::process::ExitCode;

use ocelli_models::catalogue;

use super::{print_json, print_text};
use crate::cli::ModelsArgs;
use crate::failure::Failure;
use crate::terminal::table::Table;

pub(crate) fn models(arguments: &ModelsArgs) -> Result<ExitCode, Failure> {
    let models = catalogue();
    if arguments.json {
        for model in &models {
            print_json(model)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["model", "parameters", "multiply-adds at 224 px", "paper"]);
    for model in &models {
        table.row(&[
            model.name.to_string(),
            format!("{:.1} M", model.parameters as f64 / 1e6),
            format!("{:.2} G", model.multiply_adds as f64 / 1e9),
            model.paper.to_string(),
        ]);
    }
    print_text(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
