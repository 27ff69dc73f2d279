//! The class as a part of the file name.

use std::collections::HashSet;

use regex::Regex;

use super::labels::Named;
use super::listing::{Entry, Listing, stem};
use super::{DEFAULT_NAME_PATTERN, SourceError, SourceOptions};

/// A pattern that finds the class in a file's name.
pub(super) struct NamePattern {
    regex: Regex,
}

impl NamePattern {
    pub(super) fn new(options: &SourceOptions) -> Result<Self, SourceError> {
        let pattern = options.name_pattern.as_deref().unwrap_or(DEFAULT_NAME_PATTERN);
        let fail = |reason| SourceError::Pattern { pattern: pattern.to_owned(), reason };
        let regex = Regex::new(pattern).map_err(|error| fail(error.to_string()))?;
        if !regex.capture_names().any(|name| name == Some("class")) {
            return Err(fail("it has no group named class, as in (?P<class>…)".to_owned()));
        }
        Ok(Self { regex })
    }

    fn class<'a>(&self, path: &'a str) -> Option<&'a str> {
        let class = self.regex.captures(stem(path))?.name("class")?;
        (!class.is_empty()).then_some(class.as_str())
    }

    /// Labels every picture.
    pub(super) fn label(
        &self,
        listing: &Listing,
        entries: &[Entry],
    ) -> Result<Vec<Named>, SourceError> {
        let unmatched: Vec<String> = entries
            .iter()
            .filter(|entry| self.class(&entry.path).is_none())
            .map(|entry| entry.path.clone())
            .collect();
        if !unmatched.is_empty() {
            return Err(SourceError::Unmatched {
                location: listing.root.clone(),
                pattern: self.regex.as_str().to_owned(),
                total: entries.len(),
                unmatched,
            });
        }
        let named = entries.iter().map(|entry| Named {
            name: listing.full_name(&entry.path),
            location: entry.location.clone(),
            class: self.class(&entry.path).map(str::to_owned),
        });
        Ok(named.collect())
    }

    /// Whether the names look like labels without being told so: every name fits, there are at
    /// least two classes (a camera's `IMG_0001` is one), and two pictures a class on average.
    pub(super) fn is_convincing(&self, entries: &[Entry]) -> bool {
        let mut classes = HashSet::new();
        for entry in entries {
            match self.class(&entry.path) {
                Some(class) => classes.insert(class),
                None => return false,
            };
        }
        classes.len() >= 2 && entries.len() >= 2 * classes.len()
    }
}
