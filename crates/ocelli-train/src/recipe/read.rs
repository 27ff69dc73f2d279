//! From text to a recipe, with errors that point at the place in the text.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::Recipe;
use crate::config::ConfigError;

/// Why a recipe can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// The file could not be read.
    #[error("{path}: could not be read: {reason}")]
    Read {
        /// The recipe's file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The text is not TOML, has a key that no recipe has, or a value of the wrong kind.
    #[error("{origin}: {message}")]
    Text {
        /// The recipe's file, or the `--set` that broke it.
        origin: String,
        /// The parser's words, with line, column and the line itself.
        message: String,
    },
    /// A `--set` that is not `key=value`.
    #[error("--set {text}: expected key=value with a dotted key, such as --set train.epochs=5")]
    SetForm {
        /// What was given.
        text: String,
    },
    /// A `--set` that goes through something that holds no keys.
    #[error("--set {text}: `{key}` is a value, not a section")]
    SetThroughValue {
        /// What was given.
        text: String,
        /// The part of the key that is a value.
        key: String,
    },
    /// A table whose keys don't fit together.
    #[error("{origin}: [{table}] {reason}")]
    Table {
        /// The recipe's file, with line and column where the key is written there.
        origin: String,
        /// The dotted name of the table.
        table: String,
        /// What doesn't fit.
        reason: Box<ConfigError>,
    },
    /// A value that can't be used.
    #[error("{origin}: {key}: found {found}, expected {expected}")]
    Value {
        /// The recipe's file, with line and column where the key is written there.
        origin: String,
        /// The dotted key.
        key: String,
        /// What it holds.
        found: String,
        /// What it could hold.
        expected: String,
    },
}

/// A recipe's text with the overrides of the command line, and where it came from.
#[derive(Clone, Debug)]
pub struct RecipeText {
    origin: String,
    text: String,
    /// The keys that `--set` changed: they have no place in the file.
    overridden: Vec<String>,
}

