//! A recipe for pictures without classes, from which features are learned.

use ocelli_data::loader::LastBatch;
use ocelli_data::source::Found;

use super::{Choice, Decided, Suggestion};
use crate::recipe::{DataSection, Method, Recipe, Task};

/// Without labels it takes more: pictures that training should see in all, within bounds.
const PICTURES_SEEN: usize = 400_000;
const EPOCHS: std::ops::RangeInclusive<usize> = 20..=400;
/// Batch statistics and other pictures are all there is to compare with: many pictures a batch, as
/// long as an epoch has a few of them.
const BATCH_SIZE: usize = 128;
const LEAST_BATCHES: usize = 4;

pub(super) fn suggest(method: Method, decided: &Decided, found: &Found) -> Suggestion {
    let mut choice = Choice::of(decided, found);
    let size = choice.square(found);
    let epochs = choice.epochs(found, PICTURES_SEEN, EPOCHS);
    let batch_size = (found.train.len() / LEAST_BATCHES).clamp(2, BATCH_SIZE);
    let data = DataSection { size, last_batch: LastBatch::Drop, ..decided.data.clone() };
    let recipe = choice.recipe(Task::SelfSupervised(method), data, epochs, batch_size);
    let model = decided.model.clone().unwrap_or_default();
    choice.finish(Recipe { model, ..recipe })
}
