//! How far a projection can be trusted, and how well classes are apart: scikit-learn's definitions.
//! Each compares all pairs of points: bound their number with
//! [`evenly_spread`](super::evenly_spread).

use super::neighbours::Centred;
use super::{Points, ProjectionError, check, nearest_neighbours};

/// How a projection treats the `neighbours` nearest neighbours of each point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NeighbourhoodQuality {
    /// How many neighbours were looked at.
    pub neighbours: usize,
    /// 0 to 1: below 1 as points are neighbours in the projection that are far in the features
    /// (Venna and Kaski 2001).
    pub trustworthiness: f64,
    /// The mean share of a point's nearest neighbours that are so in the projection too, 0 to 1.
    pub preservation: f64,
}

/// Compares neighbours in the features with those in a projection of them.
///
/// # Errors
/// [`ProjectionError::Count`] if the projection has other points; [`ProjectionError::Setting`]
/// unless 1 ≤ `neighbours` < count / 2.
pub fn neighbourhood(
    features: Points<'_>,
    projection: Points<'_>,
    neighbours: usize,
) -> Result<NeighbourhoodQuality, ProjectionError> {
    let count = features.count();
    if projection.count() != count {
        return Err(ProjectionError::Count {
            what: "projected points",
            found: projection.count(),
            expected: count,
        });
    }
    check(
        neighbours >= 1 && 2 * neighbours < count,
        "the number of neighbours",
        neighbours as f64,
        format!("at least 1, and less than half of the {count} points"),
    )?;
    let near = nearest_neighbours(projection, neighbours)?;
    let rows = Centred::new(features).map_rows(|point, distances| {
        let (mut excess, mut kept) = (0, 0);
        for &other in &near.indices[point * neighbours..(point + 1) * neighbours] {
            let other = other as usize;
            let limit = (distances[other], other);
            // Of equally far points, the earlier is the nearer one.
            let nearer = distances
                .iter()
                .enumerate()
                .filter(|&(index, &distance)| index != point && (distance, index) < limit)
                .count();
            if nearer < neighbours {
                kept += 1;
            } else {
                excess += nearer + 1 - neighbours;
            }
        }
        (excess, kept)
    });
    let excess: usize = rows.iter().map(|row| row.0).sum();
    let kept: usize = rows.iter().map(|row| row.1).sum();
    let (n, k) = (count as f64, neighbours as f64);
    Ok(NeighbourhoodQuality {
        neighbours,
        trustworthiness: 1.0 - excess as f64 * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)),
        preservation: kept as f64 / (n * k),
    })
}

/// The mean silhouette of points in their classes, -1 to 1 (Rousseeuw 1987): near 1 where classes
/// are tight and apart, near 0 where they overlap.
///
/// # Errors
/// [`ProjectionError::Count`] if there isn't a label for each point, [`ProjectionError::Setting`]
/// unless there are 2 to count - 1 classes.
pub fn silhouette(points: Points<'_>, labels: &[usize]) -> Result<f64, ProjectionError> {
    let count = points.count();
    if labels.len() != count {
        return Err(ProjectionError::Count {
            what: "labels",
            found: labels.len(),
            expected: count,
        });
    }
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    check(
        classes.len() >= 2 && classes.len() < count,
        "the number of classes",
        classes.len() as f64,
        format!("2 to {}, fewer than there are points", count.saturating_sub(1)),
    )?;
    let dense: Vec<usize> =
        labels.iter().map(|label| classes.partition_point(|class| class < label)).collect();
    let mut sizes = vec![0usize; classes.len()];
    dense.iter().for_each(|class| sizes[*class] += 1);
    let values = Centred::new(points).map_rows(|point, squared| {
        let mut sums = vec![0.0f64; sizes.len()];
        for (other, (&class, &distance)) in dense.iter().zip(squared).enumerate() {
            if other != point {
                sums[class] += f64::from(distance).sqrt();
            }
        }
        let own = dense[point];
        if sizes[own] == 1 {
            return 0.0;
        }
        let within = sums[own] / (sizes[own] - 1) as f64;
        let nearest = sums
            .iter()
            .zip(&sizes)
            .enumerate()
            .filter(|(class, _)| *class != own)
            .map(|(_, (sum, size))| sum / *size as f64)
            .fold(f64::INFINITY, f64::min);
        let larger = within.max(nearest);
        if larger > 0.0 { (nearest - within) / larger } else { 0.0 }
    });
    Ok(values.iter().sum::<f64>() / count as f64)
}
