//! A sweep's folder: everything that a sweep leaves behind, at fixed places.
//!
//! ```text
//! grid.toml                   the grid, as it was last run
//! recipes/{stages,runs}/…     the recipe of every run, as planned
//! stages/NAME/ runs/NAME/     run folders
//! logs/{stages,runs}/…        what each run said
//! table.md table.csv table.json
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::plan::{Plan, PlannedRun};
use crate::recipe::Recipe;
use crate::recipe::read::RecipeText;
use crate::recipe::resolve::resolve;
use crate::run_folder::{RunFolder, RunFolderError, RunLock, RunStatus, replace_file, system};
use crate::trainer::BEST;

/// Why a sweep's folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SweepFolderError {
    /// There is something else in it.
    #[error("{path}: is not empty, and no sweep's folder; choose another with --out")]
    NotASweep {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("{path}: another `ocelli sweep` is at work here; wait for it or stop it first")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The grid now asks for something else than a run was begun with.
    #[error(
        "{path}: the grid has changed since this run began: {differences}. Put the grid back, or \
         remove the run's folder to train it anew, or choose another folder with --out"
    )]
    Changed {
        /// The run's folder.
        path: PathBuf,
        /// The keys, with both values.
        differences: String,
    },
    /// A file can't be read or written.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
}

/// How far a planned run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was trained yet.
    New,
    /// It can be resumed.
    Begun,
    /// It is over, as it should be.
    Finished,
}

/// The folder of a sweep, which no other process uses as long as this lives.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    _lock: RunLock,
}

