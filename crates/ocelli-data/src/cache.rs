//! Decoded pictures and masks, kept for later epochs: in memory or on disk, within a bound.
//!
//! A cache changes how long an epoch takes and nothing else. What it gives back is the picture
//! exactly as decoding gives it, and the mask as its palette reads it; one that doesn't fit within the bound is decoded again
//! every time, and so is one whose entry turns out to be damaged.

mod disk;
mod memory;

use std::path::PathBuf;

use crate::dataset::{PictureError, Sample};
use crate::decode::DecodeOptions;
use crate::mask::Palette;
use crate::picture::{Mask, Picture};
use disk::DiskCache;
use memory::MemoryCache;

/// Where decoded pictures are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheKind {
    /// Nowhere: every picture is decoded every time.
    #[default]
    None,
    /// In memory, for as long as the loader lives.
    Memory,
    /// In a folder, for later runs too.
    Disk,
}

/// Whether and where decoded pictures are kept for later epochs, and how much room they get.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Where.
    pub kind: CacheKind,
    /// The room for all pictures together, in units of 1,000,000 bytes. A picture takes
    /// `width × height × 3` bytes, a mask a third of that: 1000 pictures of 500x375 are 563 MB. On disk, files that are
    /// there already count too.
    pub max_mb: u64,
    /// The folder of a disk cache; made where absent. Several datasets and runs may share one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { kind: CacheKind::None, max_mb: 2000, folder: None }
    }
}

/// Why a cache can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// A disk cache has to be somewhere.
    #[error("a cache of kind \"disk\" needs a folder: set folder, or use kind \"memory\"")]
    NoFolder,
    /// A folder where nothing would go.
    #[error(
        "the cache has the folder {path}, but its kind is \"{kind}\": \
         set kind to \"disk\", or leave the folder out"
    )]
    UnusedFolder {
        /// The folder given.
        path: PathBuf,
        /// The kind given.
        kind: &'static str,
    },
    /// The folder can't be made or read.
    #[error("the cache folder {path} can't be used: {reason}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        reason: std::io::Error,
    },
}

/// Gives pictures, from where they are kept if they are.
#[derive(Debug)]
pub struct Cache {
    store: Store,
}

#[derive(Debug)]
enum Store {
    None,
    Memory(MemoryCache),
    Disk(DiskCache),
}

impl Cache {
    /// A cache for a dataset of `samples` samples.
    ///
    /// # Errors
    /// If a folder is missing, given without need, or can't be made and read.
    pub fn open(config: &CacheConfig, samples: usize) -> Result<Self, CacheError> {
        let max_bytes = config.max_mb.saturating_mul(1_000_000);
        let store = match (config.kind, &config.folder) {
            (CacheKind::None, None) => Store::None,
            (CacheKind::Memory, None) => Store::Memory(MemoryCache::new(samples, max_bytes)),
            (CacheKind::Disk, Some(folder)) => Store::Disk(DiskCache::open(folder, max_bytes)?),
            (CacheKind::Disk, None) => return Err(CacheError::NoFolder),
            (CacheKind::None, Some(path)) => {
                return Err(CacheError::UnusedFolder { path: path.clone(), kind: "none" });
            }
            (CacheKind::Memory, Some(path)) => {
                return Err(CacheError::UnusedFolder { path: path.clone(), kind: "memory" });
            }
        };
        Ok(Self { store })
    }

    /// The picture of `sample`, which is number `index` of the dataset, kept or decoded.
    ///
    /// # Errors
    /// If it is not kept and can't be decoded. Trouble with the cache itself is none: a picture
    /// that can't be kept is decoded again the next time.
    pub fn picture(
        &self,
        index: usize,
        sample: &Sample,
        options: &DecodeOptions,
    ) -> Result<Picture, PictureError> {
        match &self.store {
            Store::None => sample.picture(options),
            Store::Memory(memory) => match memory.get(index) {
                Some(picture) => Ok(picture),
                None => {
                    let picture = sample.picture(options)?;
                    memory.keep(index, &picture);
                    Ok(picture)
                }
            },
            Store::Disk(disk) => {
                // Read before decoding: a file that changes meanwhile must not be kept under
                // its new state.
                let Some(key) = disk::key(sample, options) else { return sample.picture(options) };
                match disk.get(&key) {
                    Some(picture) => Ok(picture),
                    None => {
                        let picture = sample.picture(options)?;
                        disk.keep(&key, &picture);
                        Ok(picture)
                    }
                }
            }
        }
    }

