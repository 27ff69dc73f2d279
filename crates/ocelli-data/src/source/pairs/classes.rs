//! Which classes the masks have: by a palette file, or by what the masks hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::super::listing::{Listing, stem};
use super::super::{SourceError, SourceOptions};
use super::matching::Pair;
use crate::decode::DecodeOptions;
use crate::mask::{MAX_CLASSES, Palette, PaletteOptions, Raw, RawPixels, decode_raw, is_palette};

/// What palette files are called, without the extension.
const PALETTE_NAMES: [&str; 8] =
    ["palette", "classes", "class_dict", "colors", "colours", "labels", "class_names", "parts"];

/// How many folders above a location a palette file is looked for: `camvid/train/images`.
const FOLDERS_ABOVE: usize = 2;

pub(super) fn palette(
    path: &Path,
    listing: Option<&Listing>,
    pairs: &[&Pair],
    options: &SourceOptions,
    notes: &mut Vec<String>,
) -> Result<Palette, SourceError> {
    let found = match &options.palette {
        Some(file) => Some((file.display().to_string(), read(file)?)),
        None => match in_listing(listing, notes)? {
            Some(found) => Some(found),
            None => above(path, notes),
        },
    };
    if let Some((name, bytes)) = found {
        let palette = Palette::read(&name, &bytes, &options.ignore)?;
        let ignored: Vec<&str> = palette.ignored().iter().map(|row| row.name.as_str()).collect();
        let ignored = match (&options.ignore.ignore_index, ignored.is_empty()) {
            (None, false) => format!("; ignored by their names: {}", ignored.join(", ")),
            (Some(_), false) => format!("; ignored: {}", ignored.join(", ")),
            _ => String::new(),
        };
        notes.push(format!("classes and colours from {name}{ignored}"));
        return Ok(palette);
    }
    by_contents(&path.display().to_string(), pairs, options, notes)
}

fn read(file: &Path) -> Result<Vec<u8>, SourceError> {
    std::fs::read(file).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => SourceError::Missing { path: file.to_owned() },
        _ => SourceError::Read { path: file.to_owned(), source },
    })
}

fn is_named(path: &str) -> bool {
    let stem = stem(path).to_lowercase();
    PALETTE_NAMES.contains(&stem.as_str())
}

/// The palette file least deep in a listing. One that is called a palette is one, if a broken one;
/// of others that have no rows of classes the notes tell.
fn in_listing(
    listing: Option<&Listing>,
    notes: &mut Vec<String>,
) -> Result<Option<(String, Vec<u8>)>, SourceError> {
    let Some(listing) = listing else { return Ok(None) };
    let mut named: Vec<_> = listing.tables.iter().filter(|entry| is_named(&entry.path)).collect();
    named.sort_by_key(|entry| entry.path.matches('/').count());
    for entry in named {
        let name = listing.full_name(&entry.path);
        let bytes = entry.location.bytes();
        let bytes =
            bytes.map_err(|source| SourceError::Read { path: PathBuf::from(&name), source })?;
        let stem = stem(&entry.path).to_lowercase();
        if stem == PALETTE_NAMES[0] || is_palette(&stem, &bytes) {
            return Ok(Some((name, bytes)));
        }
        notes.extend(unused(&name, &bytes));
    }
    Ok(None)
}

/// Why a file that bears the name of a palette file is none.
fn unused(name: &str, bytes: &[u8]) -> Option<String> {
    let options = PaletteOptions::default();
    let reason = Palette::read(name, bytes, &options).err()?;
    Some(format!("not used as palette file: {reason}"))
}

