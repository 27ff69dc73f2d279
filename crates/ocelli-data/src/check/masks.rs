//! Reads every mask of a dataset, and tells what is wrong with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::BrokenPicture;
use crate::dataset::{Dataset, Location, Sample};
use crate::decode::{self, DecodeOptions, Format};
use crate::mask::{Palette, StrangeValue};
use crate::picture::Mask;
use crate::source::Pairing;

#[cfg(test)]
mod tests;
mod text;

/// What a check found in the masks. Lists are in the order of the datasets and their samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MaskReport {
    /// How many masks were read.
    pub masks: usize,
    /// Masks that can't be read or decoded.
    pub broken: Vec<BrokenPicture>,
    /// Masks of another size than their picture.
    pub sizes: Vec<MaskSize>,
    /// Indices and colours that no class has, those of most pixels first.
    pub strange: Vec<StrangeSummary>,
    /// What to do about them.
    pub advice: Option<String>,
    /// Masks with strange values.
    pub strange_masks: usize,
    /// JPEG masks: compression changes classes at every edge.
    pub jpeg: Vec<String>,
    /// Masks all of whose pixels are ignored: their pictures teach nothing.
    pub all_ignored: Vec<String>,
    /// Classes that no mask shows. For information, unless fewer than two are left.
    pub absent: Vec<String>,
    /// How many classes some mask shows.
    pub shown: usize,
    /// What found no partner.
    pub pairing: Pairing,
}

/// A mask of another size than its picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MaskSize {
    /// Its split.
    pub split: String,
    /// The picture's name.
    pub name: String,
    /// The mask's name.
    pub mask: String,
    /// The upright picture's `[height, width]`.
    pub picture_size: [u32; 2],
    /// The mask's `[height, width]`.
    pub mask_size: [u32; 2],
}

/// An index or colour that no class has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StrangeSummary {
    /// The index, or red, green and blue.
    pub value: StrangeValue,
    /// How many pixels have it, in all masks.
    pub pixels: u64,
    /// How many masks have it.
    pub masks: usize,
    /// The first of them.
    pub first: String,
}

/// How many strange values are told apart in all masks together.
const MOST_TOLD_APART: usize = 4096;

/// What one mask turned out to be.
struct Examined {
    format: Option<Format>,
    mask_size: [u32; 2],
    /// Absent where the picture is broken, which is told elsewhere.
    picture_size: Option<[u32; 2]>,
    strange: Vec<(StrangeValue, u64)>,
    advice: Option<String>,
    all_ignored: bool,
    /// Whether the mask shows each class.
    shows: Vec<bool>,
}

