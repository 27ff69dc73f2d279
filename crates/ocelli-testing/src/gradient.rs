use burn::tensor::{Device, Tensor, TensorData};

use crate::{close::values, portable_uniform};

/// Half the distance between the two points of a difference. Small against the values in tests
/// (about 1), large against a float's rounding: the third root of 2⁻²⁴ balances the two.
const STEP: f32 = 1.0 / 256.0;
/// Directions to try: an error in part of a gradient can hide from one.
const DIRECTIONS: usize = 4;

/// Asserts that the gradient of `function` at `x` agrees with central differences along several
/// directions, within `tolerance` of the gradient's length.
///
/// The output is weighted with fixed numbers and summed in 64 bits. `function` should be smooth
/// around `x`: keep away from kinks.
///
/// # Panics
/// If it doesn't agree, or no gradient arrives.
#[track_caller]
pub fn assert_gradient<const D: usize, const E: usize>(
    what: &str,
    x: &Tensor<D>,
    function: impl Fn(Tensor<D>) -> Tensor<E>,
    tolerance: f64,
) {
    let plain = x.device().without_autodiff();
    let tracked = plain.clone().autodiff();
    let shape = x.dims();
    let start = values(x);
    let at = |values: &[f32], device: &Device| {
        Tensor::<D>::from_data(TensorData::new(values.to_vec(), shape), device)
    };

    let leaf = at(&start, &tracked).require_grad();
    let y = function(leaf.clone());
    let output_shape = y.dims();
    let weights: Vec<f32> = portable_uniform("output weights", output_shape.iter().product())
        .into_iter()
        .map(|number| number as f32)
        .collect();
    let weighting =
        Tensor::<E>::from_data(TensorData::new(weights.clone(), output_shape), &tracked);
    let mut gradients = (y * weighting).sum().backward();
    let gradient = leaf.grad_remove(&mut gradients).expect("a gradient arrives at the input");
    let gradient = values(&gradient);

    let loss = |point: &[f32]| -> f64 {
        let y = values(&function(at(point, &plain)));
        y.iter().zip(&weights).map(|(&y, &weight)| f64::from(y) * f64::from(weight)).sum()
    };
    let length = gradient.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    for direction in 0..DIRECTIONS {
        let direction = portable_uniform(&format!("direction {direction}"), start.len());
        let moved = |sign: f32| -> Vec<f32> {
            start.iter().zip(&direction).map(|(&x, &d)| x + sign * STEP * d as f32).collect()
        };
        let (ahead, behind) = (moved(1.0), moved(-1.0));
        // The step that rounding left, not the one that was asked for.
        let expected = loss(&ahead) - loss(&behind);
        let found: f64 = gradient
            .iter()
            .zip(ahead.iter().zip(&behind))
            .map(|(&gradient, (&ahead, &behind))| {
                f64::from(gradient) * (f64::from(ahead) - f64::from(behind))
            })
            .sum();
        let difference = (found - expected).abs() / (2.0 * f64::from(STEP));
        assert!(
            difference <= tolerance * length.max(1e-6),
            "{what}: along a direction the gradient says {found:.6e}, the difference {expected:.6e}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point() -> Tensor<2> {
        Tensor::from_data([[0.5, -1.0, 0.25], [2.0, 0.75, -0.5]], &Device::flex())
    }

    #[test]
    fn a_right_gradient_passes() {
        assert_gradient("a cube", &point(), |x| x.clone() * x.clone() * x, 1e-3);
    }

    #[test]
    #[should_panic(expected = "a half gradient")]
    fn a_wrong_gradient_is_found() {
        assert_gradient("a half gradient", &point(), |x| x.clone() * x.detach(), 1e-3);
    }
}
