//! Principal component analysis.

use faer::{Mat, Side};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{Points, ProjectionError, check};

/// Above this, the smaller of both sides is too long for an exact decomposition in a moment.
const EXACT_LIMIT: usize = 1024;
/// Directions beyond those asked for, and power iterations, of the randomized decomposition: what
/// scikit-learn's `PCA` uses when few components are asked for.
const OVERSAMPLING: usize = 10;
const POWER_ITERATIONS: usize = 7;

/// The directions in which points vary most, and the points seen along them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// The mean point, `[width]`.
    pub mean: Vec<f64>,
    /// Unit vectors `[components, width]`, the direction of the largest variance first. Of both
    /// signs, the one that makes a direction's largest value positive.
    pub components: Vec<Vec<f64>>,
    /// The variance along each direction, with `count - 1` in the denominator.
    pub explained_variance: Vec<f64>,
    /// Its share of all variance, 0 to 1; 0 where there is no variance at all.
    pub explained_variance_ratio: Vec<f64>,
    /// The points along the directions, `[count, components]`.
    pub projected: Vec<Vec<f64>>,
}

/// Finds the `components` directions of the largest variance.
///
/// Exact, through the covariance or the Gram matrix, whichever is smaller; beyond 1024 rows and
/// columns by randomized power iteration (Halko, Martinsson and Tropp 2011), always with the same
/// random numbers.
///
/// # Errors
/// [`ProjectionError::Setting`] unless there are at least two points and 1 to min(count, width)
/// components.
pub fn pca(points: Points<'_>, components: usize) -> Result<Pca, ProjectionError> {
    let (count, width) = (points.count(), points.width());
    check(count >= 2, "the number of points", count as f64, "at least 2")?;
    let most = count.min(width);
    check(
        (1..=most).contains(&components),
        "the number of components",
        components as f64,
        format!("1 to {most}, the smaller of points and their width"),
    )?;
    let mean = points.mean();
    let centred =
        Mat::from_fn(count, width, |row, column| f64::from(points.row(row)[column]) - mean[column]);
    let mut directions = if most > EXACT_LIMIT {
        randomized_directions(&centred, components)
    } else {
        exact_directions(&centred, components)
    };
    for direction in &mut directions {
        let largest = direction.iter().copied().fold(0.0, |largest: f64, value: f64| {
            if value.abs() > largest.abs() { value } else { largest }
        });
        if largest < 0.0 {
            direction.iter_mut().for_each(|value| *value = -*value);
        }
    }
    let basis = Mat::from_fn(width, components, |row, column| directions[column][row]);
    let projected = &centred * &basis;
    let divisor = (count - 1) as f64;
    let total: f64 = (0..width).map(|column| centred.col(column).squared_norm_l2()).sum();
    let explained: Vec<f64> =
        (0..components).map(|column| projected.col(column).squared_norm_l2() / divisor).collect();
    Ok(Pca {
        mean,
        components: directions,
        explained_variance_ratio: explained
            .iter()
            .map(|variance| if total > 0.0 { variance * divisor / total } else { 0.0 })
            .collect(),
        explained_variance: explained,
        projected: (0..count)
            .map(|row| (0..components).map(|column| projected[(row, column)]).collect())
            .collect(),
    })
}

/// Eigenvectors of a symmetric matrix, the largest eigenvalue first.
fn leading_eigenvectors(matrix: &Mat<f64>, number: usize) -> Option<Vec<(f64, Vec<f64>)>> {
    let eigen = matrix.self_adjoint_eigen(Side::Lower).ok()?;
    let size = matrix.nrows();
    let vectors = eigen.U();
    Some(
        (0..number)
            .map(|place| {
                let column = size - 1 - place;
                let vector = (0..size).map(|row| vectors[(row, column)]).collect();
                (eigen.S()[column], vector)
            })
            .collect(),
    )
}

fn exact_directions(centred: &Mat<f64>, components: usize) -> Vec<Vec<f64>> {
    let (count, width) = (centred.nrows(), centred.ncols());
    let found = if width <= count {
        let covariance = centred.transpose() * centred;
        leading_eigenvectors(&covariance, components)
            .map(|found| found.into_iter().map(|(_, vector)| vector).collect::<Vec<_>>())
    } else {
        let gram = centred * centred.transpose();
        leading_eigenvectors(&gram, components).map(|found| {
            found
                .into_iter()
                .map(|(_, vector)| {
                    let weights = Mat::from_fn(count, 1, |row, _| vector[row]);
                    let direction = centred.transpose() * weights;
                    (0..width).map(|row| direction[(row, 0)]).collect()
                })
                .collect()
        })
    };
    orthonormal(found.unwrap_or_default(), components, width)
}

fn randomized_directions(centred: &Mat<f64>, components: usize) -> Vec<Vec<f64>> {
    let (count, width) = (centred.nrows(), centred.ncols());
    let size = (components + OVERSAMPLING).min(count.min(width));
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let start: Mat<f64> = Mat::from_fn(width, size, |_, _| StandardNormal.sample(&mut random));
    let mut range = centred * &start;
    for _ in 0..POWER_ITERATIONS {
        let across = (centred.transpose() * range.qr().compute_thin_Q()).qr().compute_thin_Q();
        range = centred * &across;
    }
    let basis = range.qr().compute_thin_Q();
    let small = basis.transpose() * centred;
    let gram = &small * small.transpose();
    let found = leading_eigenvectors(&gram, components).unwrap_or_default();
    let directions = found
        .into_iter()
        .map(|(_, vector)| {
            (0..width)
                .map(|column| (0..size).map(|row| vector[row] * small[(row, column)]).sum())
                .collect()
        })
        .collect();
    orthonormal(directions, components, width)
}

/// Makes the directions unit vectors at right angles. Where the points don't vary in that many
/// directions (fewer distinct points than components), an axis that is left fills the place.
fn orthonormal(found: Vec<Vec<f64>>, components: usize, width: usize) -> Vec<Vec<f64>> {
    let scale = found.first().map_or(0.0, |direction| norm(direction));
    let axes = (0..width).map(|axis| {
        let mut direction = vec![0.0; width];
        direction[axis] = scale.max(1.0);
        direction
    });
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(components);
    for mut direction in found.into_iter().chain(axes) {
        if kept.len() == components {
            break;
        }
        // Twice: once leaves a rest where the direction was nearly one of those kept.
        for _ in 0..2 {
            for other in &kept {
                let along: f64 = direction.iter().zip(other).map(|(a, b)| a * b).sum();
                direction.iter_mut().zip(other).for_each(|(value, part)| *value -= along * part);
            }
        }
        let length = norm(&direction);
        if length > scale.max(f64::MIN_POSITIVE) * 1e-9 {
            direction.iter_mut().for_each(|value| *value /= length);
            kept.push(direction);
        }
    }
    kept
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}
