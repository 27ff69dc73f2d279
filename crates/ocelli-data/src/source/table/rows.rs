//! Reads a table and finds its columns.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::super::arrange::{Split, is_split};
use super::super::{SourceError, SourceOptions};
use crate::dataset::Location;

/// What the column of pictures holds, for messages.
pub(in crate::source) const PICTURES: &str = "pictures";

/// Usual names of the column of pictures, the likeliest first.
const IMAGE_COLUMNS: [&str; 25] = [
    "image",
    "image_path",
    "image_file",
    "image_name",
    "image_id",
    "img",
    "img_path",
    "img_name",
    "filename",
    "file_name",
    "file",
    "filepath",
    "file_path",
    "path",
    "picture",
    "photo",
    "images",
    "image_paths",
    "filenames",
    "file_names",
    "files",
    "filepaths",
    "file_paths",
    "paths",
    "id",
];

/// Usual names of the column of labels, the likeliest first.
const LABEL_COLUMNS: [&str; 13] = [
    "label",
    "labels",
    "class",
    "class_name",
    "classname",
    "classes",
    "target",
    "category",
    "category_name",
    "species",
    "breed",
    "label_name",
    "y",
];

/// Usual names of the column of masks, the likeliest first.
const MASK_COLUMNS: [&str; 15] = [
    "mask",
    "mask_path",
    "mask_file",
    "mask_name",
    "mask_filename",
    "masks",
    "label_path",
    "label_file",
    "annotation",
    "annotation_path",
    "segmentation",
    "segmentation_path",
    "gt",
    "gt_path",
    "target_path",
];

/// Usual names of the column of splits.
const SPLIT_COLUMNS: [&str; 6] = ["split", "subset", "data_set", "dataset", "partition", "set"];

/// One picture of a table.
#[derive(Debug)]
pub(in crate::source) struct Row {
    /// Where in the file, from 1.
    pub(in crate::source) line: u64,
    /// As written.
    pub(in crate::source) image: String,
    /// Absent where the cell is empty or there is no column of labels.
    pub(in crate::source) label: Option<String>,
    /// Absent where the cell is empty or there is no column of masks.
    pub(in crate::source) mask: Option<String>,
    /// Absent where the table has no column of splits.
    pub(in crate::source) split: Option<Split>,
}

/// A table of pictures.
#[derive(Debug)]
pub(in crate::source) struct Table {
    /// As the user would write it.
    pub(in crate::source) name: String,
    pub(in crate::source) rows: Vec<Row>,
    columns: Vec<String>,
    has_labels: bool,
    pub(in crate::source) has_masks: bool,
}

impl Table {
    pub(in crate::source) fn read(
        name: String,
        location: &Location,
        options: &SourceOptions,
    ) -> Result<Self, SourceError> {
        let bytes = location
            .bytes()
            .map_err(|source| SourceError::Read { path: name.clone().into(), source })?;
        Self::parse(name, &bytes, options)
    }

    /// Parses a table with a header line; commas, semicolons or tabs between the cells.
    pub(in crate::source) fn parse(
        name: String,
        bytes: &[u8],
        options: &SourceOptions,
    ) -> Result<Self, SourceError> {
        let broken = |reason: String| SourceError::BrokenTable { table: name.clone(), reason };
        if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
            return Err(broken("it is in UTF-16; save it as UTF-8".to_owned()));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter(bytes)).trim(Trim::All).from_reader(bytes);
        let header = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        let missing = |what, expected: &[&str], option| SourceError::MissingColumn {
            table: name.clone(),
            what,
            found: columns.clone(),
            expected: expected.join(", "),
            option,
        };
        let image = match &options.image_column {
            Some(wanted) => find(&columns, &[wanted])
                .ok_or_else(|| missing(PICTURES, &[wanted], "image_column"))?,
            None => find(&columns, &IMAGE_COLUMNS)
                .ok_or_else(|| missing(PICTURES, &IMAGE_COLUMNS, "image_column"))?,
        };
        let label = match &options.label_column {
            Some(wanted) => Some(
                find(&columns, &[wanted])
                    .ok_or_else(|| missing("labels", &[wanted], "label_column"))?,
            ),
            None => find(&columns, &LABEL_COLUMNS),
        };
        let mask = match &options.mask_column {
            Some(wanted) => Some(
                find(&columns, &[wanted])
                    .ok_or_else(|| missing("masks", &[wanted], "mask_column"))?,
            ),
            None => find(&columns, &MASK_COLUMNS),
        };
        let split = find(&columns, &SPLIT_COLUMNS);
        let mut rows = Vec::new();
        let mut record = StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| broken(error.to_string()))? {
            let cell = |column: Option<usize>| {
                column.and_then(|column| record.get(column)).filter(|cell| !cell.is_empty())
            };
            let line = record.position().map_or(0, csv::Position::line);
            let Some(picture) = cell(Some(image)) else {
                return Err(broken(format!("line {line} names no picture")));
            };
            rows.push(Row {
                line,
                image: picture.to_owned(),
                label: cell(label).map(str::to_owned),
                mask: cell(mask).map(str::to_owned),
                split: cell(split).and_then(is_split),
            });
        }
        // A column that merely happens to be called `set` is none of splits.
        if rows.iter().any(|row| row.split.is_none()) {
            rows.iter_mut().for_each(|row| row.split = None);
        }
        let (has_labels, has_masks) = (label.is_some(), mask.is_some());
        Ok(Self { name, rows, columns, has_labels, has_masks })
    }

    /// Why this table can't serve for segmentation.
    pub(in crate::source) fn mask_error(&self) -> SourceError {
        SourceError::MissingColumn {
            table: self.name.clone(),
            what: "masks",
            found: self.columns.clone(),
            expected: MASK_COLUMNS.join(", "),
            option: "mask_column",
        }
    }

    /// Why this table can't serve for training.
    pub(in crate::source) fn label_error(&self) -> SourceError {
        if self.has_labels {
            return SourceError::MissingLabels {
                table: self.name.clone(),
                rows: self.rows.len(),
                lines: self.rows.iter().map(|row| format!("line {}", row.line)).collect(),
            };
        }
        SourceError::MissingColumn {
            table: self.name.clone(),
            what: "labels",
            found: self.columns.clone(),
            expected: LABEL_COLUMNS.join(", "),
            option: "label_column",
        }
    }
}

/// The first of `names` that a column has, whatever its case and word separators.
fn find(columns: &[String], names: &[&str]) -> Option<usize> {
    let plain = |name: &str| name.trim().to_lowercase().replace([' ', '-'], "_");
    names.iter().find_map(|name| columns.iter().position(|column| plain(column) == plain(name)))
}

/// The commonest separator of the header line.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|&&byte| byte == delimiter).count();
    // Of equals `max_by_key` takes the last: the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}
