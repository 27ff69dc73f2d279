//! Flattened tensors as plain slices, where their elements are this process's own memory.
//!
//! An optimizer step written in tensor operations reads and writes every parameter ten times
//! over; the step of a network that does not fit the cache is then as slow as memory is. On
//! the embedded CPU device the same step is one pass over slices. Callers ask [`are_flat`]
//! first, and go on in tensor operations on any other device.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Shape, Tensor, TensorData};
use ocelli_nn::device::is_cpu;
use rayon::prelude::*;

/// Elements that one thread works on at a time. Also fixes how sums are cut, so that their
/// last bits do not depend on the number of threads. 64 Ki elements of the four arrays of an
/// Adam step are 1 MiB: small enough for the L2 cache, large enough to hide the hand-over.
pub(crate) const CHUNK: usize = 64 * 1024;

/// A tensor in this process's memory, contiguous and of exactly its own length.
pub(crate) struct Flat(FlexTensor);

impl Flat {
    /// Takes a tensor apart. One that is a view of something larger, or strided, is copied; so
    /// is one that [`are_flat`] would have turned down, which then lies on the CPU.
    pub(crate) fn new(tensor: Tensor<1>) -> Self {
        let [length] = tensor.dims();
        let flex = match tensor.clone().try_into_primitive::<Flex>() {
            Ok(flex) if flex.dtype() == DType::F32 => {
                // The second handle must go before anyone asks whether there is but one.
                drop(tensor);
                flex
            }
            _ => FlexTensor::from_data(tensor.into_data_as::<f32>()),
        };
        let whole = flex.is_contiguous()
            && flex.layout().start_offset() == 0
            && flex.bytes().len() == length * size_of::<f32>();
        Self(if whole { flex } else { flex.to_contiguous() })
    }

    /// `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        Self(FlexTensor::zeros(Shape::new([length]), DType::F32))
    }

    /// The elements.
    pub(crate) fn values(&self) -> &[f32] {
        self.0.storage()
    }

    /// The elements, to be written: in place where nothing else holds them, else a copy.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        self.0.storage_mut()
    }

    /// The tensor again.
    pub(crate) fn into_tensor(self) -> Tensor<1> {
        Tensor::from_primitive::<Flex>(self.0)
    }
}

/// Whether all of these tensors can be had as slices without copying them from elsewhere:
/// float32, on the CPU device, without autodiff.
pub(crate) fn are_flat(tensors: &[&Tensor<1>]) -> bool {
    tensors.iter().all(|tensor| {
        let device = tensor.device();
        tensor.dtype() == DType::F32 && !device.is_autodiff() && is_cpu(&device)
    })
}

/// Sum of the squares of all elements, in double precision, on the CPU device.
pub(crate) fn sum_of_squares(tensor: &Tensor<1>) -> Option<f64> {
    if !are_flat(&[tensor]) {
        return None;
    }
    let flat = Flat::new(tensor.clone());
    let chunk_sum = |chunk: &[f32]| -> f64 {
        // Eight running sums: one alone waits for its own last addition.
        let mut lanes = [0.0f64; 8];
        let (groups, rest) = chunk.as_chunks::<8>();
        for group in groups {
            for (lane, value) in lanes.iter_mut().zip(group) {
                *lane += f64::from(*value) * f64::from(*value);
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>()
    };
    let values = flat.values();
    if values.len() <= CHUNK {
        return Some(chunk_sum(values));
    }
    // Collected in order before they are added up, for the same sum on any number of threads.
    let sums: Vec<f64> = values.par_chunks(CHUNK).map(chunk_sum).collect();
    Some(sums.iter().sum())
}

/// Applies `f` to pieces of `target` and `source`, at the same places, on all threads.
pub(crate) fn zip_chunks(
    target: &mut [f32],
    source: &[f32],
    f: impl Fn(&mut [f32], &[f32]) + Sync,
) {
    debug_assert_eq!(target.len(), source.len());
    if target.len() <= CHUNK {
        return f(target, source);
    }
    target
        .par_chunks_mut(CHUNK)
        .zip(source.par_chunks(CHUNK))
        .for_each(|(target, source)| f(target, source));
}

/// Applies `f` to pieces of `values`, on all threads.
pub(crate) fn chunks(values: &mut [f32], f: &(impl Fn(&mut [f32]) + Sync)) {
    if values.len() <= CHUNK {
        return f(values);
    }
    values.par_chunks_mut(CHUNK).for_each(f);
}

/// The elements, copied to the host.
///
/// # Panics
///
/// If the device fails to hand them over.
pub(crate) fn to_vec(tensor: &Tensor<1>) -> Vec<f32> {
    Flat::new(tensor.clone()).values().to_vec()
}

/// A copy of the tensor that shares no storage with it, on the same device.
pub(crate) fn copied(tensor: &Tensor<1>) -> Tensor<1> {
    if are_flat(&[tensor]) {
        Tensor::from_data(TensorData::new(to_vec(tensor), tensor.dims()), &tensor.device())
    } else {
        tensor.clone().mul_scalar(1.0)
    }
}
