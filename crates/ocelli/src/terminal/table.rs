//! Text tables: columns as wide as they must be, numbers to the right.

/// A table with a header.
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.to_vec());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.header.len();
        let width = |column: usize| {
            std::iter::once(&self.header)
                .chain(&self.rows)
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let numeric: Vec<bool> = (0..columns)
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).all(|cell| {
                    cell == "-" || cell.starts_with(|first: char| first.is_ascii_digit())
                })
            })
            .collect();
        let mut write = |row: &[String]| -> std::fmt::Result {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let padding = " ".repeat(widths[column] - cell.chars().count());
                if column > 0 {
                    line.push_str("  ");
                }
                if numeric[column] {
                    line.push_str(&padding);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&padding);
                }
            }
            writeln!(formatter, "{}", line.trim_end())
        };
        write(&self.header)?;
        write(&widths.iter().map(|&width| "─".repeat(width)).collect::<Vec<_>>())?;
        self.rows.iter().try_for_each(|row| write(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_words_left_and_numbers_right() {
        let mut table = Table::new(&["class", "pictures"]);
        table.row(&["größte".into(), "7".into()]);
        table.row(&["a".into(), "1200".into()]);
        table.row(&["none".into(), "-".into()]);
        assert_eq!(
            table.to_string(),
            "class   pictures\n──────  ────────\ngrößte         7\na           1200\nnone           -\n"
        );
    }
}
