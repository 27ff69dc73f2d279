//! The run folder: everything a run leaves behind, at fixed places.
//!
//! ```text
//! recipe.toml       as resolved, with every default
//! run.json          version, device, threads, seed, data fingerprint, class names, start and end
//! metrics.jsonl     one object a line: an epoch of one split
//! broken.jsonl      the pictures that could not be used, once each, with the reason
//! checkpoints/      last/ best/ epoch-0050/ …
//! snapshots/        epoch-0001/features.safetensors …
//! tensorboard/      train/ val/ test/: the same numbers for TensorBoard
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::masks::MaskRecord;
use crate::recipe::Recipe;
use crate::recipe::read::{RecipeError, RecipeText};
use crate::recipe::resolve::resolve;

/// Why a run folder can't be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunFolderError {
    /// The folder for a new run holds something already.
    #[error(
        "{path}: there is a run here already; go on with `ocelli resume {path}`, or choose another folder with --out"
    )]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// The folder for a new run holds something that is no run.
    #[error("{path}: is not empty; choose another folder with --out")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a run in it.
    #[error("{path}: is no run folder: found no {missing}, which `ocelli train` writes first")]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// The file that every run folder has.
        missing: &'static str,
    },
    /// Another process is training in this folder.
    #[error("{path}: another process is training here; wait for it or stop it first")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{path}: {action}: {reason}")]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A file of the run holds something else than it should.
    #[error("{path}: line {line}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: serde_json::Error,
    },
    /// The run's recipe can't be read any more.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}

/// What a run was made from and with: `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Ocelli's version.
    pub version: String,
    /// The commit that Ocelli was built from, where it is known.
    #[serde(default)]
    pub commit: Option<String>,
    /// The device, as `--device` names it.
    pub device: String,
    /// Compute threads.
    pub threads: usize,
    /// Whether convolutions were computed exactly, as the recipe's `train.exact_convolution` says.
    #[serde(default)]
    pub exact_convolution: bool,
    /// The CPU's instruction set that computed.
    #[serde(default)]
    pub isa: Option<String>,
    /// The recipe's seed.
    pub seed: u64,
    /// The BLAKE3 digest of `recipe.toml` as it was when the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe_checksum: Option<String>,
    /// A digest of the training and validation samples' names, sizes and labels.
    pub data_fingerprint: String,
    /// Class names; a label is a position in this list.
    pub classes: Vec<String>,
    /// What the masks' values mean; segmentation only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masks: Option<MaskRecord>,
    /// How many pictures each split has.
    pub pictures: SplitCounts,
    /// The model's parameter count.
    pub parameters: u64,
    /// When the run began, RFC 3339.
    pub started: String,
    /// When it was last resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<String>,
    /// When it ended, RFC 3339.
    #[serde(default)]
    pub ended: Option<String>,
    /// Where the run stands.
    pub status: RunStatus,
}

/// How many pictures each split has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Training pictures.
    pub train: usize,
    /// Validation pictures.
    pub val: usize,
    /// Test pictures.
    pub test: usize,
}

/// Where a run stands. A killed run stays `Running` until it is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// At work, or killed.
    Running,
    /// Stopped by the user, everything saved.
    Stopped,
    /// Ended by an error.
    Failed,
    /// All epochs done.
    Finished,
    /// Ended before its last epoch because validation no longer improved.
    StoppedEarly,
}

