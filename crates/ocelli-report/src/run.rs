//! A run folder, read by whoever wants to show it: at any time, also while the run writes it or
//! after something broke. What can't be read is left out and said in [`Run::problems`].

mod metrics;
mod snapshot;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use metrics::{ClassMetrics, EpochMetrics};
pub use snapshot::Snapshot;

/// Files larger than these are not a run's, or would not fit into memory with what is made of them.
const LARGEST_TEXT: u64 = 16 << 20;
const LARGEST_LINE: u64 = 64 << 20;
const LARGEST_FEATURES: u64 = 4 << 30;
/// Problems that are listed; a broken file must not fill the report.
const MOST_PROBLEMS: usize = 20;

/// Why a run can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is nothing of a run in the folder.
    #[error(
        "{path}: is no run folder: found none of recipe.toml, run.json and metrics.jsonl, which \
         `ocelli train` writes"
    )]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{path}: could not be read: {reason}")]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
}

/// What a run was made from and with: `run.json`, as much of it as is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct RunInfo {
    pub version: Option<String>,
    pub commit: Option<String>,
    pub device: Option<String>,
    pub threads: Option<u64>,
    pub isa: Option<String>,
    pub exact_convolution: Option<bool>,
    pub seed: Option<u64>,
    pub data_fingerprint: Option<String>,
    pub classes: Vec<String>,
    pub pictures: Pictures,
    pub parameters: Option<u64>,
    pub started: Option<String>,
    pub resumed: Vec<String>,
    pub ended: Option<String>,
    pub status: Option<String>,
}

/// How many pictures each split has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Pictures {
    pub train: u64,
    pub val: u64,
    pub test: u64,
}

/// A run folder's contents.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The folder's last part.
    pub name: String,
    /// The folder.
    pub path: PathBuf,
    /// `recipe.toml` as it stands.
    pub recipe_text: Option<String>,
    /// Its values; empty if it can't be read.
    pub recipe: toml::Table,
    /// `run.json`.
    pub info: RunInfo,
    /// The lines of `metrics.jsonl`, by epoch; of an epoch that was done twice, the later one.
    pub epochs: Vec<EpochMetrics>,
    /// Pictures that could not be used.
    pub broken_pictures: usize,
    /// The epochs that have a snapshot, ascending.
    pub snapshot_epochs: Vec<u32>,
    /// What could not be read, a sentence each.
    pub problems: Vec<String>,
}

