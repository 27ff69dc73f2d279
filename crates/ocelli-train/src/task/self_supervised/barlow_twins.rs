//! Barlow Twins (Zbontar et al. 2021, "Barlow Twins: Self-Supervised Learning via Redundancy
//! Reduction"): each number of a projection is to be the same in both views, and to have nothing in
//! common with the other numbers.

use burn::tensor::Tensor;

/// Added to the variance of a number over the batch, as BatchNorm does.
const EPSILON: f64 = 1e-5;

/// `Σ (1 - c_ii)² + weight · Σ c_ij²` over the correlations `c` between the numbers of the two views.
///
/// # Shapes
/// `[n, projection]` both → `[1]`
pub(super) fn loss(projections: [Tensor<2>; 2], weight: f64) -> Tensor<1> {
    let [count, width] = projections[0].dims();
    let [first, second] = projections.map(standardized);
    let correlations = first.transpose().matmul(second).div_scalar(count as f64);
    let diagonal = Tensor::<2>::eye(width, &correlations.device());
    let squares = (correlations - diagonal.clone()).powi_scalar(2);
    let weights = diagonal.mul_scalar(1.0 - weight).add_scalar(weight);
    (squares * weights).sum()
}

/// Each column with mean 0 and variance 1 over the batch: BatchNorm without scale and bias.
fn standardized(rows: Tensor<2>) -> Tensor<2> {
    let centred = rows.clone() - rows.mean_dim(0);
    let variance = centred.clone().powi_scalar(2).mean_dim(0);
    centred / variance.add_scalar(EPSILON).sqrt()
}
