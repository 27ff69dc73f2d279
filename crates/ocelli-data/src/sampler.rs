//! In which order an epoch visits the samples.

use rand::Rng;

use crate::dataset::Dataset;
use crate::random::{Generator, Purpose, generator};

/// In which order an epoch visits the samples, and how often each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The dataset's own order, every sample once: for evaluation.
    Sequential,
    /// A new order every epoch, every sample once.
    #[default]
    Shuffled,
    /// As many draws as there are samples, with replacement: every class that has samples is
    /// equally likely, and so is every sample of a class. Rare classes are seen as often as
    /// common ones; a sample may come several times in an epoch, or not at all.
    Balanced,
}

/// Why a dataset can't be visited in the order asked for.
#[derive(Debug, thiserror::Error)]
pub enum SamplerError {
    /// Balancing needs to know every sample's class.
    #[error(
        "{name} has no label, and balanced sampling needs one for every sample: \
         label the data, or use the order \"shuffled\""
    )]
    Unlabelled {
        /// The first sample without a label.
        name: String,
    },
}

/// Makes the order of any epoch from the seed alone.
#[derive(Clone, Debug)]
pub struct Sampler {
    order: Order,
    seed: u64,
    samples: usize,
    /// For `Balanced`: the samples of each class that has any.
    class_members: Vec<Vec<usize>>,
}

impl Sampler {
    /// A sampler for `dataset`.
    ///
    /// # Errors
    /// If the order is [`Order::Balanced`] and a sample has no label.
    pub fn new(dataset: &Dataset, order: Order, seed: u64) -> Result<Self, SamplerError> {
        let mut class_members = Vec::new();
        if order == Order::Balanced {
            let mut by_class = std::collections::BTreeMap::<u32, Vec<usize>>::new();
            for (index, sample) in dataset.samples.iter().enumerate() {
                let label = sample
                    .label
                    .ok_or_else(|| SamplerError::Unlabelled { name: sample.name.clone() })?;
                by_class.entry(label).or_default().push(index);
            }
            class_members = by_class.into_values().collect();
        }
        Ok(Self { order, seed, samples: dataset.len(), class_members })
    }

    /// How many samples an epoch visits: as many as the dataset has, in every order.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples
    }

    /// Whether an epoch visits nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// The sample indices of an epoch, in the order of the visit.
    #[must_use]
    pub fn epoch(&self, epoch: u64) -> Vec<usize> {
        let mut chance = generator(self.seed, Purpose::Order, epoch, 0);
        match self.order {
            Order::Sequential => (0..self.samples).collect(),
            Order::Shuffled => {
                let mut indices: Vec<usize> = (0..self.samples).collect();
                // Fisher-Yates, written out: a library's shuffle may draw differently in its
                // next version, and a seed must keep its meaning.
                for last in (1..indices.len()).rev() {
                    indices.swap(last, below(&mut chance, last + 1));
                }
                indices
            }
            Order::Balanced => (0..self.samples)
                .map(|_| {
                    let members = &self.class_members[below(&mut chance, self.class_members.len())];
                    members[below(&mut chance, members.len())]
                })
                .collect(),
        }
    }

    /// What keys the augmentation of the sample `index` at `position` of an epoch.
    ///
    /// The sample's index, so that a sample's augmentation doesn't depend on where the shuffle
    /// put it. Where a sample can come twice in an epoch that would give it the same
    /// augmentation twice, so balanced sampling keys by position.
    #[must_use]
    pub fn augmentation_key(&self, position: usize, index: usize) -> u64 {
        match self.order {
            Order::Sequential | Order::Shuffled => index as u64,
            Order::Balanced => position as u64,
        }
    }
}

