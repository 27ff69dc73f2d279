use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor};

use crate::extension::{VisionOperations, optional};

/// What [`softmax_cross_entropy`] can do besides taking the logarithm of a probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropyOptions {
    /// The share of the target, 0 to 1, that all classes get alike (Szegedy et al. 2016).
    pub label_smoothing: f64,
    /// The power of `1 - p` that each loss is multiplied with, `p` being the probability of the
    /// true class (Lin et al., "Focal Loss for Dense Object Detection", 2017). 0: none.
    pub gamma: f64,
    /// A label whose rows do not count.
    pub ignore_index: Option<i64>,
}

/// The cross entropy between the softmax of each row and its label, summed over the rows, and the
/// sum of the rows' weights, by which a mean divides. Only the first has a gradient.
///
/// A row weighs what its label's class does, 1 without class weights and 0 where it is ignored.
/// With `gamma`, a row's loss is `-weight (1 - p)^gamma ln p`, `p` from the softmax as it is.
/// Everything else is as `torch.nn.CrossEntropyLoss` has it.
///
/// # Shapes
/// `logits`: `[rows, classes]`; `labels`: `[rows]`; `class_weights`: `[classes]`; results `[1]`.
///
/// # Panics
/// If the shapes do not fit, if there is label smoothing as well as a `gamma`, or, on the CPU, if a
/// label is neither a class nor ignored.
#[must_use]
pub fn softmax_cross_entropy(
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
    class_weights: Option<Tensor<1>>,
    options: CrossEntropyOptions,
) -> (Tensor<1>, Tensor<1>) {
    let [rows, classes] = logits.dims();
    check_labels(&labels, rows);
    if let Some(weights) = &class_weights {
        assert_eq!(weights.dims(), [classes], "a weight for each class of the logits");
    }
    let CrossEntropyOptions { label_smoothing, gamma, .. } = options;
    assert!(gamma >= 0.0, "a gamma of {gamma}, which must be 0 or more");
    assert!(
        gamma == 0.0 || label_smoothing == 0.0,
        "label smoothing of {label_smoothing} and a gamma of {gamma}, which exclude each other"
    );
    let (sum, weight) = <Dispatch as VisionOperations>::cross_entropy(
        logits.into_dispatch(),
        labels.into_dispatch(),
        optional(class_weights),
        options,
    );
    (Tensor::from_dispatch(sum), Tensor::from_dispatch(weight))
}

/// The softmax of each row, summed for each class: first over the rows that have that class as
/// their label, then over all rows. What Dice, Jaccard and Tversky losses are made of, without a
/// tensor of probabilities or of encoded labels.
///
/// Rows with the label `ignore_index` count in neither.
///
/// # Shapes
/// `logits`: `[rows, classes]`; `labels`: `[rows]`; the result `[2, classes]`.
///
/// # Panics
/// If the shapes do not fit, or, on the CPU, if a label is neither a class nor ignored.
#[must_use]
pub fn softmax_class_sums(
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
    ignore_index: Option<i64>,
) -> Tensor<2> {
    check_labels(&labels, logits.dims()[0]);
    Tensor::from_dispatch(<Dispatch as VisionOperations>::softmax_class_sums(
        logits.into_dispatch(),
        labels.into_dispatch(),
        ignore_index,
    ))
}

fn check_labels(labels: &Tensor<1, Int>, rows: usize) {
    let [found] = labels.dims();
    assert_eq!(found, rows, "found {found} labels for {rows} rows of logits");
}
