//! What is kept of the epochs that the recipe names, and of which validation pictures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli_data::mask::{MaskEncoding, encode};
use ocelli_data::random::{Purpose, generator};
use ocelli_data::{Dataset, Mask};
use rand::Rng;
use serde::Serialize;

use crate::feature_file;
use crate::file_names::FileNames;
use crate::masks::mask_encoding;
use crate::pictures::decode_options;
use crate::recipe::{Recipe, SnapshotPictures};
use crate::run_folder::{RunFolder, RunFolderError, replace_json_lines, system};
use crate::task::Kept;
use crate::task::classify::Features;
use crate::trainer::epoch_checkpoint;

/// Why a snapshot can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The recipe names pictures that validation doesn't have.
    #[error(
        "train.snapshot_pictures: no validation picture is called {}; there are for example {}",
        missing.join(", "),
        some.join(", ")
    )]
    Names {
        /// The names.
        missing: Vec<String>,
        /// A few that there are.
        some: Vec<String>,
    },
    /// A picture or mask has no PNG.
    #[error("{path}: can't be made: {reason}")]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file can't be written.
    #[error(transparent)]
    RunFolder(#[from] RunFolderError),
}

/// Which pictures snapshots keep, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    /// Positions in the validation pictures, rising.
    pictures: Vec<usize>,
    /// What each picture's files are called.
    names: Vec<String>,
    encoding: MaskEncoding,
}

impl Snapshots {
    /// The pictures of a recipe's snapshots. Those themselves, and their masks, are written at once:
    /// `snapshots/pictures/NAME.png`, `snapshots/truth/NAME.png`.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub(super) fn new(
        recipe: &Recipe,
        val: &Dataset,
        folder: &RunFolder,
    ) -> Result<Self, SnapshotError> {
        if recipe.train.snapshots.is_empty() || !recipe.task.answers_with_pictures() {
            return Ok(Self::default());
        }
        let chosen = match &recipe.train.snapshot_pictures {
            SnapshotPictures::Count(count) => {
                let mut random = generator(recipe.seed, Purpose::Subset, 0, 0);
                // Sorting by random keys: no library's shuffle, whose draws may change.
                let mut keyed: Vec<(u64, usize)> =
                    (0..val.len()).map(|index| (random.next_u64(), index)).collect();
                keyed.sort_unstable();
                keyed.into_iter().take(*count).map(|(_, index)| index).collect()
            }
            SnapshotPictures::Names(names) => named(names, val)?,
        };
        let mut pictures = chosen;
        pictures.sort_unstable();
        pictures.dedup();
        let names = file_names(pictures.iter().map(|&index| val.samples[index].name.as_str()));
        let decode = decode_options(&recipe.data);
        let snapshots = Self { pictures, names, encoding: mask_encoding(val, &decode) };
        for (&index, name) in snapshots.pictures.iter().zip(&snapshots.names) {
            let sample = &val.samples[index];
            // A broken picture is told when validation comes to it.
            let Ok(picture) = sample.picture(&decode) else { continue };
            let path = folder.snapshots().join("pictures").join(format!("{name}.png"));
            write_png(&path, picture.to_png())?;
            if let Some(palette) = &val.palette
                && let Ok(mask) = sample.mask(palette, &decode)
            {
                let path = folder.snapshots().join("truth").join(format!("{name}.png"));
                write_png(&path, encode(&mask, palette, snapshots.encoding))?;
            }
        }
        Ok(snapshots)
    }

    /// The positions of the pictures whose answers are kept.
    pub(super) fn pictures(&self) -> &[usize] {
        &self.pictures
    }

    /// Writes an epoch's snapshot into `snapshots/epoch-0001/`: of classification
    /// `features.safetensors` (`features` `[pictures, width]`, `labels`, `answers`) and
    /// `predictions.jsonl`; of segmentation `masks/NAME.png`, in the encoding of the dataset's own;
    /// of colorization `pictures/NAME.png`.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub(super) fn write(
        &self,
        folder: &RunFolder,
        epoch: u32,
        val: &Dataset,
        kept: &Kept,
    ) -> Result<(), SnapshotError> {
        let place = folder.snapshots().join(epoch_checkpoint(epoch));
        match kept {
            Kept::Features(features) => write_features(&place, val, features)?,
            Kept::Masks(masks) => {
                let Some(palette) = &val.palette else { return Ok(()) };
                for segmented in masks {
                    let Some(name) = self.name(segmented.index) else { continue };
                    let path = place.join("masks").join(format!("{name}.png"));
                    let mask: &Mask = &segmented.mask;
                    write_png(&path, encode(mask, palette, self.encoding))?;
                }
            }
            Kept::Pictures(pictures) => {
                for colorized in pictures {
                    let Some(name) = self.name(colorized.index) else { continue };
                    let path = place.join("pictures").join(format!("{name}.png"));
                    write_png(&path, colorized.picture.to_png())?;
                }
            }
        }
        Ok(())
    }

    fn name(&self, index: usize) -> Option<&str> {
        let place = self.pictures.binary_search(&index).ok()?;
        Some(&self.names[place])
    }
}

