//! `[colorize]`: which numbers stand for colours.

use serde::{Deserialize, Serialize};

/// Which numbers stand for colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorizeSection {
    /// What the network answers.
    pub space: ColorSpace,
}

/// What a colorization network is given and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColorSpace {
    /// Given the lightness of CIE Lab, it answers the two channels a and b. The lightness stays what
    /// it was.
    #[default]
    Lab,
    /// Given gray (the luma of ITU-R BT.601), it answers red, green and blue.
    Rgb,
}

impl ColorSpace {
    /// Channels that the network answers.
    #[must_use]
    pub fn outputs(self) -> usize {
        match self {
            Self::Lab => 2,
            Self::Rgb => 3,
        }
    }
}
