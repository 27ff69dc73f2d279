//! What to draw, as a location: `synth://birds?classes=8&count=800&size=64&seed=0`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

const SCHEME: &str = "synth://";
const BIRDS: &str = "birds";
const CLASSES: RangeInclusive<u64> = 2..=10_000;
const SIZES: RangeInclusive<u64> = 8..=4096;

/// How many birds of how many species, and how large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdsConfig {
    /// How many species: 2 to 10,000.
    pub classes: u32,
    /// How many pictures: at least one for every species.
    pub count: u64,
    /// Width and height of a picture, in pixels: 8 to 4096.
    pub size: u32,
    /// What everything is drawn from.
    pub seed: u64,
}

impl Default for BirdsConfig {
    fn default() -> Self {
        Self { classes: 8, count: 800, size: 64, seed: 0 }
    }
}

/// Why there is no sample data to be had.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The location names sample data that does not exist.
    #[error("there is no sample data '{found}'; what exists is {expected}")]
    UnknownData {
        /// The location as given.
        found: String,
        /// What exists.
        expected: &'static str,
    },
    /// The location has a setting that does not exist.
    #[error("'{location}' has the unknown setting '{key}'; expected one of {expected}")]
    UnknownKey {
        /// The location as given.
        location: String,
        /// The setting.
        key: String,
        /// The settings that exist.
        expected: &'static str,
    },
    /// A setting has a value that cannot be used.
    #[error("sample data: {key} is '{found}', expected {expected}")]
    BadValue {
        /// The setting.
        key: &'static str,
        /// Its value as given.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// The folder to write to has something in it already.
    #[error(
        "{path} is not empty: it holds '{found}'; expected a new or empty folder. \
         Choose another one, or remove what is there",
        path = path.display()
    )]
    FolderNotEmpty {
        /// The folder.
        path: PathBuf,
        /// Something that it holds.
        found: String,
    },
    /// A file or folder could not be written.
    #[error("{path}: could not be written: {reason}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        reason: std::io::Error,
    },
}

impl BirdsConfig {
    /// Reads a location such as `synth://birds?classes=8&count=800&size=64&seed=0`.
    ///
    /// Settings may come in any order, and those left out have their default. Where only
    /// `classes` is given and exceeds the default count, one must give `count` too.
    ///
    /// # Errors
    /// If the location names other data than `birds`, or a setting is unknown, given twice, no
    /// whole number or out of range. The message names the setting, what was found and what was
    /// expected.
    pub fn parse(location: &str) -> Result<Self, SynthError> {
        let unknown =
            || SynthError::UnknownData { found: location.to_owned(), expected: "synth://birds" };
        let rest = location.strip_prefix(SCHEME).ok_or_else(unknown)?;
        let (name, settings) = rest.split_once('?').unwrap_or((rest, ""));
        if name != BIRDS {
            return Err(unknown());
        }
        let mut config = Self::default();
        let mut seen = [false; 4];
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            let position = match key {
                "classes" => {
                    config.classes = number("classes", value, CLASSES)? as u32;
                    0
                }
                "count" => {
                    config.count = number("count", value, 1..=u64::MAX)?;
                    1
                }
                "size" => {
                    config.size = number("size", value, SIZES)? as u32;
                    2
                }
                "seed" => {
                    config.seed = number("seed", value, 0..=u64::MAX)?;
                    3
                }
                _ => {
                    return Err(SynthError::UnknownKey {
                        location: location.to_owned(),
                        key: key.to_owned(),
                        expected: "classes, count, size, seed",
                    });
                }
            };
            if std::mem::replace(&mut seen[position], true) {
                return Err(SynthError::BadValue {
                    key: ["classes", "count", "size", "seed"][position],
                    found: value.to_owned(),
                    expected: "to be given once".to_owned(),
                });
            }
        }
        config.check()?;
        Ok(config)
    }

    /// Whether every field is in its range.
    ///
    /// # Errors
    /// The first field that isn't, with its value and range.
    pub fn check(&self) -> Result<(), SynthError> {
        within("classes", u64::from(self.classes), &CLASSES)?;
        within("size", u64::from(self.size), &SIZES)?;
        if self.count < u64::from(self.classes) {
            return Err(SynthError::BadValue {
                key: "count",
                found: self.count.to_string(),
                expected: format!("at least one picture for each of the {} classes", self.classes),
            });
        }
        Ok(())
    }

    /// The location that [`parse`](Self::parse) reads back, with every setting written out.
    #[must_use]
    pub fn location(&self) -> String {
        let Self { classes, count, size, seed } = self;
        format!("{SCHEME}{BIRDS}?classes={classes}&count={count}&size={size}&seed={seed}")
    }
}

fn number(key: &'static str, text: &str, range: RangeInclusive<u64>) -> Result<u64, SynthError> {
    // `parse` alone would let a plus sign through, which a location must not have.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(value) if digits => within(key, value, &range).map(|()| value),
        _ => Err(out_of_range(key, text.to_owned(), &range)),
    }
}

fn within(key: &'static str, value: u64, range: &RangeInclusive<u64>) -> Result<(), SynthError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(out_of_range(key, value.to_string(), range))
}

fn out_of_range(key: &'static str, found: String, range: &RangeInclusive<u64>) -> SynthError {
    let expected = match (*range.start(), *range.end()) {
        (start, u64::MAX) => format!("a whole number from {start}"),
        (start, end) => format!("a whole number from {start} to {end}"),
    };
    SynthError::BadValue { key, found, expected }
}
