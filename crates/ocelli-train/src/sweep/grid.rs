//! From a grid's text to what it asks for, with errors that point at the place in the text.
//!
//! ```toml
//! name = "learning-rates"
//! recipe = "birds.toml"              # relative to the grid; or a whole recipe as [recipe]
//! [set]                              # for every setting
//! "train.epochs" = 40
//! [[stage]]                          # done once, before the settings that name it
//! name = "supervised"
//! set = { "data.train" = "others/" }
//! [[setting]]                        # a row of the table
//! name = "from other pictures"
//! set = { "model.weights" = "stage://supervised" }
//! [axes]                             # every setting with every combination of these
//! seed = [0, 1, 2]
//! "optimizer.lr" = [1e-3, 1e-4]
//! ```

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::recipe::read::{RecipeError, RecipeText, line_and_column};

/// Why a grid can't be used.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// The file could not be read.
    #[error("{path}: could not be read: {reason}")]
    Read {
        /// The grid's file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{origin}: {message}")]
    Text {
        /// The grid's file.
        origin: String,
        /// The parser's words, with line, column and the line itself.
        message: String,
    },
    /// A key that can't be used, or with a value that can't be.
    #[error("{origin}: {key}: found {found}, expected {expected}")]
    Value {
        /// The grid's file, with line and column.
        origin: String,
        /// The key.
        key: String,
        /// What it holds.
        found: String,
        /// What it could hold.
        expected: String,
    },
    /// The recipe that the grid starts from can't be used.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// One of the grid's runs can't be trained as it is described.
    #[error("{origin}: {run}: {reason}")]
    Run {
        /// The grid's file.
        origin: String,
        /// The run, by its setting and values.
        run: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a grid asks for.
#[derive(Clone, Debug)]
pub struct Grid {
    /// What the sweep and its folder are called.
    pub name: String,
    /// The grid's file, which stands in front of every error.
    pub origin: String,
    /// The recipe that settings, and stages without one of their own, start from.
    pub recipe: Option<RecipeText>,
    /// What is changed for every setting.
    pub set: Vec<Change>,
    /// What is trained before the settings, in order.
    pub stages: Vec<Stage>,
    /// The named points.
    pub settings: Vec<Setting>,
    /// What every setting is combined with.
    pub axes: Vec<Axis>,
}

/// A value of the recipe that a grid changes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The dotted key.
    pub key: String,
    value: Value,
}

/// A run that others start from.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What `stage://NAME` calls it.
    pub name: String,
    /// Its own recipe.
    pub recipe: Option<RecipeText>,
    /// What it changes.
    pub set: Vec<Change>,
}

/// A named point: a row of the table.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What the row is called.
    pub name: String,
    /// What it changes.
    pub set: Vec<Change>,
}

/// A key of the recipe with all the values that it is to have.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The dotted key.
    pub key: String,
    /// The changes, one for each value.
    pub changes: Vec<Change>,
}

impl Change {
    fn new(key: &str, mut value: Value) -> Self {
        // Line breaks and comments around an array's element.
        value.decor_mut().clear();
        Self { key: key.to_owned(), value }
    }

    /// The change as `--set` takes it.
    #[must_use]
    pub fn as_override(&self) -> String {
        format!("{}={}", self.key, self.value)
    }

    /// The value as a person would say it: as it is written, without quotes.
    #[must_use]
    pub fn words(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned)
    }

    /// Whether the value is a number, a word or a switch, rather than a list or a table.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        !self.value.is_array() && !self.value.is_inline_table()
    }
}

