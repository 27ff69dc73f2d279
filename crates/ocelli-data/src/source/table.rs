//! Labels from a table: one row a picture, with a column of pictures and one of labels.

use std::collections::HashMap;
use std::path::Path;

use super::arrange::{Split, is_split};
use super::error::{counted, some_of};
use super::labels::{Named, Splits, number};
use super::listing::{Entry, Ignored, Listing, stem};
use super::{Found, Layout, SourceError, SourceOptions};
use crate::dataset::Location;

pub(super) mod lookup;
pub(super) mod rows;

use lookup::Lookup;
use rows::{Row, Table};

/// A table that is the whole source: its pictures are found relative to its folder.
pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Found, SourceError> {
    if !matches!(options.layout, Layout::Auto | Layout::Csv) {
        return Err(SourceError::WrongLayout {
            location: path.display().to_string(),
            layout: options.layout,
            reason: "it is a table".to_owned(),
        });
    }
    let location = Location::File(path.to_owned());
    let name = path.to_string_lossy().into_owned();
    let table = Table::read(name.clone(), &location, options)?;
    let lookup = Lookup::for_table(&name, &location, None);
    let mut notes = Vec::new();
    let splits = splits_of_one(&table, &lookup, &mut notes)?;
    let (train, val, test) = number(splits, &name)?;
    let (layout, ignored) = (Layout::Csv, Ignored::default());
    Ok(Found { train, val, test, layout, ignored, notes, pairing: None })
}

/// The splits that the tables directly in a scope describe, if any of them lists pictures.
pub(super) fn splits(
    listing: &Listing,
    scope: &str,
    options: &SourceOptions,
    notes: &mut Vec<String>,
) -> Result<Option<Splits>, SourceError> {
    let mut tables = Vec::new();
    let mut rejected = None;
    for entry in listing.tables_in(scope) {
        match Table::read(listing.full_name(&entry.path), &entry.location, options) {
            Ok(table) => tables.push((entry, table)),
            // Beside pictures that tell their class themselves, any table may stand.
            Err(error @ SourceError::MissingColumn { what: rows::PICTURES, .. }) => {
                rejected.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    let lookup = |entry: &Entry| Lookup::for_table(&entry.path, &entry.location, Some(listing));
    let of_split =
        |split| tables.iter().find(|(entry, _)| is_split(stem(&entry.path)) == Some(split));
    if let Some((train, table)) = of_split(Split::Train)
        && tables.len() > 1
    {
        let read = |entry: &Entry, table: &Table, notes: &mut Vec<String>| {
            named(table, table.rows.iter(), &lookup(entry), notes)
        };
        let mut splits = Splits { train: read(train, table, notes)?, ..Splits::default() };
        if let Some((entry, table)) = of_split(Split::Val) {
            splits.val = Some(read(entry, table, notes)?);
        }
        if let Some((entry, table)) = of_split(Split::Test) {
            splits.test = Some(read(entry, table, notes)?);
        }
        return require_labels(&splits.train, table).map(|()| Some(splits));
    }
    match (tables.as_slice(), rejected) {
        ([(entry, table)], _) => splits_of_one(table, &lookup(entry), notes).map(Some),
        ([], Some(error)) if options.layout == Layout::Csv => Err(error),
        ([], Some(error)) => {
            notes.push(format!("not used for labels: {error}"));
            Ok(None)
        }
        ([], None) => Ok(None),
        (several, _) => Err(SourceError::SeveralTables {
            location: listing.full_name(scope),
            found: several.iter().map(|(entry, _)| entry.path.clone()).collect(),
        }),
    }
}

/// The splits of a single table: by its column of splits, else everything is for training.
fn splits_of_one(
    table: &Table,
    lookup: &Lookup<'_>,
    notes: &mut Vec<String>,
) -> Result<Splits, SourceError> {
    let mut part = |split: Option<Split>| {
        let rows = table.rows.iter().filter(|row| split.is_none() || row.split == split);
        named(table, rows, lookup, notes)
    };
    if !table.rows.iter().any(|row| row.split == Some(Split::Train)) {
        let train = part(None)?;
        return require_labels(&train, table).map(|()| Splits { train, ..Splits::default() });
    }
    let train = part(Some(Split::Train))?;
    require_labels(&train, table)?;
    let some = |samples: Vec<Named>| (!samples.is_empty()).then_some(samples);
    let val = some(part(Some(Split::Val))?);
    let test = some(part(Some(Split::Test))?);
    Ok(Splits { train, val, test })
}

/// Finds the pictures of rows.
fn named<'a>(
    table: &Table,
    rows: impl Iterator<Item = &'a Row>,
    lookup: &Lookup<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<Named>, SourceError> {
    let mut samples: Vec<Named> = Vec::new();
    let mut missing = Vec::new();
    let mut unlabelled = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let (mut repeated, mut contradicting) = (Vec::new(), Vec::new());
    for row in rows {
        let Some((name, location)) = lookup.find(&row.image) else {
            missing.push(format!("{:?} (line {})", row.image, row.line));
            continue;
        };
        if row.label.is_none() {
            unlabelled.push(format!("line {}", row.line));
        }
        if let Some(&first) = seen.get(&name) {
            let same = samples[first].class == row.label;
            (if same { &mut repeated } else { &mut contradicting }).push(name.clone());
        } else {
            seen.insert(name.clone(), samples.len());
        }
        samples.push(Named { name, location, class: row.label.clone() });
    }
    let total = samples.len() + missing.len();
    if !missing.is_empty() {
        let looked_in = lookup.looked_in();
        return Err(SourceError::MissingFiles {
            table: table.name.clone(),
            rows: total,
            missing,
            looked_in,
        });
    }
    // All or none: a test split may come without labels.
    if !unlabelled.is_empty() && unlabelled.len() < total {
        return Err(SourceError::MissingLabels {
            table: table.name.clone(),
            rows: total,
            lines: unlabelled,
        });
    }
    for (names, how) in [(repeated, "more than once"), (contradicting, "with different labels")] {
        if !names.is_empty() {
            let count = counted(names.len(), "picture is", "pictures are");
            notes.push(format!("{}: {count} listed {how}: {}", table.name, some_of(&names)));
        }
    }
    Ok(samples)
}

/// Refuses a training table without labels.
fn require_labels(train: &[Named], table: &Table) -> Result<(), SourceError> {
    if train.is_empty() {
        let found = "its table has no rows".to_owned();
        return Err(SourceError::NoPictures { location: table.name.clone(), found });
    }
    if train.iter().any(|sample| sample.class.is_some()) {
        return Ok(());
    }
    Err(table.label_error())
}
