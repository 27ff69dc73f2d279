//! What a dataset looks like in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::{Contents, examine_all};
use crate::dataset::Dataset;
use crate::decode::DecodeOptions;
use crate::picture::Picture;

mod masks;
#[cfg(test)]
mod tests;
mod text;

pub use masks::{MaskStats, PixelCount};

/// A dataset in numbers. Everything but `broken` is about the pictures that decode.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// How many pictures decode.
    pub pictures: u64,
    /// The total length of all files in bytes, broken ones too.
    pub bytes: u64,
    /// How many listed pictures each class has, in the order of the class numbers.
    pub classes: Vec<ClassCount>,
    /// Pictures of each file format; `drawn` for the embedded sample data.
    pub formats: BTreeMap<String, u64>,
    /// Upright widths in pixels.
    pub width: Spread,
    /// Upright heights in pixels.
    pub height: Spread,
    /// How many pictures have a shorter side in each range: powers of two.
    pub shorter_sides: Vec<Bin>,
    /// The mean of red, green and blue over all pixels of all pictures, in [0, 1]. A larger
    /// picture counts more, as its pixels are more.
    pub mean: [f64; 3],
    /// The standard deviation of the same values around that mean: of all pixels, not the mean of
    /// each picture's own.
    pub std: [f64; 3],
    /// Pictures that can't be read or decoded.
    pub broken: Vec<Undecodable>,
    /// The classes of the masks, where there are any; then `classes` is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<MaskStats>,
}

/// A picture that can't be read or decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undecodable {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A class and its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// How many pictures it has.
    pub pictures: usize,
}

/// The range of a length in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// The least.
    pub min: u32,
    /// The one in the middle; of an even number the lower of the two.
    pub median: u32,
    /// The greatest.
    pub max: u32,
}

/// A range of lengths and how many pictures fall in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// From this length in pixels.
    pub from: u32,
    /// Below this length in pixels.
    pub below: u64,
    /// How many pictures.
    pub pictures: u64,
}

/// Why there are no numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatsError {
    /// The dataset lists nothing.
    #[error("the dataset has no pictures")]
    Empty,
    /// Nothing of it decodes.
    #[error("none of the {pictures} pictures can be decoded; the first, {name}: {reason}")]
    AllBroken {
        /// How many there are.
        pictures: usize,
        /// The first one's name.
        name: String,
        /// Why it can't be decoded.
        reason: String,
    },
}

/// Reads and decodes every picture and mask of a dataset, on all of rayon's threads, and counts.
///
/// `progress` is called with the number of pictures and masks done and to do, from any thread. The sums are
/// integers, so that the result is the same whatever the threads do.
///
/// # Errors
/// [`StatsError`] where no picture can be decoded. Single broken ones are listed in the result.
pub fn stats(
    dataset: &Dataset,
    options: &DecodeOptions,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Stats, StatsError> {
    let samples: Vec<_> = dataset.samples.iter().collect();
    let pictures = dataset.len() as u64;
    let total = if dataset.palette.is_some() { 2 * pictures } else { pictures };
    let examined = examine_all(&samples, options, &|done, _| progress(done, total), Sums::of);
    let masks = MaskStats::of(dataset, options, &|done| progress(pictures + done, total));
    let bytes = examined.iter().map(|examined| examined.bytes).sum();
    let mut broken = Vec::new();
    let mut contents = Vec::new();
    for (sample, examined) in samples.iter().zip(examined) {
        match examined.contents {
            Ok(decoded) => contents.push(decoded),
            Err(reason) => broken.push(Undecodable { name: sample.name.clone(), reason }),
        }
    }
    let side = |side: fn(&Contents<Sums>) -> u32| spread(contents.iter().map(side).collect());
    let (Some(width), Some(height)) = (side(|of| of.width), side(|of| of.height)) else {
        return Err(match broken.into_iter().next() {
            None => StatsError::Empty,
            Some(Undecodable { name, reason }) => {
                StatsError::AllBroken { pictures: dataset.len(), name, reason }
            }
        });
    };
    let mut formats = BTreeMap::new();
    for decoded in &contents {
        let name = decoded.format.map_or_else(|| "drawn".to_owned(), |format| format.to_string());
        *formats.entry(name).or_insert(0) += 1;
    }
    let (mean, std) = moments(contents.iter().map(|of| of.measured));
    let counts = dataset.classes.iter().zip(dataset.class_counts());
    Ok(Stats {
        pictures: contents.len() as u64,
        bytes,
        classes: counts
            .filter(|_| masks.is_none())
            .map(|(name, pictures)| ClassCount { name: name.clone(), pictures })
            .collect(),
        formats,
        width,
        height,
        shorter_sides: histogram(contents.iter().map(|of| of.width.min(of.height))),
        mean,
        std,
        broken,
        masks,
    })
}

/// Sums over one picture's pixels, by channel.
#[derive(Clone, Copy)]
struct Sums {
    pixels: u64,
    values: [u64; 3],
    squares: [u64; 3],
}

impl Sums {
    fn of(picture: &Picture) -> Self {
        let (mut values, mut squares) = ([0; 3], [0; 3]);
        // 255 squared needs 16 bits, and no picture in memory has 2^48 pixels: no overflow.
        for pixel in picture.pixels().as_chunks::<3>().0 {
            for channel in 0..3 {
                let value = u64::from(pixel[channel]);
                values[channel] += value;
                squares[channel] += value * value;
            }
        }
        Self { pixels: u64::from(picture.width()) * u64::from(picture.height()), values, squares }
    }
}

/// Mean and population standard deviation in [0, 1], by channel.
fn moments(sums: impl Iterator<Item = Sums>) -> ([f64; 3], [f64; 3]) {
    let mut pixels = 0u128;
    let (mut values, mut squares) = ([0u128; 3], [0u128; 3]);
    for sum in sums {
        pixels += u128::from(sum.pixels);
        for channel in 0..3 {
            values[channel] += u128::from(sum.values[channel]);
            squares[channel] += u128::from(sum.squares[channel]);
        }
    }
    let (mut mean, mut std) = ([0.0; 3], [0.0; 3]);
    for channel in 0..3 {
        let average = values[channel] as f64 / pixels as f64;
        mean[channel] = average / 255.0;
        // n Σx² − (Σx)² in integers: the difference of two nearly equal floats would be noise.
        // At most 2^128 for 2^56 pixels, more than any disk holds.
        let scatter = pixels * squares[channel] - values[channel] * values[channel];
        std[channel] = (scatter as f64).sqrt() / pixels as f64 / 255.0;
    }
    (mean, std)
}

fn spread(mut lengths: Vec<u32>) -> Option<Spread> {
    lengths.sort_unstable();
    let (&min, &max) = (lengths.first()?, lengths.last()?);
    Some(Spread { min, median: lengths[(lengths.len() - 1) / 2], max })
}

/// Counts lengths by powers of two, from the first range that has any to the last.
fn histogram(lengths: impl Iterator<Item = u32>) -> Vec<Bin> {
    let mut counts = [0u64; 32];
    for length in lengths {
        counts[length.max(1).ilog2() as usize] += 1;
    }
    let first = counts.iter().position(|&count| count > 0).unwrap_or(0);
    let last = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
    (first..last)
        .map(|power| Bin { from: 1 << power, below: 1 << (power + 1), pictures: counts[power] })
        .collect()
}
