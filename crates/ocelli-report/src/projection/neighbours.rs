//! Distances between all pairs of points, a block at a time, and exact nearest neighbours.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{Points, ProjectionError, check};

/// Points whose distances are computed at a time: small enough that the block stays in the cache.
const QUERIES: usize = 96;
const REFERENCES: usize = 768;
/// Candidates beyond those asked for: products in single precision may swap near neighbours, so
/// the distances of a few more are computed again without products.
const SPARE: usize = 8;

/// The nearest neighbours of each point, the nearest first, never the point itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// Neighbours a point.
    pub each: usize,
    /// Which points, `[count, each]`.
    pub indices: Vec<u32>,
    /// Squared Euclidean distances, `[count, each]`.
    pub squared_distances: Vec<f32>,
}

/// Finds the `each` nearest neighbours of each point by Euclidean distance, exactly; of two at the
/// same distance, the earlier point.
///
/// # Errors
/// [`ProjectionError::Setting`] unless 1 ≤ `each` < count < 2³².
pub fn nearest_neighbours(points: Points<'_>, each: usize) -> Result<Neighbours, ProjectionError> {
    let count = points.count();
    check(
        each >= 1 && each < count && u32::try_from(count).is_ok(),
        "the number of neighbours",
        each as f64,
        format!("1 to {}, fewer than there are points", count.saturating_sub(1)),
    )?;
    let centred = Centred::new(points);
    let blocks: Vec<Vec<(f32, u32)>> = (0..count)
        .step_by(QUERIES)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|start| {
            let end = (start + QUERIES).min(count);
            let mut nearest: Vec<Nearest> =
                (start..end).map(|_| Nearest::new(each + SPARE)).collect();
            centred.visit(start, end, |query, first, distances| {
                nearest[query - start].offer(query, first, distances);
            });
            (start..end)
                .zip(nearest)
                .flat_map(|(query, nearest)| centred.exact(query, nearest.candidates, each))
                .collect()
        })
        .collect();
    let pairs = || blocks.iter().flatten();
    Ok(Neighbours {
        each,
        indices: pairs().map(|pair| pair.1).collect(),
        squared_distances: pairs().map(|pair| pair.0).collect(),
    })
}

/// The smallest distances seen so far, unordered.
struct Nearest {
    keep: usize,
    limit: f32,
    candidates: Vec<(f32, u32)>,
}

impl Nearest {
    fn new(keep: usize) -> Self {
        Self { keep, limit: f32::INFINITY, candidates: Vec::with_capacity(3 * keep) }
    }

    fn offer(&mut self, query: usize, first: usize, distances: &[f32]) {
        for (place, &distance) in distances.iter().enumerate() {
            let index = first + place;
            if distance < self.limit && index != query {
                self.candidates.push((distance, index as u32));
                if self.candidates.len() == 3 * self.keep {
                    self.candidates.select_nth_unstable_by(self.keep - 1, order);
                    self.candidates.truncate(self.keep);
                    self.limit = self.candidates[self.keep - 1].0;
                }
            }
        }
    }
}

fn order(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// Points around their mean, so that products lose as few digits as possible.
pub(super) struct Centred {
    values: Vec<f32>,
    squared_norms: Vec<f32>,
    width: usize,
}

impl Centred {
    pub(super) fn new(points: Points<'_>) -> Self {
        let mean = points.mean();
        let width = points.width();
        let values: Vec<f32> = points
            .values()
            .chunks_exact(width)
            .flat_map(|row| {
                row.iter().zip(&mean).map(|(value, mean)| (f64::from(*value) - mean) as f32)
            })
            .collect();
        let squared_norms = values
            .chunks_exact(width)
            .map(|row| row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() as f32)
            .collect();
        Self { values, squared_norms, width }
    }

    pub(super) fn count(&self) -> usize {
        self.squared_norms.len()
    }

    /// Calls `visit(query, first, squared distances of the query to first, first + 1, …)` for each
    /// query in `start..end`, until each has been shown all points.
    pub(super) fn visit(
        &self,
        start: usize,
        end: usize,
        mut visit: impl FnMut(usize, usize, &[f32]),
    ) {
        let queries = MatRef::from_row_major_slice(
            &self.values[start * self.width..end * self.width],
            end - start,
            self.width,
        );
        let mut products = vec![0.0f32; (end - start) * REFERENCES.min(self.count())];
        for first in (0..self.count()).step_by(REFERENCES) {
            let last = (first + REFERENCES).min(self.count());
            let references = MatRef::from_row_major_slice(
                &self.values[first * self.width..last * self.width],
                last - first,
                self.width,
            );
            let block = &mut products[..(end - start) * (last - first)];
            matmul(
                MatMut::from_row_major_slice_mut(block, end - start, last - first),
                Accum::Replace,
                queries,
                references.transpose(),
                1.0,
                Par::Seq,
            );
            for (query, row) in (start..end).zip(block.chunks_exact_mut(last - first)) {
                let norm = self.squared_norms[query];
                for (product, other) in row.iter_mut().zip(&self.squared_norms[first..last]) {
                    *product = (norm + other - 2.0 * *product).max(0.0);
                }
                visit(query, first, row);
            }
        }
    }

    /// Runs [`Centred::visit`] for all points on all threads, and returns what `summarize` makes of
    /// each point's distances to all points, in the order of the points.
    pub(super) fn map_rows<T: Send>(
        &self,
        summarize: impl Fn(usize, &[f32]) -> T + Sync,
    ) -> Vec<T> {
        let count = self.count();
        let blocks: Vec<Vec<T>> = (0..count)
            .step_by(QUERIES)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|start| {
                let end = (start + QUERIES).min(count);
                let mut rows = vec![0.0f32; (end - start) * count];
                self.visit(start, end, |query, first, distances| {
                    let place = (query - start) * count + first;
                    rows[place..place + distances.len()].copy_from_slice(distances);
                });
                rows.chunks_exact(count)
                    .zip(start..end)
                    .map(|(row, query)| summarize(query, row))
                    .collect()
            })
            .collect();
        blocks.into_iter().flatten().collect()
    }

    fn exact(&self, query: usize, candidates: Vec<(f32, u32)>, each: usize) -> Vec<(f32, u32)> {
        let row = |point: usize| &self.values[point * self.width..(point + 1) * self.width];
        let mut candidates = candidates;
        if candidates.len() > each + SPARE {
            candidates.select_nth_unstable_by(each + SPARE - 1, order);
            candidates.truncate(each + SPARE);
        }
        for candidate in &mut candidates {
            candidate.0 = squared_distance(row(query), row(candidate.1 as usize));
        }
        candidates.sort_unstable_by(order);
        candidates.truncate(each);
        candidates
    }
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 =
        a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| (a - b) * (a - b)).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    sums.iter().sum::<f32>() + rest
}
