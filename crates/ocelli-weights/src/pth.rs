//! PyTorch's own files: `torch.save` of a state dict, or of a checkpoint that has one.
//!
//! Since PyTorch 1.6 such a file is a zip archive: a pickle (`data.pkl`) describes the tensors,
//! and an entry each (`data/0`, …) holds a storage. Before, pickles and storages followed each
//! other in one stream. Both are read; archives are written.

mod archive;
mod legacy;
mod tensors;
mod write;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{StateDict, pickle::PickleError};
pub use write::to_bytes;

/// A state dict out of a file of PyTorch's.
#[derive(Debug)]
pub struct PthFile {
    /// The tensors.
    pub state: StateDict,
    /// What a person should know: which part of a checkpoint was taken, what was left out.
    pub notes: Vec<String>,
}

/// Why one of PyTorch's files could not be read.
#[derive(Debug, Error)]
pub enum PthError {
    /// The archive is damaged.
    #[error(
        "{}: the archive is damaged or cut short: {reason}; is the download complete?", path.display()
    )]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A zip archive of something else.
    #[error("{}: {found}; expected a state dict as `torch.save(model.state_dict(), path)` writes it", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// The description of the tensors can't be understood.
    #[error("{}: its pickle can't be read: {reason}", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: PickleError,
    },
    /// A tensor can't be taken out.
    #[error("{}: {key}: {reason}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether bytes begin as one of PyTorch's files does: with a zip archive, or a pickle.
#[must_use]
pub fn is_pth(bytes: &[u8]) -> bool {
    // A pickle begins with its protocol. So may the length of a safetensors header, which a brace
    // follows.
    let is_pickle = matches!(bytes, [0x80, 2..=5, ..]) && bytes.get(8) != Some(&b'{');
    archive::is_archive(bytes) || legacy::is_legacy(bytes) || is_pickle
}

/// Reads the bytes of one of PyTorch's files; `path` is for messages.
///
/// # Errors
/// [`PthError`], which names the file.
pub fn parse(bytes: &[u8], path: &Path) -> Result<PthFile, PthError> {
    if archive::is_archive(bytes) {
        archive::parse(bytes, path)
    } else {
        legacy::parse(bytes, path)
    }
}