/// A number from `0..bound`, by taking the high half of a 64-bit product (Lemire 2019, without
/// its rejection step: the bias is below `bound` / 2⁶⁴).
fn below(chance: &mut Generator, bound: usize) -> usize {
    ((u128::from(chance.next_u64()) * bound as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::dataset::{Location, Sample};

    fn dataset(labels: &[Option<u32>]) -> Dataset {
        let samples = labels
            .iter()
            .enumerate()
            .map(|(index, &label)| Sample {
                name: format!("{index}.png"),
                location: Location::File(PathBuf::from(format!("{index}.png"))),
                label,
                mask: None,
            })
            .collect();
        Dataset { classes: vec!["a".into(), "b".into(), "c".into()], samples, palette: None }
    }

    proptest! {
        #[test]
        fn a_shuffled_epoch_visits_every_sample_exactly_once(
            samples in 0usize..300, seed: u64, epoch: u64
        ) {
            let sampler = Sampler::new(&dataset(&vec![None; samples]), Order::Shuffled, seed).unwrap();
            let mut visited = sampler.epoch(epoch);
            visited.sort_unstable();
            prop_assert_eq!(visited, (0..samples).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_order_depends_on_seed_and_epoch_and_on_nothing_else() {
        let data = dataset(&[None; 100]);
        let order = |seed, epoch| Sampler::new(&data, Order::Shuffled, seed).unwrap().epoch(epoch);
        assert_eq!(order(1, 1), order(1, 1));
        assert_ne!(order(1, 1), order(1, 2));
        assert_ne!(order(1, 1), order(2, 1));
        assert_ne!(order(1, 1), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn every_sample_is_equally_likely_to_come_first() {
        let sampler = Sampler::new(&dataset(&[None; 5]), Order::Shuffled, 3).unwrap();
        let mut first = [0u32; 5];
        for epoch in 0..5000 {
            first[sampler.epoch(epoch)[0]] += 1;
        }
        // 1000 expected, standard deviation 28: five of them either way.
        assert!(first.iter().all(|count| (860..1140).contains(count)), "{first:?}");
    }

    #[test]
    fn sequential_is_the_datasets_own_order() {
        let sampler = Sampler::new(&dataset(&[None; 4]), Order::Sequential, 9).unwrap();
        assert_eq!(sampler.epoch(7), [0, 1, 2, 3]);
    }

    #[test]
    fn balanced_draws_rare_and_common_classes_equally_often() {
        // 900 of class 0, 90 of class 2, none of class 1.
        let labels: Vec<_> = (0..990).map(|index| Some(if index < 900 { 0 } else { 2 })).collect();
        let sampler = Sampler::new(&dataset(&labels), Order::Balanced, 5).unwrap();
        let drawn = sampler.epoch(1);
        assert_eq!(drawn.len(), 990);
        let rare = drawn.iter().filter(|&&index| index >= 900).count();
        // 495 expected, standard deviation 15.7: five of them either way.
        assert!((417..573).contains(&rare), "{rare} of 990 draws are of the rare class");
        let distinct: std::collections::BTreeSet<_> =
            drawn.iter().filter(|&&index| index >= 900).collect();
        // 90 x (1 - (1 - 1/90)^495) = 89.6 expected.
        assert!(distinct.len() > 80, "only {} of the 90 rare samples were drawn", distinct.len());
    }

    #[test]
    fn balanced_names_the_sample_that_has_no_label() {
        let error = Sampler::new(&dataset(&[Some(0), None]), Order::Balanced, 0).unwrap_err();
        assert!(error.to_string().contains("1.png"), "{error}");
    }

    #[test]
    fn two_visits_of_a_sample_have_different_augmentation_keys() {
        let data = dataset(&[Some(0), Some(1)]);
        let balanced = Sampler::new(&data, Order::Balanced, 0).unwrap();
        assert_ne!(balanced.augmentation_key(0, 1), balanced.augmentation_key(1, 1));
        let shuffled = Sampler::new(&data, Order::Shuffled, 0).unwrap();
        assert_eq!(shuffled.augmentation_key(0, 1), shuffled.augmentation_key(1, 1));
    }
}
