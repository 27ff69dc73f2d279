//! Divides a dataset into a part to train on and a part to judge by.

use std::collections::BTreeMap;

use rand::Rng;

use crate::dataset::Dataset;
use crate::random::{Purpose, generator};

/// Why a dataset could not be divided.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// The fraction is no fraction.
    #[error("the validation fraction is {found}, expected more than 0 and less than 1")]
    Fraction {
        /// The fraction asked for.
        found: f64,
    },
    /// No class has two samples.
    #[error(
        "{samples} samples in {classes} classes can't be divided: no class has two samples, so \
         that one could be kept for validation"
    )]
    TooFew {
        /// How many samples there are.
        samples: usize,
        /// How many classes they have.
        classes: usize,
    },
}

/// Divides a dataset: `fraction` of every class goes to the second part, the rest to the first.
///
/// A class of two or more samples has at least one in each part; a single sample stays in the
/// first. Samples without a label are divided as if they were one class. Both parts keep the
/// order of the samples, and the list of classes.
///
/// Who goes where depends on the seed, the class, and the position within the class, so adding
/// pictures to one class does not reshuffle the others.
///
/// # Errors
/// [`SplitError`].
pub fn split(dataset: Dataset, fraction: f64, seed: u64) -> Result<(Dataset, Dataset), SplitError> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(SplitError::Fraction { found: fraction });
    }
    let mut by_label: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for (position, sample) in dataset.samples.iter().enumerate() {
        by_label.entry(sample.label).or_default().push(position);
    }
    let mut is_held_out = vec![false; dataset.len()];
    for (label, members) in &by_label {
        let class = label.map_or(u64::MAX, u64::from);
        for member in choose(members, fraction, seed, class) {
            is_held_out[member] = true;
        }
    }
    if !is_held_out.contains(&true) {
        let (samples, classes) = (dataset.len(), by_label.len());
        return Err(SplitError::TooFew { samples, classes });
    }
    let Dataset { classes, samples, palette } = dataset;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (sample, is_held_out) in samples.into_iter().zip(is_held_out) {
        (if is_held_out { &mut second } else { &mut first }).push(sample);
    }
    let first = Dataset { classes: classes.clone(), samples: first, palette: palette.clone() };
    Ok((first, Dataset { classes, samples: second, palette }))
}

/// The members of one class that are held out.
fn choose(members: &[usize], fraction: f64, seed: u64, class: u64) -> Vec<usize> {
    if members.len() < 2 {
        return Vec::new();
    }
    let wanted = (members.len() as f64 * fraction).round() as usize;
    let wanted = wanted.clamp(1, members.len() - 1);
    // Sorting by random keys, rather than a library's shuffle, whose draws may change with its
    // version and so move pictures from one part to the other.
    let mut random = generator(seed, Purpose::Split, 0, class);
    let mut keyed: Vec<(u64, usize)> =
        members.iter().map(|&member| (random.next_u64(), member)).collect();
    keyed.sort_unstable();
    keyed.into_iter().take(wanted).map(|(_, member)| member).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::dataset::{Location, Sample};

    fn dataset(counts: &[usize], labelled: bool) -> Dataset {
        let classes = (0..counts.len()).map(|class| format!("class{class}")).collect();
        let members = counts.iter().enumerate();
        let samples = members.flat_map(|(class, &count)| {
            (0..count).map(move |number| Sample {
                name: format!("{class:03}/{number:05}.jpg"),
                location: Location::File("".into()),
                label: labelled.then_some(class as u32),
                mask: None,
            })
        });
        Dataset { samples: samples.collect(), classes, palette: None }
    }

    fn names(dataset: &Dataset) -> Vec<&str> {
        dataset.samples.iter().map(|sample| sample.name.as_str()).collect()
    }

    proptest! {
        #[test]
        fn every_class_is_divided_and_no_sample_is_lost(
            counts in prop::collection::vec(0usize..40, 1..12),
            fraction in 0.01f64..0.99,
            seed: u64,
        ) {
            prop_assume!(counts.iter().any(|&count| count >= 2));
            let whole = dataset(&counts, true);
            let (first, second) = split(whole.clone(), fraction, seed).unwrap();
            let union: BTreeSet<&str> = names(&first).into_iter().chain(names(&second)).collect();
            prop_assert_eq!(union.len(), whole.len());
            prop_assert_eq!(first.len() + second.len(), whole.len());
            let parts = first.class_counts().into_iter().zip(second.class_counts());
            for (&count, (kept, held_out)) in counts.iter().zip(parts) {
                if count < 2 {
                    prop_assert_eq!(held_out, 0);
                    continue;
                }
                prop_assert!(kept >= 1 && held_out >= 1);
                let wanted = (count as f64 * fraction).clamp(1.0, count as f64 - 1.0);
                prop_assert!((held_out as f64 - wanted).abs() <= 0.5 + 1e-9);
            }
            for part in [&first, &second] {
                prop_assert!(names(part).is_sorted());
                prop_assert_eq!(&part.classes, &whole.classes);
            }
        }
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let whole = dataset(&[50, 30], true);
        let held_out = |seed| {
            let (_, second) = split(whole.clone(), 0.2, seed).unwrap();
            second.samples.into_iter().map(|sample| sample.name).collect::<Vec<_>>()
        };
        assert_eq!(held_out(7), held_out(7));
        assert_ne!(held_out(7), held_out(8));
    }

    #[test]
    fn a_larger_class_does_not_reshuffle_the_others() {
        let of_second_class = |counts: &[usize]| {
            let (_, second) = split(dataset(counts, true), 0.3, 1).unwrap();
            let chosen = second.samples.into_iter().filter(|sample| sample.label == Some(1));
            chosen.map(|sample| sample.name).collect::<Vec<_>>()
        };
        assert_eq!(of_second_class(&[10, 20]), of_second_class(&[400, 20]));
    }

    #[test]
    fn unlabelled_samples_are_divided_by_the_fraction() {
        let (first, second) = split(dataset(&[100], false), 0.25, 0).unwrap();
        assert_eq!((first.len(), second.len()), (75, 25));
        assert_ne!(names(&second), names(&dataset(&[25], false)), "not simply the first");
    }

    #[test]
    fn what_is_no_fraction_is_refused() {
        for found in [0.0, 1.0, -0.1, 20.0, f64::NAN, f64::INFINITY] {
            let error = split(dataset(&[10], true), found, 0).unwrap_err();
            assert!(matches!(error, SplitError::Fraction { .. }), "{found}: {error}");
        }
    }

    #[test]
    fn what_can_not_be_divided_is_refused() {
        for counts in [&[][..], &[1], &[1, 1, 1]] {
            let error = split(dataset(counts, true), 0.5, 0).unwrap_err();
            assert!(matches!(error, SplitError::TooFew { .. }), "{counts:?}: {error}");
        }
    }
}
