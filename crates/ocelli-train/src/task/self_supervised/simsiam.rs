//! SimSiam (Chen and He 2020, "Exploring Simple Siamese Representation Learning"): each view's
//! prediction is to be the other's projection, which stands still for it.

use burn::tensor::Tensor;

use super::View;
use super::distance::mean_cosine;

/// `-cos(prediction, projection)`, the mean of both directions and over the batch.
///
/// # Shapes
/// → `[1]`
pub(super) fn loss(views: [View; 2]) -> Tensor<1> {
    let [first, second] = views;
    let cosines = mean_cosine(first.prediction, second.projection.detach())
        + mean_cosine(second.prediction, first.projection.detach());
    cosines.mul_scalar(-0.5)
}
