//! A training batch as the network is given it, for people to look at.

use std::sync::Arc;

use ocelli_data::augment::Pipeline;
use ocelli_data::cache::CacheKind;
use ocelli_data::mask::color_picture;
use ocelli_data::{Dataset, Mask, Picture};

use crate::pictures::{PicturesError, decode_options, second_view, training_loader};
use crate::recipe::{Recipe, Task};
use crate::task::colorize::gray;

/// The epoch whose batches are shown: the first.
const EPOCH: u64 = 1;

/// Some pictures of a batch, and what became of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchViews {
    /// Each picture's name in its dataset.
    pub names: Vec<String>,
    /// What there is of the pictures; entry `n` of each row is of picture `n`.
    pub rows: Vec<ViewRow>,
}

/// One kind of view of each picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewRow {
    /// What the pictures are: “original”, “augmented”.
    pub title: String,
    /// One for each picture of the batch that is shown.
    pub pictures: Vec<Picture>,
}

/// The first `most` pictures of a recipe's first training batch: as they are, and as the network is
/// given them, augmented and perhaps mixed, their normalization undone. Of segmentation also the
/// masks, moved alike; of colorization the gray that the network is given; without labels both views.
///
/// # Errors
/// [`PicturesError`] where the recipe's transforms or its loader can't be set up, or loading fails.
pub fn first_batch(
    recipe: &Recipe,
    train: Arc<Dataset>,
    most: usize,
) -> Result<BatchViews, PicturesError> {
    let mut recipe = recipe.clone();
    // Nobody waits for the second batch, and a look leaves no cache behind.
    recipe.data.workers = 0;
    recipe.data.cache = CacheKind::None;
    let is_mixed = recipe.train.mixup_alpha > 0.0 || recipe.train.cutmix_alpha > 0.0;
    if !is_mixed {
        // Pictures are augmented one by one; only mixing depends on who else is in the batch.
        recipe.train.batch_size = recipe.train.batch_size.min(most.max(1));
    }
    let transforms = recipe.data.augment.as_deref().unwrap_or_default();
    let pipeline = Pipeline::new(transforms, recipe.data.size.height_width())
        .map_err(|reason| PicturesError::Transform { key: "augment", reason })?;
    let loader = training_loader(&recipe, Arc::clone(&train))?;
    let Some(batch) = loader.epoch(EPOCH, 0).next() else { return Ok(BatchViews::default()) };
    let batch = batch?;
    let [_, height, width, channels] = batch.shape;
    let augmented: Vec<Picture> = batch
        .images
        .chunks_exact(height * width * channels)
        .take(most)
        .map(|values| pipeline.picture_of(values))
        .collect();
    let indices = &batch.indices[..augmented.len()];
    let decode = decode_options(&recipe.data);
    let originals = indices.iter().zip(&augmented).map(|(&index, augmented)| {
        // The batch has just had it; a file that is gone meanwhile is no reason to show nothing.
        train.samples[index].picture(&decode).unwrap_or_else(|_| augmented.clone())
    });
    let mut rows = vec![ViewRow { title: "original".into(), pictures: originals.collect() }];
    match (recipe.task, &train.palette) {
        (Task::Colorize, _) => {
            let space = recipe.colorize.unwrap_or_default().space;
            let given = augmented.iter().map(|picture| gray(picture, space)).collect();
            rows.push(ViewRow { title: "given".into(), pictures: given });
            rows.push(ViewRow { title: "asked for".into(), pictures: augmented });
        }
        (Task::Segment, Some(palette)) => {
            let masks = batch.masks.chunks_exact(height * width).take(augmented.len());
            let masks = masks.map(|labels| {
                let mask = Mask::new(width as u32, height as u32, labels.to_vec());
                color_picture(&mask, palette)
            });
            let masks = masks.collect();
            rows.push(ViewRow { title: "augmented".into(), pictures: augmented });
            rows.push(ViewRow { title: "mask".into(), pictures: masks });
        }
        (Task::SelfSupervised(_), _) => {
            let count = augmented.len();
            rows.push(ViewRow { title: "first view".into(), pictures: augmented });
            let second = second_view(&recipe)?;
            for (values, pipeline) in batch.further_views.iter().zip(&second) {
                let views = values.chunks_exact(height * width * channels).take(count);
                let pictures = views.map(|values| pipeline.picture_of(values)).collect();
                rows.push(ViewRow { title: "second view".into(), pictures });
            }
        }
        _ => rows.push(ViewRow { title: "augmented".into(), pictures: augmented }),
    }
    let names = indices.iter().map(|&index| train.samples[index].name.clone()).collect();
    Ok(BatchViews { names, rows })
}

#[cfg(test)]
mod tests;