/// The palette file in the folders above a location, the nearest first. An archive or a list has
/// to be named to have one that isn't in its own folder.
fn above(path: &Path, notes: &mut Vec<String>) -> Option<(String, Vec<u8>)> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().skip(1).take(FOLDERS_ABOVE).find_map(|folder| {
        PALETTE_NAMES.iter().find_map(|name| {
            let file = folder.join(format!("{name}.csv"));
            let bytes = std::fs::read(&file).ok()?;
            let shown = file.display().to_string();
            if !is_palette(name, &bytes) {
                notes.extend(unused(&shown, &bytes));
                return None;
            }
            Some((shown, bytes))
        })
    })
}

/// What one mask holds.
enum Holds {
    Values(BTreeSet<u16>),
    Colors(usize),
}

impl Holds {
    fn of(raw: &Raw) -> Self {
        let set = |values: &[u16]| Self::Values(values.iter().copied().collect());
        match &raw.pixels {
            RawPixels::Gray(values) => set(values),
            RawPixels::Indexed { indices, .. } => set(indices),
            RawPixels::Colors(colors) => {
                let colors: BTreeSet<[u8; 3]> = colors.iter().copied().collect();
                if colors.iter().all(|[red, green, blue]| red == green && green == blue) {
                    return Self::Values(colors.iter().map(|color| color[0].into()).collect());
                }
                Self::Colors(colors.len())
            }
        }
    }
}

/// Numbered classes, as many as the masks' indices need. All masks are read: a class that only
/// the last one has must not come as a surprise in the middle of training.
fn by_contents(
    location: &str,
    pairs: &[&Pair],
    options: &SourceOptions,
    notes: &mut Vec<String>,
) -> Result<Palette, SourceError> {
    let held = |pair: &&Pair| {
        let (name, location) = pair.mask_location()?;
        // Broken masks are told of where they are used.
        let raw = decode_raw(&location.bytes().ok()?, &DecodeOptions::default()).ok()?;
        Some((name.to_owned(), Holds::of(&raw)))
    };
    let held: Vec<(String, Holds)> = pairs.par_iter().with_max_len(1).filter_map(held).collect();
    let refuse = |mask: &str, found: String, advice| {
        let (location, mask) = (location.to_owned(), mask.to_owned());
        Err(SourceError::NoPalette { location, mask, found, advice })
    };
    let mut values = BTreeSet::new();
    for (mask, holds) in &held {
        match holds {
            Holds::Values(some) => values.extend(some),
            Holds::Colors(count) => {
                return refuse(
                    mask,
                    format!("{count} colours"),
                    "write a palette.csv with the lines index,name,r,g,b beside the data, or name \
                     one with data.palette",
                );
            }
        }
    }
    let first = held.first().map_or("", |(name, _)| name);
    let ignored = |value: &u16| match &options.ignore.ignore_index {
        Some(ignored) => ignored.contains(value),
        None => *value == 255,
    };
    if options.ignore.ignore_index.is_none() && values == BTreeSet::from([0, 255]) {
        return refuse(
            first,
            "only 0 and 255, as black-and-white masks do".to_owned(),
            "write a palette.csv beside the data with the lines index,name,r,g,b and \
             0,background,0,0,0 and 255,object,255,255,255 (or say ignore_index = 255 if white \
             pixels mean nothing)",
        );
    }
    let used: Vec<u16> = values.into_iter().filter(|value| !ignored(value)).collect();
    let Some(&largest) = used.last() else {
        return refuse(
            first,
            "no class at all, only ignored values".to_owned(),
            "say with data.palette or ignore_index which values are classes",
        );
    };
    let count = usize::from(largest) + 1;
    if count > MAX_CLASSES {
        return refuse(
            first,
            format!("{} different indices, up to {largest}", used.len()),
            "write a palette.csv with the lines index,name,r,g,b beside the data, one line for \
             each index; if the masks are JPEGs, save them as PNG from the original drawing",
        );
    }
    let missing = count - used.len();
    notes.push(format!(
        "no palette file: the masks hold the indices 0 to {largest}{}",
        if missing > 0 { format!(", {missing} of them nowhere") } else { String::new() }
    ));
    Ok(Palette::numbered(location, count, &options.ignore)?)
}
