//! What can be wrong with a mask.

use std::fmt;
use std::io;

use serde::{Serialize, Serializer};

use super::Palette;
use super::raw::{Raw, RawPixels};
use crate::decode::{DecodeError, Format};

/// An index or colour that no class has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StrangeValue {
    /// An index.
    Value(u16),
    /// Red, green and blue.
    Color([u8; 3]),
}

impl fmt::Display for StrangeValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(formatter, "{value}"),
            Self::Color([red, green, blue]) => write!(formatter, "({red},{green},{blue})"),
        }
    }
}

impl Serialize for StrangeValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Color(color) => color.serialize(serializer),
        }
    }
}

/// The pixels of a mask that have no class, and why that may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strange {
    /// Each strange index or colour and its number of pixels, the commonest first; of very many
    /// some are left out.
    pub values: Vec<(StrangeValue, u64)>,
    /// How many pixels have none of the classes.
    pub pixels: u64,
    /// How many pixels the mask has.
    pub of: u64,
    /// What was expected.
    pub expected: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Strange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let colors = matches!(self.values.first(), Some((StrangeValue::Color(_), _)));
        let what = if colors { "colours" } else { "values" };
        let shown = self.values.iter().take(SHOWN);
        let shown: Vec<String> =
            shown.map(|(value, pixels)| format!("{value} in {pixels}")).collect();
        let more = self.values.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(
            formatter,
            "{} of {} pixels have {what} that are no class: {}{more}; expected {}; {}",
            self.pixels,
            self.of,
            shown.join(", "),
            self.expected,
            self.advice
        )
    }
}

impl Strange {
    pub(super) fn new(
        raw: &Raw,
        palette: &Palette,
        values: Vec<(StrangeValue, u64)>,
        pixels: u64,
    ) -> Self {
        let of = u64::from(raw.width) * u64::from(raw.height);
        let colors = matches!(values.first(), Some((StrangeValue::Color(_), _)));
        let expected = if colors && palette.has_colors() {
            "the colours of the palette file".to_owned()
        } else if colors {
            "indices in a gray or palette PNG, since no palette file gives colours".to_owned()
        } else {
            palette.expected_values()
        };
        let advice = advice(raw, palette, &values).to_owned();
        Self { values, pixels, of, expected, advice }
    }
}

fn advice(raw: &Raw, palette: &Palette, values: &[(StrangeValue, u64)]) -> &'static str {
    let only = |accepts: fn(StrangeValue) -> bool| values.iter().all(|&(value, _)| accepts(value));
    let gray = |value| matches!(value, StrangeValue::Color([r, g, b]) if r == g && g == b);
    if raw.format == Format::Jpeg {
        return "the mask is a JPEG, whose compression invents values: save masks as PNG, from the \
                original drawing";
    }
    if only(|value| matches!(value, StrangeValue::Value(255))) {
        return "where 255 is a class, as in black-and-white masks, list it in a palette.csv beside \
                the data (0,background,0,0,0 and 255,object,255,255,255); where it means nothing, \
                say ignore_index = 255";
    }
    if matches!(raw.pixels, RawPixels::Colors(_)) && !palette.has_colors() {
        return "write a palette.csv with the lines index,name,r,g,b beside the data, or name one \
                with data.palette";
    }
    if only(gray) && matches!(raw.pixels, RawPixels::Colors(_)) {
        return "the colours are gray: if they are indices, save the masks as gray PNG; else add \
                them to the palette file";
    }
    "add a line for each to the palette file, or name those to leave out as ignore_index or \
     ignore_colors"
}

/// Why a sample has no mask to learn from.
#[derive(Debug, thiserror::Error)]
pub enum MaskFault {
    /// Its bytes could not be read.
    #[error("could not be read: {0}")]
    Read(#[from] io::Error),
    /// Its bytes are no picture that we can decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It has another size than its picture.
    #[error(
        "{}x{} pixels, but its picture has {}x{}{}",
        found[1],
        found[0],
        expected[1],
        expected[0],
        if is_turned(*found, *expected) {
            "; height and width are exchanged: save the mask as viewers show the picture, which an \
             EXIF orientation may turn"
        } else {
            "; expected the same size: a mask must not be resized without its picture"
        }
    )]
    Size {
        /// The mask's `[height, width]`.
        found: [u32; 2],
        /// The upright picture's `[height, width]`.
        expected: [u32; 2],
    },
    /// Pixels without a class.
    #[error("{0}")]
    Strange(Box<Strange>),
    /// The sample has no mask at all.
    #[error("there is none, though other pictures of the dataset have one")]
    Missing,
    /// Nothing to learn from in any mask.
    #[error(
        "none of its pixels has a class, nor has any in {}: all are ignored. See which values the \
         palette file and ignore_index give to classes (`ocelli data check` counts them)",
        if *masks > 1 { format!("the {masks} masks") } else { "another mask".to_owned() }
    )]
    AllIgnored {
        /// How many masks were read.
        masks: usize,
    },
}

fn is_turned(found: [u32; 2], expected: [u32; 2]) -> bool {
    found == [expected[1], expected[0]]
}
