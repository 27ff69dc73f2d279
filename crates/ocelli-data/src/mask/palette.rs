//! Which classes masks have, and what stands for each.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

mod read;
#[cfg(test)]
mod tests;

/// The most classes that a [`Mask`](crate::Mask) can tell apart.
pub(crate) const MAX_CLASSES: usize = 255;

/// A class of a [`Palette`], or a value that counts for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaletteClass {
    /// The index that stands for it in mask files.
    pub value: u16,
    /// Its name.
    pub name: String,
    /// The colour that stands for it, in mask files or only in figures.
    pub color: [u8; 3],
}

/// What a recipe says about ignored pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaletteOptions {
    /// Indices that count for no class. By default 255 where it is no class of the palette file,
    /// and the classes whose name says so: `unlabelled`, `void`, `ignore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<Vec<u16>>,
    /// Colours that count for no class, beside those of ignored indices.
    pub ignore_colors: Vec<[u8; 3]>,
}

pub(crate) use read::is_palette;

/// Why there is no palette.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaletteError {
    /// The file can't be read as a table of classes.
    #[error(
        "{name}: {reason}; expected the columns index,name,r,g,b with one class a line \
         (index and colours may be left out)"
    )]
    Table {
        /// The file.
        name: String,
        /// What is wrong, with the line where known.
        reason: String,
    },
    /// Two rows claim the same index, colour or name.
    #[error("{name}: {what} stands for two classes, {first} and {second}; expected one")]
    Twice {
        /// The file.
        name: String,
        /// The index, colour or name.
        what: String,
        /// The class that had it first.
        first: String,
        /// The other.
        second: String,
    },
    /// More classes than a mask can hold.
    #[error("{name}: found {found} classes that are not ignored, expected 1 to {MAX_CLASSES}")]
    Count {
        /// The file.
        name: String,
        /// How many there are.
        found: usize,
    },
}

/// The default for ignored pixels in nearly every dataset and tool.
const DEFAULT_IGNORE: u16 = 255;

/// Names that say of themselves that they are no class.
const IGNORED_NAMES: [&str; 12] = [
    "unlabelled",
    "unlabeled",
    "void",
    "ignore",
    "ignored",
    "unknown",
    "undefined",
    "don't care",
    "dontcare",
    "out of roi",
    "ego vehicle",
    "rectification border",
];

/// The classes of a dataset's masks, and the indices and colours that stand for them.
///
/// A class's number is its position among the classes that are not ignored, in the order of their
/// indices. It is what [`Mask`](crate::Mask) holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    classes: Vec<PaletteClass>,
    ignored: Vec<PaletteClass>,
    has_colors: bool,
    by_value: BTreeMap<u16, u8>,
    by_color: BTreeMap<[u8; 3], u8>,
    ignored_values: BTreeSet<u16>,
    ignored_colors: BTreeSet<[u8; 3]>,
}

impl Palette {
    /// Reads a palette file: a CSV with the columns `index`, `name` and `r`, `g`, `b`. `name` is
    /// its name, for errors. Without `index`, rows count from 0; without colours, masks have to
    /// hold indices, and colours are made up for figures.
    ///
    /// # Errors
    /// [`PaletteError`].
    pub fn read(name: &str, bytes: &[u8], options: &PaletteOptions) -> Result<Self, PaletteError> {
        let (rows, has_colors) = read::rows(name, bytes)?;
        Self::build(name, rows, has_colors, options)
    }

    /// `count` classes called `0`, `1`, … with made-up colours, for masks that hold indices.
    /// Ignored indices get no class, so there are fewer where some are below `count`.
    ///
    /// # Errors
    /// [`PaletteError::Count`] for none or more than 255.
    pub fn numbered(
        name: &str,
        count: usize,
        options: &PaletteOptions,
    ) -> Result<Self, PaletteError> {
        let too_many = count > MAX_CLASSES + 1;
        let rows = (0..count.min(MAX_CLASSES + 1) as u16).map(|value| PaletteClass {
            value,
            name: value.to_string(),
            color: voc_color(value),
        });
        let palette = Self::build(name, rows.collect(), false, options)?;
        if too_many {
            return Err(PaletteError::Count { name: name.to_owned(), found: count });
        }
        Ok(palette)
    }

    /// `[value, name, colour]` rows that are known to be sound.
    pub(crate) fn of_parts(parts: &[(&str, [u8; 3])]) -> Self {
        let rows: Vec<PaletteClass> = (0..)
            .zip(parts)
            .map(|(value, (name, color))| PaletteClass {
                value,
                name: (*name).to_owned(),
                color: *color,
            })
            .collect();
        let classes = || (0..).zip(&rows);
        Self {
            has_colors: true,
            by_value: classes().map(|(class, row)| (row.value, class)).collect(),
            by_color: classes().map(|(class, row)| (row.color, class)).collect(),
            ignored: Vec::new(),
            ignored_values: BTreeSet::from([DEFAULT_IGNORE]),
            ignored_colors: BTreeSet::new(),
            classes: rows,
        }
    }

