//! The setting is the whole process's, so its test has one to itself.

use ocelli_nn::{
    cpu, device,
    functional::{self, ConvGeometry},
    tensor::{Tensor, TensorData},
};
use ocelli_testing::{portable_uniform, values};

/// Relative to the largest value: direct sums of 576 products in single precision.
const EXACT_TOLERANCE: f64 = 1e-6;
/// The same by Winograd's algorithm, F(4x4, 3x3).
const WINOGRAD_TOLERANCE: f64 = 2e-5;

const CHANNELS: usize = 64;
const SIDE: usize = 12;

/// The convolution of one picture, padded by 1, in double precision.
fn reference(x: &[f64], weight: &[f64]) -> Vec<f64> {
    let mut y = Vec::new();
    for row in 0..SIDE {
        for column in 0..SIDE {
            for out in 0..CHANNELS {
                let mut sum = 0.0;
                for (tap, (down, across)) in
                    (0..3).flat_map(|d| (0..3).map(move |a| (d, a))).enumerate()
                {
                    let (r, c) = (row + down, column + across);
                    if (1..=SIDE).contains(&r) && (1..=SIDE).contains(&c) {
                        let pixel = ((r - 1) * SIDE + c - 1) * CHANNELS;
                        for channel in 0..CHANNELS {
                            sum +=
                                x[pixel + channel] * weight[(out * CHANNELS + channel) * 9 + tap];
                        }
                    }
                }
                y.push(sum);
            }
        }
    }
    y
}

#[test]
fn exact_convolutions_are_nearer_to_the_definition_than_winograds() {
    let device = device::parse("cpu").expect("the CPU is always there");
    let [x, weight] = [("x", SIDE * SIDE * CHANNELS), ("weight", CHANNELS * CHANNELS * 9)]
        .map(|(name, count)| portable_uniform(name, count));
    let expected = reference(&x, &weight);
    let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let tensor = |values: &[f64], shape: [usize; 4]| {
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        Tensor::<4>::from_data(TensorData::new(values, shape), &device)
    };
    let [x, weight] =
        [tensor(&x, [1, SIDE, SIDE, CHANNELS]), tensor(&weight, [CHANNELS, CHANNELS, 3, 3])];
    let geometry = ConvGeometry { padding: [1, 1], ..ConvGeometry::default() };
    let error = |exact: bool| {
        cpu::set_exact_convolution(exact);
        assert_eq!(cpu::exact_convolution(), exact);
        let y = values(&functional::conv2d(x.clone(), weight.clone(), None, geometry));
        y.iter().zip(&expected).fold(0.0, |error: f64, (&found, &expected)| {
            error.max((f64::from(found) - expected).abs() / largest)
        })
    };
    let (fast, exact) = (error(false), error(true));
    assert!(exact <= EXACT_TOLERANCE, "exact convolutions are off by {exact:.1e}");
    assert!(fast <= WINOGRAD_TOLERANCE, "Winograd's are off by {fast:.1e}");
    assert!(exact < fast, "the setting makes no difference: {exact:.1e}, {fast:.1e}");
}
