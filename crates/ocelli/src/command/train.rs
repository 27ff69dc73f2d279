//! `ocelli train` and `ocelli resume`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_train::recipe::Recipe;
use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;
use ocelli_train::recipe::suggest::{Decided, suggest};
use ocelli_train::run_folder::{RunFolder, RunFolderError, RunStatus};
use ocelli_train::trainer::{self, Ending, Observer, TrainError};
use ocelli_train::weights::WeightsError;

use super::weights;
use crate::cli::{ResumeArgs, TrainArgs};
use crate::compute;
use crate::failure::{Failure, STOPPED};
use crate::interrupt;
use crate::sheets;
use crate::terminal::summary;
use crate::terminal::watch::TerminalObserver;

pub(crate) fn train(arguments: TrainArgs) -> Result<ExitCode, Failure> {
    // First: pictures without a recipe are looked at by the very threads.
    let compute = compute::set_up(&arguments.compute)?;
    let (recipe, text) = read(&arguments)?;
    let mut recipe = resolve(recipe, &text).map_err(Failure::usage)?;
    make_absolute(&mut recipe)?;
    for source in [&recipe.model.weights, &recipe.model.encoder_weights] {
        weights::locate(source)?;
    }
    let folder = match &arguments.out {
        Some(path) => RunFolder::create(path).map_err(Failure::usage)?,
        None => free_folder(&run_name(&arguments.source))?,
    };
    let stop = interrupt::stop_flag()?;
    let mut observer = observer(arguments.quiet);
    let result = trainer::start(recipe, &folder, &compute, observer.as_mut(), &stop);
    drop(observer);
    match &result {
        // Another process's folder, which may not have anything in it yet.
        Ok(_) | Err(TrainError::RunFolder(RunFolderError::Busy { .. })) => {}
        Err(_) => remove_if_unused(&folder),
    }
    conclude(result, &folder)
}

pub(crate) fn resume(arguments: ResumeArgs) -> Result<ExitCode, Failure> {
    let folder = RunFolder::open(&arguments.run).map_err(Failure::usage)?;
    let compute = compute::set_up(&arguments.compute)?;
    let stop = interrupt::stop_flag()?;
    let mut observer = observer(arguments.quiet);
    let result = trainer::resume(&folder, &compute, observer.as_mut(), &stop);
    drop(observer);
    conclude(result, &folder)
}

fn observer(quiet: bool) -> Box<dyn Observer> {
    if quiet { Box::new(()) } else { Box::new(TerminalObserver::new()) }
}

fn conclude(result: Result<Ending, TrainError>, folder: &RunFolder) -> Result<ExitCode, Failure> {
    let ending = result.map_err(|error| match error {
        TrainError::Pictures(_)
        | TrainError::Build(_)
        | TrainError::Weights(WeightsError::Source { .. })
        | TrainError::Loss(_)
        | TrainError::Config { .. }
        | TrainError::AlreadyFinished { .. } => Failure::usage(error),
        other => Failure::failed(other),
    })?;
    eprint!("{}", summary::ending(&ending, folder));
    match sheets::of_run(folder.path()) {
        Ok(0) => {}
        Ok(_) => eprintln!("sheets  {}/figures", folder.path().display()),
        // What was trained is safe, and worth more than a figure.
        Err(failure) => eprintln!("note: no sheets: {failure}"),
    }
    Ok(match ending.status {
        RunStatus::Stopped => ExitCode::from(STOPPED),
        _ => ExitCode::SUCCESS,
    })
}

/// The recipe that the command line asks for: a file's, or one made for the pictures.
fn read(arguments: &TrainArgs) -> Result<(Recipe, RecipeText), Failure> {
    let source = &arguments.source;
    let text = if Path::new(source).extension().is_some_and(|extension| extension == "toml") {
        RecipeText::from_file(Path::new(source)).map_err(Failure::usage)?
    } else {
        let suggestion = suggest(&decided(arguments)?).map_err(Failure::usage)?;
        if !arguments.quiet {
            eprint!("{}", summary::suggestion(&suggestion));
        }
        let text = suggestion.recipe.to_toml().map_err(Failure::failed)?;
        RecipeText::new(format!("the recipe made for {source}"), text)
    };
    text.parse(&arguments.overrides).map_err(Failure::usage)
}

/// What the command line says of pictures that come without a recipe: a pattern for names, say, that
/// must be known before one can look at them.
fn decided(arguments: &TrainArgs) -> Result<Decided, Failure> {
    let mut asked = Recipe::default();
    asked.data.train.clone_from(&arguments.source);
    let text = asked.to_toml().map_err(Failure::failed)?;
    let (asked, text) = RecipeText::new(arguments.source.clone(), text)
        .parse(&arguments.overrides)
        .map_err(Failure::usage)?;
    Ok(Decided {
        task: text.is_overridden("task").then_some(asked.task),
        model: text.is_overridden("model.name").then_some(asked.model),
        has_size: text.is_overridden("data.size"),
        epochs: text.is_overridden("train.epochs").then_some(asked.train.epochs),
        batch_size: text.is_overridden("train.batch_size").then_some(asked.train.batch_size),
        data: asked.data,
    })
}

/// Paths of a recipe are relative to where `ocelli train` was called; those of a run folder must
/// hold wherever `ocelli resume` is called.
fn make_absolute(recipe: &mut Recipe) -> Result<(), Failure> {
    use ocelli_train::recipe::Validation;
    let absolute = |location: &mut String| -> Result<(), Failure> {
        if !location.contains("://") {
            let path = std::path::absolute(&*location).map_err(Failure::failed)?;
            *location = path.to_str().map_or_else(|| location.clone(), str::to_owned);
        }
        Ok(())
    };
    absolute(&mut recipe.data.train)?;
    if let Some(Validation::Location(location)) = &mut recipe.data.val {
        absolute(location)?;
    }
    if let Some(location) = &mut recipe.data.test {
        absolute(location)?;
    }
    for weights in [&mut recipe.model.weights, &mut recipe.model.encoder_weights] {
        if weights != "none" {
            absolute(weights)?;
        }
    }
    let data = &mut recipe.data;
    for path in [&mut data.cache_folder, &mut data.masks, &mut data.palette].into_iter().flatten() {
        *path = std::path::absolute(&*path).map_err(Failure::failed)?;
    }
    Ok(())
}

/// The name of a run: the recipe's, or the pictures' folder's.
fn run_name(source: &str) -> String {
    let location = source.split_once("://").map_or(source, |(_, rest)| rest);
    let location = location.split('?').next().unwrap_or(location);
    Path::new(location)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .filter(|name| !name.is_empty() && name != "..")
        .unwrap_or_else(|| "run".to_owned())
}

/// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3` … that is free.
fn free_folder(name: &str) -> Result<RunFolder, Failure> {
    let runs = PathBuf::from("runs");
    let mut path = runs.join(name);
    let mut number = 1;
    while path.exists() {
        number += 1;
        path = runs.join(format!("{name}-{number}"));
    }
    RunFolder::create(&path).map_err(Failure::failed)
}

/// A run that failed before it wrote anything leaves no empty folder in the way of the next try.
fn remove_if_unused(folder: &RunFolder) {
    if !folder.recipe_file().exists() {
        for part in [folder.checkpoints(), folder.snapshots()] {
            let _ = std::fs::remove_dir(part);
        }
        let _ = std::fs::remove_file(folder.lock_file());
        let _ = std::fs::remove_dir(folder.path());
    }
}
