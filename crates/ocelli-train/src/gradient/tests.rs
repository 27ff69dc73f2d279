use std::collections::BTreeMap;
use std::f32::consts::FRAC_1_SQRT_2;

use serde::Deserialize;

use super::*;
use crate::flat::CHUNK;
use crate::testing::{assert_close, vector, vectors};

/// Float32 rounding of one multiplication and of the reference's own norm.
const TOLERANCE: f32 = 1e-6;

type Values = BTreeMap<String, Vec<f32>>;

#[derive(Deserialize)]
struct Reference {
    gradients: Values,
    by_norm: Vec<ByNorm>,
    by_value: ByValue,
}

#[derive(Deserialize)]
struct ByNorm {
    name: String,
    max_norm: f64,
    norm: f32,
    after: Values,
}

#[derive(Deserialize)]
struct ByValue {
    limit: f64,
    after: Values,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../../fixtures/train/gradients.json")).unwrap()
}

fn values(gradients: &GradientMap, key: &str) -> Vec<f32> {
    flat::to_vec(&gradients[key])
}

fn one(values: &[f32]) -> GradientMap {
    BTreeMap::from([("a".to_owned(), vector(values))])
}

#[test]
fn clipping_by_norm_is_pytorchs() {
    let reference = reference();
    for case in reference.by_norm {
        let mut gradients = vectors(&reference.gradients);
        let norm = clip_by_norm(&mut gradients, case.max_norm);
        assert_close(&[norm as f32], &[case.norm], TOLERANCE, &case.name);
        for (key, expected) in case.after {
            assert_close(&values(&gradients, &key), &expected, TOLERANCE, &case.name);
        }
    }
}

#[test]
fn clipping_by_value_is_pytorchs() {
    let reference = reference();
    let mut gradients = vectors(&reference.gradients);
    clip_by_value(&mut gradients, reference.by_value.limit);
    for (key, expected) in reference.by_value.after {
        assert_eq!(values(&gradients, &key), expected);
    }
}

#[test]
fn gradients_within_the_norm_keep_every_bit() {
    let start = [0.1, -0.2, 0.3];
    let mut gradients = one(&start);
    clip_by_norm(&mut gradients, 1.0);
    assert_eq!(values(&gradients, "a"), start);
}

#[test]
fn the_norm_counts_every_element_of_a_large_gradient() {
    for length in [0, 1, 7, 9, CHUNK - 1, CHUNK, 2 * CHUNK + 13] {
        let norm = total_norm(&one(&vec![2.0; length]));
        assert_eq!(norm, (4.0 * length as f64).sqrt(), "{length}");
    }
    assert_eq!(total_norm(&GradientMap::new()), 0.0);
}

#[test]
fn a_huge_but_finite_gradient_has_a_finite_norm() {
    let mut gradients = one(&[3e38, 3e38]);
    assert!(is_finite(&gradients));
    let norm = clip_by_norm(&mut gradients, 1.0);
    assert!((norm / 4.242_640_7e38 - 1.0).abs() < 1e-6, "{norm}");
    assert_close(&values(&gradients, "a"), &[FRAC_1_SQRT_2; 2], TOLERANCE, "clipped");
}

#[test]
fn gradients_that_are_not_finite_are_told_and_left_alone() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut gradients = one(&[1.0, bad, 5.0]);
        assert!(!is_finite(&gradients));
        assert!(!clip_by_norm(&mut gradients, 1.0).is_finite());
        let after = values(&gradients, "a");
        assert_eq!((after[0], after[1].is_finite(), after[2]), (1.0, false, 5.0));
    }
    assert!(is_finite(&GradientMap::new()));
}

#[test]
fn accumulated_gradients_are_their_sum_key_by_key() {
    let (a, b) = (|x: f32| ("a".to_owned(), vector(&[x, 1.0])), ("b".to_owned(), vector(&[5.0])));
    let mut sum = GradientMap::new();
    accumulate(&mut sum, BTreeMap::from([a(1.0)]));
    accumulate(&mut sum, BTreeMap::from([a(2.0), b.clone()]));
    scale(&mut sum, 0.5);
    assert_eq!(values(&sum, "a"), [1.5, 1.0]);
    assert_eq!(values(&sum, "b"), [2.5]);
    assert_eq!(flat::to_vec(&b.1), [5.0], "what was added stays as it was");
}

#[test]
#[should_panic(expected = "found 1 gradients to add to the 2 of a")]
fn gradients_of_different_lengths_are_not_added() {
    let mut sum = one(&[1.0, 2.0]);
    accumulate(&mut sum, one(&[1.0]));
}