/// The pictures with these file names, with or without extension.
fn named(names: &[String], val: &Dataset) -> Result<Vec<usize>, SnapshotError> {
    let file = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned();
    let files: Vec<String> = val.samples.iter().map(|sample| file(&sample.name)).collect();
    let is_called = |file: &str, name: &str| file == name || stem(file) == name;
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        let before = found.len();
        let here = files.iter().enumerate().filter(|(_, file)| is_called(file, name));
        found.extend(here.map(|(index, _)| index));
        if found.len() == before {
            missing.push(name.clone());
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(SnapshotError::Names { missing, some: files.into_iter().take(3).collect() })
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// What files about pictures are called: the pictures' own names without folder and extension, and
/// a number where two share one.
fn file_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = FileNames::default();
    let name = |name: &'a str| {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let plain: String = stem(file)
            .chars()
            .map(|letter| {
                let is_plain = letter.is_alphanumeric() || "-_ .".contains(letter);
                if is_plain { letter } else { '_' }
            })
            .collect();
        taken.free(&plain)
    };
    names.map(name).collect()
}

fn write_png<E: std::fmt::Display>(
    path: &Path,
    bytes: Result<Vec<u8>, E>,
) -> Result<(), SnapshotError> {
    let bytes = bytes
        .map_err(|error| SnapshotError::Encode { path: path.into(), reason: error.to_string() })?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(system(parent, "could not be made"))?;
    }
    Ok(std::fs::write(path, bytes).map_err(system(path, "could not be written"))?)
}

/// A line of `predictions.jsonl`: row `n` of the features is line `n`.
#[derive(Serialize)]
struct Prediction<'a> {
    picture: &'a str,
    class: Option<&'a str>,
    answer: Option<&'a str>,
    /// The answer's probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
}

fn write_features(
    place: &Path,
    dataset: &Dataset,
    features: &Features,
) -> Result<(), RunFolderError> {
    std::fs::create_dir_all(place).map_err(system(place, "could not be made"))?;
    let columns = [("labels", &features.labels[..]), ("answers", &features.answers)];
    feature_file::write(place, &features.values, features.width, &columns, &BTreeMap::new())?;
    let class = |index: i64| {
        usize::try_from(index).ok().and_then(|index| dataset.classes.get(index)).map(String::as_str)
    };
    let predictions: Vec<Prediction<'_>> = features
        .indices
        .iter()
        .zip(features.labels.iter().zip(&features.answers))
        .zip(&features.confidences)
        .map(|((&index, (&label, &answer)), &confidence)| Prediction {
            picture: usize::try_from(index)
                .ok()
                .and_then(|index| dataset.samples.get(index))
                .map_or("", |sample| &sample.name),
            class: class(label),
            answer: class(answer),
            confidence: confidence.is_finite().then_some(confidence),
        })
        .collect();
    replace_json_lines(&place.join("predictions.jsonl"), &predictions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_their_pictures_and_never_alike() {
        let names = ["a/x.jpg", "b/x.jpg", "c.tar/d/y.z.png", "odd:name?.png"];
        assert_eq!(file_names(names.into_iter()), ["x", "x-2", "y.z", "odd_name_"]);
    }
}
