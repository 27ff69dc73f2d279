//! What can be wrong with a recipe table once its keys and types have been read.
//!
//! Unknown keys and wrong types are refused by serde, with line and column. What is left are
//! rules between keys: a key that the named kind has no use for, a value out of range, a key
//! that the named kind cannot do without. [`ConfigError::key`] names the key at fault, so
//! that the reader of the recipe can point at its line.

use thiserror::Error;

/// A recipe table whose keys are known but do not fit together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key was given that the named kind has no use for; accepting it would hide a mistake.
    #[error("`{key}` does not apply to {owner}: {reason}. Remove it; {owner} takes {applies}")]
    Inapplicable {
        /// The key at fault.
        key: &'static str,
        /// The kind that the table names, such as "optimizer `adamw`".
        owner: String,
        /// Why the key has no meaning there.
        reason: String,
        /// The keys that do apply.
        applies: String,
    },
    /// A value lies outside of what the key allows.
    #[error("`{key}` is {found}, expected {expected}")]
    OutOfRange {
        /// The key at fault.
        key: &'static str,
        /// The value that was given.
        found: String,
        /// The values that are allowed.
        expected: String,
    },
    /// A key that has no sensible default was left out.
    #[error("`{key}` is missing: {owner} needs it. Add for example `{example}`")]
    Missing {
        /// The key at fault.
        key: &'static str,
        /// The kind that the table names, such as "schedule `step`".
        owner: String,
        /// A line that would do.
        example: &'static str,
    },
    /// A name or pattern of parameters that chooses none.
    #[error("`{key}` names {found:?}, which is no part of the model; its parts are {parts}")]
    Unmatched {
        /// The key at fault.
        key: &'static str,
        /// The name or pattern.
        found: String,
        /// The model's parts.
        parts: String,
    },
}

impl ConfigError {
    /// The key at fault, without its table.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Inapplicable { key, .. }
            | Self::OutOfRange { key, .. }
            | Self::Missing { key, .. }
            | Self::Unmatched { key, .. } => key,
        }
    }
}

/// The keys that one kind of a table understands, and why it has no use for the others.
pub(crate) struct Keys<'a> {
    /// The kind, as messages name it.
    pub(crate) owner: String,
    /// The keys that apply, in the order in which messages list them.
    pub(crate) applies: &'a [&'static str],
}

impl Keys<'_> {
    /// Refuses `key` where it was given although the kind has no use for it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Inapplicable`], with `reason`.
    pub(crate) fn check(
        &self,
        key: &'static str,
        given: bool,
        reason: &str,
    ) -> Result<(), ConfigError> {
        if !given || self.applies.contains(&key) {
            return Ok(());
        }
        Err(ConfigError::Inapplicable {
            key,
            owner: self.owner.clone(),
            reason: reason.to_owned(),
            applies: self.listed(),
        })
    }

    fn listed(&self) -> String {
        match self.applies {
            [] => "no further key".to_owned(),
            keys => keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Refuses a value outside of its range; NaN lies outside of every range.
///
/// # Errors
///
/// [`ConfigError::OutOfRange`], naming `expected`.
pub(crate) fn check_range(
    key: &'static str,
    value: f64,
    allowed: bool,
    expected: &str,
) -> Result<f64, ConfigError> {
    if allowed && value.is_finite() {
        return Ok(value);
    }
    Err(ConfigError::OutOfRange { key, found: value.to_string(), expected: expected.to_owned() })
}
