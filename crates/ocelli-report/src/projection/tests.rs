//! Against scikit-learn: `fixtures/report/generate.py` made the references.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use safetensors::SafeTensors;
use serde::Deserialize;

use super::affinity::Affinities;
use super::gradient::Forces;
use super::quality::{neighbourhood, silhouette};
use super::*;

/// Largest difference of a principal component's value, absolute: both sides compute in double
/// precision, and directions are unit vectors.
const PCA_TOLERANCE: f64 = 1e-6;
/// Largest difference of a quality, absolute: distances in single precision may order two nearly
/// equal ones otherwise.
const QUALITY_TOLERANCE: f64 = 1e-4;
/// Largest excess of the Kullback-Leibler divergence, as a share of scikit-learn's.
const KL_TOLERANCE: f64 = 0.05;

#[derive(Deserialize)]
struct Reference {
    tall: PcaReference,
    wide: PcaReference,
    trustworthiness: BTreeMap<String, f64>,
    silhouette: BTreeMap<String, f64>,
    tsne: TsneReference,
}

#[derive(Deserialize)]
struct PcaReference {
    components: Vec<Vec<f64>>,
    explained_variance: Vec<f64>,
    explained_variance_ratio: Vec<f64>,
    projected: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct TsneReference {
    perplexity: f64,
    kl_divergence: f64,
    kl_divergence_exact: f64,
}

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/report").join(name);
    std::fs::read(path).unwrap()
}

fn reference() -> Reference {
    serde_json::from_slice(&fixture("projections.json")).unwrap()
}

fn tensor(name: &str) -> (Vec<f32>, usize) {
    let bytes = fixture("points.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    let values = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    (values.collect(), tensor.shape()[1])
}

fn labels() -> Vec<usize> {
    let bytes = fixture("points.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let data = tensors.tensor("labels").unwrap().data();
    data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as usize).collect()
}

fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }
}

fn holds_to(name: &str, expected: &PcaReference) {
    let (values, width) = tensor(name);
    let found = pca(Points::new(&values, width).unwrap(), expected.components.len()).unwrap();
    near(&found.explained_variance, &expected.explained_variance, PCA_TOLERANCE);
    near(&found.explained_variance_ratio, &expected.explained_variance_ratio, PCA_TOLERANCE);
    for (found, expected) in found.components.iter().zip(&expected.components) {
        near(found, expected, PCA_TOLERANCE);
    }
    for (found, expected) in found.projected.iter().zip(&expected.projected) {
        near(found, expected, 10.0 * PCA_TOLERANCE);
    }
}

#[test]
fn principal_components_are_those_of_scikit_learn_signs_included() {
    let reference = reference();
    holds_to("tall", &reference.tall);
    holds_to("wide", &reference.wide);
}

#[test]
fn large_matrices_get_the_same_leading_components_as_exact_ones() {
    // Beyond the limit of the exact decomposition by both sides: four strong directions and noise.
    let (count, width) = (1100, 1030);
    let wave = |place: usize, step: usize| ((place * step) as f32 * 0.37).sin();
    let values: Vec<f32> = (0..count * width)
        .map(|place| {
            let (row, column) = (place / width, place % width);
            let strong: f32 = (1..5)
                .map(|part| wave(row, part) * wave(column, part + 3) * (6 - part) as f32)
                .sum();
            strong + 0.05 * ((place * 7919 % 1013) as f32 / 1013.0 - 0.5)
        })
        .collect();
    let found = pca(Points::new(&values, width).unwrap(), 3).unwrap();
    let narrow: Vec<f32> = values.chunks(width).flat_map(|row| row[..width / 2].to_vec()).collect();
    assert!(pca(Points::new(&narrow, width / 2).unwrap(), 3).is_ok());
    for (place, direction) in found.components.iter().enumerate() {
        // A direction is right if the covariance only stretches it.
        let centred = |row: &[f32], column: usize| f64::from(row[column]) - found.mean[column];
        let mut stretched = vec![0.0; width];
        for (row, along) in values.chunks(width).zip(&found.projected) {
            for (column, sum) in stretched.iter_mut().enumerate() {
                *sum += centred(row, column) * along[place] / (count - 1) as f64;
            }
        }
        let variance = found.explained_variance[place];
        let rest: f64 = stretched
            .iter()
            .zip(direction)
            .map(|(value, part)| (value - variance * part).powi(2))
            .sum::<f64>()
            .sqrt();
        assert!(rest < 1e-6 * variance, "direction {place} leaves {rest} of {variance}");
    }
}

#[test]
fn points_that_do_not_vary_are_projected_to_one_place() {
    let values = [1.5f32; 40];
    let points = Points::new(&values, 4).unwrap();
    let found = pca(points, 2).unwrap();
    assert_eq!(found.explained_variance_ratio, [0.0, 0.0]);
    let embedding = Tsne { perplexity: 3.0, ..Tsne::default() }.fit(points).unwrap();
    assert!(embedding.points.iter().all(|point| *point == [0.0, 0.0]));
    assert!(embedding.kl_divergence.is_finite());
}

#[test]
fn neighbours_are_those_of_a_search_through_all_pairs() {
    let (values, width) = tensor("tall");
    let points = Points::new(&values, width).unwrap();
    let found = nearest_neighbours(points, 7).unwrap();
    for query in 0..points.count() {
        let mut all: Vec<(f64, usize)> = (0..points.count())
            .filter(|other| *other != query)
            .map(|other| {
                let pairs = points.row(query).iter().zip(points.row(other));
                (pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum(), other)
            })
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let expected: Vec<u32> = all[..7].iter().map(|pair| pair.1 as u32).collect();
        assert_eq!(found.indices[query * 7..(query + 1) * 7], expected);
    }
}

