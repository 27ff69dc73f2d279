//! A list of samples with their labels, and how to get at their pictures.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode::{self, DecodeError, DecodeOptions, Part};
use crate::mask::{MaskFault, Palette};
use crate::picture::Picture;
use crate::synth::Birds;

mod masks;
#[cfg(test)]
mod tests;

pub use masks::MaskFile;

/// A file with more bytes than this is no picture of a dataset, and is not read into memory.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

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
    /// The class of every pixel, where the dataset has masks.
    pub mask: Option<MaskFile>,
}

/// A list of samples, and the names of the classes that their labels index.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// Class names; a label, or a mask's class, is a position in this list. Empty without labels.
    pub classes: Vec<String>,
    /// The samples, sorted by name so that two machines see the same order.
    pub samples: Vec<Sample>,
    /// What the values of the masks mean, where the samples have masks. Its classes are
    /// [`classes`](Self::classes).
    pub palette: Option<Arc<Palette>>,
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
    /// The picture may be sound, but its mask isn't.
    #[error("its mask{}{name}: {reason}", if name.is_empty() { "" } else { " " })]
    Mask {
        /// The mask's name.
        name: String,
        /// What is wrong with it.
        #[source]
        reason: MaskFault,
    },
}

impl Dataset {
    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether any sample has a label.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        self.samples.iter().any(|sample| sample.label.is_some())
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

impl Location {
    /// The undecoded bytes. None for a picture of the embedded sample data.
    ///
    /// # Errors
    /// When they cannot be read, or are more than [`MAX_FILE_BYTES`].
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::File(path) => {
                let mut file = File::open(path)?;
                let length = file.metadata()?.len();
                check_length(length)?;
                read_exactly(&mut file, length)
            }
            Self::Tar { archive, offset, length } => {
                check_length(*length)?;
                let mut file = File::open(archive)?;
                file.seek(SeekFrom::Start(*offset))?;
                read_exactly(&mut file, *length)
            }
            Self::Synth { .. } => Ok(Vec::new()),
        }
    }

    /// How many bytes there are, without reading them. None for a picture of the embedded sample
    /// data.
    ///
    /// # Errors
    /// When the file is gone or can't be examined.
    pub fn byte_length(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => std::fs::metadata(path).map(|metadata| metadata.len()),
            Self::Tar { length, .. } => Ok(*length),
            Self::Synth { .. } => Ok(0),
        }
    }
}

impl Sample {
    /// The picture's file, undecoded. Empty for a picture of the embedded sample data.
    ///
    /// # Errors
    /// When it cannot be read, or has more than [`MAX_FILE_BYTES`].
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        self.location.bytes()
    }

    /// The picture, decoded (or drawn): upright and RGB.
    ///
    /// # Errors
    /// When it cannot be read or decoded; the error names the sample.
    pub fn picture(&self, options: &DecodeOptions) -> Result<Picture, PictureError> {
        if let Location::Synth { birds, index } = &self.location {
            return Ok(birds.draw(*index).picture);
        }
        let fail = |reason| PictureError { name: self.name.clone(), reason };
        let bytes = self.bytes().map_err(|error| fail(error.into()))?;
        decode::decode(&bytes, options).map_err(|error| fail(error.into()))
    }

    /// The part of the picture that `choose` picks, given the upright `[height, width]`: the
    /// very pixels that [`picture`](Self::picture) gives there, in less time where possible.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    ///
    /// # Panics
    /// If the part is empty or not inside the picture.
    pub fn picture_part(
        &self,
        options: &DecodeOptions,
        choose: impl FnOnce([u32; 2]) -> Part,
    ) -> Result<Picture, PictureError> {
        let fail = |reason| PictureError { name: self.name.clone(), reason };
        if let Location::Synth { birds, index } = &self.location {
            let picture = birds.draw(*index).picture;
            let part = choose([picture.height(), picture.width()]);
            return Ok(part.cut_out(&picture));
        }
        let bytes = self.bytes().map_err(|error| fail(error.into()))?;
        decode::decode_part(&bytes, options, choose).map_err(|error| fail(error.into()))
    }
}

fn check_length(length: u64) -> io::Result<()> {
    if length > MAX_FILE_BYTES {
        let text = format!("it has {length} bytes, more than the {MAX_FILE_BYTES} of any picture");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(())
}

fn read_exactly(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        let text = format!("it ends after {} of {length} bytes", bytes.len());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    Ok(bytes)
}

/// Labels that can't be expressed in the classes asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the data has classes that are not among the {expected} known: {}",
    unknown.join(", ")
)]
pub struct ClassMismatch {
    /// Classes of the data that are not among those asked for.
    pub unknown: Vec<String>,
    /// How many classes were asked for.
    pub expected: usize,
}

