//! Reads every picture of a dataset before training does, and tells what is wrong with it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dataset::Dataset;
use crate::decode::{DecodeOptions, Format};
use crate::source::Pairing;

mod examine;
mod masks;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use examine::{Contents, Examined, examine_all};
pub use masks::{MaskReport, MaskSize, StrangeSummary};
pub(crate) use text::{byte_size, plural};

/// What counts as worth mentioning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOptions {
    /// How pictures are decoded.
    pub decode: DecodeOptions,
    /// A picture whose shorter side has fewer pixels than this is called tiny.
    pub tiny_side: u32,
    /// A picture whose longer side has more pixels than this is called huge, and so is one with
    /// more than half of the pixels that [`DecodeOptions::max_pixels`] allows.
    pub huge_side: u32,
    /// A class of the first dataset with fewer pictures than this is called small.
    pub small_class: usize,
    /// Pictures and masks that found no partner, for the report; from
    /// [`Found::pairing`](crate::source::Found::pairing).
    pub pairing: Pairing,
}

impl Default for CheckOptions {
    fn default() -> Self {
        let decode = DecodeOptions::default();
        let pairing = Pairing::default();
        Self { decode, tiny_side: 32, huge_side: 4096, small_class: 10, pairing }
    }
}

/// What a check found. Lists are in the order of the datasets and their samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// What was checked.
    pub splits: Vec<SplitSummary>,
    /// Pictures that can't be read or decoded.
    pub broken: Vec<BrokenPicture>,
    /// Files of equal content within one split.
    pub duplicates: Vec<Duplicates>,
    /// Files of equal content in different splits: what is learned there can't be judged there.
    pub leaks: Vec<Duplicates>,
    /// Files of equal content with different labels, in whichever split.
    pub contradictions: Vec<Duplicates>,
    /// Pictures smaller than [`CheckOptions::tiny_side`].
    pub tiny: Vec<PictureSize>,
    /// Pictures larger than [`CheckOptions::huge_side`], or near the limit on pixels.
    pub huge: Vec<PictureSize>,
    /// Classes of the first split with fewer pictures than [`CheckOptions::small_class`], and
    /// classes without any picture in the other splits.
    pub small_classes: Vec<SmallClass>,
    /// Pictures of the largest class of the first split for each one of its smallest class.
    pub imbalance: Option<f64>,
    /// Files whose extension names another format than they have. They load all the same.
    pub misnamed: Vec<Misnamed>,
    /// What is wrong with masks, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<MaskReport>,
}

/// One checked dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitSummary {
    /// Its name, such as `train`.
    pub name: String,
    /// How many pictures it lists.
    pub pictures: usize,
    /// How many classes they have.
    pub classes: usize,
    /// Their files' total length in bytes.
    pub bytes: u64,
}

/// A picture that can't be read or decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenPicture {
    /// Its split.
    pub split: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A picture among others of equal content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// Its split.
    pub split: String,
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: Option<String>,
}

/// Pictures of equal content, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// Two or more.
    pub pictures: Vec<Copy>,
}

/// A picture of remarkable size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PictureSize {
    /// Its split.
    pub split: String,
    /// Its name.
    pub name: String,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
}

/// A class with few pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SmallClass {
    /// The split.
    pub split: String,
    /// The class.
    pub class: String,
    /// How many pictures it has.
    pub pictures: usize,
}

/// A file whose extension names another format than it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Misnamed {
    /// Its split.
    pub split: String,
    /// Its name.
    pub name: String,
    /// The format that it has.
    pub format: String,
}

impl CheckReport {
    /// Whether something was found that spoils training or its figures: broken pictures, leaks,
    /// contradictions, or masks that can't be used. The rest is for information.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        self.masks.as_ref().is_some_and(MaskReport::has_problems)
            || !(self.broken.is_empty() && self.leaks.is_empty() && self.contradictions.is_empty())
    }
}

/// Reads and decodes every picture and mask of named datasets, on all of rayon's threads.
///
/// The first dataset is the one trained on. `progress` is called with the number of pictures and
/// masks done and to do, from any thread, after each of them.
#[must_use]
pub fn check(
    datasets: &[(&str, &Dataset)],
    options: &CheckOptions,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> CheckReport {
    let places: Vec<Place<'_>> = datasets
        .iter()
        .flat_map(|&(split, dataset)| {
            (0..dataset.len()).map(move |sample| Place { split, dataset, sample })
        })
        .collect();
    let samples: Vec<_> = places.iter().map(|place| place.sample()).collect();
    let pictures = samples.len() as u64;
    let masked = samples.iter().filter(|sample| sample.mask.is_some()).count() as u64;
    let total = pictures + masked;
    let of_pictures = |done, _| progress(done, total);
    let examined = examine_all(&samples, &options.decode, &of_pictures, |_| ());
    let of_masks = |done| progress(pictures + done, total);
    let masks = MaskReport::of(datasets, &options.pairing, &options.decode, &of_masks);
    let mut report = CheckReport { masks, ..CheckReport::default() };
    for &(name, dataset) in datasets {
        let of_split = places.iter().zip(&examined).filter(|(place, _)| place.split == name);
        report.splits.push(SplitSummary {
            name: name.to_owned(),
            pictures: dataset.len(),
            classes: dataset.classes.len(),
            bytes: of_split.map(|(_, examined)| examined.bytes).sum(),
        });
    }
    for (place, examined) in places.iter().zip(&examined) {
        judge(*place, examined, options, &mut report);
    }
    compare(&places, &examined, &mut report);
    weigh(datasets, options, &mut report);
    report
}

/// Where a picture stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    split: &'a str,
    dataset: &'a Dataset,
    sample: usize,
}

