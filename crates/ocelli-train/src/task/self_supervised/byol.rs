//! BYOL (Grill et al. 2020, "Bootstrap Your Own Latent"): each view's prediction is to be what the
//! target network makes of the other view.

use burn::tensor::Tensor;

use super::View;
use super::distance::mean_cosine;

/// `2 - 2 cos(prediction, target)` for both directions, summed; the mean over the batch.
///
/// # Shapes
/// `targets` `[n, projection]`, of the first and the second view → `[1]`
pub(super) fn loss(views: [View; 2], targets: [Tensor<2>; 2]) -> Tensor<1> {
    let [first, second] = views.map(|view| view.prediction);
    let [of_first, of_second] = targets.map(Tensor::detach);
    let cosines = mean_cosine(first, of_second) + mean_cosine(second, of_first);
    cosines.mul_scalar(-2.0).add_scalar(4.0)
}

/// The share of the target network that a step keeps: it rises from `start` to `end` by half a
/// cosine as `progress` goes from 0 to 1.
pub(super) fn momentum(start: f64, end: f64, progress: f64) -> f64 {
    let left = (1.0 + (std::f64::consts::PI * progress.clamp(0.0, 1.0)).cos()) / 2.0;
    end - (end - start) * left
}
