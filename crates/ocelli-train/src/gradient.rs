//! Gradients between the backward pass and the optimizer: their norm, clipping, accumulation.
//!
//! Gradients are held by state-dict key, flattened, as [`ocelli_nn::state::gradients`] returns
//! them. On the embedded CPU device everything here runs over slices, in place; on any other
//! device a function waits for the device at most once, whatever the number of parameters.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::flat::{self, Flat, zip_chunks};

/// Added to the norm before dividing by it, as `torch.nn.utils.clip_grad_norm_` does: a
/// gradient of exactly the allowed length is scaled by 1 minus a millionth of its inverse.
const CLIP_EPSILON: f64 = 1e-6;

/// The gradient of each parameter, flattened, by state-dict key.
pub type GradientMap = BTreeMap<String, Tensor<1>>;

/// Euclidean norm of all gradients taken as one vector; 0 without any.
///
/// Not finite exactly if an element is not: on the CPU the squares are summed in double
/// precision, in which the square of any float32 is finite. (On other devices they are summed
/// in float32, and a norm beyond 1.8e19 counts as infinite.)
pub fn total_norm(gradients: &GradientMap) -> f64 {
    let mut sum = 0.0;
    let mut elsewhere = Vec::new();
    for gradient in gradients.values() {
        match flat::sum_of_squares(gradient) {
            Some(squares) => sum += squares,
            None => elsewhere.push(gradient.clone().square().sum()),
        }
    }
    if !elsewhere.is_empty() {
        let sums = Tensor::cat(elsewhere, 0).into_data();
        sum += sums.iter::<f32>().map(f64::from).sum::<f64>();
    }
    sum.sqrt()
}

/// Whether every element of every gradient is finite. Costs what [`total_norm`] costs: where
/// both are wanted, ask `norm.is_finite()`.
pub fn is_finite(gradients: &GradientMap) -> bool {
    let mut elsewhere = Vec::new();
    for gradient in gradients.values() {
        match flat::sum_of_squares(gradient) {
            Some(squares) if squares.is_finite() => {}
            Some(_) => return false,
            None => elsewhere.push(gradient.clone().is_finite().all()),
        }
    }
    elsewhere.is_empty() || Tensor::cat(elsewhere, 0).all().into_data().iter::<bool>().all(|ok| ok)
}

/// Scales all gradients by one factor, so that their [`total_norm`] is at most `max_norm`, and
/// returns the norm that they had before (Pascanu et al. 2013; `clip_grad_norm_` with its
/// factor `max_norm / (norm + 1e-6)`, at most 1).
///
/// A norm that is not finite leaves the gradients alone: scaling by it would turn every one of
/// them into NaN or zero. The caller sees it in the returned value, and should not step.
pub fn clip_by_norm(gradients: &mut GradientMap, max_norm: f64) -> f64 {
    let norm = total_norm(gradients);
    let factor = max_norm / (norm + CLIP_EPSILON);
    if norm.is_finite() && factor < 1.0 {
        scale(gradients, factor);
    }
    norm
}

/// Limits every element to `-limit ..= limit`, as `torch.nn.utils.clip_grad_value_` does.
/// NaN stays NaN.
pub fn clip_by_value(gradients: &mut GradientMap, limit: f64) {
    let limit = limit.abs() as f32;
    for_each(
        gradients,
        |values| {
            for value in values {
                *value = value.clamp(-limit, limit);
            }
        },
        |tensor| tensor.clamp(-limit, limit),
    );
}

/// Multiplies every gradient with `factor`.
pub fn scale(gradients: &mut GradientMap, factor: f64) {
    let factor = factor as f32;
    for_each(
        gradients,
        |values| {
            for value in values {
                *value *= factor;
            }
        },
        |tensor| tensor.mul_scalar(factor),
    );
}

/// Adds the gradients of one more batch to those summed so far.
///
/// A parameter that only one of the two has keeps what it has. With batches of `n` samples
/// out of `total`, [`scale`] each by `n / total` first (or divide the loss): the sum is then
/// the gradient of the mean over all of them, whatever their sizes.
///
/// # Panics
///
/// If the two have different numbers of elements for one parameter.
pub fn accumulate(sum: &mut GradientMap, gradients: GradientMap) {
    for (key, gradient) in gradients {
        let gradient = match sum.remove(&key) {
            Some(so_far) => add(&key, so_far, gradient),
            None => gradient,
        };
        sum.insert(key, gradient);
    }
}

fn add(key: &str, target: Tensor<1>, source: Tensor<1>) -> Tensor<1> {
    let (expected, found) = (target.dims()[0], source.dims()[0]);
    assert_eq!(expected, found, "found {found} gradients to add to the {expected} of {key}");
    if !flat::are_flat(&[&target, &source]) {
        return target + source;
    }
    let (mut target, source) = (Flat::new(target), Flat::new(source));
    zip_chunks(target.values_mut(), source.values(), |target, source| {
        for (target, source) in target.iter_mut().zip(source) {
            *target += source;
        }
    });
    target.into_tensor()
}

/// Replaces every gradient: over slices on the CPU, by tensor operations elsewhere.
fn for_each(
    gradients: &mut GradientMap,
    on_slice: impl Fn(&mut [f32]) + Sync,
    on_tensor: impl Fn(Tensor<1>) -> Tensor<1>,
) {
    for (key, gradient) in std::mem::take(gradients) {
        let gradient = if flat::are_flat(&[&gradient]) {
            let mut flat = Flat::new(gradient);
            flat::chunks(flat.values_mut(), &on_slice);
            flat.into_tensor()
        } else {
            on_tensor(gradient)
        };
        gradients.insert(key, gradient);
    }
}

/// The gradients of the batches of one step.
#[derive(Default)]
pub(crate) struct GatheredGradients {
    sum: GradientMap,
    batches: usize,
}

impl GatheredGradients {
    pub(crate) fn add(&mut self, gradients: GradientMap) {
        accumulate(&mut self.sum, gradients);
        self.batches += 1;
    }

    /// The mean over the batches, if there were any.
    pub(crate) fn take_mean(&mut self) -> Option<GradientMap> {
        let Self { mut sum, batches } = std::mem::take(self);
        if batches == 0 {
            return None;
        }
        if batches > 1 {
            scale(&mut sum, 1.0 / batches as f64);
        }
        Some(sum)
    }
}