#[test]
fn affinities_are_symmetric_and_sum_to_one() {
    let (values, width) = tensor("tall");
    let neighbours = nearest_neighbours(Points::new(&values, width).unwrap(), 61).unwrap();
    let affinities = Affinities::new(&neighbours, 20.0);
    let total: f64 = affinities.values.iter().map(|value| f64::from(*value)).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    let row = |point: usize| affinities.starts[point]..affinities.starts[point + 1];
    for point in 0..neighbours.indices.len() / neighbours.each {
        for place in row(point) {
            let back = row(affinities.columns[place] as usize)
                .find(|back| affinities.columns[*back] as usize == point);
            assert_eq!(affinities.values[back.unwrap()], affinities.values[place]);
        }
    }
}

#[test]
fn the_divergence_is_that_of_scikit_learn() {
    let (values, width) = tensor("tall");
    let points = Points::new(&values, width).unwrap();
    let reference = reference().tsne;
    let tsne = Tsne { perplexity: reference.perplexity, ..Tsne::default() };
    let found = tsne.fit(points).unwrap().kl_divergence;
    assert!(found <= reference.kl_divergence * (1.0 + KL_TOLERANCE), "{found}");
    let exact = Tsne { angle: 0.0, ..tsne }.fit(points).unwrap().kl_divergence;
    assert!(exact <= reference.kl_divergence_exact * (1.0 + KL_TOLERANCE), "{exact}");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (values, width) = tensor("tall");
    let points = Points::new(&values, width).unwrap();
    let tsne = Tsne { perplexity: 10.0, iterations: 60, ..Tsne::default() };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (tsne.fit(points).unwrap(), silhouette(points, &labels()).unwrap()))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn qualities_are_those_of_scikit_learn() {
    let ((tall, width), (projected, _)) = (tensor("tall"), tensor("projected"));
    let features = Points::new(&tall, width).unwrap();
    let projection = Points::new(&projected, 2).unwrap();
    let reference = reference();
    for (neighbours, expected) in reference.trustworthiness {
        let found = neighbourhood(features, projection, neighbours.parse().unwrap()).unwrap();
        near(&[found.trustworthiness], &[expected], QUALITY_TOLERANCE);
        assert!(found.preservation > 0.0 && found.preservation < 1.0);
    }
    let itself = neighbourhood(features, features, 10).unwrap();
    assert_eq!((itself.trustworthiness, itself.preservation), (1.0, 1.0));
    let found = [silhouette(features, &labels()), silhouette(projection, &labels())];
    let expected = [reference.silhouette["features"], reference.silhouette["projected"]];
    near(&found.map(Result::unwrap), &expected, QUALITY_TOLERANCE);
}

#[test]
fn settings_out_of_range_are_told() {
    let values = [0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0];
    let points = Points::new(&values, 1).unwrap();
    let error = |tsne: Tsne| tsne.fit(points).unwrap_err().to_string();
    assert_eq!(
        error(Tsne::default()),
        "perplexity is 30, expected more than 1, and less than the 6 points"
    );
    let perplexity = 3.0;
    assert!(error(Tsne { perplexity, angle: f64::NAN, ..Tsne::default() }).contains("angle"));
    let learning_rate = LearningRate::Fixed(-1.0);
    assert!(error(Tsne { perplexity, learning_rate, ..Tsne::default() }).contains("learning_rate"));
    assert!(Points::new(&values, 4).unwrap_err().to_string().contains("multiple of the width 4"));
    assert!(Points::new(&[0.0, f32::NAN], 1).unwrap_err().to_string().contains("point 1"));
    assert!(pca(points, 2).unwrap_err().to_string().contains("1 to 1"));
    assert!(nearest_neighbours(points, 6).is_err());
    assert!(silhouette(points, &[0; 6]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn repulsion_through_the_tree_is_near_that_of_all_pairs(
        points in prop::collection::vec([-40.0f32..40.0, -40.0f32..40.0], 1..400),
        copies in 0usize..40,
    ) {
        let mut points = points;
        points.extend(vec![points[0]; copies]);
        let mut forces = Forces::new(points.len());
        forces.repel(&points, 0.0);
        let (exact, normalizer) = (forces.repulsion.clone(), forces.normalizer);
        let mut expected = 0.0;
        for (place, a) in points.iter().enumerate() {
            let mut sum = [0.0f64; 2];
            for (other, b) in points.iter().enumerate() {
                let (dx, dy) = (f64::from(a[0] - b[0]), f64::from(a[1] - b[1]));
                let q = 1.0 / (1.0 + dx * dx + dy * dy);
                sum = [sum[0] + q * q * dx, sum[1] + q * q * dy];
                expected += if place == other { 0.0 } else { q };
            }
            prop_assert!((sum[0] - f64::from(exact[place][0])).abs() < 1e-3);
            prop_assert!((sum[1] - f64::from(exact[place][1])).abs() < 1e-3);
        }
        prop_assert!((normalizer - expected).abs() < 1e-4 * expected.max(1.0));
        forces.repel(&points, 0.5);
        prop_assert!((forces.normalizer - expected).abs() < 0.02 * expected.max(1.0));
    }
}