impl MaskReport {
    /// Whether something was found that spoils training or its figures. JPEG masks and such without
    /// a class are for information, while others show at least two classes.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        !(self.broken.is_empty()
            && self.sizes.is_empty()
            && self.strange.is_empty()
            && self.shown >= 2
            && self.pairing.is_complete())
    }

    /// Examines the masks of all datasets that have any; `None` where none has.
    pub(super) fn of(
        datasets: &[(&str, &Dataset)],
        pairing: &Pairing,
        options: &DecodeOptions,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Option<Self> {
        let palettes = datasets.iter().filter_map(|(split, dataset)| {
            dataset.palette.as_ref().map(|palette| (*split, &**palette, &dataset.samples))
        });
        let work: Vec<(&str, &Palette, &Sample)> = palettes
            .flat_map(|(split, palette, samples)| {
                samples.iter().map(move |sample| (split, palette, sample))
            })
            .collect();
        if work.is_empty() {
            return None;
        }
        let done = AtomicU64::new(0);
        let examined: Vec<Result<Examined, String>> = work
            .par_iter()
            .with_max_len(1)
            .map(|(_, palette, sample)| {
                let examined = examine(sample, palette, options);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                examined
            })
            .collect();
        let mut report = Self { masks: work.len(), pairing: pairing.clone(), ..Self::default() };
        let mut strange = BTreeMap::new();
        // All parts of a dataset have the classes of the first.
        let classes = work[0].1.classes();
        let shows = |class: usize| examined.iter().flatten().any(|mask| mask.shows[class]);
        for (number, class) in classes.iter().enumerate() {
            if shows(number) {
                report.shown += 1;
            } else {
                report.absent.push(class.name.clone());
            }
        }
        for ((split, _, sample), examined) in work.iter().zip(examined) {
            report.add(split, sample, examined, &mut strange);
        }
        report.strange = strange.into_values().collect();
        report.strange.sort_by(|a, b| b.pixels.cmp(&a.pixels).then(a.value.cmp(&b.value)));
        Some(report)
    }

    fn add(
        &mut self,
        split: &str,
        sample: &Sample,
        examined: Result<Examined, String>,
        strange: &mut BTreeMap<StrangeValue, StrangeSummary>,
    ) {
        let mask = sample.mask.as_ref().map(|mask| mask.name.clone()).unwrap_or_default();
        let (split, name) = (split.to_owned(), sample.name.clone());
        let examined = match examined {
            Ok(examined) => examined,
            Err(reason) => return self.broken.push(BrokenPicture { split, name: mask, reason }),
        };
        if examined.format == Some(Format::Jpeg) {
            self.jpeg.push(mask.clone());
        }
        if examined.all_ignored {
            self.all_ignored.push(mask.clone());
        }
        if !examined.strange.is_empty() {
            self.strange_masks += 1;
            self.advice = self.advice.take().or(examined.advice);
        }
        for (value, pixels) in examined.strange {
            if strange.len() >= MOST_TOLD_APART && !strange.contains_key(&value) {
                continue;
            }
            let summary = strange.entry(value).or_insert_with(|| StrangeSummary {
                value,
                pixels: 0,
                masks: 0,
                first: mask.clone(),
            });
            summary.pixels += pixels;
            summary.masks += 1;
        }
        let mask_size = examined.mask_size;
        if let Some(picture_size) = examined.picture_size
            && picture_size != mask_size
        {
            self.sizes.push(MaskSize { split, name, mask, picture_size, mask_size });
        }
    }
}

fn examine(
    sample: &Sample,
    palette: &Palette,
    options: &DecodeOptions,
) -> Result<Examined, String> {
    let Some(file) = &sample.mask else {
        return Err(crate::mask::MaskFault::Missing.to_string());
    };
    let all_ignored = |mask: &Mask| mask.labels().iter().all(|&class| class == Mask::IGNORE);
    let shows = |mask: &Mask| {
        let mut shows = vec![false; 256];
        mask.labels().iter().for_each(|&class| shows[usize::from(class)] = true);
        shows
    };
    if let Location::Synth { birds, index } = &file.location {
        let bird = birds.draw(*index);
        return Ok(Examined {
            format: None,
            mask_size: [bird.parts.height(), bird.parts.width()],
            picture_size: Some([bird.picture.height(), bird.picture.width()]),
            strange: Vec::new(),
            advice: None,
            all_ignored: all_ignored(&bird.parts),
            shows: shows(&bird.parts),
        });
    }
    let reading = file.read(palette, options).map_err(|error| error.to_string())?;
    let picture_size =
        sample.bytes().ok().and_then(|bytes| decode::dimensions(&bytes, options).ok());
    let strange = reading.strange;
    Ok(Examined {
        format: Some(reading.format),
        mask_size: [reading.mask.height(), reading.mask.width()],
        picture_size: picture_size.map(|(width, height)| [height, width]),
        // Strange pixels are ignored in the reading, but not by the dataset.
        all_ignored: strange.is_none() && all_ignored(&reading.mask),
        shows: shows(&reading.mask),
        advice: strange
            .as_ref()
            .map(|strange| format!("expected {}; {}", strange.expected, strange.advice)),
        strange: strange.map(|strange| strange.values).unwrap_or_default(),
    })
}
