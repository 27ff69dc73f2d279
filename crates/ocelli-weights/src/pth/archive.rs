use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    path::Path,
};

use zip::{CompressionMethod, ZipArchive};

use super::{PthError, PthFile, tensors};
use crate::pickle::{self, Storage};

/// Bytes of a description: a large model's has less than a tenth.
const MOST_PICKLE_BYTES: u64 = 64 << 20;

pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<PthFile, PthError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| tensors::damaged(path, error.to_string()))?;
    let names: Vec<String> =
        zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let content = |found: &str| PthError::Content { path: path.into(), found: found.to_owned() };
    // All entries are under one folder, whatever it is called.
    let Some(description) = names.iter().find(|name| {
        name.strip_suffix("data.pkl").is_some_and(|folder| folder.matches('/').count() <= 1)
    }) else {
        return Err(content("it is a zip archive, but none of PyTorch's"));
    };
    let folder = description.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    if names.iter().any(|name| *name == format!("{folder}constants.pkl")) {
        return Err(content("it is a TorchScript program"));
    }
    if let Some(order) = read(&mut zip, &format!("{folder}byteorder"), 16, path)?
        && order != b"little"
    {
        return Err(content("its numbers are big-endian"));
    }
    let description =
        read(&mut zip, &format!("{folder}data.pkl"), MOST_PICKLE_BYTES, path)?.unwrap_or_default();
    let pickle = pickle::parse(&description)
        .map_err(|reason| PthError::Pickle { path: path.into(), reason })?;
    // Where each storage lies: entries are stored as they are.
    let mut places = BTreeMap::new();
    for index in 0..zip.len() {
        let entry =
            zip.by_index_raw(index).map_err(|error| tensors::damaged(path, error.to_string()))?;
        let name = entry.name().map_err(|error| tensors::damaged(path, error.to_string()))?;
        let Some(key) = name.strip_prefix(&format!("{folder}data/")) else { continue };
        if entry.compression() != CompressionMethod::Stored {
            return Err(content("its numbers are compressed, which PyTorch never does"));
        }
        let range = entry.data_start().and_then(|start| {
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(entry.size()).ok()?)?;
            (end <= bytes.len()).then_some(start..end)
        });
        let range =
            range.ok_or_else(|| tensors::damaged(path, format!("data/{key} is cut off")))?;
        places.insert(key.to_owned(), range);
    }
    tensors::state_dict(&pickle.value, path, bytes.len(), |storage: &Storage| {
        let place = places.get(&*storage.key);
        let place =
            place.ok_or_else(|| format!("its numbers (data/{}) are missing", storage.key))?;
        Ok(&bytes[place.clone()])
    })
}

/// A small entry, if there is one.
fn read(
    zip: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    most: u64,
    path: &Path,
) -> Result<Option<Vec<u8>>, PthError> {
    let entry = match zip.by_name(name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(tensors::damaged(path, error.to_string())),
    };
    if entry.size() > most {
        return Err(tensors::damaged(path, format!("{name} has {} bytes", entry.size())));
    }
    let mut bytes = Vec::new();
    entry
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| tensors::damaged(path, format!("{name}: {error}")))?;
    Ok(Some(bytes))
}
