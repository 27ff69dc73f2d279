//! The report as text for a terminal.

use std::fmt::Write;

use super::{CheckReport, Copy, Duplicates};

/// How many of each kind are listed; the report itself has them all.
const SHOWN: usize = 10;

impl CheckReport {
    /// The report in lines that fit a terminal: at most ten findings of a kind, and how many more.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for split in &self.splits {
            let pictures = plural(split.pictures, "picture", "pictures");
            let size = byte_size(split.bytes);
            let classes = match split.classes {
                0 => "no classes".to_owned(),
                count => plural(count, "class", "classes"),
            };
            let _ = writeln!(text, "{:<8} {pictures}, {classes}, {size}", split.name);
        }
        if let Some(ratio) = self.imbalance {
            let _ = writeln!(
                text,
                "{:<8} the largest class has {ratio:.1} times the pictures of the smallest",
                "balance"
            );
        }
        let broken = self.broken.iter().map(|broken| format!("{}: {}", broken.name, broken.reason));
        section(&mut text, "broken", "can't be read or decoded", broken);
        section(
            &mut text,
            "leaks",
            "the same picture in several splits: scores on it mean nothing",
            self.leaks.iter().map(places),
        );
        section(
            &mut text,
            "contradictions",
            "the same picture with different labels",
            self.contradictions.iter().map(classes),
        );
        section(
            &mut text,
            "duplicates",
            "the same picture several times in one split",
            self.duplicates.iter().map(names),
        );
        let size = |sized: &super::PictureSize| {
            format!("{} ({}x{})", sized.name, sized.width, sized.height)
        };
        section(&mut text, "tiny", "very small pictures", self.tiny.iter().map(size));
        section(
            &mut text,
            "huge",
            "very large pictures, slow to decode",
            self.huge.iter().map(size),
        );
        let small = self.small_classes.iter().map(|small| {
            format!(
                "{}: {} in {}",
                small.class,
                plural(small.pictures, "picture", "pictures"),
                small.split
            )
        });
        section(&mut text, "small classes", "too few pictures to learn or judge from", small);
        let misnamed =
            self.misnamed.iter().map(|file| format!("{} is a {}", file.name, file.format));
        section(
            &mut text,
            "misnamed",
            "the extension names another format; they load all the same",
            misnamed,
        );
        if let Some(masks) = &self.masks {
            masks.write(&mut text);
        }
        let verdict = if self.has_problems() {
            "The data has problems that spoil training or its scores: see above."
        } else if self.masks.is_some() {
            "Every picture decodes, and no picture is in two splits. Every mask fits its picture, \
             and all of its pixels have a class or are ignored."
        } else {
            "Every picture decodes, and no picture is in two splits."
        };
        let _ = writeln!(text, "\n{verdict}");
        text
    }
}

pub(super) fn section(
    text: &mut String,
    title: &str,
    meaning: &str,
    items: impl ExactSizeIterator<Item = String>,
) {
    let count = items.len();
    if count == 0 {
        return;
    }
    let _ = writeln!(text, "\n{title}: {count} ({meaning})");
    for item in items.take(SHOWN) {
        let _ = writeln!(text, "  {item}");
    }
    if count > SHOWN {
        let _ = writeln!(text, "  … and {} more", count - SHOWN);
    }
}

/// The first few copies, each as `show` has it.
fn joined(duplicates: &Duplicates, show: impl Fn(&Copy) -> String) -> String {
    const COPIES: usize = 3;
    let copies = &duplicates.pictures;
    let mut text = copies.iter().take(COPIES).map(show).collect::<Vec<_>>().join(" = ");
    if copies.len() > COPIES {
        let _ = write!(text, " = … {} more", copies.len() - COPIES);
    }
    text
}

fn places(duplicates: &Duplicates) -> String {
    joined(duplicates, |copy| format!("{} [{}]", copy.name, copy.split))
}

fn classes(duplicates: &Duplicates) -> String {
    joined(duplicates, |copy| {
        format!("{} [{}]", copy.name, copy.class.as_deref().unwrap_or("no label"))
    })
}

fn names(duplicates: &Duplicates) -> String {
    joined(duplicates, |copy| copy.name.clone())
}

/// A number with its noun.
pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Bytes in the unit that people would choose.
pub(crate) fn byte_size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}
