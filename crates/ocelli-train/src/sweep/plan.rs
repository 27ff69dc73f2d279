//! From a grid to the runs that it asks for, each with its whole recipe, checked.

use std::path::{Path, PathBuf};

use ocelli_nn::device;

use super::grid::{Axis, Change, Grid, GridError, Setting, Stage};
use crate::file_names::FileNames;
use crate::network::{self, Network};
use crate::pictures;
use crate::recipe::Recipe;
use crate::recipe::read::RecipeText;
use crate::recipe::resolve::resolve;

/// The key over whose values mean and spread are taken.
const SEED: &str = "seed";
/// What stands in front of a stage's name where its weights are meant.
pub const STAGE_SCHEME: &str = "stage://";
/// More runs than a sweep is meant for: a slip of the pen.
const MOST_RUNS: usize = 10_000;

/// All runs of a grid.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the sweep is called.
    pub name: String,
    /// The axes that are columns of the table: all but the seed.
    pub columns: Vec<String>,
    /// Stages first, in order, then setting after setting, seed after seed.
    pub runs: Vec<PlannedRun>,
    /// The table's rows.
    pub rows: Vec<PlannedRow>,
}

/// A run that is to be.
#[derive(Clone, Debug)]
pub struct PlannedRun {
    /// Where it lies in the sweep's folder: `runs/NAME` or `stages/NAME`.
    pub place: PathBuf,
    /// Which it is, for people.
    pub label: String,
    /// Whether others start from it.
    pub is_stage: bool,
    /// Its whole recipe.
    pub recipe: Recipe,
    /// The stages that it starts from, as positions in [`Plan::runs`].
    pub stage_weights: Vec<StageWeights>,
}

/// Weights that a stage leaves for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageWeights {
    /// The recipe's key, such as `model.weights`.
    pub key: &'static str,
    /// The stage, as a position in [`Plan::runs`].
    pub stage: usize,
}

/// A row of the table: runs that differ in nothing but the seed.
#[derive(Clone, Debug)]
pub struct PlannedRow {
    /// The setting's name, if the grid has settings.
    pub setting: Option<String>,
    /// A value for each of [`Plan::columns`].
    pub values: Vec<String>,
    /// Positions in [`Plan::runs`].
    pub runs: Vec<usize>,
}

impl Plan {
    /// Combines settings with axes, and checks the recipe of every run.
    ///
    /// `overrides` are further `key=value`, for every setting.
    ///
    /// # Errors
    /// [`GridError`] names the run that can't be, and why.
    pub fn new(grid: &Grid, overrides: &[String]) -> Result<Self, GridError> {
        for axis in &grid.axes {
            let sets = |text: &String| text.split('=').next().map(str::trim) == Some(&axis.key);
            if let Some(text) = overrides.iter().find(|text| sets(text)) {
                let reason = format!("--set {text}: the grid's axes go over this key");
                return Err(run_error(grid, "--set", reason));
            }
        }
        let (seeds, axes): (Vec<&Axis>, Vec<&Axis>) =
            grid.axes.iter().partition(|axis| axis.key == SEED);
        let columns: Vec<String> = axes.iter().map(|axis| axis.key.clone()).collect();
        let mut plan = Self { name: grid.name.clone(), columns, runs: vec![], rows: vec![] };
        let mut names = FileNames::default();
        for stage in &grid.stages {
            let run = plan.stage(grid, stage, &mut names)?;
            plan.runs.push(run);
        }
        let mut names = FileNames::default();
        let unnamed = [Setting { name: String::new(), set: Vec::new() }];
        let settings = if grid.settings.is_empty() { &unnamed[..] } else { &grid.settings };
        let points = |axes: &[&Axis]| axes.iter().map(|axis| axis.changes.len()).product::<usize>();
        let count = settings.len().saturating_mul(points(&axes)).saturating_mul(points(&seeds));
        if count > MOST_RUNS {
            let reason = format!("found {count}, expected at most {MOST_RUNS}");
            return Err(run_error(grid, "settings x axes", reason));
        }
        for setting in settings {
            for point in combinations(&axes) {
                let mut row = PlannedRow {
                    setting: (!setting.name.is_empty()).then(|| setting.name.clone()),
                    values: point.iter().map(|change| change.words()).collect(),
                    runs: Vec::new(),
                };
                for seed in combinations(&seeds) {
                    let at: Vec<&Change> = point.iter().chain(&seed).copied().collect();
                    row.runs.push(plan.runs.len());
                    let run = plan.run(grid, setting, &at, overrides, &mut names)?;
                    plan.runs.push(run);
                }
                plan.rows.push(row);
            }
        }
        Ok(plan)
    }