impl<'a> Place<'a> {
    fn sample(self) -> &'a crate::dataset::Sample {
        &self.dataset.samples[self.sample]
    }

    fn class(self) -> Option<&'a String> {
        self.dataset.classes.get(self.sample().label? as usize)
    }
}

/// Notes what is wrong with one picture by itself.
fn judge(
    place: Place<'_>,
    examined: &Examined<()>,
    options: &CheckOptions,
    report: &mut CheckReport,
) {
    let (split, name) = (place.split.to_owned(), place.sample().name.clone());
    let contents = match &examined.contents {
        Ok(contents) => contents,
        Err(reason) => {
            report.broken.push(BrokenPicture { split, name, reason: reason.clone() });
            return;
        }
    };
    if let Some(format) = contents.format
        && extension_format(&name).is_some_and(|named| named != format)
    {
        let (split, name) = (split.clone(), name.clone());
        report.misnamed.push(Misnamed { split, name, format: format.to_string() });
    }
    let &Contents { width, height, .. } = contents;
    let is_huge = width.max(height) > options.huge_side
        || u64::from(width) * u64::from(height) > options.decode.max_pixels / 2;
    let size = PictureSize { split, name, width, height };
    if width.min(height) < options.tiny_side {
        report.tiny.push(size.clone());
    }
    if is_huge {
        report.huge.push(size);
    }
}

fn extension_format(name: &str) -> Option<Format> {
    name.rsplit_once('.').and_then(|(_, extension)| Format::from_extension(extension))
}

/// Notes which pictures are equal.
fn compare(places: &[Place<'_>], examined: &[Examined<()>], report: &mut CheckReport) {
    let mut by_content: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
    for (position, examined) in examined.iter().enumerate() {
        if let Ok(contents) = &examined.contents {
            by_content.entry(contents.hash).or_default().push(position);
        }
    }
    let mut groups: Vec<Vec<usize>> =
        by_content.into_values().filter(|group| group.len() > 1).collect();
    // In the order of the samples, not of their hashes.
    groups.sort_unstable();
    for group in groups {
        let copies = |members: &[usize]| {
            let copy = |&member: &usize| {
                let place = places[member];
                Copy {
                    split: place.split.to_owned(),
                    name: place.sample().name.clone(),
                    class: place.class().cloned(),
                }
            };
            Duplicates { pictures: members.iter().map(copy).collect() }
        };
        let first = places[group[0]];
        if group.iter().any(|&member| places[member].split != first.split) {
            report.leaks.push(copies(&group));
        }
        let mut labels = group.iter().filter_map(|&member| places[member].class());
        let label = labels.next();
        if labels.any(|other| Some(other) != label) {
            report.contradictions.push(copies(&group));
        }
        let mut by_split: Vec<(&str, Vec<usize>)> = Vec::new();
        for member in group {
            let split = places[member].split;
            match by_split.iter_mut().find(|(other, _)| *other == split) {
                Some((_, members)) => members.push(member),
                None => by_split.push((split, vec![member])),
            }
        }
        let within = by_split.iter().filter(|(_, members)| members.len() > 1);
        report.duplicates.extend(within.map(|(_, members)| copies(members)));
    }
}

/// Notes how the classes are filled.
fn weigh(datasets: &[(&str, &Dataset)], options: &CheckOptions, report: &mut CheckReport) {
    for (position, (split, dataset)) in datasets.iter().enumerate() {
        let least = if position == 0 { options.small_class } else { 1 };
        if dataset.samples.iter().all(|sample| sample.label.is_none()) {
            continue;
        }
        let counts = dataset.class_counts();
        for (class, &pictures) in dataset.classes.iter().zip(&counts) {
            if pictures < least {
                let (split, class) = ((*split).to_owned(), class.clone());
                report.small_classes.push(SmallClass { split, class, pictures });
            }
        }
        let filled = counts.iter().copied().filter(|&count| count > 0);
        if position == 0
            && let (Some(least), Some(most)) = (filled.clone().min(), filled.max())
        {
            report.imbalance = Some(most as f64 / least as f64);
        }
    }
}