    /// The picture and mask of `sample`, which is number `index` of the dataset, each kept or
    /// decoded.
    ///
    /// # Errors
    /// As [`Sample::picture_and_mask`], and as [`picture`](Self::picture).
    pub fn picture_and_mask(
        &self,
        index: usize,
        sample: &Sample,
        palette: &Palette,
        options: &DecodeOptions,
    ) -> Result<(Picture, Mask), PictureError> {
        let key = match &self.store {
            Store::None => return sample.picture_and_mask(palette, options),
            Store::Memory(_) => None,
            Store::Disk(_) => disk::mask_key(sample, palette, options),
        };
        let kept = match (&self.store, &key) {
            (Store::Memory(memory), _) => memory.mask(index),
            (Store::Disk(disk), Some(key)) => disk.get(key),
            _ => None,
        };
        let picture = self.picture(index, sample, options)?;
        if let Some(mask) = kept {
            // The picture may have been replaced by one of another size since.
            sample.check_sizes(&picture, &mask)?;
            return Ok((picture, mask));
        }
        let mask = sample.mask(palette, options)?;
        sample.check_sizes(&picture, &mask)?;
        match (&self.store, &key) {
            (Store::Memory(memory), _) => memory.keep_mask(index, &mask),
            (Store::Disk(disk), Some(key)) => disk.keep(key, &mask),
            _ => {}
        }
        Ok((picture, mask))
    }

    /// Whether pictures are kept at all.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.store, Store::None)
    }

    /// How many bytes are in use: of memory, or of the folder's files.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        match &self.store {
            Store::None => 0,
            Store::Memory(memory) => memory.used_bytes(),
            Store::Disk(disk) => disk.used_bytes(),
        }
    }
}

/// What can be kept: rows of pixels.
trait Kept: Sized {
    /// Format and version of its entries on disk: another version's are decoded anew.
    const MAGIC: [u8; 8];
    /// Bytes a pixel.
    const VALUES: u64;
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    fn values(&self) -> &[u8];
    /// The opposite; `values` are as many as the size asks for.
    fn of(width: u32, height: u32, values: Vec<u8>) -> Self;
}

impl Kept for Picture {
    const MAGIC: [u8; 8] = *b"OCELPIC1";
    const VALUES: u64 = 3;

    fn size(&self) -> (u32, u32) {
        (self.width(), self.height())
    }

    fn values(&self) -> &[u8] {
        self.pixels()
    }

    fn of(width: u32, height: u32, values: Vec<u8>) -> Self {
        Self::new(width, height, values)
    }
}

impl Kept for Mask {
    const MAGIC: [u8; 8] = *b"OCELMSK1";
    const VALUES: u64 = 1;

    fn size(&self) -> (u32, u32) {
        (self.width(), self.height())
    }

    fn values(&self) -> &[u8] {
        self.labels()
    }

    fn of(width: u32, height: u32, values: Vec<u8>) -> Self {
        Self::new(width, height, values)
    }
}

/// Room that is taken before it is filled, so that threads together can't pass the bound.
#[derive(Debug)]
struct Room {
    used: std::sync::atomic::AtomicU64,
    max: u64,
}

impl Room {
    fn new(used: u64, max: u64) -> Self {
        Self { used: used.into(), max }
    }

    fn used(&self) -> u64 {
        self.used.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Whether `bytes` more fit; if so they are taken.
    fn take(&self, bytes: u64) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        let add = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.max);
        self.used.fetch_update(Relaxed, Relaxed, add).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        use std::sync::atomic::Ordering::Relaxed;
        // Saturating: a damaged entry may have come from another process, and not been counted.
        let _ = self.used.fetch_update(Relaxed, Relaxed, |used| Some(used.saturating_sub(bytes)));
    }
}

#[cfg(test)]
mod tests;
