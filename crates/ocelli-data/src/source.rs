//! Finds the samples of a folder, an archive, a table or the embedded sample data.
//!
//! # What is recognized
//! In this order, unless [`SourceOptions::layout`] says otherwise:
//! 1. **Splits**: folders `train`, `val` (or `valid`, `validation`) and `test`, each of them laid
//!    out in one of the ways below. A single folder around everything is looked into.
//! 2. **Class folders**: two or more folders; each is a class, with all pictures below it.
//! 3. **A table**: a `.csv` or `.tsv` with a column of pictures and one of labels. Tables named
//!    `train.csv`, `val.csv` and `test.csv` are splits, and so are the values of a column
//!    `split`.
//! 4. **Class from the file name**: `<class>_<n>.png`, where that gives at least two classes with
//!    two pictures on average.
//! 5. **Flat**: pictures without labels.
//!
//! Classes are numbered by their sorted names, compared as strings (`"10"` before `"2"`), as
//! torchvision does it; the numbers of the training split hold for every split. An archive gives
//! the same samples as the folder that it was made of.
//!
//! # Pictures with masks
//! Where [`SourceOptions::labels`] asks for masks, pictures and masks are found in this order:
//! 1. **A table** with a column of pictures and one of masks.
//! 2. **Lists**: `train.txt`, `val.txt`, `test.txt` with a picture and its mask in each line.
//! 3. **Folders** side by side: `images` and `masks` (or `labels`, `annotations`, …) above, below
//!    or beside the splits, or `train` and `train_masks`; files of the same path otherwise, up to
//!    their extension and a suffix such as `_mask`, belong together.
//! 4. **Suffixes** in one folder: `0013_sat.jpg`, `0013_mask.png`.
//!
//! The classes are those of a palette file ([`Palette`](crate::mask::Palette)); without one, the
//! masks are read for the indices that they hold.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::mask::PaletteOptions;

mod archive;
mod arrange;
mod error;
mod labels;
mod listing;
mod names;
mod pairs;
mod synthetic;
mod table;
#[cfg(test)]
mod tests;

pub use error::SourceError;
pub use listing::Ignored;

/// How the pictures of a folder or an archive tell their class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Find out (see the [module](self)).
    #[default]
    Auto,
    /// Each folder is a class.
    Folders,
    /// The class is part of the file name.
    Names,
    /// A table tells.
    Csv,
    /// There are no classes.
    Flat,
    /// Pictures and masks in folders side by side: `images/a.jpg`, `masks/a.png`.
    MaskFolders,
    /// Pictures and masks in one folder, told apart by what their names end in: `a_sat.jpg`,
    /// `a_mask.png`.
    MaskSuffixes,
    /// Text files list pictures and masks.
    MaskLists,
    /// Drawn, not found; nothing to choose.
    #[serde(skip)]
    Synth,
}

impl std::fmt::Display for Layout {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "a layout told from the files",
            Self::Folders => "a folder for each class",
            Self::Names => "classes in file names",
            Self::Csv => "a table",
            Self::Flat => "pictures without classes",
            Self::MaskFolders => "folders of pictures and masks",
            Self::MaskSuffixes => "pictures and masks by the ends of their names",
            Self::MaskLists => "lists of pictures and masks",
            Self::Synth => "drawn as they are needed",
        })
    }
}

/// What is to be learned about a picture, and so what is looked for beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// A class for each picture.
    #[default]
    Classes,
    /// A class for each pixel: a mask.
    Masks,
    /// Nothing: all pictures that there are, without labels.
    None,
    /// Masks where the files are unmistakably pictures and their masks, else classes: those of
    /// class folders also where there are masks elsewhere.
    Either,
}

