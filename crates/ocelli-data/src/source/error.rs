//! Why a location gave no dataset.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use super::Layout;
use crate::mask::PaletteError;

/// Why a location gave no dataset.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing is there.
    #[error("{}: there is no such file or folder", path.display())]
    Missing {
        /// The location.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("{}: could not be read: {source}", path.display())]
    Read {
        /// What could not be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An address of a kind that we do not open.
    #[error(
        "{location}: expected a folder, a .tar, a .csv, or synth://birds?…; \
         pictures on the web have to be downloaded first"
    )]
    UnknownScheme {
        /// The location.
        location: String,
    },
    /// The query of a `synth://` address could not be understood.
    #[error("{location}: {reason}")]
    Synth {
        /// The location.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is neither an archive nor a table.
    #[error("{}: expected a folder, a .tar, or a .csv with a column of pictures", path.display())]
    NotADataset {
        /// The file.
        path: PathBuf,
    },
    /// A compressed archive, whose members can't be read in place.
    #[error(
        "{}: {found} can't be read in place, and pictures hardly shrink anyway; unpack it: {command}",
        path.display()
    )]
    Compressed {
        /// The archive.
        path: PathBuf,
        /// What it is, as a noun phrase.
        found: &'static str,
        /// A command line that unpacks it.
        command: String,
    },
    /// An archive whose headers make no sense.
    #[error("{}: not a sound tar archive: {detail}; was the download cut short?", path.display())]
    BrokenArchive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// No pictures.
    #[error(
        "{location}: holds no pictures ({found}); expected files named *.jpg, *.png, *.webp, *.bmp, *.tif or *.gif"
    )]
    NoPictures {
        /// The location, or the part of it.
        location: String,
        /// What it holds.
        found: String,
    },
    /// A test or validation folder without a training folder beside it.
    #[error(
        "{location}: found {found} but no train; name the one to read, for example {location}/{first}"
    )]
    NoTrainSplit {
        /// The location.
        location: String,
        /// The splits' folders.
        found: String,
        /// One of them.
        first: String,
    },
    /// The layout asked for does not fit what is there.
    #[error("{location}: layout {} does not fit: {reason}", name_of(*layout))]
    WrongLayout {
        /// The location.
        location: String,
        /// The layout that was asked for.
        layout: Layout,
        /// What is there instead.
        reason: String,
    },
    /// A split has classes that the training split lacks.
    #[error(
        "{location}: {split} has {} that train lacks: {}; a network can't learn a class that it \
         never sees",
        counted(unknown.len(), "class", "classes"),
        some_of(unknown)
    )]
    UnknownClasses {
        /// The location.
        location: String,
        /// Which split.
        split: &'static str,
        /// Its additional classes.
        unknown: Vec<String>,
    },
    /// The name pattern is no regular expression, or has no group `class`.
    #[error("name_pattern {pattern:?}: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// File names that the pattern does not fit.
    #[error(
        "{location}: name_pattern {pattern:?} fits {} of {total} file names; it does not fit {}",
        total - unmatched.len(),
        some_of(unmatched)
    )]
    Unmatched {
        /// The location.
        location: String,
        /// The pattern.
        pattern: String,
        /// How many file names there are.
        total: usize,
        /// Those that it does not fit.
        unmatched: Vec<String>,
    },
    /// A table that can't be parsed.
    #[error("{table}: {reason}")]
    BrokenTable {
        /// The table.
        table: String,
        /// What is wrong, with the line where known.
        reason: String,
    },
    /// A table without a needed column.
    #[error(
        "{table}: found no column of {what}, only {}; expected {expected}, or name it with \
         {option}",
        some_of(found)
    )]
    MissingColumn {
        /// The table.
        table: String,
        /// What the column should hold.
        what: &'static str,
        /// The columns that there are.
        found: Vec<String>,
        /// The names looked for.
        expected: String,
        /// The option that names the column.
        option: &'static str,
    },
    /// Several tables, and no way to tell which is meant.
    #[error("{location}: found several tables, {}; name the one to read", some_of(found))]
    SeveralTables {
        /// The location.
        location: String,
        /// The tables.
        found: Vec<String>,
    },
    /// Rows of a table that name no picture.
    #[error(
        "{table}: {} of {rows} rows name a picture that is not there: {}; looked in {looked_in}",
        missing.len(),
        some_of(missing)
    )]
    MissingFiles {
        /// The table.
        table: String,
        /// How many rows it has.
        rows: usize,
        /// The missing pictures, with their lines.
        missing: Vec<String>,
        /// The folders that were searched.
        looked_in: String,
    },
    /// No picture has a mask.
    #[error(
        "{location}: found {pictures} pictures and no mask for any of them; expected masks in a \
         folder beside (images/a.jpg and masks/a.png), in the same folder (a_sat.jpg and \
         a_mask.png), or named by data.masks{hint}"
    )]
    NoMasks {
        /// The location.
        location: String,
        /// How many files could be pictures.
        pictures: usize,
        /// What was found instead, as a further clause.
        hint: String,
    },
    /// A list of pictures and masks that can't be used.
    #[error("{list}: {reason}")]
    BrokenList {
        /// The list.
        list: String,
        /// What is wrong, with the line where known.
        reason: String,
    },
    /// The palette file can't be used.
    #[error(transparent)]
    Palette(#[from] PaletteError),
    /// Nothing says which classes the masks have.
    #[error("{location}: no palette file, and the mask {mask} holds {found}; {advice}")]
    NoPalette {
        /// The location.
        location: String,
        /// A mask.
        mask: String,
        /// What it holds.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// Rows of a table without a label.
    #[error("{table}: {} of {rows} rows have no label: {}", lines.len(), some_of(lines))]
    MissingLabels {
        /// The table.
        table: String,
        /// How many rows it has.
        rows: usize,
        /// Where.
        lines: Vec<String>,
    },
}

/// How many of a list an error shows.
const SHOWN: usize = 5;

/// The first few, and how many more.
pub(crate) fn some_of<T: Display>(items: &[T]) -> String {
    let mut text = items.iter().take(SHOWN).map(T::to_string).collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text.push_str(&format!(" and {} more", items.len() - SHOWN));
    }
    text
}

/// A number with its noun.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn name_of(layout: Layout) -> &'static str {
    match layout {
        Layout::Auto => "auto",
        Layout::Folders => "folders",
        Layout::Names => "names",
        Layout::Csv => "csv",
        Layout::Flat => "flat",
        Layout::MaskFolders => "mask_folders",
        Layout::MaskSuffixes => "mask_suffixes",
        Layout::MaskLists => "mask_lists",
        Layout::Synth => "synth",
    }
}
