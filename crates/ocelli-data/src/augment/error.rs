//! What a list of transforms can have wrong with it.

use std::fmt::Display;

/// A setting of the augmentation that can't be used, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: found {found}, expected {expected}")]
pub struct AugmentError {
    /// The position and key, as in `augment[2].color_jitter.hue`; positions count from 0.
    pub at: String,
    /// What stands there.
    pub found: String,
    /// What would be accepted.
    pub expected: String,
}

/// Where in the recipe the settings under scrutiny stand.
#[derive(Clone, Debug)]
pub(crate) struct Place(pub(crate) String);

impl Place {
    pub(crate) fn key(&self, key: impl Display) -> Self {
        if self.0.is_empty() { Self(key.to_string()) } else { Self(format!("{}.{key}", self.0)) }
    }

    pub(crate) fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    pub(crate) fn refuse(&self, found: impl Display, expected: impl Display) -> AugmentError {
        AugmentError {
            at: self.0.clone(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    pub(crate) fn require(
        &self,
        holds: bool,
        found: impl Display,
        expected: impl Display,
    ) -> Result<(), AugmentError> {
        if holds { Ok(()) } else { Err(self.refuse(found, expected)) }
    }

    pub(crate) fn probability(&self, p: f64) -> Result<(), AugmentError> {
        self.require((0.0..=1.0).contains(&p), p, "a probability from 0 to 1")
    }

    /// `[min, max]` with both ends finite, in order and within the bounds.
    pub(crate) fn ordered(
        &self,
        [low, high]: [f64; 2],
        accepts: impl Fn(f64) -> bool,
        expected: impl Display,
    ) -> Result<(), AugmentError> {
        let finite = low.is_finite() && high.is_finite();
        self.require(
            finite && low <= high && accepts(low) && accepts(high),
            format_args!("[{low}, {high}]"),
            expected,
        )
    }
}