impl Dataset {
    /// The same samples, with labels that index `classes` instead: by name, never by number.
    ///
    /// A network trained on eight classes can so be judged on data that has only five of them.
    /// Samples without a label stay without.
    ///
    /// # Errors
    /// When a sample's class is not among `classes`. Classes without samples are no obstacle.
    pub fn with_classes(mut self, classes: &[String]) -> Result<Self, ClassMismatch> {
        if let Some(palette) = &self.palette {
            let expected = classes.len();
            let palette = palette.with_classes(classes);
            let palette = palette.map_err(|unknown| ClassMismatch { unknown, expected })?;
            self.palette = Some(Arc::new(palette));
        }
        let known: HashMap<&str, u32> =
            (0..).zip(classes).map(|(number, name)| (name.as_str(), number)).collect();
        let numbers: Vec<Option<u32>> =
            self.classes.iter().map(|name| known.get(name.as_str()).copied()).collect();
        let mut unknown = BTreeSet::new();
        for sample in &mut self.samples {
            let Some(old) = sample.label else { continue };
            sample.label = numbers.get(old as usize).copied().flatten();
            if sample.label.is_none() {
                let name = self.classes.get(old as usize);
                unknown.insert(name.cloned().unwrap_or_else(|| format!("number {old}")));
            }
        }
        if !unknown.is_empty() {
            let unknown = unknown.into_iter().collect();
            return Err(ClassMismatch { unknown, expected: classes.len() });
        }
        self.classes = classes.to_vec();
        Ok(self)
    }

    /// How many samples each class has. Samples without a label count for none.
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in &self.samples {
            if let Some(count) = sample.label.and_then(|label| counts.get_mut(label as usize)) {
                *count += 1;
            }
        }
        counts
    }

    /// A fingerprint in hexadecimal, to tell later whether the data is still the same.
    ///
    /// It covers the class names and, of every sample, the name, the label and the length in
    /// bytes. No content is read: a picture replaced by one of equal length goes unnoticed. Of
    /// the names the folders that all have in common are left out, so that the fingerprint
    /// survives a move, and another way to write the same path.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        // Every text is preceded by its length: ["ab", "c"] is not ["a", "bc"].
        let text = |hasher: &mut blake3::Hasher, text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        hasher.update(&(self.classes.len() as u64).to_le_bytes());
        for class in &self.classes {
            text(&mut hasher, class);
        }
        if let Some(palette) = &self.palette {
            // `Debug` names every index and colour, and what is ignored.
            text(&mut hasher, &format!("{palette:?}"));
        }
        let common = common_folders(&self.samples);
        for sample in &self.samples {
            text(&mut hasher, &portable(&sample.name[common..]));
            let label = sample.label.map_or(u64::MAX, u64::from);
            hasher.update(&label.to_le_bytes());
            // A file that is gone changes the fingerprint; reading it will say why.
            let length = sample.location.byte_length().unwrap_or(u64::MAX);
            hasher.update(&length.to_le_bytes());
            if let Some(mask) = &sample.mask {
                // Where it lies doesn't matter, only that it is the same.
                text(&mut hasher, mask.name.rsplit(['/', '\\']).next().unwrap_or_default());
                let length = mask.location.byte_length().unwrap_or(u64::MAX);
                hasher.update(&length.to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// How many bytes of every name are the folders that all have in common.
fn common_folders(samples: &[Sample]) -> usize {
    // Samples are sorted in general, but need not be: a subset may be in any order.
    let names = || samples.iter().map(|sample| sample.name.as_str());
    let (Some(least), Some(greatest)) = (names().min(), names().max()) else { return 0 };
    let equal = least.bytes().zip(greatest.bytes()).take_while(|(a, b)| a == b).count();
    let is_separator = |byte: &u8| *byte == b'/' || *byte == std::path::MAIN_SEPARATOR as u8;
    // A separator is ASCII, so what follows it begins a character.
    least.as_bytes()[..equal].iter().rposition(is_separator).map_or(0, |last| last + 1)
}

fn portable(name: &str) -> std::borrow::Cow<'_, str> {
    if std::path::MAIN_SEPARATOR == '/' {
        name.into()
    } else {
        name.replace(std::path::MAIN_SEPARATOR, "/").into()
    }
}
