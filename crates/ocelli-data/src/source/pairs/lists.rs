//! Pairs that a text file or a table lists.

use std::collections::HashSet;
use std::path::Path;

use super::super::arrange::{Split, is_split};
use super::super::listing::{Entry, Listing, stem};
use super::super::table::lookup::Lookup;
use super::super::table::rows::Table;
use super::super::{SourceError, SourceOptions};
use super::matching::{Matched, Pair, picture_stem};
use crate::dataset::Location;

/// A list with more bytes than this is none.
const MAX_LIST_BYTES: u64 = 1 << 28;

/// The lines of a list that say something, with their numbers from 1.
fn lines(name: &str, location: &Location) -> Result<Vec<(usize, String)>, SourceError> {
    let read_error = |source| SourceError::Read { path: name.into(), source };
    if location.byte_length().map_err(read_error)? > MAX_LIST_BYTES {
        return Err(broken(name, "it is larger than any list".to_owned()));
    }
    let bytes = location.bytes().map_err(read_error)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    let numbered = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let said = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    Ok(said.map(|(number, line)| (number, line.to_owned())).collect())
}

fn broken(list: &str, reason: String) -> SourceError {
    SourceError::BrokenList { list: list.to_owned(), reason }
}

/// The fields of a line: between tabs, else commas, else spaces.
fn fields(line: &str) -> Vec<&str> {
    let separator = ['\t', ',', ' '].into_iter().find(|&one| line.contains(one)).unwrap_or(' ');
    line.split(separator).map(str::trim).filter(|field| !field.is_empty()).collect()
}

/// Finds the files that a list names.
struct Finder<'a> {
    list: &'a str,
    pictures: Lookup<'a>,
    masks: Lookup<'a>,
    missing: Vec<String>,
    rows: usize,
}

impl<'a> Finder<'a> {
    fn new(list: &'a str, path: &str, location: &Location, listing: Option<&'a Listing>) -> Self {
        let pictures = Lookup::for_table(path, location, listing);
        let masks = Lookup::for_masks(path, location, listing);
        Self { list, pictures, masks, missing: Vec::new(), rows: 0 }
    }

    /// The pair of one line; what is not there is remembered.
    fn pair(
        &mut self,
        picture: &str,
        mask: Option<&str>,
        line: impl std::fmt::Display,
    ) -> Option<Pair> {
        self.rows += 1;
        let found = self.pictures.find(picture);
        if found.is_none() {
            self.missing.push(format!("{picture:?} (line {line})"));
        }
        let mask = match mask {
            None => None,
            Some(mask) => {
                let found = self.masks.find(mask);
                if found.is_none() {
                    self.missing.push(format!("{mask:?} (line {line})"));
                }
                Some(found?)
            }
        };
        let (name, location) = found?;
        Some(Pair { name, location, mask })
    }

    fn finish(self) -> Result<(), SourceError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(SourceError::MissingFiles {
            table: self.list.to_owned(),
            rows: self.rows,
            missing: self.missing,
            looked_in: self.pictures.looked_in(),
        })
    }
}

/// A text file of `picture mask` lines, or of pictures, with their masks in the file
/// [`SourceOptions::masks`].
pub(super) fn of_text(path: &Path, options: &SourceOptions) -> Result<Matched, SourceError> {
    let name = path.to_string_lossy().into_owned();
    let location = Location::File(path.to_owned());
    let pictures = lines(&name, &location)?;
    let mut finder = Finder::new(&name, &name, &location, None);
    let mut matched = Matched::default();
    let Some(other) = &options.masks else {
        for (number, line) in &pictures {
            let [picture, mask] = fields(line)[..] else {
                let reason = format!(
                    "line {number} is {line:?}; expected a picture and its mask, or name the list \
                     of masks with data.masks"
                );
                return Err(broken(&name, reason));
            };
            let pair = finder.pair(picture, Some(mask), number);
            pair.into_iter().for_each(|pair| matched.add(None, pair));
        }
        return finder.finish().map(|()| matched);
    };
    let other_name = other.to_string_lossy().into_owned();
    let other_location = Location::File(other.clone());
    let masks = lines(&other_name, &other_location)?;
    if masks.len() != pictures.len() {
        let reason = format!(
            "it lists {} masks for the {} pictures of {name}; expected one for each, in the same \
             order",
            masks.len(),
            pictures.len()
        );
        return Err(broken(&other_name, reason));
    }
    finder.masks = Lookup::for_masks(&other_name, &other_location, None);
    for ((number, picture), (_, mask)) in pictures.iter().zip(&masks) {
        let pair = finder.pair(picture, Some(mask), number);
        pair.into_iter().for_each(|pair| matched.add(None, pair));
    }
    finder.finish().map(|()| matched)
}

/// A text file of pictures, whatever else its lines hold.
pub(super) fn of_pictures(path: &Path) -> Result<Matched, SourceError> {
    let name = path.to_string_lossy().into_owned();
    let location = Location::File(path.to_owned());
    let mut finder = Finder::new(&name, &name, &location, None);
    let mut matched = Matched::default();
    for (number, line) in lines(&name, &location)? {
        let Some(&picture) = fields(&line).first() else { continue };
        let pair = finder.pair(picture, None, number);
        pair.into_iter().for_each(|pair| matched.add(None, pair));
    }
    finder.finish().map(|()| matched)
}

