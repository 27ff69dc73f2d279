//! A palette file's rows.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{PaletteClass, PaletteError, voc_color};

/// Usual names of the columns, in lower case.
const INDEX: [&str; 5] = ["index", "id", "value", "label", "class_id"];
const NAME: [&str; 5] = ["name", "class", "class_name", "label_name", "category"];
const CHANNELS: [[&str; 2]; 3] = [["r", "red"], ["g", "green"], ["b", "blue"]];

/// No palette has more rows than there are 16-bit values.
const MAX_ROWS: usize = 1 << 16;

/// The rows, and whether they have colours.
pub(super) fn rows(name: &str, bytes: &[u8]) -> Result<(Vec<PaletteClass>, bool), PaletteError> {
    let broken = |reason: String| PaletteError::Table { name: name.to_owned(), reason };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |separator: u8| header.iter().filter(|&&byte| byte == separator).count();
    let separator = [b'\t', b';', b','].into_iter().max_by_key(|&one| count(one)).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(separator).trim(Trim::All).from_reader(bytes);
    let columns = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
    let find = |names: &[&str]| {
        let is = |column: &str| names.contains(&column.trim().to_lowercase().as_str());
        columns.iter().position(is)
    };
    let index = find(&INDEX);
    let Some(called) = find(&NAME) else {
        let found: Vec<&str> = columns.iter().collect();
        return Err(broken(format!("found no column of names, only {}", found.join(", "))));
    };
    let colors = CHANNELS.each_ref().map(|names| find(names));
    let colors = match colors {
        [Some(r), Some(g), Some(b)] => Some([r, g, b]),
        [None, None, None] => None,
        _ => return Err(broken("found only some of the columns r, g, b".to_owned())),
    };
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| broken(error.to_string()))? {
        let line = record.position().map_or(0, csv::Position::line);
        if rows.len() == MAX_ROWS {
            return Err(broken(format!("found more than {MAX_ROWS} rows")));
        }
        let number = |column: usize, what: &str, most: u16| {
            let cell = record.get(column).unwrap_or_default();
            let value = cell.parse().ok().filter(|&value: &u16| value <= most);
            value.ok_or_else(|| {
                broken(format!("line {line}: {what} is {cell:?}, not a number from 0 to {most}"))
            })
        };
        let value = match index {
            Some(column) => number(column, "the index", u16::MAX)?,
            None => rows.len() as u16,
        };
        let color = match colors {
            Some(columns) => {
                let mut color = [0; 3];
                for (channel, column) in color.iter_mut().zip(columns) {
                    *channel = number(column, "a colour", 255)? as u8;
                }
                color
            }
            None => voc_color(value),
        };
        let class = record.get(called).unwrap_or_default();
        if class.is_empty() {
            return Err(broken(format!("line {line} has no name")));
        }
        rows.push(PaletteClass { value, name: class.to_owned(), color });
    }
    if rows.is_empty() {
        return Err(broken("found no rows".to_owned()));
    }
    Ok((rows, colors.is_some()))
}

/// Whether a table that nobody named is a palette file: it has colours, or is at least called so.
pub(crate) fn is_palette(file_stem: &str, bytes: &[u8]) -> bool {
    let called_so = ["palette", "classes", "class_names"].contains(&file_stem);
    rows("", bytes).is_ok_and(|(_, has_colors)| has_colors || called_so)
}