/// A run's folder, and the names of what lies in it.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run.
    ///
    /// # Errors
    /// [`RunFolderError::Taken`] or [`RunFolderError::NotEmpty`] if something is there.
    pub fn create(path: &Path) -> Result<Self, RunFolderError> {
        let folder = Self { path: path.to_owned() };
        if folder.recipe_file().exists() {
            return Err(RunFolderError::Taken { path: path.into() });
        }
        fs::create_dir_all(path).map_err(system(path, "could not be made"))?;
        // A run that was killed before it wrote anything leaves these behind, and no more.
        let parts = [folder.checkpoints(), folder.snapshots()];
        let is_left_over = |entry: &fs::DirEntry| {
            entry.file_name() == LOCK_FILE
                || parts.contains(&entry.path())
                    && fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_none())
        };
        let mut entries = fs::read_dir(path).map_err(system(path, "could not be read"))?;
        if entries.any(|entry| entry.is_ok_and(|entry| !is_left_over(&entry))) {
            return Err(RunFolderError::NotEmpty { path: path.into() });
        }
        for part in [folder.checkpoints(), folder.snapshots()] {
            fs::create_dir_all(&part).map_err(system(&part, "could not be made"))?;
        }
        Ok(folder)
    }

    /// The folder at a place, whatever is there.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Opens the folder of a run.
    ///
    /// # Errors
    /// [`RunFolderError::NoRun`] if there is none.
    pub fn open(path: &Path) -> Result<Self, RunFolderError> {
        let folder = Self { path: path.to_owned() };
        for (file, missing) in
            [(folder.recipe_file(), "recipe.toml"), (folder.info_file(), "run.json")]
        {
            if !file.is_file() {
                return Err(RunFolderError::NoRun { path: path.into(), missing });
            }
        }
        Ok(folder)
    }

    /// Keeps other processes from training in this folder until the lock is dropped, or the
    /// process ends in whatever way.
    ///
    /// # Errors
    /// [`RunFolderError::Busy`] if another process has it.
    pub fn lock(&self) -> Result<RunLock, RunFolderError> {
        let path = self.lock_file();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(system(&path, "could not be opened"))?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(RunFolderError::Busy { path: self.path.clone() })
            }
            Err(fs::TryLockError::Error(reason)) => {
                Err(system(&path, "could not be locked")(reason))
            }
        }
    }

    /// The file that [`RunFolder::lock`] locks.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.path.join(LOCK_FILE)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's name: the folder's last part.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.canonicalize().unwrap_or_else(|_| self.path.clone()).file_name().map_or_else(
            || self.path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    /// The resolved recipe.
    #[must_use]
    pub fn recipe_file(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    /// What the run was made from and with.
    #[must_use]
    pub fn info_file(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// One object a line: an epoch of one split.
    #[must_use]
    pub fn metrics_file(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The pictures that could not be used.
    #[must_use]
    pub fn broken_file(&self) -> PathBuf {
        self.path.join("broken.jsonl")
    }

    /// The checkpoints' folder.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The snapshots' folder.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    /// The backbone of a run without labels, with torchvision's keys.
    #[must_use]
    pub fn backbone_file(&self) -> PathBuf {
        self.path.join(BACKBONE)
    }

    /// The folder that TensorBoard opens.
    #[must_use]
    pub fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// Writes the resolved recipe.
    ///
    /// # Errors
    /// [`RunFolderError::System`] names the file.
    pub fn write_recipe(&self, recipe: &Recipe) -> Result<(), RunFolderError> {
        let path = self.recipe_file();
        let text = recipe
            .to_toml()
            .map_err(|error| system(&path, "could not be written")(std::io::Error::other(error)))?;
        replace_file(&path, text.as_bytes())
    }

    /// Reads the resolved recipe, and checks it again: it is a file that people edit.
    ///
    /// # Errors
    /// [`RunFolderError::Recipe`] if it can't be read, isn't a recipe, or has a value that can't
    /// be used.
    pub fn read_recipe(&self) -> Result<Recipe, RunFolderError> {
        let (recipe, text) = RecipeText::from_file(&self.recipe_file())?.parse(&[])?;
        Ok(resolve(recipe, &text)?)
    }

    /// The BLAKE3 digest of the resolved recipe's file.
    ///
    /// # Errors
    /// [`RunFolderError::System`] names the file.
    pub fn recipe_checksum(&self) -> Result<String, RunFolderError> {
        let path = self.recipe_file();
        let text = fs::read(&path).map_err(system(&path, "could not be read"))?;
        Ok(blake3::hash(&text).to_hex().to_string())
    }

    /// A word of warning if the recipe is no longer what the run began with. A file cut short is
    /// still a recipe: its missing keys have defaults.
    ///
    /// # Errors
    /// As [`RunFolder::recipe_checksum`].
    pub fn recipe_change(&self, info: &RunInfo) -> Result<Option<String>, RunFolderError> {
        let Some(expected) = &info.recipe_checksum else { return Ok(None) };
        let is_changed = &self.recipe_checksum()? != expected;
        Ok(is_changed.then(|| {
            format!(
                "{} has changed since the run began; what it says now is what counts",
                self.recipe_file().display()
            )
        }))
    }

    /// Writes what the run was made from and with.
    ///
    /// # Errors
    /// [`RunFolderError::System`] names the file.
    pub fn write_info(&self, info: &RunInfo) -> Result<(), RunFolderError> {
        let path = self.info_file();
        let text = serde_json::to_string_pretty(info)
            .map_err(|error| system(&path, "could not be written")(error.into()))?;
        replace_file(&path, text.as_bytes())
    }

    /// Reads what the run was made from and with.
    ///
    /// # Errors
    /// [`RunFolderError::Content`] if the file holds something else.
    pub fn read_info(&self) -> Result<RunInfo, RunFolderError> {
        let path = self.info_file();
        let text = fs::read_to_string(&path).map_err(system(&path, "could not be read"))?;
        serde_json::from_str(&text).map_err(|reason| RunFolderError::Content {
            path,
            line: reason.line(),
            reason,
        })
    }
}

const LOCK_FILE: &str = "run.lock";
const BACKBONE: &str = "backbone.safetensors";

/// A run folder held by this process; see [`RunFolder::lock`].
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// An error about `path`, for `map_err`.
pub(crate) fn system(
    path: &Path,
    action: &'static str,
) -> impl FnOnce(std::io::Error) -> RunFolderError {
    let path = path.to_owned();
    move |reason| RunFolderError::System { path, action, reason }
}

/// Writes a small file so that a crash leaves either the old content or the new.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> Result<(), RunFolderError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(system(path, "could not be written"))
}

/// Appends one object to a file of JSON lines, and has it on the disk when it returns.
///
/// # Errors
/// [`RunFolderError::System`] names the file.
pub fn append_json_line<T: Serialize>(path: &Path, record: &T) -> Result<(), RunFolderError> {
    let mut line = serde_json::to_vec(record)
        .map_err(|error| system(path, "could not be written")(error.into()))?;
    line.push(b'\n');
    let append = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(&line)?;
        file.sync_data()
    };
    append().map_err(system(path, "could not be written"))
}

