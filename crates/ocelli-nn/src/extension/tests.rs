//! What the CPU device computes against the default bodies, on the same tensors, however these lie
//! in memory and whoever else holds them.

mod convolution;
mod cross_entropy;
mod elementwise;
mod normalization;
mod pool;

use burn::backend::{Flex, TensorMetadata, flex::FlexTensor, ops::FloatTensorOps};
use burn::tensor::{Shape, Slice};
use ocelli_testing::{assert_close, portable_uniform};

/// Relative to the largest value: sums of up to a thousand products in single precision in another
/// order, and the transforms of Winograd's algorithm, which cost 1e-5.
const TOLERANCE: f64 = 2e-5;

/// Numbers from -1 to 1 that depend on the name alone.
fn random<const D: usize>(name: &str, shape: [usize; D]) -> FlexTensor {
    let count = shape.iter().product();
    let values: Vec<f32> =
        portable_uniform(name, count).into_iter().map(|value| value as f32).collect();
    FlexTensor::from_data(burn::tensor::TensorData::new(values, shape))
}

fn values(tensor: &FlexTensor) -> Vec<f32> {
    tensor.to_contiguous().as_slice::<f32>().expect("32-bit floats").to_vec()
}

#[track_caller]
fn assert_same(what: &str, found: &FlexTensor, expected: &FlexTensor) {
    assert_eq!(found.shape(), expected.shape(), "{what} has another shape");
    assert_close(what, &values(found), &values(expected), TOLERANCE);
}

/// The same tensor, lying otherwise: dense, its axes in another order, in the middle of a larger
/// one, and shared with somebody.
fn layouts(tensor: &FlexTensor) -> Vec<(&'static str, FlexTensor)> {
    let shape: Vec<usize> = tensor.shape().to_vec();
    let last = shape.len() - 1;
    // Laid out with the last axis first, then seen in the right order again.
    let mut forth: Vec<usize> = vec![last];
    forth.extend(0..last);
    let mut back: Vec<usize> = (1..=last).collect();
    back.push(0);
    let permuted = Flex::float_permute(tensor.clone(), &forth).to_contiguous();
    let permuted = Flex::float_permute(permuted, &back);

    let mut around = tensor.shape();
    around[0] += 2;
    let around = random("around", [around.num_elements()]);
    let mut wide: Vec<usize> = shape.clone();
    wide[0] += 2;
    let around = Flex::float_reshape(around, Shape::from(wide));
    let inner: Vec<Slice> = shape
        .iter()
        .enumerate()
        .map(|(axis, &length)| {
            let start = usize::from(axis == 0);
            Slice::from(start..start + length)
        })
        .collect();
    let around = Flex::float_slice_assign(around, &inner, tensor.clone());
    let within = Flex::float_slice(around, &inner);

    let layouts = vec![
        ("dense", tensor.to_contiguous()),
        ("permuted", permuted),
        ("within another", within),
        ("shared", tensor.clone()),
    ];
    for (layout, copy) in &layouts {
        assert_eq!(values(copy), values(tensor), "{layout}");
    }
    layouts
}

/// Asserts that the tensor still holds these values, after an operation on a clone of it.
#[track_caller]
fn assert_untouched(tensor: &FlexTensor, before: &[f32]) {
    assert_eq!(values(tensor), before, "an operation wrote into a tensor that others hold");
}
