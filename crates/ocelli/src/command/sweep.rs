//! `ocelli sweep`.

mod queue;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_train::sweep::folder::{Standing, SweepFolder, SweepFolderError};
use ocelli_train::sweep::grid::{Grid, GridError};
use ocelli_train::sweep::outcome::Outcome;
use ocelli_train::sweep::plan::Plan;
use ocelli_train::sweep::table::SweepTable;

use super::train::make_absolute;
use super::{print_json, print_text, weights};
use crate::cli::SweepArgs;
use crate::compute;
use crate::failure::{Failure, STOPPED};
use crate::interrupt;
use crate::terminal::table::Table;
use queue::{Queue, Threads};

pub(crate) fn sweep(arguments: &SweepArgs) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(&arguments.grid)
        .map_err(|reason| GridError::Read { path: arguments.grid.clone(), reason })
        .map_err(Failure::usage)?;
    let grid = Grid::from_file(&arguments.grid).map_err(Failure::usage)?;
    let mut plan = Plan::new(&grid, &arguments.overrides).map_err(Failure::usage)?;
    for run in &mut plan.runs {
        make_absolute(&mut run.recipe)?;
    }
    let compute = compute::set_up(&arguments.compute)?;
    let path = match &arguments.out {
        Some(path) => path.clone(),
        None => Path::new("runs").join(&grid.name),
    };
    if arguments.dry_run {
        plan.check_pictures(&grid, |_| true).map_err(Failure::usage)?;
        print_text(&listing(&plan, &path))?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = SweepFolder::open(&path).map_err(folder_failure)?;
    let standing: Vec<Standing> = plan
        .runs
        .iter()
        .map(|run| folder.standing(run).map_err(Failure::failed))
        .collect::<Result<_, _>>()?;
    let unfinished =
        || plan.runs.iter().zip(&standing).filter(|(_, at)| **at != Standing::Finished);
    plan.check_pictures(&grid, |run| unfinished().any(|(other, _)| other.place == run.place))
        .map_err(Failure::usage)?;
    fetch_weights(unfinished().map(|(run, _)| run))?;
    folder.write_plan(&text, &plan).map_err(folder_failure)?;
    for stranger in folder.strangers(&plan) {
        let place = path.join(stranger);
        eprintln!("note: {}: no longer in the grid; left as it is", place.display());
    }

    let stop = interrupt::stop_flag()?;
    let threads = Threads::shared(compute.threads, arguments.jobs.into());
    let queue = Queue::new(&plan, &folder, &standing, &compute.device_name, threads);
    let outcomes = queue.work(&stop)?;
    let table = SweepTable::read(&plan, &folder, &outcomes).map_err(Failure::failed)?;
    write(&table, &folder)?;
    if arguments.json {
        print_json(&table)?;
    } else {
        print_text(&shown(&table))?;
    }
    eprintln!("table   {0}/table.md, table.csv, table.json", path.display());
    Ok(conclude(&table, &outcomes))
}

fn folder_failure(error: SweepFolderError) -> Failure {
    match error {
        SweepFolderError::Folder(_) => Failure::failed(error),
        _ => Failure::usage(error),
    }
}

/// Published weights are fetched once, before several runs would want them at the same time; files
/// that are not there are told before the first run has begun.
fn fetch_weights<'a>(
    runs: impl Iterator<Item = &'a ocelli_train::sweep::plan::PlannedRun>,
) -> Result<(), Failure> {
    let mut sources: Vec<&str> = runs
        .flat_map(|run| [&run.recipe.model.weights, &run.recipe.model.encoder_weights])
        .map(String::as_str)
        .filter(|source| !source.starts_with(ocelli_train::sweep::plan::STAGE_SCHEME))
        .collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        if let Some(path) = weights::locate(source)?
            && !path.exists()
        {
            return Err(Failure::usage(format!(
                "model.weights: {}: found no such file or run folder, expected weights to start from",
                path.display()
            )));
        }
    }
    Ok(())
}

/// What would be trained.
fn listing(plan: &Plan, path: &Path) -> String {
    let mut table = Table::new(&["run", "folder", "starts from"]);
    for run in &plan.runs {
        let stages = run.stage_weights.iter().map(|from| plan.runs[from.stage].label.clone());
        let stages: Vec<String> = stages.collect();
        let from =
            if stages.is_empty() { run.recipe.model.weights.clone() } else { stages.join(", ") };
        table.row(&[run.label.clone(), run.place.display().to_string(), from]);
    }
    let runs = if plan.runs.len() == 1 { "run" } else { "runs" };
    format!(
        "{table}\n{} {runs}, all checked; they would lie in {}\n",
        plan.runs.len(),
        path.display()
    )
}

fn shown(table: &SweepTable) -> String {
    let (header, rows) = table.cells();
    let mut text = Table::new(&header.iter().map(String::as_str).collect::<Vec<_>>());
    rows.iter().for_each(|row| text.row(row));
    let mut text = text.to_string();
    for (number, note) in table.notes().iter().enumerate() {
        let gap = if number == 0 { "\n" } else { "" };
        text.push_str(&format!("{gap}{note}\n"));
    }
    text
}

fn write(table: &SweepTable, folder: &SweepFolder) -> Result<(), Failure> {
    let csv = table.to_csv().map_err(Failure::failed)?;
    let json = serde_json::to_string_pretty(table).map_err(Failure::failed)?;
    let files: [(&str, String); 3] = [
        ("table.md", table.to_markdown()),
        ("table.csv", csv),
        ("table.json", format!("{json}\n")),
    ];
    for (name, content) in files {
        let _: PathBuf = folder.write(name, &content).map_err(Failure::failed)?;
    }
    Ok(())
}

fn conclude(table: &SweepTable, outcomes: &[Outcome]) -> ExitCode {
    let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|it| wanted(it)).count();
    let left = count(|outcome| matches!(outcome, Outcome::Stopped | Outcome::Waiting));
    if left > 0 {
        let runs = if left == 1 { "run" } else { "runs" };
        eprintln!("stopped, everything saved: {left} {runs} to go. The same command goes on");
        return ExitCode::from(STOPPED);
    }
    let failed = table.failed().count();
    if failed > 0 {
        eprintln!("{failed} of {} runs failed; the same command tries them again", outcomes.len());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
