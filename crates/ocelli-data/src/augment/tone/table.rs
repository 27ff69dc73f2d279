//! Changes that replace each value by another, whatever stands around it.

use crate::picture::Picture;

/// What each value becomes.
type Table = [u8; 256];

const UNCHANGED: Table = {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        table[value] = value as u8;
        value += 1;
    }
    table
};

fn replace(picture: &mut Picture, table: impl Fn(u8) -> u8) {
    let table: Table = UNCHANGED.map(table);
    picture.pixels_mut().iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

pub(super) fn solarize(picture: &mut Picture, threshold: f64) {
    replace(picture, |value| if f64::from(value) < threshold { value } else { 255 - value });
}

pub(super) fn posterize(picture: &mut Picture, bits: u8) {
    let mask = u8::MAX << (8 - bits.clamp(1, 8));
    replace(picture, |value| value & mask);
}

pub(super) fn invert(picture: &mut Picture) {
    replace(picture, |value| 255 - value);
}

/// Builds a table for each channel from how often its values occur.
fn replace_by_histogram(picture: &mut Picture, table: impl Fn(&[u64; 256]) -> Table) {
    let mut histograms = [[0u64; 256]; 3];
    let (colors, _) = picture.pixels_mut().as_chunks_mut::<3>();
    for color in &*colors {
        for (histogram, value) in histograms.iter_mut().zip(color) {
            histogram[usize::from(*value)] += 1;
        }
    }
    let tables = histograms.each_ref().map(table);
    for color in colors {
        for (table, value) in tables.iter().zip(color) {
            *value = table[usize::from(*value)];
        }
    }
}

pub(super) fn auto_contrast(picture: &mut Picture) {
    replace_by_histogram(picture, |histogram| {
        let darkest = histogram.iter().position(|&count| count > 0);
        let lightest = histogram.iter().rposition(|&count| count > 0);
        match darkest.zip(lightest) {
            Some((darkest, lightest)) if darkest < lightest => {
                let scale = 255.0 / (lightest - darkest) as f64;
                let offset = -(darkest as f64) * scale;
                std::array::from_fn(|value| (value as f64 * scale + offset) as u8)
            }
            _ => UNCHANGED,
        }
    });
}

pub(super) fn equalize(picture: &mut Picture) {
    replace_by_histogram(picture, |histogram| {
        // The lightest value's pixels don't count: they become the full 255 in any case.
        let lightest = histogram.iter().rposition(|&count| count > 0).unwrap_or(0);
        let step = histogram[..lightest].iter().sum::<u64>() / 255;
        if step == 0 {
            return UNCHANGED;
        }
        let mut sum = step / 2;
        histogram.map(|count| {
            let value = (sum / step).min(255) as u8;
            sum += count;
            value
        })
    });
}
