//! Checks every value of a recipe and writes every default out.

use ocelli_data::augment::{
    Normalize, Pipeline, RandomFlip, RandomResizedCrop, Transform, default_evaluation,
    default_mask_evaluation,
};
use ocelli_data::cache::CacheKind;

use super::read::{RecipeError, RecipeText};
use super::{
    BestBy, LossSection, Method, Recipe, Sampling, SnapshotEpoch, Task, Validation, views,
};
use crate::config::ConfigError;
use crate::network;

/// The recipe with every default that doesn't depend on the pictures written out.
///
/// # Errors
/// [`RecipeError::Value`] names the first key whose value can't be used, with its place in `text`.
pub fn resolve(mut recipe: Recipe, text: &RecipeText) -> Result<Recipe, RecipeError> {
    let checks = Checks { text };
    checks.data(&recipe)?;
    checks.train(&recipe)?;
    checks.task(&recipe)?;

    let size = recipe.data.size.height_width();
    let task = recipe.task;
    let second_view = second_view(&mut recipe, size);
    let augment = recipe.data.augment.take().unwrap_or_else(|| default_augmentation(task));
    let evaluation = recipe.data.eval_transforms.take().unwrap_or_else(|| match task {
        Task::Classify | Task::SelfSupervised(_) => default_evaluation(&augment, size),
        Task::Segment | Task::Colorize => default_mask_evaluation(&augment, size),
    });
    let [augment, evaluation] = [augment, evaluation].map(|transforms| as_given(task, transforms));
    recipe.data.augment = Some(checks.transforms("data.augment", &augment, size)?);
    recipe.data.eval_transforms =
        Some(checks.transforms("data.eval_transforms", &evaluation, size)?);
    let table = |name: &'static str| move |reason| text.table_error(name, reason);
    recipe.optimizer = recipe.optimizer.resolved().map_err(table("optimizer"))?;
    recipe.schedule = recipe.schedule.resolved().map_err(table("schedule"))?;
    recipe.train.loss = checks.loss(&recipe)?;
    recipe.train.best_by = Some(recipe.best_by());
    match task {
        Task::Classify => {}
        Task::Segment => {
            recipe.evaluate.get_or_insert_default();
        }
        Task::Colorize => {
            recipe.colorize.get_or_insert_default();
        }
        Task::SelfSupervised(method) => {
            let section = recipe.self_supervised.unwrap_or_default();
            let mut section = section.resolved(method).map_err(table("self_supervised"))?;
            let key = "self_supervised.second_view";
            let view = second_view.unwrap_or_default();
            section.second_view = Some(checks.transforms(key, &view, size)?);
            recipe.self_supervised = Some(section);
        }
    }
    if let Some(ema) = &mut recipe.train.ema {
        *ema = ema.resolved().map_err(table("train.ema"))?;
    }
    Ok(recipe)
}

/// What makes the second view of pictures, where there is one. Where the recipe says neither this nor
/// what makes the first, it says both from now on.
fn second_view(recipe: &mut Recipe, size: [u32; 2]) -> Option<Vec<Transform>> {
    recipe.task.method()?;
    let given = recipe.self_supervised.as_mut().and_then(|section| section.second_view.take());
    let [first, second] = views::asymmetric(size);
    let second = given.or_else(|| recipe.data.augment.clone()).unwrap_or(second);
    recipe.data.augment.get_or_insert(first);
    Some(second)
}

/// What training does to pictures where the recipe doesn't say.
fn default_augmentation(task: Task) -> Vec<Transform> {
    let flip = Transform::RandomHorizontalFlip(RandomFlip::default());
    match task {
        Task::Classify | Task::SelfSupervised(_) => {
            vec![Transform::RandomResizedCrop(RandomResizedCrop::default()), flip]
        }
        Task::Segment | Task::Colorize => vec![flip],
    }
}

/// Colours are learned as they are: colorization's pictures end as numbers from 0 to 1.
fn as_given(task: Task, mut transforms: Vec<Transform>) -> Vec<Transform> {
    let normalizes = |transform: &Transform| matches!(transform, Transform::Normalize(_));
    if task == Task::Colorize && !transforms.iter().any(normalizes) {
        transforms.push(Transform::Normalize(PLAIN));
    }
    transforms
}