impl Grid {
    /// Reads a grid's file. Recipes that it names by path are found relative to it.
    ///
    /// # Errors
    /// [`GridError`] points at the place of what can't be used.
    pub fn from_file(path: &Path) -> Result<Self, GridError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| GridError::Read { path: path.into(), reason })?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::read(&text, &path.display().to_string(), &name, folder)
    }

    /// Reads a grid's text; `name` is what it is called if it doesn't say, `folder` is where the
    /// recipes are that it names.
    ///
    /// # Errors
    /// As [`Grid::from_file`].
    pub fn read(text: &str, origin: &str, name: &str, folder: &Path) -> Result<Self, GridError> {
        let document: DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| GridError::Text {
                origin: origin.to_owned(),
                message: error.to_string().trim_end().to_owned(),
            })?;
        let reader = Reader { origin, text, folder };
        let root = document.as_table();
        reader.only(root, &[], &["name", "recipe", "set", "stage", "setting", "axes"])?;
        let name = reader.text_of(root, &[], "name")?.unwrap_or_else(|| name.to_owned());
        let is_plain = name.contains(char::is_alphanumeric)
            && !name.starts_with('.')
            && !name.contains(['/', '\\', ':'])
            && !name.contains(char::is_control);
        if !is_plain {
            let expected = "a name that can be a folder's, such as \"learning-rates\"";
            return Err(reader.wrong(&["name"], &format!("{name:?}"), expected));
        }
        let entries = |key: &'static str| reader.entries(root, key);
        let grid = Self {
            name,
            origin: origin.to_owned(),
            recipe: reader.recipe(root, &[])?,
            set: reader.changes(root, &[])?,
            stages: entries("stage")?
                .into_iter()
                .map(|(number, table)| {
                    let path = ["stage", &number];
                    reader.only(table, &path, &["name", "recipe", "set"])?;
                    let name = reader.required_name(table, &path)?;
                    let recipe = reader.recipe(table, &path)?;
                    Ok(Stage { name, recipe, set: reader.changes(table, &path)? })
                })
                .collect::<Result<_, GridError>>()?,
            settings: entries("setting")?
                .into_iter()
                .map(|(number, table)| {
                    let path = ["setting", &number];
                    reader.only(table, &path, &["name", "set"])?;
                    let name = reader.required_name(table, &path)?;
                    Ok(Setting { name, set: reader.changes(table, &path)? })
                })
                .collect::<Result<_, GridError>>()?,
            axes: reader.axes(root)?,
        };
        if grid.recipe.is_none() {
            let expected = "the path of a recipe, or the recipe itself as a table [recipe]";
            return Err(reader.wrong(&["recipe"], "nothing", expected));
        }
        grid.check_names(&reader)?;
        Ok(grid)
    }

    fn check_names(&self, reader: &Reader<'_>) -> Result<(), GridError> {
        let stages: Vec<&str> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
        let settings: Vec<&str> = self.settings.iter().map(|each| each.name.as_str()).collect();
        for (table, names) in [("stage", stages), ("setting", settings)] {
            for (number, name) in names.iter().enumerate() {
                if names[..number].contains(name) {
                    let path = [table, &number.to_string(), "name"];
                    return Err(reader.wrong(&path, &format!("{name:?} again"), "another name"));
                }
            }
        }
        for axis in &self.axes {
            // A value that an axis goes over would be set in vain elsewhere.
            let mut set = self.set.iter().chain(self.settings.iter().flat_map(|each| &each.set));
            if set.any(|change| change.key == axis.key) {
                let path = ["axes", &axis.key];
                let expected = "a key that is set there or here, not in both places";
                return Err(reader.wrong(&path, "a key that is also in a `set`", expected));
            }
        }
        Ok(())
    }
}

