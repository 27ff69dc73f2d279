use super::*;
use crate::testing::{error, error_relative_to, largest, numbers, same_for_any_number_of_threads};

/// Sums of up to a thousand terms in f32 and a few roundings, relative to the largest.
const TOLERANCE: f64 = 3e-6;
/// The sum of 37 numbers around a thousand in f32, relative to their deviation.
const MEAN_TOLERANCE: f64 = 1e-3;
const EPSILON: f64 = 1e-6;

/// Rows and channels: none, one, around vectors and blocks, several tasks with a rest.
const SIZES: [[usize; 2]; 12] = [
    [0, 5],
    [3, 0],
    [1, 1],
    [5, 2],
    [37, 3],
    [13, 16],
    [11, 17],
    [29, 33],
    [257, 7],
    [511, 96],
    [1501, 100],
    [7, 1009],
];

/// What the formulas say, in double precision: `y`, the gradients by `x`, weight and bias, and the
/// first term of the gradient by `x`, which the others may cancel.
fn definition([x, dy, weight, bias]: [&[f32]; 4]) -> [Vec<f64>; 5] {
    let channels = weight.len();
    let mut results = [vec![], vec![], vec![0.0; channels], vec![0.0; channels], vec![]];
    if channels == 0 {
        return results;
    }
    for (x, dy) in x.chunks(channels).zip(dy.chunks(channels)) {
        let mean = |of: &dyn Fn(usize) -> f64| (0..channels).map(of).sum::<f64>() / channels as f64;
        let number = |from: &[f32], at: usize| f64::from(from[at]);
        let middle = mean(&|at| number(x, at));
        let variance = mean(&|at| (number(x, at) - middle).powi(2));
        let deviation = (variance + EPSILON).sqrt();
        let n = |at: usize| (number(x, at) - middle) / deviation;
        let g = |at: usize| number(dy, at) * number(weight, at);
        let (of_g, of_products) = (mean(&g), mean(&|at| g(at) * n(at)));
        for at in 0..channels {
            results[0].push(n(at) * number(weight, at) + number(bias, at));
            results[1].push((g(at) - of_g - n(at) * of_products) / deviation);
            results[2][at] += number(dy, at) * n(at);
            results[3][at] += number(dy, at);
            results[4].push(g(at) / deviation);
        }
    }
    results
}

#[test]
fn every_shape_and_instruction_set_agrees_with_the_definition() {
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for [rows, channels] in SIZES {
            let (x, dy) = (numbers(rows * channels, 1), numbers(rows * channels, 2));
            let (weight, bias) = (numbers(channels, 3), numbers(channels, 4));
            let expected = definition([&x, &dy, &weight, &bias]);
            let norm = LayerNorm { isa, weight: &weight, bias: &bias, epsilon: EPSILON };
            let y = norm.forward(Cow::Borrowed(&x));
            assert!(y == norm.forward(Cow::Owned(x.clone())));
            let of = norm.backward(&x, dy.clone());
            for (what, found, expected) in [
                ("value", &y, &expected[0]),
                ("weight's gradient", &of.weight, &expected[2]),
                ("bias's gradient", &of.bias, &expected[3]),
            ] {
                let error = error(found, expected);
                assert!(error < TOLERANCE, "{} {what} {rows}x{channels}: {error}", isa.name());
            }
            let size = largest(&expected[4]);
            let error = error_relative_to(size, &of.x, &expected[1]);
            assert!(error < TOLERANCE, "{} gradient {rows}x{channels}: {error}", isa.name());
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn a_large_mean_leaves_the_deviation_right_and_what_is_no_number_stays_so() {
    let offset = |value: f32| value + 1000.0;
    let (weight, bias) = (vec![1.0; 37], vec![0.0; 37]);
    for isa in Isa::available() {
        let norm = LayerNorm { isa, weight: &weight, bias: &bias, epsilon: EPSILON };
        let x: Vec<f32> = numbers(37, 1).into_iter().map(offset).collect();
        let [expected, ..] = definition([&x, &[0.0; 37], &weight, &bias]);
        assert!(error(&norm.forward(Cow::Borrowed(&x)), &expected) < MEAN_TOLERANCE);
        let mut x = numbers(74, 1);
        x[40] = f32::NAN;
        let y = norm.forward(Cow::Owned(x));
        assert!(y[..37].iter().all(|y| y.is_finite()) && y[37..].iter().all(|y| y.is_nan()));
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (weight, bias) = (numbers(24, 3), numbers(24, 4));
    let (x, dy) = (numbers(20_011 * 24, 1), numbers(20_011 * 24, 2));
    same_for_any_number_of_threads(|| {
        let norm = LayerNorm { isa: Isa::active(), weight: &weight, bias: &bias, epsilon: EPSILON };
        (norm.forward(Cow::Borrowed(&x)), norm.backward(&x, dy.clone()))
    });
}

#[test]
#[should_panic(expected = "lengths of a gradient and of what it is of")]
fn a_gradient_of_another_length_is_refused() {
    let norm = LayerNorm { isa: Isa::active(), weight: &[1.0; 3], bias: &[0.0; 3], epsilon: 0.1 };
    let _ = norm.backward(&[0.0; 6], vec![0.0; 3]);
}
