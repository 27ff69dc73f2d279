//! Reads and decodes many pictures on all threads.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::dataset::{Location, PictureFault, Sample};
use crate::decode::{self, DecodeOptions, Format};
use crate::picture::Picture;

/// What one sample turned out to be.
pub(crate) struct Examined<T> {
    /// The file's length, also if it is broken.
    pub(crate) bytes: u64,
    /// The reason where it can't be read or decoded.
    pub(crate) contents: Result<Contents<T>, String>,
}

/// What a decoded picture holds.
pub(crate) struct Contents<T> {
    /// Of the file; of the pixels where there is no file.
    pub(crate) hash: [u8; 32],
    /// Absent where there is no file.
    pub(crate) format: Option<Format>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// What the caller made of the pixels.
    pub(crate) measured: T,
}

/// Examines samples in parallel; the results are in their order.
pub(crate) fn examine_all<T: Send>(
    samples: &[&Sample],
    options: &DecodeOptions,
    progress: &(dyn Fn(u64, u64) + Sync),
    measure: impl Fn(&Picture) -> T + Sync,
) -> Vec<Examined<T>> {
    let done = AtomicU64::new(0);
    let total = samples.len() as u64;
    samples
        .par_iter()
        // One by one: a photograph of 50 megapixels takes a thousand times as long as a thumbnail.
        .with_max_len(1)
        .map(|sample| {
            let examined = examine(sample, options, &measure);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            examined
        })
        .collect()
}

fn examine<T>(
    sample: &Sample,
    options: &DecodeOptions,
    measure: impl Fn(&Picture) -> T,
) -> Examined<T> {
    if let Location::Synth { birds, index } = &sample.location {
        let picture = birds.draw(*index).picture;
        let hash = *blake3::hash(picture.pixels()).as_bytes();
        return Examined { bytes: 0, contents: Ok(contents(&picture, hash, None, measure)) };
    }
    let bytes = match sample.bytes() {
        Ok(bytes) => bytes,
        Err(error) => {
            let reason = PictureFault::Read(error).to_string();
            return Examined { bytes: 0, contents: Err(reason) };
        }
    };
    let decoded = decode::decode(&bytes, options).map(|picture| {
        let hash = *blake3::hash(&bytes).as_bytes();
        contents(&picture, hash, Format::of(&bytes).ok(), measure)
    });
    Examined { bytes: bytes.len() as u64, contents: decoded.map_err(|error| error.to_string()) }
}

fn contents<T>(
    picture: &Picture,
    hash: [u8; 32],
    format: Option<Format>,
    measure: impl Fn(&Picture) -> T,
) -> Contents<T> {
    let (width, height) = (picture.width(), picture.height());
    Contents { hash, format, width, height, measured: measure(picture) }
}
