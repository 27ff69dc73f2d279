//! `ocelli compare`.

use std::process::ExitCode;

use ocelli_train::compare::{ComparedRun, compared};

use super::{print_json, print_text};
use crate::cli::CompareArgs;
use crate::failure::Failure;
use crate::sheets;
use crate::terminal::scores;

pub(crate) fn compare(arguments: &CompareArgs) -> Result<ExitCode, Failure> {
    let runs: Vec<ComparedRun> = arguments
        .runs
        .iter()
        .map(|run| compared(run).map_err(Failure::failed))
        .collect::<Result<_, _>>()?;
    if arguments.json {
        for run in &runs {
            print_json(run)?;
        }
    } else {
        print_text(&scores::comparison(&runs))?;
    }
    let default = arguments.runs[0].join("figures").join("compared");
    let folder = arguments.out.as_ref().unwrap_or(&default);
    if sheets::of_runs(&arguments.runs, folder)? > 0 {
        eprintln!("side by side: {}", folder.display());
    }
    Ok(ExitCode::SUCCESS)
}