    fn stage(
        &self,
        grid: &Grid,
        stage: &Stage,
        names: &mut FileNames,
    ) -> Result<PlannedRun, GridError> {
        let label = format!("stage {}", stage.name);
        let text = stage.recipe.as_ref().or(grid.recipe.as_ref());
        let overrides: Vec<String> = stage.set.iter().map(Change::as_override).collect();
        let recipe = self.recipe(grid, text, &overrides, &label)?;
        Ok(PlannedRun {
            place: Path::new("stages").join(names.free(&file_name(&stage.name))),
            is_stage: true,
            stage_weights: self.stage_weights(grid, &recipe, &label)?,
            label,
            recipe,
        })
    }

    fn run(
        &self,
        grid: &Grid,
        setting: &Setting,
        point: &[&Change],
        overrides: &[String],
        names: &mut FileNames,
    ) -> Result<PlannedRun, GridError> {
        let values = point.iter().map(|change| format!("{} {}", change.key, change.words()));
        let named = Some(setting.name.clone()).filter(|name| !name.is_empty());
        let words: Vec<String> = named.into_iter().chain(values).collect();
        let label = if words.is_empty() { grid.name.clone() } else { words.join(", ") };
        let overrides: Vec<String> = grid
            .set
            .iter()
            .chain(&setting.set)
            .chain(point.iter().copied())
            .map(Change::as_override)
            .chain(overrides.iter().cloned())
            .collect();
        let recipe = self.recipe(grid, grid.recipe.as_ref(), &overrides, &label)?;
        Ok(PlannedRun {
            place: Path::new("runs").join(names.free(&run_name(grid, setting, point))),
            is_stage: false,
            stage_weights: self.stage_weights(grid, &recipe, &label)?,
            label,
            recipe,
        })
    }

    fn recipe(
        &self,
        grid: &Grid,
        text: Option<&RecipeText>,
        overrides: &[String],
        label: &str,
    ) -> Result<Recipe, GridError> {
        let Some(text) = text else {
            return Err(run_error(grid, label, "there is no recipe to start from".to_owned()));
        };
        // What is wrong with the recipe itself is wrong for all runs alike.
        text.clone().parse(&[])?;
        // "--set" is what the command line calls it; here it is the grid that sets.
        let in_grid = |error: crate::recipe::read::RecipeError| {
            let words = error.to_string();
            let words = words
                .strip_prefix("--set")
                .map_or(&*words, |rest| rest.trim_start_matches([':', ' ']));
            run_error(grid, label, words.to_owned())
        };
        let (recipe, text) = text.clone().parse(overrides).map_err(in_grid)?;
        let recipe = resolve(recipe, &text).map_err(in_grid)?;
        if network::entry(&recipe).is_none() {
            // Building it says what there is instead.
            let device = device::parse("cpu")
                .map_err(|reason| run_error(grid, label, reason.to_string()))?;
            if let Err(reason) = Network::new(&recipe, 2, &device) {
                return Err(run_error(grid, label, format!("model.name: {reason}")));
            }
        }
        Ok(recipe)
    }

