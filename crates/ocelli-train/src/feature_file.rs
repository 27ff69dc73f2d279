//! `features.safetensors`: the penultimate features of pictures, of snapshots and of `ocelli embed`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli_nn::safetensors;
use ocelli_nn::state::{Array, StateDict};

use crate::run_folder::{RunFolderError, system};

/// The file's name.
pub const NAME: &str = "features.safetensors";

/// Writes [`NAME`] into `folder`: `features` `[pictures, width]`, and each of `columns` `[pictures]`.
/// Returns its path.
///
/// # Errors
/// [`RunFolderError::System`] names the file.
///
/// # Panics
/// If a column has another length than there are pictures.
pub fn write(
    folder: &Path,
    features: &[f32],
    width: usize,
    columns: &[(&str, &[i64])],
    metadata: &BTreeMap<String, String>,
) -> Result<PathBuf, RunFolderError> {
    let pictures = features.len().checked_div(width).unwrap_or(0);
    let mut dict = StateDict::new();
    dict.insert("features", Array::from_f32(vec![pictures, width], features.to_vec()));
    for (name, values) in columns {
        dict.insert(*name, Array::from_i64(vec![pictures], values.to_vec()));
    }
    let path = folder.join(NAME);
    let bytes = safetensors::to_bytes(&dict, metadata);
    std::fs::write(&path, bytes).map_err(system(&path, "could not be written"))?;
    Ok(path)
}
