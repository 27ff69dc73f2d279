//! How often each class comes in masks, and what weights would balance it.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::Undecodable;
use crate::dataset::Dataset;
use crate::decode::DecodeOptions;
use crate::mask::Palette;
use crate::picture::Mask;

#[cfg(test)]
mod tests;
mod text;

/// Masks in numbers. Everything but `broken` is about the masks that can be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskStats {
    /// How many masks can be read.
    pub masks: u64,
    /// Each class, in the order of the class numbers.
    pub classes: Vec<PixelCount>,
    /// Pixels that count for no class.
    pub ignored_pixels: u64,
    /// Their share of all pixels.
    pub ignored_share: f64,
    /// Masks that can't be used.
    pub broken: Vec<Undecodable>,
}

/// A class and its pixels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PixelCount {
    /// The class.
    pub name: String,
    /// How many pixels it has.
    pub pixels: u64,
    /// Their share of the pixels that have a class.
    pub share: f64,
    /// How many masks show it.
    pub pictures: u64,
    /// Their share of all masks.
    pub picture_share: f64,
    /// The weight by median frequency balancing (Eigen and Fergus 2015,
    /// <https://arxiv.org/abs/1411.4734>): the median of all classes' frequencies by the class's
    /// own, each being the class's share of the pixels of those masks that show it. Absent for a
    /// class without pixels.
    pub median_frequency_weight: Option<f64>,
    /// The weight by inverse frequency, as scikit-learn's `balanced`: pixels of all classes by the
    /// class's pixels and the number of classes that have any. Absent for a class without pixels.
    pub inverse_frequency_weight: Option<f64>,
}

/// One mask's pixels by class; the last place counts ignored ones.
type Counts = [u64; 256];

impl MaskStats {
    /// Counts the pixels of a dataset's masks; `None` where it has none.
    ///
    /// `progress` is called with the number of masks done, from any thread.
    pub(super) fn of(
        dataset: &Dataset,
        options: &DecodeOptions,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Option<Self> {
        let palette: &Palette = dataset.palette.as_ref()?;
        let done = AtomicU64::new(0);
        let counted: Vec<Result<Counts, Undecodable>> = dataset
            .samples
            .par_iter()
            .with_max_len(1)
            .map(|sample| {
                let mask = sample.mask(palette, options);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                mask.map(|mask| count(&mask)).map_err(|error| Undecodable {
                    name: error.name.clone(),
                    reason: error.reason.to_string(),
                })
            })
            .collect();
        let (mut masks, mut broken) = (Vec::new(), Vec::new());
        for counted in counted {
            match counted {
                Ok(counts) => masks.push(counts),
                Err(error) => broken.push(error),
            }
        }
        Some(Self::sum(&palette.names(), &masks, broken))
    }

    fn sum(names: &[String], masks: &[Counts], broken: Vec<Undecodable>) -> Self {
        let ignored = usize::from(Mask::IGNORE);
        let pixels = |class: usize| masks.iter().map(|counts| counts[class]).sum::<u64>();
        let ignored_pixels = pixels(ignored);
        let all: u64 = masks.iter().flatten().sum();
        let counted = all - ignored_pixels;
        let share =
            |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let frequency = |class: usize| {
            let showing = masks.iter().filter(|counts| counts[class] > 0);
            let of_showing: u64 =
                showing.map(|counts| counts.iter().sum::<u64>() - counts[ignored]).sum();
            (of_showing > 0).then(|| pixels(class) as f64 / of_showing as f64)
        };
        let mut frequencies: Vec<f64> = (0..names.len()).filter_map(frequency).collect();
        frequencies.sort_by(f64::total_cmp);
        let present = frequencies.len();
        let median = match present {
            0 => 0.0,
            odd if odd % 2 == 1 => frequencies[odd / 2],
            even => (frequencies[even / 2 - 1] + frequencies[even / 2]) / 2.0,
        };
        let classes = names.iter().enumerate().map(|(class, name)| {
            let own = pixels(class);
            let pictures = masks.iter().filter(|counts| counts[class] > 0).count() as u64;
            PixelCount {
                name: name.clone(),
                pixels: own,
                share: share(own, counted),
                pictures,
                picture_share: share(pictures, masks.len() as u64),
                median_frequency_weight: frequency(class).map(|frequency| median / frequency),
                inverse_frequency_weight: (own > 0)
                    .then(|| counted as f64 / (present as f64 * own as f64)),
            }
        });
        Self {
            masks: masks.len() as u64,
            classes: classes.collect(),
            ignored_pixels,
            ignored_share: share(ignored_pixels, all),
            broken,
        }
    }
}

fn count(mask: &Mask) -> Counts {
    let mut counts = [0; 256];
    for &class in mask.labels() {
        counts[usize::from(class)] += 1;
    }
    counts
}
