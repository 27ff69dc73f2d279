//! A recipe for pictures in classes.

use ocelli_data::source::Found;

use super::measure::median_shorter_side;
use super::{Choice, Decided, Suggestion};
use crate::recipe::{DataSection, Recipe, Size, Task};

/// The largest picture size chosen: beyond it, training from scratch on a CPU takes days.
const MOST_PIXELS: u32 = 128;
/// Pictures that training should see in all. Small sets are gone over more often, within bounds.
const PICTURES_SEEN: usize = 60_000;
const EPOCHS: std::ops::RangeInclusive<usize> = 10..=40;
/// A class this many times as frequent as another is worth a word.
const NOTABLE_IMBALANCE: usize = 4;

pub(super) fn suggest(decided: &Decided, found: &Found) -> Suggestion {
    let mut choice = Choice::of(decided, found);
    let shorter = median_shorter_side(&found.train);
    let fitting = shorter.map_or(64, |shorter| (shorter / 32 * 32).clamp(32, MOST_PIXELS));
    let size = if decided.has_size { decided.data.size } else { Size::Square(fitting) };
    choice.reasons.push(match shorter {
        _ if decided.has_size => format!("size {size}, as you say"),
        Some(shorter) => {
            format!("size {size}: the pictures' shorter side is about {shorter} pixels")
        }
        None => format!("size {size}: no picture's own size could be read"),
    });
    let epochs = choice.epochs(found, PICTURES_SEEN, EPOCHS);
    let batch_size = if found.train.len() < 500 { 16 } else { 32 };
    let data = DataSection { size, ..decided.data.clone() };
    let recipe = choice.recipe(Task::Classify, data, epochs, batch_size);

    let counts = found.train.class_counts();
    if let (Some(&most), Some(&least)) = (counts.iter().max(), counts.iter().min())
        && most >= NOTABLE_IMBALANCE * least.max(1)
    {
        choice.reasons.push(format!(
            "the classes are uneven ({least} to {most} pictures): if the rare ones matter to you as much, \
             add --set train.loss.class_weights=balanced or --set data.sampling=balanced"
        ));
    }
    let model = decided.model.clone().unwrap_or_default();
    choice.finish(Recipe { model, ..recipe })
}
