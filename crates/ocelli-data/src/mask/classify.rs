//! From a mask file's values to classes.

use std::collections::HashMap;

use super::Palette;
use super::error::{Strange, StrangeValue};
use super::raw::{Raw, RawPixels};
use crate::decode::Format;
use crate::picture::Mask;

/// How many different strange values are told apart: a JPEG may have millions.
const MOST_TOLD_APART: usize = 1024;

/// What a mask file says.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) format: Format,
    /// Strange pixels are ignored ones here.
    pub(crate) mask: Mask,
    pub(crate) strange: Option<Strange>,
}

/// Gives every pixel its class.
///
/// A file of colours is looked up by colour. So is a palette PNG all of whose colours the palette
/// file knows: programs order a file's own list as they like. So is a gray file where the palette
/// file has only shades of gray, and all of the file's. All others hold indices.
pub(crate) fn read(raw: &Raw, palette: &Palette) -> Reading {
    let mut counter = Counter::default();
    let labels = match &raw.pixels {
        RawPixels::Gray(values) => {
            if palette.is_gray() && values.iter().all(|&value| knows_gray(palette, value)) {
                let shades = values.iter().map(|&value| [value as u8; 3]);
                of_colors(shades, palette, &mut counter)
            } else {
                of_values(values, palette, &mut counter)
            }
        }
        RawPixels::Indexed { indices, colors } => {
            let known = |color: &[u8; 3]| palette.class_of_color(*color).is_some();
            if palette.has_colors() && colors.len() >= 2 && colors.iter().all(known) {
                let color = |&index: &u16| colors.get(index as usize).copied().unwrap_or_default();
                of_colors(indices.iter().map(color), palette, &mut counter)
            } else {
                of_values(indices, palette, &mut counter)
            }
        }
        RawPixels::Colors(colors) => {
            let is_gray = |[red, green, blue]: &[u8; 3]| red == green && green == blue;
            if !palette.has_colors() && colors.iter().all(is_gray) {
                let values: Vec<u16> = colors.iter().map(|color| u16::from(color[0])).collect();
                of_values(&values, palette, &mut counter)
            } else {
                of_colors(colors.iter().copied(), palette, &mut counter)
            }
        }
    };
    let mask = Mask::new(raw.width, raw.height, labels);
    let strange = counter.finish(raw, palette);
    Reading { format: raw.format, mask, strange }
}

fn knows_gray(palette: &Palette, value: u16) -> bool {
    u8::try_from(value).is_ok_and(|shade| palette.class_of_color([shade; 3]).is_some())
}

/// Pixels without a class, by what they hold.
#[derive(Default)]
struct Counter {
    pixels: u64,
    by_value: HashMap<StrangeValue, u64>,
}

impl Counter {
    fn add(&mut self, value: StrangeValue) {
        self.pixels += 1;
        if self.by_value.len() < MOST_TOLD_APART || self.by_value.contains_key(&value) {
            *self.by_value.entry(value).or_default() += 1;
        }
    }

    fn finish(self, raw: &Raw, palette: &Palette) -> Option<Strange> {
        if self.pixels == 0 {
            return None;
        }
        let mut values: Vec<_> = self.by_value.into_iter().collect();
        values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        Some(Strange::new(raw, palette, values, self.pixels))
    }
}

fn of_values(values: &[u16], palette: &Palette, counter: &mut Counter) -> Vec<u8> {
    let table: [Option<u8>; 256] =
        std::array::from_fn(|value| palette.class_of_value(value as u16));
    let class = |&value: &u16| {
        let known = match table.get(value as usize) {
            Some(known) => *known,
            None => palette.class_of_value(value),
        };
        known.unwrap_or_else(|| {
            counter.add(StrangeValue::Value(value));
            Mask::IGNORE
        })
    };
    values.iter().map(class).collect()
}

fn of_colors(
    colors: impl Iterator<Item = [u8; 3]>,
    palette: &Palette,
    counter: &mut Counter,
) -> Vec<u8> {
    // Neighbours mostly have one colour.
    let mut last = ([0; 3], palette.class_of_color([0; 3]));
    let class = |color| {
        if color != last.0 {
            last = (color, palette.class_of_color(color));
        }
        last.1.unwrap_or_else(|| {
            counter.add(StrangeValue::Color(color));
            Mask::IGNORE
        })
    };
    colors.map(class).collect()
}
