//! What the tests of several modules share: reference files, a small model, comparison.

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use ocelli_nn::state::state_dict;

/// A model of one matrix and one vector, like a linear layer.
#[derive(Module, Debug)]
pub(crate) struct Affine {
    pub(crate) weight: Param<Tensor<2>>,
    pub(crate) bias: Param<Tensor<1>>,
}

impl Affine {
    /// A trainable model on the CPU, with these values.
    pub(crate) fn new(weight: &[f32], shape: [usize; 2], bias: &[f32]) -> Self {
        let device = cpu().autodiff();
        Self {
            weight: Param::from_data(TensorData::new(weight.to_vec(), shape), &device),
            bias: Param::from_data(TensorData::new(bias.to_vec(), [bias.len()]), &device),
        }
    }

    /// The values under a key.
    pub(crate) fn values(&self, key: &str) -> Vec<f32> {
        state_dict(self).get(key).and_then(|array| array.as_f32().map(<[f32]>::to_vec)).unwrap()
    }
}

/// The embedded CPU device.
pub(crate) fn cpu() -> Device {
    Device::flex()
}

/// A vector on the CPU.
pub(crate) fn vector(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &cpu())
}

/// Vectors on the CPU, by key.
pub(crate) fn vectors(values: &BTreeMap<String, Vec<f32>>) -> BTreeMap<String, Tensor<1>> {
    values.iter().map(|(key, values)| (key.clone(), vector(values))).collect()
}

/// Asserts that two vectors are equal within `tolerance`, relative to 1 plus the size of what
/// is expected.
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs() / (1.0 + expected.abs());
        assert!(error <= tolerance, "{what}, at {at}: found {found}, expected {expected}");
    }
}
