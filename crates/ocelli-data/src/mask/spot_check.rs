//! A look at a few pairs before training begins.

use rayon::prelude::*;

use crate::dataset::{Dataset, PictureError};
use crate::decode::DecodeOptions;

/// Reads `pairs` pictures and masks, evenly spread over the dataset: what is wrong with all masks
/// shows in seconds instead of in the middle of an epoch. Nothing is checked without masks.
///
/// # Errors
/// The first pair that can't be used, if most can't: a single broken one is for the loader to
/// leave out. It names the file, what was found, what was expected and what to do.
pub fn spot_check(
    dataset: &Dataset,
    options: &DecodeOptions,
    pairs: usize,
) -> Result<(), PictureError> {
    let Some(palette) = &dataset.palette else { return Ok(()) };
    let count = pairs.min(dataset.len());
    let indices: Vec<usize> = (0..count).map(|at| at * dataset.len() / count.max(1)).collect();
    let read = |&index: &usize| dataset.samples[index].picture_and_mask(palette, options).err();
    let mut errors: Vec<PictureError> =
        indices.par_iter().with_max_len(1).filter_map(read).collect();
    if errors.len() * 2 > count { Err(errors.swap_remove(0)) } else { Ok(()) }
}
