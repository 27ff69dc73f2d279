//! Losses in a few words: their names, and what is not as usual.

use crate::loss::{
    Alpha, ClassWeights, DenseLossConfig, DenseLossName, DenseTermConfig, LossConfig,
    PixelLossConfig,
};
use crate::recipe::{LossSection, Recipe, Task};

/// What a recipe minimizes. A loss that can't be read is one of an older version: it has no words.
pub(super) fn described(recipe: &Recipe) -> String {
    let section = recipe.train.loss.as_ref();
    let words = match recipe.task {
        Task::Classify => LossSection::classification(section).map(|loss| of_classes(&loss)),
        Task::Segment => LossSection::segmentation(section).map(|loss| of_regions(&loss)),
        Task::Colorize => LossSection::colorization(section).map(|loss| of_colors(&loss)),
        Task::SelfSupervised(method) => Ok(method.name().replace('_', " ")),
    };
    words.unwrap_or_else(|_| "-".to_owned())
}

fn of_classes(loss: &LossConfig) -> String {
    let mut words = "cross entropy".to_owned();
    smoothing(&mut words, loss.label_smoothing);
    weights(&mut words, loss.class_weights.as_ref());
    words
}

fn of_regions(loss: &DenseLossConfig) -> String {
    let term = |term: &DenseTermConfig| {
        let mut words = term.name.as_str().replace('_', " ");
        if let Some(weight) = term.weight.filter(|&weight| weight != 1.0) {
            words = format!("{weight} {words}");
        }
        if let (DenseLossName::Focal, Some(gamma)) = (term.name, term.gamma) {
            words.push_str(&format!(", gamma {gamma}"));
        }
        smoothing(&mut words, term.label_smoothing);
        weights(&mut words, term.class_weights.as_ref());
        if let Some(Alpha::Classes(alpha)) = &term.alpha {
            weights(&mut words, Some(alpha));
        }
        words
    };
    loss.terms.iter().map(term).collect::<Vec<_>>().join(" + ")
}

fn of_colors(loss: &PixelLossConfig) -> String {
    match loss.name.as_str() {
        "l1" => "L1".to_owned(),
        "mse" => "MSE".to_owned(),
        name => name.replace('_', " "),
    }
}

fn smoothing(words: &mut String, value: Option<f64>) {
    if let Some(value) = value.filter(|&value| value > 0.0) {
        words.push_str(&format!(", smoothing {value}"));
    }
}

fn weights(words: &mut String, weights: Option<&ClassWeights>) {
    match weights {
        None | Some(ClassWeights::None) => {}
        Some(ClassWeights::Balanced) => words.push_str(", balanced"),
        Some(ClassWeights::List(_)) => words.push_str(", weighted"),
    }
}