impl Run {
    /// Reads the folder of a run.
    ///
    /// # Errors
    /// [`RunError::NoRun`] if there is nothing of a run in it. Whatever else is missing or damaged
    /// is said in [`Run::problems`].
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let files = ["recipe.toml", "run.json", "metrics.jsonl"].map(|file| path.join(file));
        if !files.iter().any(|file| file.is_file()) {
            return Err(RunError::NoRun { path: path.to_owned() });
        }
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let name = whole
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let mut run = Self { name, path: path.to_owned(), ..Self::default() };
        let [recipe, info, epochs] = &files;
        run.read_recipe(recipe);
        match read_text(info).and_then(|text| parse_json(info, &text)) {
            Ok(info) => run.info = info,
            Err(error) => run.problem(error.to_string()),
        }
        run.read_epochs(epochs);
        run.broken_pictures = run.count_broken(&path.join("broken.jsonl"));
        run.snapshot_epochs = snapshot::epochs(&path.join("snapshots"));
        Ok(run)
    }

    /// The snapshot of an epoch.
    ///
    /// # Errors
    /// [`RunError`] names the file that is missing or damaged.
    pub fn snapshot(&self, epoch: u32) -> Result<Snapshot, RunError> {
        snapshot::read(&self.path.join("snapshots"), epoch)
    }

    /// The value of a recipe's key, `model.name`, as text.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<String> {
        let mut parts = key.split('.');
        let mut value = self.recipe.get(parts.next()?)?;
        for part in parts {
            value = value.get(part)?;
        }
        Some(match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// The lines of one split, by epoch.
    pub fn split<'a>(
        &'a self,
        split: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a EpochMetrics> {
        self.epochs.iter().filter(move |line| line.split == split)
    }

    /// The latest line that says how each class fared: of the test, or else of validation.
    #[must_use]
    pub fn by_class(&self) -> Option<&EpochMetrics> {
        ["test", "val"].into_iter().find_map(|split| {
            self.split(split)
                .rev()
                .find(|line| !line.classes.is_empty() || !line.confusion.is_empty())
        })
    }

    /// The epoch of the best value of the quantity that the recipe judges by (`train.best_by`):
    /// the quantity, the epoch and the value.
    #[must_use]
    pub fn best(&self) -> Option<(String, u32, f64)> {
        let wanted = self.setting("train.best_by");
        let keys = wanted.as_deref().into_iter().chain(["miou", "accuracy", "knn", "loss"]);
        for key in keys {
            // Of losses and of colour differences the least.
            let sign = if key.contains("loss") || key == "ciede2000" { -1.0 } else { 1.0 };
            let values = self.split("val").filter_map(|line| Some((line.epoch, line.value(key)?)));
            // Of equal values the earlier epoch, as training itself decides.
            let best =
                values.reduce(|best, next| if sign * next.1 > sign * best.1 { next } else { best });
            if let Some((epoch, value)) = best {
                return Some((key.to_owned(), epoch, value));
            }
        }
        None
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn read_recipe(&mut self, path: &Path) {
        match read_text(path) {
            Ok(text) => {
                match toml::from_str(&text) {
                    Ok(recipe) => self.recipe = recipe,
                    Err(error) => {
                        self.problem(format!("{}: {}", path.display(), error.message()));
                    }
                }
                self.recipe_text = Some(text);
            }
            Err(error) => self.problem(error.to_string()),
        }
    }

    fn read_epochs(&mut self, path: &Path) {
        let mut lines: Vec<EpochMetrics> = Vec::new();
        let mut wrong = Vec::new();
        let read = each_line(path, |number, line, whole| match EpochMetrics::parse(line) {
            Ok(line) => {
                // Only the latest line's classes are shown, and those of 800 epochs take room.
                for older in lines.iter_mut().filter(|older| older.split == line.split) {
                    older.classes = Vec::new();
                    older.confusion = Vec::new();
                }
                lines.retain(|older| older.split != line.split || older.epoch != line.epoch);
                lines.push(line);
            }
            Err(_) if !whole => wrong.push(format!(
                "{}: line {number} is cut off: the run is writing it, or was killed",
                path.display()
            )),
            Err(reason) => wrong.push(format!("{}: line {number}: {reason}", path.display())),
        });
        if let Err(error) = read {
            self.problem(error.to_string());
        }
        wrong.into_iter().for_each(|problem| self.problem(problem));
        lines.sort_by_key(|line| line.epoch);
        self.epochs = lines;
    }

    fn count_broken(&mut self, path: &Path) -> usize {
        let mut count = 0;
        if path.exists()
            && let Err(error) = each_line(path, |_, _, _| count += 1)
        {
            self.problem(error.to_string());
        }
        count
    }
}

fn system(path: &Path) -> impl FnOnce(std::io::Error) -> RunError {
    |reason| RunError::System { path: path.to_owned(), reason }
}

fn content(path: &Path, reason: impl Into<String>) -> RunError {
    RunError::Content { path: path.to_owned(), reason: reason.into() }
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(system(path))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(system(path))?;
    if bytes.len() as u64 > limit {
        return Err(content(path, format!("is larger than {limit} bytes, which no run writes")));
    }
    Ok(bytes)
}

fn read_text(path: &Path) -> Result<String, RunError> {
    let bytes = read_limited(path, LARGEST_TEXT)?;
    String::from_utf8(bytes).map_err(|_| content(path, "is no UTF-8 text"))
}

fn parse_json<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, RunError> {
    serde_json::from_str(text).map_err(|error| content(path, error.to_string()))
}

/// Calls `line(number from 1, text, whether it ends with a line break)` for each line that isn't
/// empty.
fn each_line(path: &Path, mut line: impl FnMut(usize, &[u8], bool)) -> Result<(), RunError> {
    let mut file = BufReader::new(fs::File::open(path).map_err(system(path))?);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read =
            (&mut file).take(LARGEST_LINE).read_until(b'\n', &mut bytes).map_err(system(path))?;
        if read == 0 {
            break;
        }
        if read as u64 == LARGEST_LINE && bytes.last() != Some(&b'\n') {
            return Err(content(
                path,
                format!("line {number} is larger than {LARGEST_LINE} bytes"),
            ));
        }
        let whole = bytes.last() == Some(&b'\n');
        if !bytes.trim_ascii().is_empty() {
            line(number, bytes.trim_ascii(), whole);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
