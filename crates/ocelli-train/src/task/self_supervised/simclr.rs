//! SimCLR (Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual
//! Representations"): the other view of a picture is to be told from all views of the others.

use burn::tensor::{Int, Tensor, TensorData, activation};

use super::distance::normalized;

/// What stands in place of a view's likeness to itself: no softmax sees it.
const ITSELF: f64 = -1e9;

/// NT-Xent: cross-entropy over the cosines with all other views, divided by `temperature`; the mean
/// over both views of all pictures.
///
/// # Shapes
/// `[n, projection]` both → `[1]`
pub(super) fn loss(projections: [Tensor<2>; 2], temperature: f64) -> Tensor<1> {
    let [count, _] = projections[0].dims();
    let rows = normalized(Tensor::cat(projections.to_vec(), 0));
    let views = 2 * count;
    let device = rows.device();
    let likeness = rows.clone().matmul(rows.transpose()).div_scalar(temperature);
    let itself = Tensor::<2>::eye(views, &device).mul_scalar(ITSELF);
    let logarithms = activation::log_softmax(likeness + itself, 1);
    let other: Vec<i64> = (0..views).map(|view| ((view + count) % views) as i64).collect();
    let other = Tensor::<2, Int>::from_data(TensorData::new(other, [views, 1]), &device);
    logarithms.gather(1, other).mean().neg()
}
