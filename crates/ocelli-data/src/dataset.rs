//! A list of samples with their labels, and how to get at their pictures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode::{DecodeError, DecodeOptions};
use crate::picture::{Mask, Picture};
use crate::synth::Birds;

/// Where a sample's picture is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file of its own.
    File(PathBuf),
    /// A member of an uncompressed tar archive, read in place.
    Tar {
        /// The archive.
        archive: Arc<Path>,
        /// Where the member's bytes begin in the archive.
        offset: u64,
        /// How many bytes the member has.
        length: u64,
    },
    /// A picture of the embedded sample data, drawn when it is asked for.
    Synth {
        /// The imaginary species and their look.
        birds: Arc<Birds>,
        /// Which bird.
        index: u64,
    },
}

/// One picture of a dataset.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name shown to people: the path as found, with the archive in front for members.
    pub name: String,
    /// Where the picture is.
    pub location: Location,
    /// The class index, where the dataset has labels.
    pub label: Option<u32>,
}

/// A list of samples, and the names of the classes that their labels index.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// Class names; a label is a position in this list. Empty without labels.
    pub classes: Vec<String>,
    /// The samples, sorted by name so that two machines see the same order.
    pub samples: Vec<Sample>,
}

/// A picture that could not be had, and why.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct PictureError {
    /// The sample's name.
    pub name: String,
    /// Why.
    #[source]
    pub reason: PictureFault,
}

/// Why a picture could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PictureFault {
    /// Its bytes could not be read.
    #[error("could not be read: {0}")]
    Read(#[from] std::io::Error),
    /// Its bytes are no picture that we can decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Dataset {
    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}