/// Reads tables of a grid, and knows where everything stands in its text.
struct Reader<'a> {
    origin: &'a str,
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    /// An error about what stands at a path of keys and of positions in lists.
    fn wrong(&self, path: &[&str], found: &str, expected: &str) -> GridError {
        let place = self.span(path).and_then(|span| line_and_column(self.text, span.start));
        let origin = match place {
            Some((line, column)) => format!("{}:{line}:{column}", self.origin),
            None => self.origin.to_owned(),
        };
        let names: Vec<&str> =
            path.iter().copied().filter(|part| part.parse::<usize>().is_err()).collect();
        let key = names.join(".");
        GridError::Value { origin, key, found: found.to_owned(), expected: expected.to_owned() }
    }

    /// Where a path leads in the text, as far as it can be followed.
    fn span(&self, path: &[&str]) -> Option<std::ops::Range<usize>> {
        let document = toml_edit::Document::parse(self.text).ok()?;
        let mut table: &dyn TableLike = document.as_table();
        let mut span = None;
        let mut parts = path.iter();
        while let Some(item) = parts.next().and_then(|part| table.get(part)) {
            span = item.span();
            if let Some(list) = item.as_array_of_tables() {
                let entry = list.get(parts.next()?.parse().ok()?)?;
                span = entry.span();
                table = entry;
            } else if let Some(inner) = item.as_table_like() {
                table = inner;
            } else {
                break;
            }
        }
        span
    }

    /// Refuses every key but these.
    fn only(&self, table: &dyn TableLike, path: &[&str], known: &[&str]) -> Result<(), GridError> {
        match table.iter().find(|(key, _)| !known.contains(key)) {
            None => Ok(()),
            Some((key, _)) => {
                let path: Vec<&str> = path.iter().copied().chain([key]).collect();
                Err(self.wrong(&path, "an unknown key", &format!("one of {}", known.join(", "))))
            }
        }
    }

    fn text_of(
        &self,
        table: &dyn TableLike,
        path: &[&str],
        key: &str,
    ) -> Result<Option<String>, GridError> {
        let Some(item) = table.get(key) else { return Ok(None) };
        let path: Vec<&str> = path.iter().copied().chain([key]).collect();
        match item.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(self.wrong(&path, kind(item), "text")),
        }
    }

    fn required_name(&self, table: &Table, path: &[&str]) -> Result<String, GridError> {
        let name = self.text_of(table, path, "name")?;
        let path: Vec<&str> = path.iter().copied().chain(["name"]).collect();
        name.filter(|name| name.contains(char::is_alphanumeric))
            .ok_or_else(|| self.wrong(&path, "no name", "a name with letters or digits"))
    }

    /// The tables of `[[key]]`, with their numbers for [`Reader::wrong`].
    fn entries<'t>(
        &self,
        root: &'t Table,
        key: &'static str,
    ) -> Result<Vec<(String, &'t Table)>, GridError> {
        let Some(item) = root.get(key) else { return Ok(Vec::new()) };
        let list = item.as_array_of_tables().ok_or_else(|| {
            self.wrong(&[key], kind(item), &format!("tables, each under a line [[{key}]]"))
        })?;
        Ok(list.iter().enumerate().map(|(number, table)| (number.to_string(), table)).collect())
    }

    /// A recipe: a path, or the recipe itself.
    fn recipe(&self, table: &Table, path: &[&str]) -> Result<Option<RecipeText>, GridError> {
        let Some(item) = table.get("recipe") else { return Ok(None) };
        if let Some(file) = item.as_str() {
            return Ok(Some(RecipeText::from_file(&self.folder.join(file))?));
        }
        let Some(table) = item.as_table() else {
            let path: Vec<&str> = path.iter().copied().chain(["recipe"]).collect();
            return Err(self.wrong(&path, kind(item), "a recipe's path, or a recipe as a table"));
        };
        let mut table = table.clone();
        // As `recipe.seed = 1` it would have no place of its own to be written at.
        table.set_dotted(false);
        let text = DocumentMut::from(table).to_string();
        Ok(Some(RecipeText::new(format!("{}: [recipe]", self.origin), text)))
    }

    fn changes(&self, table: &Table, path: &[&str]) -> Result<Vec<Change>, GridError> {
        let mut changes = Vec::new();
        if let Some(item) = table.get("set") {
            let path: Vec<&str> = path.iter().copied().chain(["set"]).collect();
            let table = item.as_table_like().ok_or_else(|| {
                self.wrong(&path, kind(item), "a table such as { \"train.epochs\" = 40 }")
            })?;
            self.flatten(table, &path, "", &mut changes)?;
        }
        Ok(changes)
    }

    fn axes(&self, root: &Table) -> Result<Vec<Axis>, GridError> {
        let Some(item) = root.get("axes") else { return Ok(Vec::new()) };
        let expected = "a table such as seed = [0, 1, 2]";
        let table =
            item.as_table_like().ok_or_else(|| self.wrong(&["axes"], kind(item), expected))?;
        let mut lists = Vec::new();
        self.flatten(table, &["axes"], "", &mut lists)?;
        let axis = |Change { key, value }: Change| match value.as_array() {
            Some(values) if !values.is_empty() => {
                let changes = values.iter().map(|value| Change::new(&key, value.clone())).collect();
                Ok(Axis { key, changes })
            }
            Some(_) => Err(self.wrong(&["axes", &key], "no values", "a list of one or more")),
            None => Err(self.wrong(&["axes", &key], value.type_name(), "a list of values")),
        };
        lists.into_iter().map(axis).collect()
    }

    /// The changes of a table: `"train.epochs" = 40`, `train.epochs = 40` and a table `[set.train]`
    /// mean the same. A table in braces is a value.
    fn flatten(
        &self,
        table: &dyn TableLike,
        path: &[&str],
        prefix: &str,
        changes: &mut Vec<Change>,
    ) -> Result<(), GridError> {
        for (name, item) in table.iter() {
            let key = format!("{prefix}{name}");
            let path: Vec<&str> = path.iter().copied().chain([name]).collect();
            let prefix = format!("{key}.");
            match item {
                Item::Table(inner) => self.flatten(inner, &path, &prefix, changes)?,
                Item::Value(Value::InlineTable(inner)) if inner.is_dotted() => {
                    self.flatten(inner, &path, &prefix, changes)?;
                }
                Item::Value(value) => changes.push(Change::new(&key, value.clone())),
                _ => return Err(self.wrong(&path, kind(item), "a value")),
            }
        }
        Ok(())
    }
}

/// What an item is, for messages.
fn kind(item: &Item) -> &'static str {
    match item {
        Item::Value(value) => value.type_name(),
        Item::Table(_) => "a table",
        Item::ArrayOfTables(_) => "a list of tables",
        Item::None => "nothing",
    }
}
