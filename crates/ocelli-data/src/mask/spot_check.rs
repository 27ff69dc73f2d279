//! A look at a few pairs before training begins.

use rayon::prelude::*;

use super::MaskFault;
use crate::dataset::{Dataset, PictureError};
use crate::decode::DecodeOptions;
use crate::picture::Mask;

/// What masks that can be used were found to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpotCheck {
    /// How many were read.
    pub masks: usize,
    /// The classes that they show.
    pub classes: Vec<String>,
}

/// Reads `pairs` pictures and masks, evenly spread over the dataset: what is wrong with all masks
/// shows in seconds instead of in the middle of an epoch. Nothing is checked without masks.
///
/// # Errors
/// The first pair that can't be used, if most can't: a single broken one is for the loader to
/// leave out. Also if no mask of the dataset has a pixel of a class. The error names the file,
/// what was found, what was expected and what to do.
pub fn spot_check(
    dataset: &Dataset,
    options: &DecodeOptions,
    pairs: usize,
) -> Result<SpotCheck, PictureError> {
    let Some(palette) = &dataset.palette else { return Ok(SpotCheck::default()) };
    let count = pairs.min(dataset.len());
    let indices: Vec<usize> = (0..count).map(|at| at * dataset.len() / count.max(1)).collect();
    let read = |&index: &usize| {
        let (_, mask) = dataset.samples[index].picture_and_mask(palette, options)?;
        Ok(shown(&mask))
    };
    let read: Vec<Result<[bool; 256], PictureError>> =
        indices.par_iter().with_max_len(1).map(read).collect();
    let (sound, mut errors): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
    if errors.len() * 2 > count {
        return Err(errors.swap_remove(0).expect_err("it is one of the errors"));
    }
    let masks = sound.len();
    let mut classes = [false; 256];
    for shows in sound.into_iter().flatten() {
        classes.iter_mut().zip(shows).for_each(|(class, shown)| *class |= shown);
    }
    let has_class = |shows: &[bool; 256]| (0..256).any(|at| shows[at] && is_class(at));
    if masks > 0 && !has_class(&classes) {
        // Only where all that were looked at are so is it worth the time to read the others.
        let any =
            dataset.samples.par_iter().with_max_len(1).any(|sample| {
                sample.mask(palette, options).is_ok_and(|mask| has_class(&shown(&mask)))
            });
        if !any {
            let masks = dataset.len();
            return Err(dataset.samples[0].mask_fault(MaskFault::AllIgnored { masks }));
        }
    }
    let classes = dataset.classes.iter().zip(classes).filter(|(_, shown)| *shown);
    Ok(SpotCheck { masks, classes: classes.map(|(name, _)| name.clone()).collect() })
}

fn is_class(value: usize) -> bool {
    value != usize::from(Mask::IGNORE)
}

/// The values that a mask has.
fn shown(mask: &Mask) -> [bool; 256] {
    let mut shown = [false; 256];
    mask.labels().iter().for_each(|&value| shown[usize::from(value)] = true);
    shown
}
