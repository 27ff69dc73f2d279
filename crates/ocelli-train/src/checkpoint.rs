//! Checkpoints: everything needed to go on as if nothing had happened.
//!
//! A checkpoint is a folder `NAME` with `model.safetensors`, `optimizer.safetensors`, perhaps
//! `ema.safetensors` or `target.safetensors`, and `state.json`, which is written last and holds the
//! others' checksums.
//!
//! It is never lost to a crash while the next one is written:
//!
//! 1. the new one is written to `NAME.new`, flushed to the disk, read back and checked;
//! 2. `NAME` is renamed to `NAME.old`, and `NAME.new` to `NAME`;
//! 3. `NAME.old` is removed.
//!
//! At every moment one of the three is whole, and [`read`] finds it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use ocelli_nn::safetensors;
use ocelli_nn::state::StateDict;
use serde::{Deserialize, Serialize};

use crate::ema;
use crate::progress::TrainingState;

/// Why a checkpoint can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Writing failed; the checkpoint before it is untouched.
    #[error(
        "{path}: the checkpoint could not be written ({reason}); the one before it is untouched"
    )]
    Write {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// There is no such checkpoint.
    #[error("{path}: there is no such checkpoint{}", list(.others))]
    Missing {
        /// The checkpoint's folder.
        path: PathBuf,
        /// The checkpoints that there are.
        others: Vec<String>,
    },
    /// A file of the checkpoint is damaged.
    #[error("{path}: the checkpoint is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn list(others: &[String]) -> String {
    if others.is_empty() {
        "; the run has none yet".to_owned()
    } else {
        format!("; there are: {}", others.join(", "))
    }
}

/// Everything needed to go on.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The model's parameters and buffers, with torchvision's keys.
    pub model: StateDict,
    /// The optimizer's state.
    pub optimizer: StateDict,
    /// The averaged weights, where the recipe asks for them.
    pub ema: Option<StateDict>,
    /// The network that BYOL's follows.
    pub target: Option<StateDict>,
    /// How far training has come.
    pub state: TrainingState,
}

impl Checkpoint {
    /// The weights to use: the model's, with the averages in place of its parameters where they
    /// were kept.
    #[must_use]
    pub fn weights(&self) -> StateDict {
        match &self.ema {
            Some(averages) => ema::averaged(&self.model, averages),
            None => self.model.clone(),
        }
    }
}

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const EMA: &str = "ema.safetensors";
const TARGET: &str = "target.safetensors";
const STATE: &str = "state.json";
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct StateFile {
    format: u32,
    /// File name → blake3 digest.
    checksums: BTreeMap<String, String>,
    #[serde(flatten)]
    state: TrainingState,
}

/// Writes a checkpoint in place of the one of the same name.
///
/// # Errors
/// [`CheckpointError::Write`]; the checkpoint of that name is then the one before.
pub fn write(folder: &Path, name: &str, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
    let new = folder.join(format!("{name}.new"));
    let written = write_files(&new, checkpoint).and_then(|()| put_in_place(folder, name));
    written.map_err(|reason| {
        // What was written so far is of no use, and the disk may be full because of it.
        let _ = fs::remove_dir_all(&new);
        CheckpointError::Write { path: folder.join(name), reason }
    })
}

fn write_files(new: &Path, checkpoint: &Checkpoint) -> std::io::Result<()> {
    remove_folder(new)?;
    fs::create_dir_all(new)?;
    let mut checksums = BTreeMap::new();
    let parts = [
        (MODEL, Some(&checkpoint.model)),
        (OPTIMIZER, Some(&checkpoint.optimizer)),
        (EMA, checkpoint.ema.as_ref()),
        (TARGET, checkpoint.target.as_ref()),
    ];
    for (file, part) in parts {
        let Some(part) = part else { continue };
        let bytes = safetensors::to_bytes(part, &BTreeMap::new());
        checksums.insert(file.to_owned(), blake3::hash(&bytes).to_hex().to_string());
        write_flushed(&new.join(file), &bytes)?;
    }
    for (file, checksum) in &checksums {
        let found = checksum_of(&new.join(file))?;
        if &found != checksum {
            return Err(std::io::Error::other(format!(
                "{file} reads back other than it was written (checksum {found}, expected {checksum})"
            )));
        }
    }
    let state = StateFile { format: FORMAT, checksums, state: checkpoint.state.clone() };
    write_flushed(&new.join(STATE), &serde_json::to_vec_pretty(&state)?)?;
    flush_folder(new)
}