    fn build(
        name: &str,
        mut rows: Vec<PaletteClass>,
        has_colors: bool,
        options: &PaletteOptions,
    ) -> Result<Self, PaletteError> {
        rows.sort_by_key(|row| row.value);
        let ignored_values: BTreeSet<u16> = match &options.ignore_index {
            Some(values) => values.iter().copied().collect(),
            None => {
                let listed = rows.iter().any(|row| row.value == DEFAULT_IGNORE);
                let of_names = rows.iter().filter(|row| says_ignored(&row.name));
                let values = of_names.map(|row| row.value);
                values.chain((!listed).then_some(DEFAULT_IGNORE)).collect()
            }
        };
        let mut ignored_colors: BTreeSet<[u8; 3]> = options.ignore_colors.iter().copied().collect();
        let is_ignored = |row: &PaletteClass| {
            ignored_values.contains(&row.value)
                || (has_colors && options.ignore_colors.contains(&row.color))
        };
        let (ignored, classes): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_ignored);
        if !(1..=MAX_CLASSES).contains(&classes.len()) {
            return Err(PaletteError::Count { name: name.to_owned(), found: classes.len() });
        }
        let twice = |what: String, first: &PaletteClass, second: &PaletteClass| {
            let (first, second) = (first.name.clone(), second.name.clone());
            PaletteError::Twice { name: name.to_owned(), what, first, second }
        };
        let (mut by_value, mut by_color) = (BTreeMap::new(), BTreeMap::new());
        let mut by_name = BTreeMap::new();
        for (class, row) in (0..=u8::MAX).zip(&classes) {
            if let Some(first) = by_value.insert(row.value, class) {
                return Err(twice(format!("index {}", row.value), &classes[first as usize], row));
            }
            if let Some(first) = by_name.insert(row.name.as_str(), class) {
                return Err(twice(format!("name {:?}", row.name), &classes[first as usize], row));
            }
            if has_colors && let Some(first) = by_color.insert(row.color, class) {
                let [r, g, b] = row.color;
                return Err(twice(format!("colour {r},{g},{b}"), &classes[first as usize], row));
            }
        }
        let mut ignored_values = ignored_values;
        ignored_values.extend(ignored.iter().map(|row| row.value));
        if has_colors {
            // Several ignored rows may share a colour, often black; a class may not.
            for row in &ignored {
                if let Some(&class) = by_color.get(&row.color) {
                    let [r, g, b] = row.color;
                    let first = &classes[class as usize];
                    return Err(twice(format!("colour {r},{g},{b}"), first, row));
                }
                ignored_colors.insert(row.color);
            }
        }
        Ok(Self {
            classes,
            ignored,
            has_colors,
            by_value,
            by_color,
            ignored_values,
            ignored_colors,
        })
    }

    /// The palette of masks yet to be written: classes by number, and what is ignored.
    #[must_use]
    pub fn for_writing(classes: Vec<PaletteClass>, ignored: Vec<PaletteClass>) -> Self {
        let numbered = || (0..=u8::MAX).zip(&classes);
        Self {
            has_colors: true,
            by_value: numbered().map(|(class, row)| (row.value, class)).collect(),
            by_color: numbered().map(|(class, row)| (row.color, class)).collect(),
            ignored_values: match ignored.is_empty() {
                true => BTreeSet::from([DEFAULT_IGNORE]),
                false => ignored.iter().map(|row| row.value).collect(),
            },
            ignored_colors: ignored.iter().map(|row| row.color).collect(),
            classes,
            ignored,
        }
    }

    /// The classes, by number.
    #[must_use]
    pub fn classes(&self) -> &[PaletteClass] {
        &self.classes
    }

    /// Rows of the palette file that count for no class.
    #[must_use]
    pub fn ignored(&self) -> &[PaletteClass] {
        &self.ignored
    }

    /// The classes' names, by number.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.classes.iter().map(|class| class.name.clone()).collect()
    }

    /// Whether the palette file gives colours, so that masks may hold them.
    #[must_use]
    pub fn has_colors(&self) -> bool {
        self.has_colors
    }

    /// The colour of a class, or of ignored and unknown ones: that of the first ignored row, else
    /// black.
    #[must_use]
    pub fn color(&self, class: u8) -> [u8; 3] {
        let class = self.classes.get(class as usize).or(self.ignored.first());
        class.map_or([0; 3], |class| class.color)
    }

    /// The index that stands in files for a class, or for ignored and unknown ones: that of the
    /// first ignored row, else the least ignored index, else 255.
    #[must_use]
    pub fn value(&self, class: u8) -> u16 {
        let row = self.classes.get(class as usize).or(self.ignored.first());
        row.map(|row| row.value)
            .or_else(|| self.ignored_values.first().copied())
            .unwrap_or(DEFAULT_IGNORE)
    }

    /// The class that an index stands for, [`Mask::IGNORE`](crate::Mask::IGNORE) where it is
    /// ignored; `None` where the palette doesn't know it.
    #[must_use]
    pub fn class_of_value(&self, value: u16) -> Option<u8> {
        if self.ignored_values.contains(&value) {
            return Some(crate::Mask::IGNORE);
        }
        self.by_value.get(&value).copied()
    }

    /// The same for a colour.
    #[must_use]
    pub fn class_of_color(&self, color: [u8; 3]) -> Option<u8> {
        if self.ignored_colors.contains(&color) {
            return Some(crate::Mask::IGNORE);
        }
        self.by_color.get(&color).copied()
    }

    /// Whether all colours are gray, and not the indices themselves: then a gray file may hold
    /// colours.
    pub(crate) fn is_gray(&self) -> bool {
        let rows = || self.classes.iter().chain(&self.ignored);
        let differs = rows().any(|row| u16::from(row.color[0]) != row.value);
        let gray = |row: &PaletteClass| row.color[1..] == [row.color[0]; 2];
        self.has_colors && differs && rows().all(gray)
    }

    /// The indices that files may hold, for messages: `0 to 10, or 11 (ignored)`.
    pub(crate) fn expected_values(&self) -> String {
        let mut text = String::new();
        let mut values: Vec<u16> = self.by_value.keys().copied().collect();
        values.sort_unstable();
        for (position, run) in values.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            text.push_str(separator);
            match run {
                [one] => text.push_str(&one.to_string()),
                [first, .., last] => text.push_str(&format!("{first} to {last}")),
                [] => {}
            }
        }
        if !self.ignored_values.is_empty() {
            let ignored: Vec<_> = self.ignored_values.iter().take(5).map(u16::to_string).collect();
            text.push_str(&format!(", or {} (ignored)", ignored.join(", ")));
        }
        text
    }

    /// The same palette with classes numbered as in `names`: by name, never by number.
    ///
    /// # Errors
    /// The names of classes here that are not among `names`. A name without a class here is no
    /// obstacle: nothing is read as that class.
    pub fn with_classes(&self, names: &[String]) -> Result<Self, Vec<String>> {
        let mut numbers = Vec::with_capacity(self.classes.len());
        let mut unknown = Vec::new();
        for class in &self.classes {
            match names.iter().position(|name| *name == class.name) {
                Some(number) if number < MAX_CLASSES => numbers.push(number as u8),
                _ => unknown.push(class.name.clone()),
            }
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let taken: BTreeSet<u16> =
            self.by_value.keys().chain(&self.ignored_values).copied().collect();
        let mut free = (0..=u16::MAX).filter(|value| !taken.contains(value));
        let classes = names.iter().enumerate().map(|(number, name)| {
            let here = numbers.iter().position(|&other| other as usize == number);
            here.map(|here| self.classes[here].clone()).unwrap_or_else(|| PaletteClass {
                value: free.next().unwrap_or_default(),
                name: name.clone(),
                color: voc_color(number as u16),
            })
        });
        let classes = classes.collect();
        let renumber = |class: &u8| numbers[*class as usize];
        Ok(Self {
            classes,
            by_value: self
                .by_value
                .iter()
                .map(|(value, class)| (*value, renumber(class)))
                .collect(),
            by_color: self
                .by_color
                .iter()
                .map(|(color, class)| (*color, renumber(class)))
                .collect(),
            ..self.clone()
        })
    }
}

fn says_ignored(name: &str) -> bool {
    let plain = name.trim().to_lowercase().replace(['_', '-'], " ");
    IGNORED_NAMES.contains(&plain.as_str())
}

/// The colours of the PASCAL VOC development kit: the bits of the index, spread over the high bits
/// of the three channels. Neighbouring indices look different.
fn voc_color(index: u16) -> [u8; 3] {
    let mut color = [0u8; 3];
    for bit in 0..8u32 {
        for (channel, value) in color.iter_mut().enumerate() {
            let set = (u32::from(index) >> (3 * bit + channel as u32)) & 1;
            *value |= (set << (7 - bit)) as u8;
        }
    }
    color
}