/// `train.txt`, `val.txt` and `test.txt` at the top of a listing, if each line is a pair.
pub(super) fn in_texts(listing: &Listing) -> Result<Option<Matched>, SourceError> {
    let mut matched = Matched::default();
    for entry in listing.lists.iter().filter(|entry| !entry.path.contains('/')) {
        let Some(split) = is_split(stem(&entry.path)) else { continue };
        let name = listing.full_name(&entry.path);
        let lines = lines(&name, &entry.location)?;
        if !lines.iter().all(|(_, line)| fields(line).len() == 2) {
            continue;
        }
        let mut finder = Finder::new(&name, &entry.path, &entry.location, Some(listing));
        for (number, line) in &lines {
            if let [picture, mask] = fields(line)[..]
                && let Some(pair) = finder.pair(picture, Some(mask), number)
            {
                matched.add(Some(split), pair);
            }
        }
        finder.finish()?;
    }
    let found = matched.pairs().next().is_some();
    Ok(found.then_some(matched))
}

/// Splits pairs by lists of their stems, one a line, as PASCAL VOC has them: `train.txt` and
/// `val.txt` in any folder. A list that names anything else is about something else.
pub(super) fn split_by_names(listing: &Listing, matched: &mut Matched) -> Result<(), SourceError> {
    if matched.splits.iter().any(|(split, _)| split.is_some()) {
        return Ok(());
    }
    let known: HashSet<String> =
        matched.pairs().map(|pair| picture_stem(pair).to_owned()).collect();
    let mut lists: Vec<(Split, HashSet<String>)> = Vec::new();
    for Entry { path, location } in &listing.lists {
        let Some(split) = is_split(stem(path)) else { continue };
        if lists.iter().any(|(other, _)| *other == split) {
            continue;
        }
        let lines = lines(&listing.full_name(path), location)?;
        let names: HashSet<String> = lines.into_iter().map(|(_, line)| line).collect();
        if !names.is_empty() && names.is_subset(&known) {
            lists.push((split, names));
        }
    }
    if !lists.iter().any(|(split, _)| *split == Split::Train) {
        return Ok(());
    }
    for (_, pairs) in std::mem::take(&mut matched.splits) {
        for pair in pairs {
            let of = lists.iter().find(|(_, names)| names.contains(picture_stem(&pair)));
            matched.add(of.map(|(split, _)| *split), pair);
        }
    }
    Ok(())
}

fn read_table(path: &Path, options: &SourceOptions) -> Result<(Table, Location), SourceError> {
    let location = Location::File(path.to_owned());
    let table = Table::read(path.to_string_lossy().into_owned(), &location, options)?;
    Ok((table, location))
}

/// A table with a column of masks.
pub(super) fn of_table(path: &Path, options: &SourceOptions) -> Result<Matched, SourceError> {
    let (table, location) = read_table(path, options)?;
    if !table.has_masks {
        return Err(table.mask_error());
    }
    let name = table.name.clone();
    let mut matched = Matched::default();
    add_rows(&table, Finder::new(&name, &name, &location, None), None, &mut matched)?;
    Ok(matched)
}

/// The same; `None` where the table has no column of masks.
pub(super) fn of_table_if_any(
    path: &Path,
    options: &SourceOptions,
) -> Result<Option<Matched>, SourceError> {
    let (table, _) = read_table(path, options)?;
    table.has_masks.then(|| of_table(path, options)).transpose()
}

/// The tables at the top of a listing that have a column of masks.
pub(super) fn in_tables(
    listing: &Listing,
    options: &SourceOptions,
) -> Result<Option<Matched>, SourceError> {
    let mut tables = Vec::new();
    for entry in listing.tables_in("") {
        let name = listing.full_name(&entry.path);
        // Palette files and notes are tables too.
        if let Ok(table) = Table::read(name, &entry.location, options)
            && table.has_masks
        {
            tables.push((entry, table));
        }
    }
    let mut matched = Matched::default();
    let several = tables.len() > 1;
    for (entry, table) in &tables {
        let split = is_split(stem(&entry.path)).filter(|_| several);
        if several && split.is_none() {
            return Err(SourceError::SeveralTables {
                location: listing.root.clone(),
                found: tables.iter().map(|(entry, _)| entry.path.clone()).collect(),
            });
        }
        let finder = Finder::new(&table.name, &entry.path, &entry.location, Some(listing));
        add_rows(table, finder, split, &mut matched)?;
    }
    Ok((!tables.is_empty()).then_some(matched))
}

fn add_rows(
    table: &Table,
    mut finder: Finder<'_>,
    split: Option<Split>,
    matched: &mut Matched,
) -> Result<(), SourceError> {
    for row in &table.rows {
        let Some(mask) = &row.mask else {
            matched.pairing.without_mask.push(format!("{} (line {})", row.image, row.line));
            continue;
        };
        if let Some(pair) = finder.pair(&row.image, Some(mask), row.line) {
            matched.add(split.or(row.split), pair);
        }
    }
    finder.finish()
}
