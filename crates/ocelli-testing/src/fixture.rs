use std::{collections::BTreeMap, fs};

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

use crate::locate::fixtures;

/// The tensors of a file under `fixtures/`, made by the script beside it.
pub struct Fixture {
    path: String,
    arrays: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Fixture {
    /// Reads `fixtures/<path>`. Integers become floats.
    ///
    /// # Panics
    /// If it can't be read.
    #[must_use]
    pub fn load(path: &str) -> Self {
        let bytes = fs::read(fixtures().join(path))
            .unwrap_or_else(|error| panic!("reading the fixture {path} failed: {error}"));
        let file = SafeTensors::deserialize(&bytes)
            .unwrap_or_else(|error| panic!("{path} is no safetensors file: {error}"));
        let arrays = file.iter().map(|(name, view)| {
            let bytes = view.data();
            let values = match view.dtype() {
                Dtype::F32 => {
                    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
                }
                Dtype::I64 => bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|bytes| i64::from_le_bytes(*bytes) as f32)
                    .collect(),
                other => panic!("{path}: {name} has element type {other:?}"),
            };
            (name.to_owned(), (view.shape().to_vec(), values))
        });
        Self { path: path.into(), arrays: arrays.collect() }
    }

    /// The names of the tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// A tensor's values, row-major.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn values(&self, name: &str) -> &[f32] {
        &self.array(name).1
    }

    /// A tensor's shape.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn shape(&self, name: &str) -> &[usize] {
        &self.array(name).0
    }

    /// A tensor on a device.
    ///
    /// # Panics
    /// If there is none of this name, or it has not `D` axes.
    #[must_use]
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = self.array(name);
        assert_eq!(shape.len(), D, "{}: {name} has shape {shape:?}", self.path);
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), device)
    }

    /// A channels-first picture tensor on a device, its channels put last.
    ///
    /// # Panics
    /// If there is none of this name, or it has not 4 axes.
    #[must_use]
    pub fn pictures(&self, name: &str, device: &Device) -> Tensor<4> {
        self.tensor::<4>(name, device).permute([0, 2, 3, 1])
    }

    fn array(&self, name: &str) -> &(Vec<usize>, Vec<f32>) {
        self.arrays.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.path))
    }
}
