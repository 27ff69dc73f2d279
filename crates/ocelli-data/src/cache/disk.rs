//! Pictures and masks kept as files, named by what they were decoded from.
//!
//! An entry is `OCELPIC1` (or `OCELMSK1`), width and height (32 bits each, little-endian), the BLAKE3 hash of the
//! pixels, and the pixels. It is written beside its place and renamed, so that another process
//! sees all of it or nothing; it is believed only if its length and its hash are right.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::{CacheError, Kept, Room};
use crate::dataset::{Location, Sample};
use crate::decode::DecodeOptions;
use crate::mask::Palette;

/// Magic, width, height, hash.
const HEADER_BYTES: usize = 8 + 4 + 4 + 32;
const EXTENSION: &str = "picture";
const UNFINISHED_EXTENSION: &str = "unfinished";
/// An unfinished entry this old was left by a process that died; a living one takes milliseconds.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// A folder of entries.
#[derive(Debug)]
pub(super) struct DiskCache {
    folder: PathBuf,
    room: Room,
    /// Tells apart the unfinished entries of this process.
    written: AtomicU64,
}

/// The name of an entry: everything that the decoded pixels depend on, hashed.
///
/// `None` where there is nothing to tell by whether the picture has changed: pictures that are
/// drawn, and files that can't be looked at (decoding will say why).
pub(super) fn key(sample: &Sample, options: &DecodeOptions) -> Option<String> {
    key_of(&sample.location, format_args!("{options:?}"))
}

/// The same for a sample's mask, whose classes depend on the palette too.
pub(super) fn mask_key(
    sample: &Sample,
    palette: &Palette,
    options: &DecodeOptions,
) -> Option<String> {
    key_of(&sample.mask.as_ref()?.location, format_args!("{options:?} {palette:?}"))
}

fn key_of(location: &Location, depends: std::fmt::Arguments<'_>) -> Option<String> {
    let (path, part) = match location {
        Location::File(path) => (path.as_path(), None),
        Location::Tar { archive, offset, length } => (&**archive, Some((*offset, *length))),
        Location::Synth { .. } => return None,
    };
    let found = fs::metadata(path).ok()?;
    let changed = found.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let path = std::path::absolute(path).ok()?;
    // `Debug` names and delimits every field, also those that the options will have one day.
    let identity = format!("{path:?} {part:?} {} {changed:?} {depends}", found.len());
    Some(blake3::hash(identity.as_bytes()).to_hex().to_string())
}

impl DiskCache {
    /// Opens `folder`, and counts what is in it.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> Result<Self, CacheError> {
        let used = fs::create_dir_all(folder)
            .and_then(|()| count(folder))
            .map_err(|reason| CacheError::Folder { path: folder.to_owned(), reason })?;
        let room = Room::new(used, max_bytes);
        Ok(Self { folder: folder.to_owned(), room, written: AtomicU64::new(0) })
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.room.used()
    }

    /// What the entry holds, if there is one in good order. One that isn't is removed.
    pub(super) fn get<K: Kept>(&self, key: &str) -> Option<K> {
        let path = self.path(key);
        let mut file = File::open(&path).ok()?;
        let length = file.metadata().ok()?.len();
        match read(&mut file, length) {
            Ok(Some(kept)) => Some(kept),
            Ok(None) => {
                if fs::remove_file(&path).is_ok() {
                    self.room.give_back(length);
                }
                None
            }
            Err(_) => None,
        }
    }

    /// Writes an entry, if there is room for it.
    pub(super) fn keep<K: Kept>(&self, key: &str, kept: &K) {
        let bytes = (HEADER_BYTES + kept.values().len()) as u64;
        if !self.room.take(bytes) {
            return;
        }
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let unfinished =
            self.folder.join(format!("{key}-{process}-{number}.{UNFINISHED_EXTENSION}"));
        let path = self.path(key);
        // Another process or thread may have been faster: the same bytes take no more room.
        let replaces = path.exists();
        let done = write(&unfinished, kept).and_then(|()| fs::rename(&unfinished, &path));
        if done.is_err() {
            // A full disk costs time in later epochs, not the run.
            let _ = fs::remove_file(&unfinished);
        }
        if done.is_err() || replaces {
            self.room.give_back(bytes);
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{EXTENSION}"))
    }
}

/// The bytes of the folder's entries; removes what dead processes left unfinished.
fn count(folder: &Path) -> io::Result<u64> {
    let mut used = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // An entry may go while we look: another process found it damaged.
        let Ok(found) = fs::metadata(&path) else { continue };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let old = found
            .modified()
            .is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > ABANDONED_AFTER));
        match extension {
            Some(UNFINISHED_EXTENSION) if old && fs::remove_file(&path).is_ok() => {}
            Some(EXTENSION | UNFINISHED_EXTENSION) => used += found.len(),
            _ => {}
        }
    }
    Ok(used)
}

fn write<K: Kept>(path: &Path, kept: &K) -> io::Result<()> {
    let (width, height) = kept.size();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend(K::MAGIC);
    header.extend(width.to_le_bytes());
    header.extend(height.to_le_bytes());
    header.extend(blake3::hash(kept.values()).as_bytes());
    let mut file = File::create_new(path)?;
    file.write_all(&header)?;
    file.write_all(kept.values())
    // Not flushed to the disk: after a power failure the hash tells, and decoding is cheap.
}

/// What an entry of `length` bytes holds; `None` if it is damaged.
fn read<K: Kept>(file: &mut File, length: u64) -> io::Result<Option<K>> {
    if length < HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let (magic, rest) = header.split_at(8);
    let (sides, hash) = rest.split_at(8);
    let side =
        |at: usize| u32::from_le_bytes([sides[at], sides[at + 1], sides[at + 2], sides[at + 3]]);
    let (width, height) = (side(0), side(4));
    let values =
        u64::from(width).checked_mul(u64::from(height)).and_then(|n| n.checked_mul(K::VALUES));
    // The length of the file bounds what is allocated.
    if magic != K::MAGIC || values != Some(length - HEADER_BYTES as u64) {
        return Ok(None);
    }
    let mut pixels = vec![0; (length - HEADER_BYTES as u64) as usize];
    file.read_exact(&mut pixels)?;
    let intact = blake3::hash(&pixels).as_bytes() == hash;
    Ok(intact.then(|| K::of(width, height, pixels)))
}
