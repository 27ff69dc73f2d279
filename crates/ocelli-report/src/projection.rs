//! High-dimensional points as pictures: [`pca`], [`Tsne`], and numbers that say how far such a
//! picture can be trusted ([`quality`]).
//!
//! Every result is the same for any number of threads: work is cut by the number of points alone,
//! and partial sums are added in order.

mod affinity;
mod gradient;
mod neighbours;
mod pca;
mod quadtree;
pub mod quality;
mod tsne;

pub use neighbours::{Neighbours, nearest_neighbours};
pub use pca::{Pca, pca};
pub use tsne::{Embedding, Initialization, LearningRate, Tsne};

/// Why points can't be projected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProjectionError {
    /// The values don't fill whole rows.
    #[error("found {values} values, expected a multiple of the width {width}, which is not 0")]
    Shape {
        /// How many values there are.
        values: usize,
        /// Values a point should have.
        width: usize,
    },
    /// A value is no number, infinite, or so large that distances would be.
    #[error("point {point} has the value {value}; a projection needs numbers up to ±1e15")]
    Value {
        /// The point, from 0.
        point: usize,
        /// Its first such value.
        value: f32,
    },
    /// Another list must have an entry for each point.
    #[error("found {found} {what}, expected {expected}: one for each point")]
    Count {
        /// What the list holds.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The number of points.
        expected: usize,
    },
    /// A setting is out of its range.
    #[error("{name} is {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: f64,
        /// The values that it may have.
        expected: String,
    },
}

/// Squares of larger values, summed over a wide point, are beyond 32-bit floats.
const LARGEST_VALUE: f32 = 1e15;

/// Whether distances between points of such values are finite.
pub(crate) fn is_projectable(value: f32) -> bool {
    value.abs() <= LARGEST_VALUE
}

/// Points in rows: `[count, width]`, all values finite and at most 1e15 in size.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    values: &'a [f32],
    width: usize,
}

impl<'a> Points<'a> {
    /// Looks at a slice as `[values.len() / width, width]`.
    ///
    /// # Errors
    /// [`ProjectionError::Shape`] or [`ProjectionError::Value`].
    pub fn new(values: &'a [f32], width: usize) -> Result<Self, ProjectionError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(ProjectionError::Shape { values: values.len(), width });
        }
        if let Some(place) = values.iter().position(|value| !is_projectable(*value)) {
            return Err(ProjectionError::Value { point: place / width, value: values[place] });
        }
        Ok(Self { values, width })
    }

    /// How many points there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// Values a point.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The values of one point.
    ///
    /// # Panics
    /// If there is no such point.
    #[must_use]
    pub fn row(&self, point: usize) -> &'a [f32] {
        &self.values[point * self.width..(point + 1) * self.width]
    }

    /// All values, point after point.
    #[must_use]
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The mean of each column.
    fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.width];
        for row in self.values.chunks_exact(self.width) {
            for (sum, &value) in mean.iter_mut().zip(row) {
                *sum += f64::from(value);
            }
        }
        let count = self.count().max(1) as f64;
        mean.iter_mut().for_each(|sum| *sum /= count);
        mean
    }
}

/// At most `limit` of `count` positions, evenly spread and in order: a sample that is the same
/// each time.
#[must_use]
pub fn evenly_spread(count: usize, limit: usize) -> Vec<usize> {
    if count <= limit {
        return (0..count).collect();
    }
    (0..limit)
        .map(|place| {
            let position = place as u128 * count as u128 / limit as u128;
            usize::try_from(position).expect("is below count")
        })
        .collect()
}

/// Refuses a setting that is not within its range.
fn check(
    within: bool,
    name: &'static str,
    found: f64,
    expected: impl Into<String>,
) -> Result<(), ProjectionError> {
    if within {
        Ok(())
    } else {
        Err(ProjectionError::Setting { name, found, expected: expected.into() })
    }
}

#[cfg(test)]
mod tests;
