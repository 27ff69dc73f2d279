//! What a look at some of the pictures tells.

use ocelli_data::dataset::{Location, Sample};
use ocelli_data::decode::dimensions;
use ocelli_data::{Dataset, DecodeOptions};
use rayon::prelude::*;

use crate::recipe::Size;

/// Pictures whose header is read to learn how large they are, and masks that are read to learn how
/// often each class comes.
const MEASURED: usize = 64;

/// Some of the samples, evenly spaced.
fn some_of(dataset: &Dataset) -> impl Iterator<Item = &Sample> {
    dataset.samples.iter().step_by(dataset.len().div_ceil(MEASURED).max(1))
}

/// The sizes of some pictures, `[height, width]`.
fn sizes(dataset: &Dataset) -> Vec<[u32; 2]> {
    let options = DecodeOptions::default();
    some_of(dataset)
        .filter_map(|sample| match &sample.location {
            Location::Synth { birds, .. } => Some([birds.config().size; 2]),
            _ => dimensions(&sample.bytes().ok()?, &options)
                .ok()
                .map(|(width, height)| [height, width]),
        })
        .collect()
}

fn median(mut values: Vec<u32>) -> Option<u32> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// The median of the shorter sides of some pictures.
pub(super) fn median_shorter_side(dataset: &Dataset) -> Option<u32> {
    median(sizes(dataset).into_iter().map(|[height, width]| height.min(width)).collect())
}

/// The median height and the median width of some pictures.
pub(super) fn median_size(dataset: &Dataset) -> Option<[u32; 2]> {
    let sizes = sizes(dataset);
    let side = |side: usize| median(sizes.iter().map(|size| size[side]).collect());
    Some([side(0)?, side(1)?])
}

/// A size of these proportions whose longer side is at most `most`, in steps of 32 pixels, which
/// every network can halve as often as it likes.
pub(super) fn fitting(size: [u32; 2], most: u32) -> Size {
    let factor = f64::from(most) / f64::from(size[0].max(size[1]).max(1));
    let [height, width] = size.map(|side| {
        let side = f64::from(side) * factor.min(1.0);
        ((side / 32.0).round() as u32 * 32).clamp(32, most)
    });
    if height == width { Size::Square(height) } else { Size::HeightWidth([height, width]) }
}

/// The share of each class in the pixels of some masks. `None` where no mask can be read or none
/// has a class.
pub(super) fn class_shares(dataset: &Dataset) -> Option<Vec<f64>> {
    let palette = dataset.palette.as_ref()?;
    let options = DecodeOptions::default();
    let samples: Vec<&Sample> = some_of(dataset).collect();
    let masks: Vec<_> = samples
        .par_iter()
        .with_max_len(1)
        .filter_map(|sample| sample.mask(palette, &options).ok())
        .collect();
    let mut counts = vec![0u64; dataset.classes.len()];
    for &class in masks.iter().flat_map(|mask| mask.labels()) {
        // What is ignored is beyond the classes.
        if let Some(count) = counts.get_mut(usize::from(class)) {
            *count += 1;
        }
    }
    let all: u64 = counts.iter().sum();
    (all > 0).then(|| counts.iter().map(|&count| count as f64 / all as f64).collect())
}
