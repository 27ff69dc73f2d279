//! Checks every value of a recipe and writes every default out.

use ocelli_data::augment::{
    Pipeline, RandomFlip, RandomResizedCrop, Transform, default_evaluation,
};
use ocelli_data::cache::CacheKind;
use ocelli_models::ModelEntry;

use super::read::{RecipeError, RecipeText};
use super::{Recipe, SnapshotEpoch, Validation};

/// The recipe with every default that doesn't depend on the pictures written out.
///
/// # Errors
/// [`RecipeError::Value`] names the first key whose value can't be used, with its place in `text`.
pub fn resolve(mut recipe: Recipe, text: &RecipeText) -> Result<Recipe, RecipeError> {
    let checks = Checks { text };
    checks.data(&recipe)?;
    checks.train(&recipe)?;

    let size = recipe.data.size.height_width();
    let augment = recipe.data.augment.take().unwrap_or_else(|| {
        vec![
            Transform::RandomResizedCrop(RandomResizedCrop::default()),
            Transform::RandomHorizontalFlip(RandomFlip::default()),
        ]
    });
    let evaluation =
        recipe.data.eval_transforms.take().unwrap_or_else(|| default_evaluation(&augment, size));
    recipe.data.augment = Some(checks.transforms("data.augment", &augment, size)?);
    recipe.data.eval_transforms =
        Some(checks.transforms("data.eval_transforms", &evaluation, size)?);
    let table = |name: &'static str| move |reason| text.table_error(name, reason);
    recipe.optimizer = recipe.optimizer.resolved().map_err(table("optimizer"))?;
    recipe.schedule = recipe.schedule.resolved().map_err(table("schedule"))?;
    recipe.train.loss = recipe.train.loss.resolved().map_err(table("train.loss"))?;
    if let Some(ema) = &mut recipe.train.ema {
        *ema = ema.resolved().map_err(table("train.ema"))?;
    }
    Ok(recipe)
}

/// A height or width beyond this is a slip of the pen, and would not fit into memory.
const MAX_SIZE: u32 = 4096;

struct Checks<'a> {
    text: &'a RecipeText,
}

impl Checks<'_> {
    fn require(
        &self,
        holds: bool,
        key: &str,
        found: impl std::fmt::Display,
        expected: &str,
    ) -> Result<(), RecipeError> {
        if holds {
            Ok(())
        } else {
            Err(self.text.value_error(key, found.to_string(), expected.to_owned()))
        }
    }

    fn data(&self, recipe: &Recipe) -> Result<(), RecipeError> {
        let data = &recipe.data;
        let [height, width] = data.size.height_width();
        let fits = |side: u32| (1..=MAX_SIZE).contains(&side);
        self.require(
            fits(height) && fits(width),
            "data.size",
            data.size,
            &format!("pixels from 1 to {MAX_SIZE}: a number, or [height, width]"),
        )?;
        if let Some(Validation::Fraction(fraction)) = data.val {
            self.require(
                fraction > 0.0 && fraction < 1.0,
                "data.val",
                fraction,
                "a fraction between 0 and 1, or a path",
            )?;
        }
        self.require(
            data.max_megapixels > 0.0 && data.max_megapixels.is_finite(),
            "data.max_megapixels",
            data.max_megapixels,
            "a positive number",
        )?;
        self.require(data.workers <= 256, "data.workers", data.workers, "at most 256 threads")?;
        self.require(
            (1..=1024).contains(&data.prefetch_batches),
            "data.prefetch_batches",
            data.prefetch_batches,
            "1 to 1024 batches",
        )?;
        let is_on_disk = data.cache == CacheKind::Disk;
        self.require(
            !is_on_disk || data.cache_folder.is_some(),
            "data.cache",
            "\"disk\" without a folder",
            "the folder as data.cache_folder, or \"memory\"",
        )?;
        if let Some(folder) = &data.cache_folder {
            self.require(
                is_on_disk,
                "data.cache_folder",
                folder.display(),
                "no folder, or data.cache = \"disk\"",
            )?;
        }
        if let Some(pattern) = &data.name_pattern {
            self.require(
                pattern.contains("(?P<class>") || pattern.contains("(?<class>"),
                "data.name_pattern",
                pattern,
                "a regular expression with a group named class, such as ^(?P<class>.+)_\\d+$",
            )?;
        }
        Ok(())
    }

    fn train(&self, recipe: &Recipe) -> Result<(), RecipeError> {
        let train = &recipe.train;
        self.require(train.epochs >= 1, "train.epochs", train.epochs, "at least 1")?;
        self.require(
            (1..=65_536).contains(&train.batch_size),
            "train.batch_size",
            train.batch_size,
            "1 to 65536 pictures",
        )?;
        self.require(
            (1..=65_536).contains(&train.accumulate),
            "train.accumulate",
            train.accumulate,
            "1 to 65536 batches",
        )?;
        for (key, value) in [
            ("train.mixup_alpha", train.mixup_alpha),
            ("train.cutmix_alpha", train.cutmix_alpha),
            ("train.clip_norm", train.clip_norm),
        ] {
            self.require(
                value >= 0.0 && value.is_finite(),
                key,
                value,
                "0 (off) or a positive number",
            )?;
        }
        self.require(
            (0.0..=1.0).contains(&train.mix_probability),
            "train.mix_probability",
            train.mix_probability,
            "0 to 1",
        )?;
        // An unknown name is told where the model is built.
        if let Some(model) = ModelEntry::find(&recipe.model.name) {
            let size = recipe.data.size.height_width().map(|side| side as usize);
            self.require(
                model.takes(size),
                "data.size",
                recipe.data.size,
                &format!("at least {} px for {}", model.least_size, model.name),
            )?;
            self.require(
                model.learns_from(train.batch_size, size),
                "train.batch_size",
                train.batch_size,
                &format!(
                    "at least 2 pictures at {} px: BatchNorm can't learn from a single value (or data.size above {})",
                    recipe.data.size, model.single_value_size
                ),
            )?;
        }
        if let Some(epoch) = train.unfreeze_epoch {
            let found = || match train.freeze {
                Some(_) => epoch.to_string(),
                None => format!("{epoch} without train.freeze"),
            };
            self.require(
                train.freeze.is_some() && (2..=train.epochs).contains(&epoch),
                "train.unfreeze_epoch",
                found(),
                &format!(
                    "an epoch from 2 to {} (train.epochs), beside what train.freeze freezes before it",
                    train.epochs
                ),
            )?;
        }
        for snapshot in &train.snapshots {
            if let SnapshotEpoch::Number(number) = snapshot {
                self.require(
                    (1..=train.epochs).contains(number),
                    "train.snapshots",
                    number,
                    &format!("an epoch from 1 to {} (train.epochs)", train.epochs),
                )?;
            }
        }
        Ok(())
    }

    fn transforms(
        &self,
        key: &str,
        transforms: &[Transform],
        size: [u32; 2],
    ) -> Result<Vec<Transform>, RecipeError> {
        match Pipeline::new(transforms, size) {
            Ok(pipeline) => Ok(pipeline.transforms().to_vec()),
            Err(error) => Err(self.text.value_error(
                key,
                "a transform that can't be used".to_owned(),
                error.to_string(),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
