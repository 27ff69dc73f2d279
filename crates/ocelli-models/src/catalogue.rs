use serde::Serialize;

use crate::{
    convnext,
    dense::{DenseConfig, dense_catalogue, narrowed},
    efficientnet, mobilenet, resnet, vgg,
};

/// A model that can be built, as `ocelli models` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelEntry {
    /// The name to build it by.
    pub name: &'static str,
    /// The family that it belongs to.
    pub family: &'static str,
    /// Weights, with 3 input channels and 1000 classes, of a dense model 21 and its family's options.
    pub parameters: usize,
    /// Multiplications of a weight, each with its addition, to score one picture of 224 x 224
    /// pixels: convolutions and linear layers, as the literature counts "FLOPs".
    pub multiply_adds: u64,
    /// Pixels that a picture's shorter side must have for anything to be left of it.
    pub least_size: usize,
    /// Pixels of a picture's longer side up to which a batch normalization sees one value per
    /// channel, so that a batch of one such picture can't be learned from. 0 where there is none.
    pub single_value_size: usize,
    /// Pictures that a batch must have to be learned from, whatever their size.
    pub least_pictures: usize,
    /// What the state-dict keys of the last layer begin with.
    pub head: &'static str,
    /// Where it was described.
    pub paper: &'static str,
}

impl ModelEntry {
    /// The entry of a classifier's name, if there is one.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        catalogue().into_iter().find(|entry| entry.name == name)
    }

    /// The entry of a dense model's name, if there is one.
    #[must_use]
    pub fn find_dense(name: &str) -> Option<Self> {
        dense_catalogue().into_iter().find(|entry| entry.name == name)
    }

    /// The entry of a configured dense model, if there is one of its name: a U-Net's depth and
    /// whether it normalizes tell which pictures it learns from. Counts stay those of the family's
    /// options.
    #[must_use]
    pub fn of_dense(config: &DenseConfig) -> Option<Self> {
        Some(narrowed(Self::find_dense(&config.name)?, config))
    }

    /// Whether pictures of `[height, width]` pixels are large enough.
    #[must_use]
    pub fn takes(&self, size: [usize; 2]) -> bool {
        size.into_iter().all(|side| side >= self.least_size)
    }

    /// Pixels of its longer side beyond which a single picture can be learned from; `None` where no
    /// size is enough.
    #[must_use]
    pub fn size_for_one(&self) -> Option<usize> {
        (self.least_pictures <= 1).then_some(self.single_value_size)
    }

    /// Whether so many pictures of `[height, width]` pixels make a batch to learn from.
    #[must_use]
    pub fn learns_from(&self, pictures: usize, [height, width]: [usize; 2]) -> bool {
        pictures >= self.least_pictures
            && (pictures > 1 || (pictures == 1 && height.max(width) > self.single_value_size))
    }
}

/// Every model that [`build`](crate::build()) knows.
#[must_use]
pub fn catalogue() -> Vec<ModelEntry> {
    resnet::entries()
        .chain(efficientnet::entries())
        .chain(vgg::entries())
        .chain(mobilenet::entries())
        .chain(convnext::entries())
        .collect()
}

/// The name most like `found`, unless none is much like it.
pub(crate) fn nearest<'names>(found: &str, known: &'names [String]) -> Option<&'names str> {
    // A third of the letters wrong is a typing mistake; more is another word.
    let tolerated = found.chars().count().div_ceil(3);
    known
        .iter()
        .map(|name| (edit_distance(&found.to_lowercase(), name), name))
        .min()
        .filter(|&(distance, _)| distance <= tolerated)
        .map(|(_, name)| name.as_str())
}

/// Insertions, deletions and substitutions between two words (Levenshtein).
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_is_recognized_and_another_word_is_not() {
        let known = ["resnet18".to_owned(), "resnet34".to_owned()];
        assert_eq!(nearest("resnet-18", &known), Some("resnet18"));
        assert_eq!(nearest("ResNet34", &known), Some("resnet34"));
        assert_eq!(nearest("rsenet34", &known), Some("resnet34"));
        assert_eq!(nearest("vit_b_16", &known), None);
        assert_eq!(nearest("", &known), None);
    }

    #[test]
    fn edit_distances_are_levenshteins() {
        for (left, right, distance) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(edit_distance(left, right), distance);
            assert_eq!(edit_distance(right, left), distance);
        }
    }
}
