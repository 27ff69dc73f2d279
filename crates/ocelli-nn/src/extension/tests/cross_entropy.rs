use burn::backend::{Flex, flex::FlexTensor};
use burn::tensor::TensorData;

use super::{assert_same, assert_untouched, layouts, random, values};
use crate::extension::{Optional, VisionOperations, default_body};
use crate::functional::CrossEntropyOptions;

/// A label that is ignored.
const IGNORED: i64 = 255;

fn labels(rows: usize, classes: usize) -> FlexTensor {
    let label = |row: usize| if row % 4 == 2 { IGNORED } else { (row * 5 % classes) as i64 };
    FlexTensor::from_data(TensorData::new((0..rows).map(label).collect::<Vec<_>>(), [rows]))
}

fn options() -> Vec<CrossEntropyOptions> {
    let plain = CrossEntropyOptions { ignore_index: Some(IGNORED), ..Default::default() };
    let focal = |gamma| CrossEntropyOptions { gamma, ..plain };
    let smooth = CrossEntropyOptions { label_smoothing: 0.2, ..plain };
    vec![plain, smooth, focal(0.5), focal(1.0), focal(2.0)]
}

#[test]
fn losses_and_their_gradients_are_those_of_the_default_bodies() {
    for [rows, classes] in [[1, 2], [7, 3], [61, 21]] {
        let logits = random("logits", [rows, classes]);
        let labels = labels(rows, classes);
        let of_sum = random("of the sum", [1]);
        let weights = Flex::activation(
            random("class weights", [classes]),
            crate::functional::Activation::Sigmoid,
        );
        for options in options() {
            for given in [None, Some(weights.clone())] {
                let what = format!("{rows}x{classes}, {options:?}, weights {}", given.is_some());
                let weights = || Optional::<Flex>::from(given.clone());
                let (logits, labels) = (logits.clone(), labels.clone());
                let expected = default_body::cross_entropy::<Flex>(
                    logits.clone(),
                    labels.clone(),
                    weights(),
                    options,
                );
                let found = Flex::cross_entropy(logits.clone(), labels.clone(), weights(), options);
                assert_same(&what, &found.0, &expected.0);
                assert_same(&what, &found.1, &expected.1);
                let expected = default_body::cross_entropy_gradient::<Flex>(
                    of_sum.clone(),
                    logits.clone(),
                    labels.clone(),
                    weights(),
                    options,
                );
                let found = Flex::cross_entropy_gradient(
                    of_sum.clone(),
                    logits,
                    labels,
                    weights(),
                    options,
                );
                assert_same(&format!("gradient of {what}"), &found, &expected);
            }
        }
    }
}

#[test]
fn class_sums_and_their_gradient_are_those_of_the_default_bodies() {
    for [rows, classes] in [[1, 2], [7, 3], [161, 21]] {
        let logits = random("logits", [rows, classes]);
        let labels = labels(rows, classes);
        let of_sums = random("of the sums", [2, classes]);
        let what = format!("{rows}x{classes}");
        let expected =
            default_body::softmax_class_sums::<Flex>(logits.clone(), labels.clone(), Some(IGNORED));
        let found = Flex::softmax_class_sums(logits.clone(), labels.clone(), Some(IGNORED));
        assert_same(&what, &found, &expected);
        let expected = default_body::softmax_class_sums_gradient::<Flex>(
            of_sums.clone(),
            logits.clone(),
            labels.clone(),
            Some(IGNORED),
        );
        let found = Flex::softmax_class_sums_gradient(of_sums, logits, labels, Some(IGNORED));
        assert_same(&format!("gradient of {what}"), &found, &expected);
    }
}

#[test]
fn logits_may_lie_anywhere_in_memory() {
    let logits = random("logits", [11, 5]);
    let before = values(&logits);
    let (labels, of_sum, of_sums) =
        (labels(11, 5), random("of the sum", [1]), random("of the sums", [2, 5]));
    let options = options()[4];
    let all = |logits: FlexTensor| {
        let labels = || labels.clone();
        let ignored = Some(IGNORED);
        let (sum, _) = Flex::cross_entropy(logits.clone(), labels(), Optional::Absent, options);
        let sums = Flex::softmax_class_sums(logits.clone(), labels(), ignored);
        let of = of_sums.clone();
        let of_sums = Flex::softmax_class_sums_gradient(of, logits.clone(), labels(), ignored);
        // Last, as it may take the memory.
        let of = of_sum.clone();
        let gradient =
            Flex::cross_entropy_gradient(of, logits, labels(), Optional::Absent, options);
        [sum, sums, of_sums, gradient]
    };
    let expected = all(logits.clone());
    for (layout, logits) in layouts(&logits) {
        for (found, expected) in all(logits).iter().zip(&expected) {
            assert_same(layout, found, expected);
        }
    }
    assert_untouched(&logits, &before);
}
