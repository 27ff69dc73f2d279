//! Changes that replace each value by another, whatever stands around it.

use crate::picture::Picture;

/// What each of the 256 values becomes.
pub(super) struct Table([u8; 256]);

impl Table {
    /// Asks for each value in turn, from 0 up.
    pub(super) fn new(mut becomes: impl FnMut(u8) -> u8) -> Self {
        let mut table = [0; 256];
        for (value, entry) in (0..=u8::MAX).zip(&mut table) {
            *entry = becomes(value);
        }
        Self(table)
    }

    fn unchanged() -> Self {
        Self::new(|value| value)
    }

    fn of(&self, value: u8) -> u8 {
        self.0[usize::from(value)]
    }

    pub(super) fn apply(&self, picture: &mut Picture) {
        picture.pixels_mut().iter_mut().for_each(|value| *value = self.of(*value));
    }
}

pub(super) fn solarize(picture: &mut Picture, threshold: f64) {
    Table::new(|value| if f64::from(value) < threshold { value } else { 255 - value })
        .apply(picture);
}

pub(super) fn posterize(picture: &mut Picture, bits: u8) {
    let mask = u8::MAX << (8 - bits.clamp(1, 8));
    Table::new(|value| value & mask).apply(picture);
}

pub(super) fn invert(picture: &mut Picture) {
    Table::new(|value| 255 - value).apply(picture);
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
    let tables = [table(&histograms[0]), table(&histograms[1]), table(&histograms[2])];
    for color in colors {
        for (table, value) in tables.iter().zip(color) {
            *value = table.of(*value);
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
                Table::new(|value| (f64::from(value) * scale + offset) as u8)
            }
            _ => Table::unchanged(),
        }
    });
}

pub(super) fn equalize(picture: &mut Picture) {
    replace_by_histogram(picture, |histogram| {
        // The lightest value's pixels don't count: they become the full 255 in any case.
        let lightest = histogram.iter().rposition(|&count| count > 0).unwrap_or(0);
        let step = histogram[..lightest].iter().sum::<u64>() / 255;
        if step == 0 {
            return Table::unchanged();
        }
        let mut sum = step / 2;
        Table::new(|value| {
            let becomes = (sum / step).min(255) as u8;
            sum += histogram[usize::from(value)];
            becomes
        })
    });
}
