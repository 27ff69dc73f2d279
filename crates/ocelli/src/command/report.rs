//! `ocelli report`.

mod galleries;
mod source;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_report::figure::{Gallery, curves};
use ocelli_report::run::Run;
use ocelli_report::{Analysis, AnalysisOptions, charts, figures, html};

use super::print_text;
use crate::cli::ReportArgs;
use crate::compute;
use crate::failure::Failure;
use crate::sheets;
use source::Source;

pub(crate) fn report(arguments: &ReportArgs) -> Result<ExitCode, Failure> {
    if arguments.compare {
        return compare(arguments);
    }
    let [path] = arguments.runs.as_slice() else {
        return Err(Failure::usage(format!(
            "found {} run folders, expected one; --compare lays several side by side",
            arguments.runs.len()
        )));
    };
    let run = Run::open(path).map_err(Failure::usage)?;
    let options = AnalysisOptions { epochs: epochs(arguments, &run)?, ..Default::default() };
    let compute = compute::set_up(&arguments.compute)?;
    let (source, mut problems) = Source::of(&run);
    // What may be wrong usage comes before what takes long.
    let looked = match &arguments.grad_cam {
        Some(wanted) => Some(galleries::grad_cam(arguments, wanted, &source, &compute)?),
        None => None,
    };
    let mut analysis = Analysis::of(&run, &options);
    let (pictures, missing) = source.pictures(&analysis);
    problems.extend(missing);
    analysis.galleries.extend(looked);
    let out = arguments.out.as_ref().unwrap_or(path);
    let folder = made(&out.join("figures"))?;
    for gallery in [galleries::first_batch(&source), grown(path, &folder)] {
        match gallery {
            Ok(gallery) => analysis.galleries.extend(gallery),
            Err(failure) => problems.push(failure.to_string()),
        }
    }
    analysis.problems.extend(problems);
    for problem in run.problems.iter().chain(&analysis.problems) {
        eprintln!("note: {problem}");
    }
    let picture = |name: &str| pictures.get(name).cloned();
    for (name, figure) in figures(&run, &analysis, &picture) {
        figure.save(&folder, &name).map_err(Failure::failed)?;
    }
    let page = html::report(&run, &analysis, &html::PageOptions::default(), &picture);
    conclude(&out.join("report.html"), &page, &folder)
}

/// One page of several runs.
fn compare(arguments: &ReportArgs) -> Result<ExitCode, Failure> {
    let runs: Vec<Run> = arguments
        .runs
        .iter()
        .map(|run| Run::open(run).map_err(Failure::usage))
        .collect::<Result<_, _>>()?;
    for run in &runs {
        for problem in &run.problems {
            eprintln!("note: {}: {problem}", run.name);
        }
    }
    let out = arguments.out.as_ref().unwrap_or(&arguments.runs[0]);
    let folder = made(&out.join("figures").join("compared"))?;
    let shown = sheets::side_by_side(&arguments.runs).and_then(|sheets| {
        sheets::save(&sheets, &folder)?;
        Ok(galleries::of_sheets(
            &sheets,
            "What each run makes of the same pictures, last snapshots.",
        ))
    });
    let gallery: Option<Gallery> = shown.unwrap_or_else(|failure| {
        eprintln!("note: no pictures side by side: {failure}");
        None
    });
    let all: Vec<&Run> = runs.iter().collect();
    curves("Runs", &charts(&all)).save(&folder, "curves").map_err(Failure::failed)?;
    conclude(&out.join("compare.html"), &html::compare(&runs, gallery.as_slice()), &folder)
}

/// The snapshots that the command line asks for.
fn epochs(arguments: &ReportArgs, run: &Run) -> Result<Option<Vec<u32>>, Failure> {
    let Some(wanted) = &arguments.epochs else { return Ok(None) };
    if let Some(epoch) = wanted.iter().find(|epoch| !run.snapshot_epochs.contains(epoch)) {
        let there: Vec<String> = run.snapshot_epochs.iter().map(u32::to_string).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(Failure::usage(format!(
            "--epochs {epoch}: {} has no features of this epoch; those that it has: {there} \
             (train.snapshots of a recipe names them)",
            run.path.display()
        )));
    }
    let mut wanted = wanted.clone();
    wanted.sort_unstable();
    wanted.dedup();
    Ok(Some(wanted))
}

/// What the run's snapshots made of their pictures, also drawn as sheets into `folder`.
fn grown(run: &Path, folder: &Path) -> Result<Option<Gallery>, Failure> {
    if !run.join("snapshots").join("pictures").is_dir() {
        return Ok(None);
    }
    let sheets = sheets::grown(run)?;
    sheets::save(&sheets, folder)?;
    Ok(galleries::of_sheets(&sheets, "What the network makes of validation pictures, by epoch."))
}

fn made(folder: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))?;
    Ok(folder.to_owned())
}

/// Writes the page, and says where everything is.
fn conclude(page: &Path, text: &str, figures: &Path) -> Result<ExitCode, Failure> {
    std::fs::write(page, text)
        .map_err(|error| Failure::failed(format!("{}: {error}", page.display())))?;
    eprintln!("figures {}", figures.display());
    print_text(&format!("{}\n", page.display()))?;
    Ok(ExitCode::SUCCESS)
}
