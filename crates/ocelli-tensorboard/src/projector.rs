//! The embedding projector: points of many dimensions, with a label and a small picture each.
//!
//! TensorBoard looks for [`CONFIG`] in each run's folder; it names the files of every set of points.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// The file that TensorBoard looks for.
pub const CONFIG: &str = "projector_config.pbtxt";

/// A set of points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// What TensorBoard calls it.
    pub name: String,
    /// The points' file, in the folder of [`CONFIG`]: see [`write_points`].
    pub points: String,
    /// How many points, and how many numbers each has.
    pub shape: [usize; 2],
    /// The table of labels, in the same folder.
    pub metadata: String,
    /// The picture with a tile for each point, row by row, and a tile's height and width.
    pub sprite: Option<(String, u32)>,
}

/// Writes [`CONFIG`] anew.
///
/// # Errors
/// What the system says.
pub fn write_config(folder: &Path, embeddings: &[Embedding]) -> std::io::Result<()> {
    let mut text = String::new();
    for embedding in embeddings {
        let [points, width] = embedding.shape;
        let _ = write!(
            text,
            "embeddings {{\n  tensor_name: {}\n  tensor_shape: {points}\n  tensor_shape: {width}\n  \
             tensor_path: {}\n  metadata_path: {}\n",
            quoted(&embedding.name),
            quoted(&embedding.points),
            quoted(&embedding.metadata),
        );
        if let Some((path, side)) = &embedding.sprite {
            let _ = write!(
                text,
                "  sprite {{\n    image_path: {}\n    single_image_dim: {side}\n    \
                 single_image_dim: {side}\n  }}\n",
                quoted(path),
            );
        }
        text.push_str("}\n");
    }
    fs::write(folder.join(CONFIG), text)
}

/// Writes points, `[points, width]` row by row: a line each, numbers between tabs. TensorBoard also
/// takes raw floats, but tells the two apart by whether the file happens to be text.
///
/// # Errors
/// What the system says.
pub fn write_points(path: &Path, values: &[f32], width: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for row in values.chunks_exact(width.max(1)) {
        for (column, value) in row.iter().enumerate() {
            let tab = if column > 0 { "\t" } else { "" };
            write!(file, "{tab}{value}")?;
        }
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Writes the table of labels: a line of column names, and a line for each point. Tabs and line
/// ends within a cell become spaces: the format has no way to write them.
///
/// # Errors
/// What the system says.
pub fn write_metadata<const COLUMNS: usize>(
    path: &Path,
    columns: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> std::io::Result<()> {
    let mut text = columns.join("\t");
    text.push('\n');
    for row in rows {
        text.push_str(&row.map(|cell| cell.replace(['\t', '\n', '\r'], " ")).join("\t"));
        text.push('\n');
    }
    fs::write(path, text)
}

/// A string of protocol buffers' text format.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_text_format_wants_them() {
        assert_eq!(quoted("a \"b\" \\ é\n"), r#""a \"b\" \\ \303\251\012""#);
    }
}