fn write_flushed(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Has a folder's entries on the disk. Only Unix can open a folder to flush it; elsewhere the
/// system's own journal has to do.
fn flush_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

fn checksum_of(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn remove_folder(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Step 2 and 3 of the module's protocol.
fn put_in_place(folder: &Path, name: &str) -> std::io::Result<()> {
    let [new, place, old] =
        ["{}.new", "{}", "{}.old"].map(|form| folder.join(form.replace("{}", name)));
    remove_folder(&old)?;
    if place.exists() {
        fs::rename(&place, &old)?;
    }
    fs::rename(&new, &place)?;
    flush_folder(folder)?;
    remove_folder(&old)
}

/// Gives a checkpoint a second name, in place of the one that had it. The files are shared on the
/// disk where it can do that: a checkpoint's files never change.
///
/// # Errors
/// [`CheckpointError::Write`]; the checkpoint of the second name is then the one before.
pub fn duplicate(folder: &Path, from: &str, name: &str) -> Result<(), CheckpointError> {
    let new = folder.join(format!("{name}.new"));
    let link = || -> std::io::Result<()> {
        remove_folder(&new)?;
        fs::create_dir_all(&new)?;
        for entry in fs::read_dir(folder.join(from))? {
            let entry = entry?;
            let target = new.join(entry.file_name());
            if fs::hard_link(entry.path(), &target).is_err() {
                fs::copy(entry.path(), &target)?;
                File::open(&target)?.sync_all()?;
            }
        }
        flush_folder(&new)?;
        put_in_place(folder, name)
    };
    link().map_err(|reason| {
        let _ = fs::remove_dir_all(&new);
        CheckpointError::Write { path: folder.join(name), reason }
    })
}

/// Reads a checkpoint: the one of that name, or what a crash between two renames left of it.
///
/// # Errors
/// [`CheckpointError::Missing`] lists the checkpoints that there are; [`CheckpointError::Damaged`]
/// names the file.
pub fn read(folder: &Path, name: &str) -> Result<Checkpoint, CheckpointError> {
    find(folder, name).map(|(checkpoint, _)| checkpoint)
}

/// Reads a checkpoint as [`read`] does, and puts it in its place if a crash left it beside it: what
/// follows may give that place a second name, and must not find it empty or damaged.
///
/// # Errors
/// As [`read`]; [`CheckpointError::Write`] if it can't be put in its place.
pub fn recover(folder: &Path, name: &str) -> Result<Checkpoint, CheckpointError> {
    let (checkpoint, found) = find(folder, name)?;
    let place = folder.join(name);
    if found != place {
        remove_folder(&place)
            .and_then(|()| fs::rename(&found, &place))
            .and_then(|()| flush_folder(folder))
            .map_err(|reason| CheckpointError::Write { path: place, reason })?;
    }
    Ok(checkpoint)
}

/// A whole checkpoint, and the folder that it is in.
fn find(folder: &Path, name: &str) -> Result<(Checkpoint, PathBuf), CheckpointError> {
    let mut damage = None;
    // `.new` before `.old`: both can be whole if the crash came between the two renames.
    for form in ["", ".new", ".old"] {
        let path = folder.join(format!("{name}{form}"));
        if !path.join(STATE).is_file() {
            continue;
        }
        match read_files(&path) {
            Ok(checkpoint) => return Ok((checkpoint, path)),
            Err(error) => damage = damage.or(Some(error)),
        }
    }
    Err(damage.unwrap_or_else(|| CheckpointError::Missing {
        path: folder.join(name),
        others: names(folder),
    }))
}

/// The names of the checkpoints in a folder, sorted.
#[must_use]
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join(STATE).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.contains('.'))
        .collect();
    names.sort();
    names
}

fn read_files(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let damaged =
        |file: &str, reason: String| CheckpointError::Damaged { path: path.join(file), reason };
    let text = fs::read(path.join(STATE)).map_err(|error| damaged(STATE, error.to_string()))?;
    let file: StateFile =
        serde_json::from_slice(&text).map_err(|error| damaged(STATE, error.to_string()))?;
    if file.format != FORMAT {
        return Err(damaged(
            STATE,
            format!(
                "found format {}, expected {FORMAT}: it was written by another version",
                file.format
            ),
        ));
    }
    let part = |name: &str| -> Result<Option<StateDict>, CheckpointError> {
        let Some(expected) = file.checksums.get(name) else { return Ok(None) };
        let bytes = fs::read(path.join(name)).map_err(|error| damaged(name, error.to_string()))?;
        let found = blake3::hash(&bytes).to_hex().to_string();
        if &found != expected {
            return Err(damaged(name, format!("found checksum {found}, expected {expected}")));
        }
        safetensors::parse(&bytes, &path.join(name))
            .map(Some)
            .map_err(|error| damaged(name, error.to_string()))
    };
    let required =
        |name: &str| part(name)?.ok_or_else(|| damaged(name, "is not listed in state.json".into()));
    Ok(Checkpoint {
        model: required(MODEL)?,
        optimizer: required(OPTIMIZER)?,
        ema: part(EMA)?,
        target: part(TARGET)?,
        state: file.state,
    })
}

#[cfg(test)]
mod tests;
