//! The similarities that t-SNE wants its picture to have.

use rayon::prelude::*;

use super::Neighbours;

/// Steps of the search for a bandwidth, and how near in nats the entropy must come.
const SEARCH_STEPS: usize = 100;
const ENTROPY_TOLERANCE: f64 = 1e-5;

/// Joint probabilities of neighbouring points: symmetric, all together 1, row after row.
#[derive(Clone, Debug)]
pub(super) struct Affinities {
    /// Where each row starts, and the end: `[count + 1]`.
    pub(super) starts: Vec<usize>,
    /// The other point of each pair, ascending within a row.
    pub(super) columns: Vec<u32>,
    /// The pair's probability.
    pub(super) values: Vec<f32>,
}

impl Affinities {
    pub(super) fn new(neighbours: &Neighbours, perplexity: f64) -> Self {
        let each = neighbours.each;
        let rows: Vec<Vec<(u32, f64)>> = neighbours
            .squared_distances
            .par_chunks_exact(each)
            .zip(neighbours.indices.par_chunks_exact(each))
            .map(|(distances, indices)| {
                let mut row: Vec<(u32, f64)> =
                    indices.iter().copied().zip(conditional(distances, perplexity)).collect();
                row.sort_unstable_by_key(|entry| entry.0);
                row
            })
            .collect();
        let mut transposed: Vec<Vec<(u32, f64)>> = vec![Vec::with_capacity(each); rows.len()];
        for (point, row) in rows.iter().enumerate() {
            for &(other, value) in row {
                transposed[other as usize].push((point as u32, value));
            }
        }
        let merged: Vec<Vec<(u32, f64)>> =
            rows.par_iter().zip(&transposed).map(|(row, column)| sum_sorted(row, column)).collect();
        let total: f64 = merged.iter().flatten().map(|entry| entry.1).sum();
        let mut starts = vec![0];
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for row in merged {
            for (other, value) in row {
                columns.push(other);
                values.push((value / total.max(f64::MIN_POSITIVE)) as f32);
            }
            starts.push(columns.len());
        }
        Self { starts, columns, values }
    }
}

/// Probabilities of a point's neighbours under a Gaussian that is so wide that their perplexity is
/// as asked for.
fn conditional(squared_distances: &[f32], perplexity: f64) -> Vec<f64> {
    let nearest = squared_distances.first().copied().map_or(0.0, f64::from);
    // Only differences count, and without the nearest's distance nothing underflows.
    let distances: Vec<f64> =
        squared_distances.iter().map(|distance| f64::from(*distance) - nearest).collect();
    let target = perplexity.ln();
    let (mut precision, mut low, mut high) = (1.0f64, 0.0f64, f64::INFINITY);
    let mut values = vec![0.0; distances.len()];
    for _ in 0..SEARCH_STEPS {
        let (mut sum, mut weighted) = (0.0, 0.0);
        for (value, distance) in values.iter_mut().zip(&distances) {
            *value = (-distance * precision).exp();
            sum += *value;
            weighted += distance * *value;
        }
        values.iter_mut().for_each(|value| *value /= sum);
        let entropy = sum.ln() + precision * weighted / sum;
        if (entropy - target).abs() <= ENTROPY_TOLERANCE {
            break;
        }
        if entropy > target {
            low = precision;
            precision = if high.is_finite() { (precision + high) / 2.0 } else { precision * 2.0 };
        } else {
            high = precision;
            precision = (precision + low) / 2.0;
        }
        // Neighbours that are all equally far have the same entropy at any width.
        if !precision.is_finite() {
            break;
        }
    }
    values
}

fn sum_sorted(a: &[(u32, f64)], b: &[(u32, f64)]) -> Vec<(u32, f64)> {
    let mut sum = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (Some(left), Some(right)) if left.0 == right.0 => {
                sum.push((left.0, left.1 + right.1));
                a.next();
                b.next();
            }
            (Some(left), Some(right)) => {
                sum.push(**if left.0 < right.0 { left } else { right });
                if left.0 < right.0 {
                    a.next();
                } else {
                    b.next();
                }
            }
            (Some(_), None) => sum.extend(a.by_ref().copied()),
            (None, Some(_)) => sum.extend(b.by_ref().copied()),
            (None, None) => return sum,
        }
    }
}
