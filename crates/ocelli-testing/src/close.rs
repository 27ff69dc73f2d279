use burn::tensor::Tensor;

/// How far `found` is from `expected`: `max |found - expected| / max |expected|`.
///
/// The largest value sets the scale for all: a value near zero that was summed from large ones
/// can't be expected to be right to its own last digits. Where everything expected is zero, the
/// absolute difference counts. Not-a-number on either side is infinitely far, unless in both.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn relative_difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "different numbers of values");
    let scale = expected.iter().fold(0.0, |scale: f64, &value| scale.max(f64::from(value).abs()));
    let difference = found.iter().zip(expected).fold(0.0, |largest: f64, (&found, &expected)| {
        let same = found == expected || (found.is_nan() && expected.is_nan());
        let difference = if same { 0.0 } else { (f64::from(found) - f64::from(expected)).abs() };
        if difference.is_nan() { f64::INFINITY } else { largest.max(difference) }
    });
    if scale > 0.0 { difference / scale } else { difference }
}

/// Asserts that the [`relative_difference`] is at most `tolerance`.
///
/// # Panics
/// If it isn't, telling `what`, the difference and where it is largest.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let difference = relative_difference(found, expected);
    if difference <= tolerance {
        return;
    }
    let distance = |index: usize| (found[index] - expected[index]).abs();
    let worst = (0..found.len()).max_by(|&left, &right| distance(left).total_cmp(&distance(right)));
    let place = worst.map_or_else(String::new, |index| {
        format!(": at {index} found {}, expected {}", found[index], expected[index])
    });
    panic!("{what} differs by {difference:.2e}, more than {tolerance:.0e}{place}");
}

/// [`assert_close`] for tensors, which must have the same shape.
///
/// # Panics
/// If the shapes differ, or the values by more than `tolerance`.
#[track_caller]
pub fn assert_tensors_close<const D: usize>(
    what: &str,
    found: &Tensor<D>,
    expected: &Tensor<D>,
    tolerance: f64,
) {
    assert_eq!(found.dims(), expected.dims(), "{what} has another shape");
    assert_close(what, &values(found), &values(expected), tolerance);
}

/// A tensor's values, row-major.
///
/// # Panics
/// If the device fails to hand them over.
#[must_use]
pub fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.clone().without_autodiff().try_into_vec_as().expect("a tensor can be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_expected_value_sets_the_scale() {
        assert_eq!(relative_difference(&[1.0, 10.5], &[1.0, 10.0]), 0.05);
        assert_eq!(relative_difference(&[0.0, 10.0], &[0.5, 10.0]), 0.05);
        assert_eq!(relative_difference(&[0.25], &[0.0]), 0.25);
        assert_eq!(relative_difference(&[], &[]), 0.0);
    }

    #[test]
    fn not_a_number_is_far_from_every_number_and_infinity_only_from_others() {
        for (found, expected) in [(f32::NAN, 1.0), (1.0, f32::NAN), (f32::INFINITY, 1.0)] {
            assert!(relative_difference(&[found, 1.0], &[expected, 1.0]) > 1e30);
        }
        assert_eq!(relative_difference(&[f32::NAN, 1.0], &[f32::NAN, 1.0]), 0.0);
        assert_eq!(relative_difference(&[f32::INFINITY], &[f32::INFINITY]), 0.0);
    }

    #[test]
    #[should_panic(expected = "y differs by 5.00e-2, more than 1e-2: at 1 found 10.5, expected 10")]
    fn a_difference_is_told_with_its_place() {
        assert_close("y", &[1.0, 10.5], &[1.0, 10.0], 1e-2);
    }
}