/// How to read a location.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct SourceOptions {
    /// What is looked for beside the pictures.
    pub labels: Labels,
    /// How the pictures tell their class.
    pub layout: Layout,
    /// A regular expression over the file name without its extension, with a group named
    /// `class`. By default [`DEFAULT_NAME_PATTERN`].
    pub name_pattern: Option<String>,
    /// The table's column of pictures. By default the first with a usual name.
    pub image_column: Option<String>,
    /// The table's column of labels. By default the first with a usual name.
    pub label_column: Option<String>,
    /// The table's column of masks. By default the first with a usual name.
    pub mask_column: Option<String>,
    /// Where the masks are, if not among the pictures: a folder, a `.tar`, or a text file with as
    /// many lines as the one that lists the pictures.
    pub masks: Option<PathBuf>,
    /// The palette file: which indices and colours of the masks stand for which classes. By
    /// default a `palette.csv`, `classes.csv` or `class_dict.csv` with the pictures, or up to two
    /// folders above.
    pub palette: Option<PathBuf>,
    /// What the names of pictures end in, before the extension, where their masks' names end in
    /// something else: `_sat`.
    pub image_suffix: Option<String>,
    /// What the names of masks end in, before the extension: `_mask`.
    pub mask_suffix: Option<String>,
    /// Which indices and colours of masks count for no class.
    pub ignore: PaletteOptions,
}

/// The class is everything before the last run of digits: `black-tern_0042`, `tern-7`.
pub const DEFAULT_NAME_PATTERN: &str = r"^(?P<class>.+?)[_-]\d+$";

/// What a location holds.
#[derive(Clone, Debug)]
pub struct Found {
    /// The training split, or everything where there are no splits.
    pub train: Dataset,
    /// The validation split.
    pub val: Option<Dataset>,
    /// The test split. Without labels where its pictures have none.
    pub test: Option<Dataset>,
    /// How the pictures told their class; never [`Layout::Auto`].
    pub layout: Layout,
    /// Files left out because they are no pictures.
    pub ignored: Ignored,
    /// What a careful reader would want to know: one sentence each.
    pub notes: Vec<String>,
    /// Where masks were looked for: what found no partner. Such pictures are not in the datasets.
    pub pairing: Option<Pairing>,
}

/// Pictures and masks that found no partner. All are names as the user would write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pairing {
    /// Pictures without a mask.
    pub without_mask: Vec<String>,
    /// Masks without a picture.
    pub without_picture: Vec<String>,
    /// Files that claim a partner that another file claims too, as `a.jpg` and `a.png` with the
    /// mask `a.png`. None of them is used.
    pub ambiguous: Vec<String>,
}

impl Pairing {
    /// Whether everything found its partner.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.without_mask.is_empty() && self.without_picture.is_empty() && self.ambiguous.is_empty()
    }
}

/// Finds the samples at a location: a folder, a `.tar`, a `.csv` (or `.tsv`), or
/// `synth://birds?classes=8&count=800&size=64&seed=0`.
///
/// Pictures are listed, not opened: a broken one is only noticed when it is decoded (or by
/// [`check`](crate::check)).
///
/// # Errors
/// [`SourceError`] says what was found instead of pictures and what to do about it.
pub fn open(location: &str, options: &SourceOptions) -> Result<Found, SourceError> {
    if location.starts_with("synth://") {
        return synthetic::open(location, options.labels);
    }
    if location.contains("://") {
        return Err(SourceError::UnknownScheme { location: location.to_owned() });
    }
    open_path(Path::new(location), options)
}

/// As [`open`], for a path, which need not be text.
///
/// # Errors
/// As [`open`].
pub fn open_path(path: &Path, options: &SourceOptions) -> Result<Found, SourceError> {
    match options.labels {
        Labels::Classes => open_classes(path, options),
        Labels::Masks | Labels::None | Labels::Either => pairs::open(path, options),
    }
}

fn open_classes(path: &Path, options: &SourceOptions) -> Result<Found, SourceError> {
    let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => SourceError::Missing { path: path.to_owned() },
        _ => SourceError::Read { path: path.to_owned(), source },
    })?;
    if metadata.is_dir() {
        return arrange::arrange(listing::folder(path)?, options);
    }
    match archive::sniff(path)? {
        archive::Kind::Tar => arrange::arrange(archive::index(path)?, options),
        archive::Kind::Compressed { found, command } => {
            Err(SourceError::Compressed { path: path.to_owned(), found, command })
        }
        archive::Kind::Other if listing::is_table(&path.to_string_lossy()) => {
            table::open(path, options)
        }
        archive::Kind::Other => Err(SourceError::NotADataset { path: path.to_owned() }),
    }
}
