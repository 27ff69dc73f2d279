use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    StateDict,
    pth::{self, PthError},
    safetensors::{self, SafetensorsError},
};

/// How weights are laid out in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// safetensors.
    Safetensors,
    /// PyTorch's `torch.save`.
    Pth,
}

impl Format {
    /// As messages call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Pth => "PyTorch",
        }
    }
}

/// Weights out of a file.
#[derive(Debug)]
pub struct Loaded {
    /// The tensors.
    pub state: StateDict,
    /// How they were laid out.
    pub format: Format,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Why a weight file could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("{}: can't be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error(
        "{}: {found}; expected weights: a .safetensors file, or a .pth of PyTorch's", path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// A safetensors file that can't be used.
    #[error(transparent)]
    Safetensors(#[from] SafetensorsError),
    /// One of PyTorch's files that can't be used.
    #[error(transparent)]
    Pth(#[from] PthError),
}

/// Why a weight file could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The suffix names no format.
    #[error("{}: the suffix says no format; end the name with .safetensors or .pth", path.display())]
    Suffix {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: can't be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Reads weights; the format is told by the content, whatever the name.
///
/// Memory is bounded by the file's size.
///
/// # Errors
/// [`ReadError`], which names the file, what was found and what was expected.
pub fn read(path: impl AsRef<Path>) -> Result<Loaded, ReadError> {
    let path = path.as_ref();
    let io = |source| ReadError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.read_to_end(&mut bytes).map_err(io)?;
    parse(&bytes, path)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Loaded, ReadError> {
    if pth::is_pth(bytes) {
        let pth::PthFile { state, notes } = pth::parse(bytes, path)?;
        return Ok(Loaded { state, format: Format::Pth, notes });
    }
    if let Some(found) = something_else(bytes) {
        return Err(ReadError::Format { path: path.into(), found });
    }
    let state = safetensors::parse(bytes, path)?;
    Ok(Loaded { state, format: Format::Safetensors, notes: Vec::new() })
}

/// What bytes are that are no weights, where that can be told.
fn something_else(bytes: &[u8]) -> Option<String> {
    let start = bytes.trim_ascii_start();
    let begins = |with: &str| {
        start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    let found = if bytes.is_empty() {
        "the file is empty"
    } else if begins("version https://git-lfs") {
        "it is a Git LFS pointer; `git lfs pull` fetches the file that it stands for"
    } else if begins("<!doctype") || begins("<html") || begins("<?xml") {
        "it is a web page: the download went wrong"
    } else if bytes.starts_with(b"\x89HDF") {
        "it is an HDF5 file (Keras)"
    } else if bytes.starts_with(b"GGUF") {
        "it is a GGUF file"
    } else if bytes.starts_with(b"\x08") && bytes.windows(4).take(64).any(|w| w == b"onnx") {
        "it is an ONNX model"
    } else if bytes.len() < 8 {
        "it is too short for weights"
    } else if bytes[..8].iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        "it is a text file"
    } else {
        return None;
    };
    Some(found.to_owned())
}

/// Writes weights in the format that the suffix names: beside the old file, flushed, then renamed.
///
/// # Errors
/// [`WriteError`] for another suffix than `.safetensors`, `.pth` and `.pt`, and where the system
/// refuses.
pub fn write(path: impl AsRef<Path>, state: &StateDict) -> Result<Format, WriteError> {
    let path = path.as_ref();
    let format = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("safetensors") => Format::Safetensors,
        Some("pth" | "pt") => Format::Pth,
        _ => return Err(WriteError::Suffix { path: path.into() }),
    };
    let bytes = match format {
        Format::Safetensors => safetensors::to_bytes(state, &BTreeMap::new()),
        Format::Pth => pth::to_bytes(state),
    };
    let io = |source| WriteError::Io { path: path.into(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map_err(io)?;
    Ok(format)
}