impl SweepFolder {
    /// Makes the folder, or opens the one that an earlier sitting has left.
    ///
    /// # Errors
    /// [`SweepFolderError`] if something else is there, or another process has it.
    pub fn open(path: &Path) -> Result<Self, SweepFolderError> {
        let is_sweep = path.join(GRID_FILE).is_file();
        // A sweep that was killed at once leaves its lock, and no more.
        let lock_file = RunFolder::at(path.to_owned()).lock_file();
        let is_else = |entry: fs::DirEntry| entry.path() != lock_file;
        let is_empty = || fs::read_dir(path).map_or(true, |inside| !inside.flatten().any(is_else));
        if !is_sweep && !is_empty() {
            return Err(SweepFolderError::NotASweep { path: path.into() });
        }
        fs::create_dir_all(path).map_err(system(path, "could not be made"))?;
        let lock = RunFolder::at(path.to_owned()).lock().map_err(|error| match error {
            RunFolderError::Busy { path } => SweepFolderError::Busy { path },
            other => other.into(),
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a run.
    #[must_use]
    pub fn run(&self, run: &PlannedRun) -> RunFolder {
        RunFolder::at(self.path.join(&run.place))
    }

    /// The recipe of a run, as planned.
    #[must_use]
    pub fn recipe_file(&self, run: &PlannedRun) -> PathBuf {
        with_suffix(self.path.join("recipes").join(&run.place), ".toml")
    }

    /// What a run says while it trains.
    #[must_use]
    pub fn log_file(&self, run: &PlannedRun) -> PathBuf {
        with_suffix(self.path.join("logs").join(&run.place), ".log")
    }

    /// The weights that a finished stage leaves: a backbone, where its task makes one.
    #[must_use]
    pub fn weights(&self, stage: &PlannedRun) -> PathBuf {
        let folder = self.run(stage);
        let backbone = folder.path().join("backbone.safetensors");
        if backbone.is_file() {
            return backbone;
        }
        folder.checkpoints().join(BEST).join("model.safetensors")
    }

    /// How far a run has come.
    ///
    /// # Errors
    /// [`RunFolderError`] names the file that can't be read.
    pub fn standing(&self, run: &PlannedRun) -> Result<Standing, RunFolderError> {
        match RunFolder::open(self.run(run).path()) {
            Ok(folder) => Ok(match folder.read_info()?.status {
                RunStatus::Finished | RunStatus::StoppedEarly => Standing::Finished,
                RunStatus::Running | RunStatus::Stopped | RunStatus::Failed => Standing::Begun,
            }),
            Err(RunFolderError::NoRun { .. }) => Ok(Standing::New),
            Err(error) => Err(error),
        }
    }

    /// Writes down the grid and the recipe of every run, and holds those that were begun to what
    /// they were begun with.
    ///
    /// # Errors
    /// [`SweepFolderError::Changed`] names the first run that would become another.
    pub fn write_plan(&self, grid_text: &str, plan: &Plan) -> Result<(), SweepFolderError> {
        for run in &plan.runs {
            if self.standing(run)? != Standing::New {
                self.hold_to_recipe(run)?;
                self.hold_to_stages(run, plan)?;
            }
        }
        replace_file(&self.path.join(GRID_FILE), grid_text.as_bytes())?;
        for run in &plan.runs {
            for file in [self.recipe_file(run), self.log_file(run)] {
                let folder = file.parent().unwrap_or(&self.path);
                fs::create_dir_all(folder).map_err(system(folder, "could not be made"))?;
            }
            if self.standing(run)? == Standing::New {
                let file = self.recipe_file(run);
                let text = run.recipe.to_toml().map_err(std::io::Error::other);
                let text = text.map_err(system(&file, "could not be written"))?;
                replace_file(&file, text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn hold_to_recipe(&self, run: &PlannedRun) -> Result<(), SweepFolderError> {
        let read = || -> Result<Recipe, RunFolderError> {
            let (recipe, text) = RecipeText::from_file(&self.recipe_file(run))?.parse(&[])?;
            // Defaults that this version knows and the one that wrote the file didn't.
            Ok(resolve(recipe, &text)?)
        };
        let begun = read()?;
        if begun == run.recipe {
            return Ok(());
        }
        let path = self.run(run).path().to_owned();
        Err(SweepFolderError::Changed { path, differences: differences(&begun, &run.recipe) })
    }

    /// A stage that is trained anew leaves other weights than those that a run began with.
    fn hold_to_stages(&self, run: &PlannedRun, plan: &Plan) -> Result<(), SweepFolderError> {
        for weights in &run.stage_weights {
            let stage = &plan.runs[weights.stage];
            if self.standing(stage)? == Standing::New {
                let path = self.run(run).path().to_owned();
                let differences = format!("{} is to be trained anew", stage.label);
                return Err(SweepFolderError::Changed { path, differences });
            }
        }
        Ok(())
    }

    /// Runs that lie in the folder though the plan has none of their name.
    #[must_use]
    pub fn strangers(&self, plan: &Plan) -> Vec<PathBuf> {
        let mut strangers = Vec::new();
        for kind in ["stages", "runs"] {
            let Ok(entries) = fs::read_dir(self.path.join(kind)) else { continue };
            strangers.extend(entries.flatten().filter_map(|entry| {
                let place = Path::new(kind).join(entry.file_name());
                (!plan.runs.iter().any(|run| run.place == place)).then_some(place)
            }));
        }
        strangers.sort();
        strangers
    }

    /// Makes a run that was killed before it had written what it is as good as new.
    ///
    /// # Errors
    /// [`RunFolderError::Busy`] if the process that began it still lives.
    pub fn clear_unbegun(&self, run: &PlannedRun) -> Result<(), RunFolderError> {
        let folder = self.run(run);
        if !folder.path().is_dir() {
            return Ok(());
        }
        let _lock = folder.lock()?;
        if self.standing(run)? == Standing::New {
            for name in ["recipe.toml", "recipe.toml.new", "run.json.new"] {
                let _ = fs::remove_file(folder.path().join(name));
            }
        }
        Ok(())
    }

    /// Writes a file of the sweep's own.
    ///
    /// # Errors
    /// [`RunFolderError::System`] names the file.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf, RunFolderError> {
        let path = self.path.join(name);
        replace_file(&path, content.as_bytes())?;
        Ok(path)
    }
}

const GRID_FILE: &str = "grid.toml";

/// `with_extension` would take the end of `lr-0.001` for one.
fn with_suffix(path: PathBuf, suffix: &str) -> PathBuf {
    let mut path = path.into_os_string();
    path.push(suffix);
    path.into()
}

/// The keys in which two recipes differ: `train.epochs was 3, is 5`.
fn differences(before: &Recipe, now: &Recipe) -> String {
    let values = |recipe: &Recipe| {
        let mut values = BTreeMap::new();
        if let Ok(table) = toml::Table::try_from(recipe) {
            flatten("", &table, &mut values);
        }
        values
    };
    let (before, now) = (values(before), values(now));
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differing = keys.into_iter().filter(|key| before.get(*key) != now.get(*key));
    let words = differing.map(|key| {
        let word = |values: &BTreeMap<String, String>| {
            values.get(key).cloned().unwrap_or_else(|| "not set".to_owned())
        };
        format!("{key} was {}, is {}", word(&before), word(&now))
    });
    words.collect::<Vec<_>>().join("; ")
}

fn flatten(prefix: &str, table: &toml::Table, values: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) => flatten(&format!("{prefix}{name}."), inner, values),
            value => {
                values.insert(format!("{prefix}{name}"), value.to_string());
            }
        }
    }
}
