use super::*;
use crate::conv2d::reference;
use crate::testing::{error, numbers, same_for_any_number_of_threads};

/// Sums of up to a thousand products in f32, relative to the largest.
const TOLERANCE: f64 = 4e-6;

/// `[batch, height, width, in, out]`: around the rows of a group, the columns of a block and the
/// outputs of a task; with no channels.
const SIZES: [[usize; 5]; 12] = [
    [1, 1, 1, 1, 1],
    [2, 1, 3, 7, 5],
    [7, 1, 1, 19, 35],
    [8, 1, 1, 512, 3],
    [9, 1, 1, 511, 17],
    [1, 5, 3, 513, 16],
    [4, 2, 4, 33, 70],
    [1, 1, 32, 1031, 129],
    [3, 2, 1, 2, 301],
    [1, 1, 5, 700, 401],
    [2, 1, 1, 0, 3],
    [2, 1, 1, 3, 0],
];

fn shape([batch, height, width, in_channels, out_channels]: [usize; 5]) -> Conv2dShape {
    Conv2dShape {
        batch,
        size: [height, width],
        in_channels,
        out_channels,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    }
}

#[test]
fn every_shape_and_instruction_set_agrees_with_the_definition() {
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for shape in SIZES.map(shape) {
            assert!(applies(&shape, MOST_PIXELS), "{shape:?}");
            let (x, dy) = (numbers(shape.x_len(), 1), numbers(shape.y_len(), 2));
            let weight = numbers(shape.weight_len(), 3);
            let check = |what: &str, found: Vec<f32>, expected: &[f64]| {
                let error = error(&found, expected);
                assert!(error < TOLERANCE, "{} {what} {shape:?}: {error}", isa.name());
            };
            let y = forward(isa, &shape, &x, &weight, Epilogue::default());
            check("result", y, &reference::forward(&shape, &x, &weight));
            if !applies(&shape, MOST_PIXELS_OF_GRADIENTS) {
                continue;
            }
            let dx = input_gradient(isa, &shape, &weight, &dy);
            check("picture's gradient", dx, &reference::input_gradient(&shape, &weight, &dy));
            let dweight = weight_gradient(isa, &shape, &x, &dy);
            check("weight's gradient", dweight, &reference::weight_gradient(&shape, &x, &dy));
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn bias_residual_and_relu_are_applied_in_this_order_and_what_is_no_number_stays_so() {
    let shape = shape([3, 2, 1, 37, 19]);
    let (mut x, weight) = (numbers(shape.x_len(), 1), numbers(shape.weight_len(), 2));
    let (bias, residual) = (numbers(19, 3), numbers(shape.y_len(), 4));
    let expected: Vec<f64> = reference::forward(&shape, &x, &weight)
        .iter()
        .enumerate()
        .map(|(at, sum)| (sum + f64::from(bias[at % 19]) + f64::from(residual[at])).max(0.0))
        .collect();
    let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), relu: true };
    for isa in Isa::available() {
        let y = forward(isa, &shape, &x, &weight, epilogue);
        assert!(error(&y, &expected) < TOLERANCE, "{}", isa.name());
    }
    x[36] = f32::NAN;
    for isa in Isa::available() {
        let y = forward(isa, &shape, &x, &weight, epilogue);
        assert!(y[..19].iter().all(|y| y.is_nan()) && y[19..].iter().all(|y| y.is_finite()));
    }
}

#[test]
fn other_convolutions_are_done_otherwise() {
    let plain = shape([2, 3, 4, 5, 6]);
    for other in [
        shape([3, 11, 1, 5, 6]),
        shape([0, 1, 1, 5, 6]),
        Conv2dShape { kernel: [1, 2], ..plain },
        Conv2dShape { stride: [2, 1], ..plain },
        Conv2dShape { padding: [0, 1], ..plain },
        Conv2dShape { in_channels: 6, groups: 2, ..plain },
    ] {
        assert!(applies(&plain, MOST_PIXELS) && !applies(&other, MOST_PIXELS), "{other:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let shape = shape([8, 1, 1, 1500, 700]);
    let (x, dy) = (numbers(shape.x_len(), 1), numbers(shape.y_len(), 2));
    let weight = numbers(shape.weight_len(), 3);
    let isa = Isa::active();
    same_for_any_number_of_threads(|| {
        [
            forward(isa, &shape, &x, &weight, Epilogue::default()),
            input_gradient(isa, &shape, &weight, &dy),
            weight_gradient(isa, &shape, &x, &dy),
        ]
    });
}