impl RecipeText {
    /// Reads a recipe file.
    ///
    /// # Errors
    /// [`RecipeError::Read`] names the file.
    pub fn from_file(path: &Path) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| RecipeError::Read { path: path.into(), reason })?;
        Ok(Self::new(path.display().to_string(), text))
    }

    /// Wraps a recipe's text; `origin` stands in front of every error.
    #[must_use]
    pub fn new(origin: String, text: String) -> Self {
        Self { origin, text, overridden: Vec::new() }
    }

    /// The recipe, with the overrides applied in order.
    ///
    /// # Errors
    /// The file's own mistakes are told with line and column, an override's with its words.
    pub fn parse(mut self, overrides: &[String]) -> Result<(Recipe, Self), RecipeError> {
        let mut recipe = parse(&self.text, &self.origin)?;
        let mut document: DocumentMut =
            self.text.parse().map_err(|error: toml_edit::TomlError| RecipeError::Text {
                origin: self.origin.clone(),
                message: error.to_string(),
            })?;
        for text in overrides {
            let Override { key, value } = Override::read(text)?;
            // Each override is checked alone, so that the error names the one that is wrong.
            let attempt = |document: &DocumentMut| {
                parse(&document.to_string(), &format!("--set {text}")).map_err(in_one_line)
            };
            let mut changed = document.clone();
            // What is no TOML value is a word: `model.name=resnet34` needs no quotes in a shell.
            let typed = value.parse::<Value>().unwrap_or_else(|_| Value::from(value));
            let is_word = typed.is_str();
            set(&mut changed, text, key, typed)?;
            recipe = match attempt(&changed) {
                Err(error) if !is_word => {
                    // A folder can be called `2020`, and a class column `true`.
                    set(&mut changed, text, key, Value::from(value))?;
                    attempt(&changed).map_err(|_| error)?
                }
                result => result?,
            };
            document = changed;
            self.overridden.push(key.to_owned());
        }
        Ok((recipe, self))
    }

    /// Whether `--set` gave a dotted key or a section around it.
    #[must_use]
    pub fn is_overridden(&self, key: &str) -> bool {
        self.overridden.iter().any(|overridden| {
            key.strip_prefix(overridden.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// An error about the value of a dotted key, with its line and column where it has one.
    #[must_use]
    pub fn value_error(&self, key: &str, found: String, expected: String) -> RecipeError {
        RecipeError::Value { origin: self.origin_of(key), key: key.to_owned(), found, expected }
    }

    /// An error about a table, with the line and column of the key at fault where it has one.
    #[must_use]
    pub fn table_error(&self, table: &str, reason: ConfigError) -> RecipeError {
        let origin = self.origin_of(&format!("{table}.{}", reason.key()));
        RecipeError::Table { origin, table: table.to_owned(), reason: Box::new(reason) }
    }

    fn origin_of(&self, key: &str) -> String {
        match self.place(key) {
            Some((line, column)) => format!("{}:{line}:{column}", self.origin),
            None if self.is_overridden(key) => "--set".to_owned(),
            None => self.origin.clone(),
        }
    }

    /// Line and column (from 1) of a dotted key's value in the file.
    fn place(&self, key: &str) -> Option<(usize, usize)> {
        if self.is_overridden(key) {
            return None;
        }
        let document = toml_edit::Document::parse(self.text.as_str()).ok()?;
        let mut item = document.as_item();
        let mut span = None;
        for part in key.split('.') {
            let name = part.split('[').next().unwrap_or(part);
            let Some(next) = item.as_table_like().and_then(|table| table.get(name)) else { break };
            item = next;
            span = item.span();
            // `augment[2].scale`: the array's own place is near enough for what lies within.
            if part.contains('[') {
                break;
            }
        }
        line_and_column(&self.text, span?.start)
    }
}

/// Line and column, from 1, of a place in a text.
pub(crate) fn line_and_column(text: &str, place: usize) -> Option<(usize, usize)> {
    let before = text.get(..place)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((line, column))
}

fn parse(text: &str, origin: &str) -> Result<Recipe, RecipeError> {
    toml::from_str(text).map_err(|error| RecipeError::Text {
        origin: origin.to_owned(),
        message: in_plain_words(error.to_string().trim_end()),
    })
}

/// An override's error without the lines that point into a text that the user never saw; the last
/// says why.
fn in_one_line(error: RecipeError) -> RecipeError {
    match error {
        RecipeError::Text { origin, message } => {
            let message = message.lines().last().unwrap_or_default().to_owned();
            RecipeError::Text { origin, message }
        }
        other => other,
    }
}

/// The parser's words, with the kind of value that it expected as a person would name it.
fn in_plain_words(message: &str) -> String {
    let Some((before, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    let plain = match expected {
        "u8" => "a whole number from 0 to 255",
        "u32" => "a whole number from 0 to 4294967295",
        // TOML's own integers end where those of 64 bits with a sign do.
        "u64" | "usize" => "a whole number from 0 to 9223372036854775807",
        "i64" => "a whole number",
        "f64" => "a number",
        "a string" => "text",
        section if section.starts_with("struct ") => "a section with keys of its own",
        other => other,
    };
    format!("{before}, expected {plain}")
}

/// A `--set`, taken apart.
struct Override<'text> {
    /// Dotted.
    key: &'text str,
    value: &'text str,
}

/// More sections within each other than any recipe has; far more would exhaust the stack.
const DEEPEST_KEY: usize = 16;

impl<'text> Override<'text> {
    fn read(text: &'text str) -> Result<Self, RecipeError> {
        let form = || RecipeError::SetForm { text: text.to_owned() };
        let (key, value) = text.split_once('=').ok_or_else(form)?;
        let (key, value) = (key.trim(), value.trim());
        let is_name = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        if !key.split('.').all(is_name) || key.split('.').count() > DEEPEST_KEY {
            return Err(form());
        }
        Ok(Self { key, value })
    }
}

/// Sets one dotted key in a document; `text` is the override for messages.
fn set(document: &mut DocumentMut, text: &str, key: &str, value: Value) -> Result<(), RecipeError> {
    let form = || RecipeError::SetForm { text: text.to_owned() };
    let parts: Vec<&str> = key.split('.').collect();
    let (last, sections) = parts.split_last().ok_or_else(form)?;
    let mut item: &mut Item = document.as_item_mut();
    for section in sections {
        let table = item.as_table_like_mut().ok_or_else(form)?;
        item = table.entry(section).or_insert_with(|| Item::Table(Table::new()));
        // A name stands for the table with that name: `loss = "cross_entropy"`.
        if let Some(name) = item.as_str() {
            let table: InlineTable = [("name", name)].into_iter().collect();
            *item = Item::Value(table.into());
        }
        if !item.is_table_like() {
            return Err(RecipeError::SetThroughValue {
                text: text.to_owned(),
                key: (*section).to_owned(),
            });
        }
    }
    item.as_table_like_mut().ok_or_else(form)?.insert(last, Item::Value(value));
    Ok(())
}

#[cfg(test)]
mod tests;
