use std::{collections::BTreeMap, io::Cursor, ops::Range, path::Path};

use zip::{CompressionMethod, ZipArchive};

use super::{PthError, PthFile, tensors};
use crate::pickle::{self, Storage};

/// Bytes of a description: a large model's has less than a tenth.
const MOST_PICKLE_BYTES: usize = 64 << 20;

pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<PthFile, PthError> {
    let content = |found: &str| PthError::Content { path: path.into(), found: found.to_owned() };
    let entries = entries(bytes, path)?;
    // All entries are under one folder, whatever it is called.
    let Some(description) = entries.keys().find(|name| {
        name.strip_suffix("data.pkl").is_some_and(|folder| folder.matches('/').count() <= 1)
    }) else {
        return Err(content("it is a zip archive, but none of PyTorch's"));
    };
    let folder = description.strip_suffix("data.pkl").unwrap_or_default();
    if entries.contains_key(&format!("{folder}constants.pkl")) {
        return Err(content("it is a TorchScript program"));
    }
    if entries.values().any(|entry| entry.compression != CompressionMethod::Stored) {
        return Err(content("the archive is compressed, which PyTorch never does"));
    }
    if let Some(order) = entries.get(&format!("{folder}byteorder"))
        && order.bytes(bytes, path)? != b"little"
    {
        return Err(content("its numbers are big-endian"));
    }
    let description = entries[description].bytes(bytes, path)?;
    if description.len() > MOST_PICKLE_BYTES {
        return Err(content(&format!("its description has {} bytes", description.len())));
    }
    let pickle = pickle::parse(description)
        .map_err(|reason| PthError::Pickle { path: path.into(), reason })?;
    let mut storages = BTreeMap::new();
    for (name, entry) in &entries {
        if let Some(key) = name.strip_prefix(&format!("{folder}data/")) {
            storages.insert(key, entry.bytes(bytes, path)?);
        }
    }
    tensors::state_dict(&pickle.value, path, bytes.len(), |storage: &Storage| {
        let numbers = storages.get(&*storage.key);
        let numbers =
            numbers.ok_or_else(|| format!("its numbers (data/{}) are missing", storage.key))?;
        Ok(*numbers)
    })
}

/// Where an entry lies in the file: PyTorch stores them as they are.
struct Entry {
    name: String,
    compression: CompressionMethod,
    /// `None` where the file ends before.
    range: Option<Range<usize>>,
    checksum: u32,
}

impl Entry {
    /// What the entry holds, checked.
    fn bytes<'a>(&self, file: &'a [u8], path: &Path) -> Result<&'a [u8], PthError> {
        let damaged = |what: &str| tensors::damaged(path, format!("{} {what}", self.name));
        let bytes = self.range.clone().and_then(|range| file.get(range));
        let bytes = bytes.ok_or_else(|| damaged("is cut off"))?;
        // PyTorch can be told to spare itself the sums: then they are 0.
        if self.checksum != 0 && self.checksum != crc32fast::hash(bytes) {
            return Err(damaged("has another checksum than it was written with"));
        }
        Ok(bytes)
    }
}

fn entries(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, Entry>, PthError> {
    let damaged = |error: zip::result::ZipError| tensors::damaged(path, error.to_string());
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut entries = BTreeMap::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(damaged)?;
        // No name of PyTorch's is anything but plain text.
        let Ok(name) = entry.name() else { continue };
        let name = name.into_owned();
        let range = entry.data_start().and_then(|start| {
            let start = usize::try_from(start).ok()?;
            Some(start..start.checked_add(usize::try_from(entry.size()).ok()?)?)
        });
        let (compression, checksum) = (entry.compression(), entry.crc32());
        entries.insert(name.clone(), Entry { name, compression, range, checksum });
    }
    Ok(entries)
}