    /// The stages that a recipe names, which come before it.
    fn stage_weights(
        &self,
        grid: &Grid,
        recipe: &Recipe,
        label: &str,
    ) -> Result<Vec<StageWeights>, GridError> {
        let model = &recipe.model;
        let sources =
            [("model.weights", &model.weights), ("model.encoder_weights", &model.encoder_weights)];
        let named = sources
            .into_iter()
            .filter_map(|(key, source)| Some((key, source.strip_prefix(STAGE_SCHEME)?)));
        named
            .map(|(key, name)| {
                // The stages that are planned by now are those before this run.
                let before = self.runs.iter().filter(|run| run.is_stage).count();
                let names = || grid.stages[..before].iter().map(|stage| stage.name.as_str());
                let stage = names().position(|stage| stage == name).ok_or_else(|| {
                    let known = names().collect::<Vec<_>>().join(", ");
                    let known = if known.is_empty() { "none" } else { &known };
                    let reason = format!(
                        "{key}: found {STAGE_SCHEME}{name}, expected a stage that comes before it: \
                         {known}"
                    );
                    run_error(grid, label, reason)
                })?;
                Ok(StageWeights { key, stage })
            })
            .collect()
    }

    /// Opens the pictures of the runs that `wanted` chooses, each set once.
    ///
    /// # Errors
    /// [`GridError::Run`] names the first run whose pictures can't be used.
    pub fn check_pictures(
        &self,
        grid: &Grid,
        wanted: impl Fn(&PlannedRun) -> bool,
    ) -> Result<(), GridError> {
        let mut seen: Vec<&Recipe> = Vec::new();
        for run in self.runs.iter().filter(|run| wanted(run)) {
            let recipe = &run.recipe;
            if seen.iter().any(|known| known.task == recipe.task && known.data == recipe.data) {
                continue;
            }
            pictures::open(&mut recipe.clone())
                .map_err(|reason| run_error(grid, &run.label, reason.to_string()))?;
            seen.push(recipe);
        }
        Ok(())
    }
}

fn run_error(grid: &Grid, run: &str, reason: String) -> GridError {
    GridError::Run { origin: grid.origin.clone(), run: run.to_owned(), reason }
}

/// Every combination of the axes' values; the last axis moves fastest.
fn combinations<'a>(axes: &[&'a Axis]) -> Vec<Vec<&'a Change>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        points
            .iter()
            .flat_map(|point: &Vec<&Change>| {
                axis.changes.iter().map(|change| point.iter().copied().chain([change]).collect())
            })
            .collect()
    })
}

/// A run's folder name: its setting and what the axes say, each value after its key's last part.
fn run_name(grid: &Grid, setting: &Setting, point: &[&Change]) -> String {
    let values = point.iter().map(|change| {
        let key = change.key.rsplit('.').next().unwrap_or(&change.key);
        if change.is_scalar() {
            return format!("{key} {}", change.words());
        }
        // A list or a table is too long for a name: its position stands for it.
        let axis = grid.axes.iter().find(|axis| axis.key == change.key);
        let is_it = |other: &Change| std::ptr::eq(other, *change);
        let position = axis.and_then(|axis| axis.changes.iter().position(is_it)).unwrap_or(0);
        format!("{key} {}", position + 1)
    });
    let words: Vec<String> = std::iter::once(setting.name.clone()).chain(values).collect();
    let name = file_name(&words.join(" "));
    if name.is_empty() { file_name(&grid.name) } else { name }
}

/// Longer names are cut: some systems allow 255 bytes, and there are extensions to come.
const LONGEST_NAME: usize = 100;

/// Words as a file's name: lower-case letters, digits and points, with hyphens between.
fn file_name(words: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || letter == '.' { letter } else { ' ' };
    let lower: String = words.to_lowercase().chars().map(plain).collect();
    let parts: Vec<&str> = lower
        .split(' ')
        .map(|part| part.trim_matches('.'))
        .filter(|part| !part.is_empty())
        .collect();
    let mut name = parts.join("-");
    while name.len() > LONGEST_NAME {
        name.pop();
    }
    name
}
