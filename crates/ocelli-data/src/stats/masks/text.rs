//! The classes of masks as a table for a terminal.

use std::fmt::Write;

use super::MaskStats;
use crate::check::plural;

/// How many broken masks are listed.
const SHOWN: usize = 10;

impl MaskStats {
    pub(in crate::stats) fn write(&self, text: &mut String) {
        let classes = plural(self.classes.len(), "class", "classes");
        let masks = plural(self.masks as usize, "mask", "masks");
        let _ = writeln!(text, "\n{classes} in {masks}");
        let names = self.classes.iter().map(|class| class.name.chars().count());
        let width = names.max().unwrap_or(0).max("(ignored)".len());
        let _ = writeln!(
            text,
            "  {:<width$}  {:>8} {:>9}  {:>10} {:>10}",
            "", "pixels", "pictures", "median w.", "inverse w."
        );
        let weight = |weight: Option<f64>| weight.map_or("-".to_owned(), |it| format!("{it:.3}"));
        for class in &self.classes {
            let _ = writeln!(
                text,
                "  {:<width$}  {:>7.2}% {:>8.1}%  {:>10} {:>10}",
                class.name,
                class.share * 100.0,
                class.picture_share * 100.0,
                weight(class.median_frequency_weight),
                weight(class.inverse_frequency_weight)
            );
        }
        let ignored = self.ignored_share * 100.0;
        let _ = writeln!(text, "  {:<width$}  {ignored:>7.2}% of all pixels", "(ignored)");
        for (name, meaning, of) in [
            (
                "median w.",
                "median frequency balancing (Eigen and Fergus 2015)",
                self.weights(|class| class.median_frequency_weight),
            ),
            (
                "inverse w.",
                "inverse frequency, as scikit-learn's balanced",
                self.weights(|class| class.inverse_frequency_weight),
            ),
        ] {
            let _ = writeln!(text, "{name:<10} {meaning}:\n  class_weights = [{of}]");
        }
        if !self.broken.is_empty() {
            let count = plural(self.broken.len(), "mask", "masks");
            let _ = writeln!(text, "\n{count} can't be used");
            for broken in self.broken.iter().take(SHOWN) {
                let _ = writeln!(text, "  {}: {}", broken.name, broken.reason);
            }
            if self.broken.len() > SHOWN {
                let _ = writeln!(text, "  … and {} more", self.broken.len() - SHOWN);
            }
        }
    }

    /// A class without pixels weighs nothing.
    fn weights(&self, of: impl Fn(&super::PixelCount) -> Option<f64>) -> String {
        let weights = self.classes.iter().map(|class| format!("{:.4}", of(class).unwrap_or(0.0)));
        weights.collect::<Vec<_>>().join(", ")
    }
}
