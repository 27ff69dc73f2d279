//! Results of torchvision, from `fixtures/augment`, and how ours are held against them.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::augment::{Geometry, Tone};
use crate::picture::Picture;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/augment").join(name)
}

/// One file of reference results.
pub(crate) struct Reference(Vec<u8>);

impl Reference {
    pub(crate) fn open(name: &str) -> Self {
        let path = fixture(name);
        Self(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    pub(crate) fn picture(&self, name: &str) -> Picture {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).unwrap();
        let [height, width, 3] = *tensor.shape() else { panic!("{name}: {:?}", tensor.shape()) };
        assert_eq!(tensor.dtype(), Dtype::U8);
        Picture::new(width as u32, height as u32, tensor.data().to_vec())
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32);
        let (values, _) = tensor.data().as_chunks::<4>();
        values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// The names that begin with `operation.`, with the parameters after it.
    pub(crate) fn parameters(&self, operation: &str) -> Vec<(String, String)> {
        let tensors = self.tensors();
        let cases = tensors.names().into_iter().filter_map(|name| {
            let parameters = name.strip_prefix(operation)?.strip_prefix('.')?;
            Some((name.to_string(), parameters.to_string()))
        });
        let cases: Vec<_> = cases.collect();
        assert!(!cases.is_empty(), "no results of {operation}");
        cases
    }
}

/// Collects every disagreement before it fails, so that one run shows them all.
#[derive(Default)]
pub(crate) struct Comparison(Vec<String>);

impl Comparison {
    /// Values may differ by `tolerance` steps of 255.
    pub(crate) fn pictures(&mut self, name: &str, ours: &Picture, theirs: &Picture, tolerance: u8) {
        if (ours.width(), ours.height()) != (theirs.width(), theirs.height()) {
            return self.0.push(format!("{name}: {ours:?}, not {theirs:?}"));
        }
        let differences: Vec<u8> =
            ours.pixels().iter().zip(theirs.pixels()).map(|(a, b)| a.abs_diff(*b)).collect();
        let worst = differences.iter().copied().max().unwrap_or(0);
        if worst > tolerance {
            let many = differences.iter().filter(|&&difference| difference > tolerance).count();
            let all = differences.len();
            self.0.push(format!("{name}: {many} of {all} values differ, by up to {worst}"));
        }
    }

    pub(crate) fn geometry(&mut self, file: &Reference, name: &str, ours: Geometry, tolerance: u8) {
        let result = ours.apply(file.picture("input"));
        self.pictures(name, &result, &file.picture(name), tolerance);
    }

    pub(crate) fn tone(&mut self, file: &Reference, name: &str, ours: Tone) {
        let mut result = file.picture("input");
        ours.apply(&mut result);
        self.pictures(name, &result, &file.picture(name), 0);
    }

    pub(crate) fn numbers(&mut self, name: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max);
        if worst.is_nan() || worst > tolerance {
            self.0.push(format!("{name}: values differ by up to {worst}"));
        }
    }
}

impl Drop for Comparison {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "differs from torchvision:\n{}", self.0.join("\n"));
        }
    }
}
