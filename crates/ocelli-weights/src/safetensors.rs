//! State dicts in safetensors files, the format that PyTorch's ecosystem exchanges weights in.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use ::safetensors::{Dtype, SafeTensorError, SafeTensors, View, tensor::TensorView};
use thiserror::Error;

use crate::{Array, StateDict, Values, element::Element};

/// Bytes of the length that a file starts with.
const LENGTH_BYTES: usize = size_of::<u64>();

/// Why a safetensors file could not be read or made.
#[derive(Debug, Error)]
pub enum SafetensorsError {
    /// The operating system refused.
    #[error("can't read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are no safetensors file.
    #[error(
        "{} is no valid safetensors file: {source}; is the download complete, and is it a .safetensors rather than a .pth?",
        path.display()
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SafeTensorError,
    },
    /// An array has an element type that weights don't have.
    #[error(
        "{}: {key} has element type {found}; expected F32, F64, F16, BF16 or an integer",
        path.display()
    )]
    ElementType {
        /// The file.
        path: PathBuf,
        /// The array's key.
        key: String,
        /// Its element type, in safetensors' spelling.
        found: String,
    },
    /// An array holds an integer beyond 64 signed bits.
    #[error("{}: {key} holds {found}, which doesn't fit a signed 64-bit integer", path.display())]
    Integer {
        /// The file.
        path: PathBuf,
        /// The array's key.
        key: String,
        /// The integer.
        found: u64,
    },
}

/// Reads a safetensors file. Floats of any width become `f32`, integers `i64`.
///
/// Memory is bounded by the file's size: the header is checked against it before an array is made.
///
/// # Errors
/// [`SafetensorsError`], which names the file.
pub fn read(path: impl AsRef<Path>) -> Result<StateDict, SafetensorsError> {
    let path = path.as_ref();
    let io = |source| SafetensorsError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.read_to_end(&mut bytes).map_err(io)?;
    parse(&bytes, path)
}

/// Reads a safetensors file's bytes; `path` is for messages.
///
/// # Errors
/// [`SafetensorsError`], which names the file.
pub fn parse(bytes: &[u8], path: &Path) -> Result<StateDict, SafetensorsError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|source| SafetensorsError::Invalid { path: path.into(), source })?;
    file.iter().map(|(key, view)| Ok((key.to_owned(), array(path, key, &view)?))).collect()
}

/// The metadata strings of a safetensors file's bytes; `path` is for messages.
///
/// # Errors
/// [`SafetensorsError`], which names the file.
pub fn metadata(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, String>, SafetensorsError> {
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|source| SafetensorsError::Invalid { path: path.into(), source })?;
    Ok(header.metadata().clone().unwrap_or_default().into_iter().collect())
}

fn array(path: &Path, key: &str, view: &TensorView<'_>) -> Result<Array, SafetensorsError> {
    let element = match view.dtype() {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I64 => Element::I64,
        Dtype::I32 => Element::I32,
        Dtype::I16 => Element::I16,
        Dtype::I8 => Element::I8,
        Dtype::U32 => Element::U32,
        Dtype::U16 => Element::U16,
        Dtype::U8 => Element::U8,
        Dtype::BOOL => Element::Bool,
        Dtype::U64 => return large_integers(path, key, view),
        other => {
            return Err(SafetensorsError::ElementType {
                path: path.into(),
                key: key.into(),
                found: format!("{other:?}"),
            });
        }
    };
    Ok(Array::new(view.shape().to_vec(), element.values(view.data())))
}

/// Integers that may not fit.
fn large_integers(
    path: &Path,
    key: &str,
    view: &TensorView<'_>,
) -> Result<Array, SafetensorsError> {
    let (chunks, _) = view.data().as_chunks();
    let integers = chunks.iter().map(|&bytes| {
        let found = u64::from_le_bytes(bytes);
        i64::try_from(found).map_err(|_| SafetensorsError::Integer {
            path: path.into(),
            key: key.into(),
            found,
        })
    });
    Ok(Array::from_i64(view.shape().to_vec(), integers.collect::<Result<_, _>>()?))
}

/// A safetensors file's bytes: the same for the same arrays and metadata, whenever and wherever.
///
/// # Panics
/// If the keys alone exceed 100 MB, the format's limit for its header.
#[must_use]
pub fn to_bytes(state: &StateDict, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let arrays = state.iter().map(|(key, array)| (key, Little(array)));
    let bytes = ::safetensors::serialize(arrays, None)
        .unwrap_or_else(|error| panic!("arrays have the lengths that their shapes say: {error}"));
    if metadata.is_empty() { bytes } else { insert_metadata(&bytes, metadata) }
}

/// The library writes metadata in the order of a hash map, which changes from run to run: write
/// them here, in order.
fn insert_metadata(bytes: &[u8], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let (length, rest) = bytes.split_at(LENGTH_BYTES);
    let length = length.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    let (header, data) = rest.split_at(length);
    let entries = header[1..].trim_ascii_end();
    let metadata = serde_json::json!(metadata).to_string();
    let mut header = format!("{{\"__metadata__\":{metadata}").into_bytes();
    if entries != b"}" {
        header.push(b',');
    }
    header.extend_from_slice(entries);
    header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
    let mut out = Vec::with_capacity(LENGTH_BYTES + header.len() + data.len());
    out.extend_from_slice(&(header.len() as u64).to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(data);
    out
}

/// An array as the format wants it: little-endian.
struct Little<'array>(&'array Array);

impl View for Little<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.values() {
            Values::F32(_) => Dtype::F32,
            Values::I64(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(match self.0.values() {
            Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        match self.0.values() {
            Values::F32(values) => size_of_val(values.as_slice()),
            Values::I64(values) => size_of_val(values.as_slice()),
        }
    }
}