/// Leaves numbers from 0 to 1 as they are.
const PLAIN: Normalize = Normalize { mean: [0.0; 3], std: [1.0; 3] };

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
        if let Some(model) = network::entry(recipe) {
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
                    "at least 2 pictures at {} px: BatchNorm can't learn from a single value{}",
                    recipe.data.size,
                    model
                        .size_for_one()
                        .map_or_else(String::new, |side| format!(" (or data.size above {side})"))
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

    /// What only some tasks have a use for.
    fn task(&self, recipe: &Recipe) -> Result<(), RecipeError> {
        let Recipe { task, data, train, model, .. } = recipe;
        let task = *task;
        if let Some(best_by) = train.best_by {
            let known: Vec<&str> = BestBy::of(task).iter().map(|by| by.name()).collect();
            self.require(
                BestBy::of(task).contains(&best_by),
                "train.best_by",
                best_by.name(),
                &format!("one of {} for task = \"{}\"", known.join(", "), task.name()),
            )?;
        }
        let only = |holds: bool, key: &str, tasks: &str| {
            let found = format!("a value, with task = \"{}\"", task.name());
            self.require(holds, key, found, &format!("none: it is for {tasks}"))
        };
        let segments = task == Task::Segment;
        let classifies = task == Task::Classify;
        let is_dense = task.answers_with_pictures();
        let dense = "task = \"segment\" and \"colorize\"";
        only(segments || data.masks.is_none(), "data.masks", "task = \"segment\"")?;
        only(segments || data.palette.is_none(), "data.palette", "task = \"segment\"")?;
        only(segments || data.ignore_index.is_none(), "data.ignore_index", "task = \"segment\"")?;
        only(segments || recipe.evaluate.is_none(), "evaluate", "task = \"segment\"")?;
        only(
            task == Task::Colorize || recipe.colorize.is_none(),
            "colorize",
            "task = \"colorize\"",
        )?;
        only(is_dense || model.encoder_weights == "none", "model.encoder_weights", dense)?;
        for (given, key) in [
            (model.depth.is_some(), "model.depth"),
            (model.width.is_some(), "model.width"),
            (model.batch_norm.is_some(), "model.batch_norm"),
            (model.skip_connections.is_some(), "model.skip_connections"),
            (model.up_sampling.is_some(), "model.up_sampling"),
            (model.auxiliary.is_some(), "model.auxiliary"),
        ] {
            only(is_dense || !given, key, dense)?;
        }
        let stochastic = !is_dense || model.stochastic_depth.is_none();
        only(stochastic, "model.stochastic_depth", "task = \"classify\"")?;
        let methods = "learning without labels";
        let labelled = task.method().is_none();
        only(!labelled || recipe.self_supervised.is_none(), "self_supervised", methods)?;
        let with_labels = "tasks with labels";
        only(labelled || train.ema.is_none(), "train.ema", with_labels)?;
        only(labelled || train.loss.is_none(), "train.loss", with_labels)?;
        self.require(
            task != Task::SelfSupervised(Method::Byol) || train.freeze.is_none(),
            "train.freeze",
            "a value, with task = \"byol\"",
            "none: its target follows the whole network, and would normalize otherwise than what is frozen",
        )?;
        let measures = recipe.self_supervised.as_ref().is_some_and(|section| section.knn.is_some());
        self.require(
            measures || train.best_by != Some(BestBy::Knn),
            "train.best_by",
            "knn without self_supervised.knn",
            "self_supervised.knn = {}, which measures it",
        )?;
        self.require(
            labelled || train.early_stopping_patience == 0 || recipe.best_by() == BestBy::Knn,
            "train.early_stopping_patience",
            train.early_stopping_patience,
            "0, or self_supervised.knn = {}: nothing else tells whether features still improve",
        )?;
        self.require(
            labelled || train.batch_size >= 2,
            "train.batch_size",
            train.batch_size,
            "at least 2 pictures: learning without labels compares pictures with each other",
        )?;
        let mixes = train.mixup_alpha > 0.0 || train.cutmix_alpha > 0.0;
        only(classifies || !mixes, "train.mixup_alpha", "task = \"classify\"")?;
        let balanced = data.sampling == Sampling::Balanced;
        only(classifies || !balanced, "data.sampling", "task = \"classify\" when \"balanced\"")?;
        if let Some(evaluate) = &recipe.evaluate {
            self.require(
                (0.0..1.0).contains(&evaluate.overlap),
                "evaluate.overlap",
                evaluate.overlap,
                "a share from 0 up to, not including, 1",
            )?;
            let scales = &evaluate.scales;
            self.require(
                !scales.is_empty() && scales.iter().all(|scale| (0.1..=4.0).contains(scale)),
                "evaluate.scales",
                format!("{scales:?}"),
                "one or more numbers from 0.1 to 4",
            )?;
        }
        if task == Task::Colorize {
            for (key, transforms) in
                [("data.augment", &data.augment), ("data.eval_transforms", &data.eval_transforms)]
            {
                let normalizes = transforms.iter().flatten().any(
                    |transform| matches!(transform, Transform::Normalize(own) if *own != PLAIN),
                );
                let expected = "none: colorization learns colours as they are";
                self.require(!normalizes, key, "normalize", expected)?;
            }
        }
        self.require(
            (0.0..=10.0).contains(&train.auxiliary_weight),
            "train.auxiliary_weight",
            train.auxiliary_weight,
            "0 to 10",
        )
    }

    /// The loss with every default written out.
    fn loss(&self, recipe: &Recipe) -> Result<Option<LossSection>, RecipeError> {
        let section = recipe.train.loss.as_ref();
        let misfit = |reason: ConfigError| self.text.table_error("train.loss", reason);
        let unreadable = |reason: String| {
            let expected = format!("a loss of task = \"{}\": {reason}", recipe.task.name());
            self.text.value_error("train.loss", "something else".to_owned(), expected)
        };
        Ok(Some(match recipe.task {
            Task::Classify => {
                let loss = LossSection::classification(section).map_err(unreadable)?;
                LossSection::new(&loss.resolved().map_err(misfit)?)
            }
            Task::Segment => {
                let loss = LossSection::segmentation(section).map_err(unreadable)?;
                LossSection::new(&loss.resolved().map_err(misfit)?)
            }
            Task::Colorize => {
                let loss = LossSection::colorization(section).map_err(unreadable)?;
                LossSection::new(&loss.resolved().map_err(misfit)?)
            }
            // The method is the loss.
            Task::SelfSupervised(_) => return Ok(None),
        }))
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