/// Reads a file of JSON lines. A last line without its end is one that a crash cut short: it is
/// left out. No file is an empty list.
///
/// # Errors
/// [`RunFolderError::Content`] names the line that is not what it should be.
pub fn read_json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunFolderError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(system(path, "could not be read")(error)),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|reason| RunFolderError::Content {
                path: path.into(),
                line: index + 1,
                reason,
            })
        })
        .collect()
}

/// Takes off a last line without its end, which a crash cut short: what is appended next would
/// otherwise become a part of it. No file is as good as a whole one.
///
/// # Errors
/// [`RunFolderError::System`] names the file.
pub fn drop_unfinished_line(path: &Path) -> Result<(), RunFolderError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(path, "could not be read")(error)),
    };
    let whole = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    if whole == content.len() {
        return Ok(());
    }
    let shorten = || OpenOptions::new().write(true).open(path)?.set_len(whole as u64);
    shorten().map_err(system(path, "could not be written"))
}

/// Replaces a file of JSON lines by these.
///
/// # Errors
/// [`RunFolderError::System`] names the file.
pub fn replace_json_lines<T: Serialize>(path: &Path, records: &[T]) -> Result<(), RunFolderError> {
    let mut content = Vec::new();
    for record in records {
        serde_json::to_writer(&mut content, record)
            .map_err(|error| system(path, "could not be written")(error.into()))?;
        content.push(b'\n');
    }
    replace_file(path, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cut_short_by_a_crash_is_left_out_and_a_wrong_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        assert_eq!(read_json_lines::<u32>(&path).unwrap(), Vec::<u32>::new());
        append_json_line(&path, &1).unwrap();
        append_json_line(&path, &2).unwrap();
        fs::write(&path, [fs::read(&path).unwrap(), b"34".to_vec()].concat()).unwrap();
        assert_eq!(read_json_lines::<u32>(&path).unwrap(), [1, 2]);
        drop_unfinished_line(&path).unwrap();
        append_json_line(&path, &5).unwrap();
        assert_eq!(read_json_lines::<u32>(&path).unwrap(), [1, 2, 5]);
        drop_unfinished_line(&folder.path().join("absent")).unwrap();
        fs::write(&path, "1\nx\n2\n").unwrap();
        let error = read_json_lines::<u32>(&path).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_folder_with_a_run_or_with_anything_else_is_not_taken_for_a_new_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let run = RunFolder::create(&path).unwrap();
        run.write_recipe(&Recipe::default()).unwrap();
        assert!(matches!(RunFolder::create(&path), Err(RunFolderError::Taken { .. })));
        assert!(matches!(RunFolder::create(folder.path()), Err(RunFolderError::NotEmpty { .. })));
        assert!(matches!(
            RunFolder::open(&path),
            Err(RunFolderError::NoRun { missing: "run.json", .. })
        ));
    }

    #[test]
    fn a_folder_that_a_run_left_before_it_wrote_anything_serves_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(RunFolder::create(&path).unwrap().lock().unwrap());
        let run = RunFolder::create(&path).unwrap();
        fs::create_dir(run.checkpoints().join("last")).unwrap();
        assert!(matches!(RunFolder::create(&path), Err(RunFolderError::NotEmpty { .. })));
    }

    #[test]
    fn a_recipe_that_can_not_be_used_any_more_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&folder.path().join("run")).unwrap();
        fs::write(run.recipe_file(), "[train]\naccumulate = 0\n").unwrap();
        let error = run.read_recipe().unwrap_err().to_string();
        assert!(error.contains("recipe.toml:2:14: train.accumulate"), "{error}");
    }

    #[test]
    fn a_second_process_cannot_train_in_the_same_folder() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&folder.path().join("run")).unwrap();
        let lock = run.lock().unwrap();
        assert!(matches!(run.lock(), Err(RunFolderError::Busy { .. })));
        drop(lock);
        run.lock().unwrap();
    }
}
