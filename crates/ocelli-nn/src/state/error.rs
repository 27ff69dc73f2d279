use std::fmt::{self, Display, Formatter};

use thiserror::Error;

/// A key whose array is not what the model has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The key.
    pub key: String,
    /// The model's shape.
    pub expected: Vec<usize>,
    /// The state dict's shape.
    pub found: Vec<usize>,
    /// The model's element type.
    pub expected_type: &'static str,
    /// The state dict's element type.
    pub found_type: &'static str,
}

/// Why a state dict doesn't fit a model. The model is as it was.
#[derive(Clone, Debug, Default, Error, PartialEq, Eq)]
pub struct StateDictError {
    /// Keys that the model has and the state dict lacks.
    pub missing: Vec<String>,
    /// Keys that the state dict has and the model lacks.
    pub unexpected: Vec<String>,
    /// Keys that both have, with different shapes or element types.
    pub mismatched: Vec<ShapeMismatch>,
}

impl StateDictError {
    pub(super) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatched.is_empty()
    }
}

/// Keys spelled out per list; beyond it their number is told.
const LISTED: usize = 8;

impl Display for StateDictError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("the weights don't fit the model:")?;
        let mismatched: Vec<String> = self.mismatched.iter().map(ToString::to_string).collect();
        for (title, lines) in [
            ("missing from the weights", &self.missing),
            ("not in the model", &self.unexpected),
            ("of another shape", &mismatched),
        ] {
            if lines.is_empty() {
                continue;
            }
            write!(formatter, "\n  {title} ({}):", lines.len())?;
            for line in lines.iter().take(LISTED) {
                write!(formatter, "\n    {line}")?;
            }
            if lines.len() > LISTED {
                write!(formatter, "\n    and {} more", lines.len() - LISTED)?;
            }
        }
        if let Some(prefix) = self.prefix_in_the_way() {
            write!(formatter, "\n  every key of the weights starts with {prefix:?}: strip it")?;
        }
        Ok(())
    }
}

impl StateDictError {
    /// The prefix (`module.`, `backbone.`) without which every unexpected key would be a missing
    /// one: the commonest reason for weights that don't fit.
    fn prefix_in_the_way(&self) -> Option<&str> {
        let first = self.unexpected.first()?;
        let (end, _) = first
            .match_indices('.')
            .find(|(dot, _)| self.missing.iter().any(|missing| missing == &first[dot + 1..]))?;
        let prefix = &first[..=end];
        let stripped = |key: &String| {
            key.strip_prefix(prefix).is_some_and(|rest| self.missing.iter().any(|m| m == rest))
        };
        self.unexpected.iter().all(stripped).then_some(prefix)
    }
}

impl Display for ShapeMismatch {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { key, expected, found, expected_type, found_type } = self;
        if expected_type == found_type {
            write!(formatter, "{key}: the model has {expected:?}, the weights {found:?}")
        } else {
            write!(
                formatter,
                "{key}: the model has {expected_type} {expected:?}, the weights {found_type} {found:?}"
            )
        }
    }
}
