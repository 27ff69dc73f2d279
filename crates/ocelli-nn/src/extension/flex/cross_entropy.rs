use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;
use ocelli_kernels::Isa;
use ocelli_kernels::cross_entropy::{CrossEntropy, Targets};
use ocelli_kernels::softmax::ClassSums;

use super::dense::{Dense, tensor};
use crate::functional::CrossEntropyOptions;

pub(super) fn cross_entropy(
    logits: FlexTensor,
    labels: FlexTensor,
    class_weights: Option<FlexTensor>,
    options: CrossEntropyOptions,
) -> (FlexTensor, FlexTensor) {
    let logits = Dense::new(logits);
    let (labels, weights) = (long(labels), class_weights.map(Dense::new));
    let loss = kernel(&logits, weights.as_ref(), options);
    let loss = loss.loss(logits.values(), Targets::Labels(values(&labels)));
    (tensor(vec![loss.sum as f32], [1]), tensor(vec![loss.weight as f32], [1]))
}

pub(super) fn cross_entropy_gradient(
    of_sum: FlexTensor,
    logits: FlexTensor,
    labels: FlexTensor,
    class_weights: Option<FlexTensor>,
    options: CrossEntropyOptions,
) -> FlexTensor {
    let [of_sum, mut logits] = [of_sum, logits].map(Dense::new);
    let shape: [usize; 2] = logits.shape();
    let (labels, weights) = (long(labels), class_weights.map(Dense::new));
    let loss = kernel(&logits, weights.as_ref(), options);
    let targets = Targets::Labels(values(&labels));
    tensor(loss.gradient(logits.values_or_memory(), targets, of_sum.values()[0]), shape)
}

pub(super) fn softmax_class_sums(
    logits: FlexTensor,
    labels: FlexTensor,
    ignore_index: Option<i64>,
) -> FlexTensor {
    let logits = Dense::new(logits);
    let [_, classes] = logits.shape();
    let labels = long(labels);
    let labels = values(&labels);
    let of = ClassSums { isa: Isa::active(), classes, labels, ignore_index };
    tensor(of.sums(logits.values()), [2, classes])
}

pub(super) fn softmax_class_sums_gradient(
    of_sums: FlexTensor,
    logits: FlexTensor,
    labels: FlexTensor,
    ignore_index: Option<i64>,
) -> FlexTensor {
    let [of_sums, mut logits] = [of_sums, logits].map(Dense::new);
    let [rows, classes] = logits.shape();
    let labels = long(labels);
    let labels = values(&labels);
    let of = ClassSums { isa: Isa::active(), classes, labels, ignore_index };
    tensor(of.gradient(logits.values_or_memory(), of_sums.values()), [rows, classes])
}

fn kernel<'a>(
    logits: &Dense,
    class_weights: Option<&'a Dense>,
    options: CrossEntropyOptions,
) -> CrossEntropy<'a> {
    let [_, classes] = logits.shape();
    let CrossEntropyOptions { label_smoothing, gamma, ignore_index } = options;
    let class_weights = class_weights.map(Dense::values);
    let isa = Isa::active();
    CrossEntropy { isa, classes, class_weights, label_smoothing, gamma, ignore_index }
}

/// Labels as the kernels take them, whatever integers the tensor has.
fn long(labels: FlexTensor) -> TensorData {
    labels.into_data().convert::<i64>()
}

fn values(labels: &TensorData) -> &[i64] {
    labels.as_slice().expect("converted to 64-bit integers")
}
