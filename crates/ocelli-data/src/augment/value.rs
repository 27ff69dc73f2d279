//! Values that a recipe may write as one number or as a list.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest list that any setting takes: left, top, right, bottom.
const LONGEST_LIST: usize = 4;

/// What a recipe wrote, before its meaning is known.
enum Written {
    Number(f64),
    List(Vec<f64>),
    Text(String),
}

impl Written {
    /// Reads a number, a short list of numbers or a string. An untagged enum would do the same,
    /// but its only message is that nothing matched.
    fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        expected: &'static str,
    ) -> Result<Self, D::Error> {
        struct Reader(&'static str);
        impl<'de> Visitor<'de> for Reader {
            type Value = Written;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.0)
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Written, E> {
                Ok(Written::Number(value as f64))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Written, E> {
                Ok(Written::Number(value as f64))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Written, E> {
                Ok(Written::Number(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Written, E> {
                Ok(Written::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Written, A::Error> {
                let mut list = Vec::with_capacity(LONGEST_LIST);
                while let Some(item) = items.next_element::<f64>()? {
                    if list.len() == LONGEST_LIST {
                        return Err(A::Error::invalid_length(LONGEST_LIST + 1, &self));
                    }
                    list.push(item);
                }
                Ok(Written::List(list))
            }
        }
        deserializer.deserialize_any(Reader(expected))
    }
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::List(list) => write!(formatter, "{list:?}"),
            Self::Text(text) => write!(formatter, "{text:?}"),
        }
    }
}

fn refuse<E: Error>(found: &Written, expected: &str) -> E {
    E::custom(format_args!("found {found}, expected {expected}"))
}

/// A whole number of pixels, if that is what it is.
fn pixels(value: f64) -> Option<u32> {
    let whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
    whole.then_some(value as u32)
}

/// A size in pixels: `224` or `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One number: for [`Resize`](super::Resize) the shorter side, elsewhere both sides.
    One(u32),
    /// Height and width.
    Both([u32; 2]),
}

impl Size {
    /// `[height, width]`, where one number stands for a square.
    #[must_use]
    pub fn square(self) -> [u32; 2] {
        match self {
            Self::One(side) => [side; 2],
            Self::Both(sides) => sides,
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(side) => side.serialize(serializer),
            Self::Both(sides) => sides.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "pixels as one whole number or [height, width]";
        let written = Written::read(deserializer, EXPECTED)?;
        let size = match &written {
            Written::Number(side) => pixels(*side).map(Self::One),
            Written::List(list) => match list[..] {
                [height, width] => {
                    pixels(height).zip(pixels(width)).map(|(h, w)| Self::Both([h, w]))
                }
                _ => None,
            },
            Written::Text(_) => None,
        };
        size.ok_or_else(|| refuse(&written, EXPECTED))
    }
}

/// A strength: one number, whose meaning the setting gives, or `[min, max]` to draw from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// One number.
    One(f64),
    /// Drawn uniformly between the two.
    Between([f64; 2]),
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(amount) => amount.serialize(serializer),
            Self::Between(range) => range.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a number or [min, max]";
        let written = Written::read(deserializer, EXPECTED)?;
        match &written {
            Written::Number(amount) => Ok(Self::One(*amount)),
            Written::List(list) if list.len() == 2 => Ok(Self::Between([list[0], list[1]])),
            _ => Err(refuse(&written, EXPECTED)),
        }
    }
}

/// Padding in pixels: one number for all sides, `[left and right, top and bottom]`, or
/// `[left, top, right, bottom]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Columns added on the left.
    pub left: u32,
    /// Rows added above.
    pub top: u32,
    /// Columns added on the right.
    pub right: u32,
    /// Rows added below.
    pub bottom: u32,
}

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.left, self.top, self.right, self.bottom].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "pixels as one whole number, [horizontal, vertical] or [left, top, right, bottom]";
        let written = Written::read(deserializer, EXPECTED)?;
        let sides = match &written {
            Written::Number(all) => vec![*all],
            Written::List(list) => list.clone(),
            Written::Text(_) => Vec::new(),
        };
        let whole: Option<Vec<u32>> = sides.into_iter().map(pixels).collect();
        match whole.as_deref() {
            Some(&[all]) => Ok(Self { left: all, top: all, right: all, bottom: all }),
            Some(&[across, down]) => {
                Ok(Self { left: across, top: down, right: across, bottom: down })
            }
            Some(&[left, top, right, bottom]) => Ok(Self { left, top, right, bottom }),
            _ => Err(refuse(&written, EXPECTED)),
        }
    }
}

/// A colour, 0 to 255 a channel: one number for all three, or `[red, green, blue]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a whole number from 0 to 255, or three of them: [red, green, blue]";
        let written = Written::read(deserializer, EXPECTED)?;
        let channels = match &written {
            Written::Number(all) => vec![*all; 3],
            Written::List(list) => list.clone(),
            Written::Text(_) => Vec::new(),
        };
        let bytes: Option<Vec<u8>> =
            channels.into_iter().map(|c| pixels(c).and_then(|c| u8::try_from(c).ok())).collect();
        match bytes.as_deref() {
            Some(&[red, green, blue]) => Ok(Self([red, green, blue])),
            _ => Err(refuse(&written, EXPECTED)),
        }
    }
}

/// What [`RandomErasing`](super::RandomErasing) writes, in units of the normalized picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Erasure {
    /// One value for all channels.
    One(f64),
    /// A value for red, green and blue.
    Channels([f64; 3]),
    /// Independent draws from the standard normal distribution.
    Random,
}

impl Serialize for Erasure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::Channels(values) => values.serialize(serializer),
            Self::Random => "random".serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Erasure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a number, [red, green, blue] or \"random\"";
        let written = Written::read(deserializer, EXPECTED)?;
        match &written {
            Written::Number(value) => Ok(Self::One(*value)),
            Written::List(list) if list.len() == 3 => {
                Ok(Self::Channels([list[0], list[1], list[2]]))
            }
            Written::Text(text) if text == "random" => Ok(Self::Random),
            _ => Err(refuse(&written, EXPECTED)),
        }
    }
}
