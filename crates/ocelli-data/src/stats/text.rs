//! The numbers as text for a terminal.

use std::fmt::Write;

use super::Stats;
use crate::check::{byte_size, plural};

/// How many broken pictures are listed, and how many classes at either end.
const SHOWN: usize = 10;

/// The length of the longest bar, in characters.
const BAR: usize = 40;

impl Stats {
    /// The numbers in lines that fit a terminal: the largest and smallest classes where there
    /// are many.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let pictures = plural(self.pictures as usize, "picture", "pictures");
        let formats: Vec<String> =
            self.formats.iter().map(|(format, count)| format!("{count} {format}")).collect();
        let _ = writeln!(text, "{pictures}, {} ({})", byte_size(self.bytes), formats.join(", "));
        for (name, spread) in [("width", self.width), ("height", self.height)] {
            let (min, median, max) = (spread.min, spread.median, spread.max);
            let _ = writeln!(text, "{name:<8} {min} to {max} pixels, median {median}");
        }
        let rgb = |values: [f64; 3]| values.map(|value| format!("{value:.4}")).join(" ");
        let _ = writeln!(text, "{:<8} {} (red green blue, of 1)", "mean", rgb(self.mean));
        let _ = writeln!(text, "{:<8} {}", "std", rgb(self.std));
        let _ = writeln!(text, "\nshorter side in pixels");
        let bins = self.shorter_sides.iter();
        let rows = bins.map(|bin| (format!("{} to {}", bin.from, bin.below - 1), bin.pictures));
        bars(&mut text, &rows.collect::<Vec<_>>());
        match &self.masks {
            Some(masks) => masks.write(&mut text),
            None => self.write_classes(&mut text),
        }
        if !self.broken.is_empty() {
            let count = plural(self.broken.len(), "picture", "pictures");
            let _ = writeln!(text, "\n{count} can't be read or decoded");
            for broken in self.broken.iter().take(SHOWN) {
                let _ = writeln!(text, "  {}: {}", broken.name, broken.reason);
            }
            if self.broken.len() > SHOWN {
                let _ = writeln!(text, "  … and {} more", self.broken.len() - SHOWN);
            }
        }
        text
    }

    fn write_classes(&self, text: &mut String) {
        if self.classes.is_empty() {
            let _ = writeln!(text, "\nno classes");
            return;
        }
        let _ = writeln!(text, "\n{}", plural(self.classes.len(), "class", "classes"));
        let mut classes: Vec<(String, u64)> =
            self.classes.iter().map(|class| (class.name.clone(), class.pictures as u64)).collect();
        if classes.len() > 2 * SHOWN {
            classes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let hidden = classes.len() - 2 * SHOWN;
            bars(text, &classes[..SHOWN]);
            let _ = writeln!(text, "  … {hidden} classes in between …");
            bars(text, &classes[classes.len() - SHOWN..]);
        } else {
            bars(text, &classes);
        }
    }
}

/// Rows of a name, a number, and a bar in proportion.
fn bars(text: &mut String, rows: &[(String, u64)]) {
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    for (name, count) in rows {
        // Whatever is there at all shows.
        let length = (*count * BAR as u64).div_ceil(most) as usize;
        let _ = writeln!(text, "  {name:<widest$} {count:>8} {}", "█".repeat(length));
    }
}
