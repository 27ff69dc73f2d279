mod epilogue;

use super::*;

/// Direct sums of up to some thousand products in f32, relative to the largest result.
const DIRECT_TOLERANCE: f64 = 4e-6;

/// The same by Winograd, whose transforms amplify rounding errors.
const WINOGRAD_TOLERANCE: f64 = 3e-5;

/// Numbers in -1..1 that don't repeat.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

/// The largest error, relative to the largest value.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-30, |largest: f64, value| largest.max(value.abs()));
    found.iter().zip(expected).fold(0.0, |worst, (&found, &expected)| {
        let error = (f64::from(found) - expected).abs();
        if error.is_nan() { f64::INFINITY } else { worst.max(error / largest) }
    })
}

/// Shapes `[batch, height, width, in, out]` with windows `[kernel, stride, padding, dilation]` by
/// axis, and groups. Never square, never equal channels; sizes and channels straddle tiles, panels
/// and vectors.
fn shapes() -> Vec<Conv2dShape> {
    let mut shapes = Vec::new();
    let mut add = |[batch, height, width, in_channels, out_channels]: [usize; 5],
                   [vertical, horizontal]: [[usize; 4]; 2],
                   groups: usize| {
        shapes.push(Conv2dShape {
            batch,
            size: [height, width],
            in_channels,
            out_channels,
            kernel: [vertical[0], horizontal[0]],
            stride: [vertical[1], horizontal[1]],
            padding: [vertical[2], horizontal[2]],
            dilation: [vertical[3], horizontal[3]],
            groups,
        });
    };
    let three = [[3, 1, 1, 1]; 2];
    // 3x3, stride 1: what Winograd takes.
    for sizes in [[2, 9, 14, 16, 33], [1, 4, 5, 5, 3], [3, 7, 6, 17, 48], [1, 1, 1, 3, 2]] {
        add(sizes, three, 1);
    }
    // Whole tiles and short ones along each axis, in every combination, and axes of short ones only.
    for (height, width) in [3, 5, 6, 7, 8].into_iter().flat_map(|h| (9..13).map(move |w| (h, w))) {
        add([3, height, width, 13, 35], three, 1);
        add([2, width, height, 33, 14], [[3, 1, 0, 1], [3, 1, 1, 1]], 1);
    }
    // The same with blocks of tiles in the middle of a picture, and with more channels than fit a
    // cache, in one block and in several.
    add([9, 14, 7, 34, 67], three, 1);
    add([3, 7, 6, 150, 130], three, 1);
    add([23, 14, 11, 78, 91], three, 1);
    add([0, 7, 6, 14, 13], three, 1);
    add([2, 13, 8, 31, 40], [[3, 1, 0, 1], [3, 1, 2, 1]], 1);
    add([2, 12, 29, 32, 64], three, 1);
    // Few tiles and many weights: threads share a block.
    add([2, 5, 6, 160, 193], three, 1);
    add([1, 11, 17, 20, 18], [[3, 1, 2, 2], [3, 1, 3, 3]], 1);
    // Stride 2, the stem, windows that are not square, dilation with stride.
    add([2, 9, 16, 8, 37], [[3, 2, 1, 1]; 2], 1);
    add([1, 23, 18, 3, 20], [[7, 2, 3, 1]; 2], 1);
    add([2, 8, 11, 6, 5], [[1, 1, 0, 1], [5, 3, 2, 1]], 1);
    add([1, 14, 15, 7, 9], [[4, 3, 2, 2], [2, 2, 1, 3]], 1);
    // 1x1, with and without stride and padding; a stride longer than the window.
    add([3, 5, 7, 19, 35], [[1, 1, 0, 1]; 2], 1);
    add([2, 7, 9, 12, 6], [[1, 2, 0, 1], [1, 3, 0, 1]], 1);
    add([1, 4, 6, 5, 4], [[1, 1, 1, 1], [2, 3, 1, 1]], 1);
    // 1x1 with so many channels that the weight's gradient is a product of two matrices: read in
    // place and copied, with strides, groups, and more pixels than are copied at a time.
    add([3, 5, 7, 300, 450], [[1, 1, 0, 1]; 2], 1);
    add([2, 9, 8, 261, 512], [[1, 2, 0, 1], [1, 3, 0, 1]], 1);
    add([2, 4, 3, 600, 1024], [[1, 1, 0, 1]; 2], 2);
    add([3, 14, 13, 65, 2048], [[1, 1, 0, 1]; 2], 1);
    add([3, 14, 13, 130, 4100], [[1, 1, 0, 1]; 2], 2);
    add([0, 4, 3, 300, 450], [[1, 1, 0, 1]; 2], 1);
    // Pixels whose stride in memory falls on one set of a cache.
    add([1, 3, 20, 512, 7], [[1, 1, 0, 1]; 2], 1);
    add([1, 5, 9, 256, 3], [[3, 2, 1, 1]; 2], 1);
    // Small maps of many pictures, whose windows lie mostly outside; strides that skip pixels.
    add([9, 2, 3, 18, 33], three, 1);
    add([17, 1, 2, 5, 7], [[3, 1, 1, 1], [5, 1, 2, 1]], 1);
    add([8, 5, 4, 20, 35], [[3, 2, 1, 1]; 2], 1);
    add([11, 6, 9, 4, 6], [[3, 3, 1, 2], [2, 4, 0, 1]], 2);
    add([600, 2, 3, 120, 5], three, 1);
    // Taps far apart: lattices of one size and of several along an axis, of a pixel and of more.
    add([2, 9, 13, 6, 35], [[3, 1, 4, 4], [3, 1, 5, 5]], 1);
    add([3, 7, 5, 18, 20], [[3, 1, 12, 12]; 2], 1);
    add([1, 24, 18, 14, 13], [[3, 1, 4, 4], [3, 1, 6, 6]], 1);
    add([2, 11, 10, 5, 9], [[3, 1, 4, 4], [5, 1, 4, 2]], 1);
    add([2, 10, 9, 8, 12], [[3, 1, 4, 4], [1, 1, 0, 1]], 4);
    add([2, 10, 9, 8, 12], [[1, 1, 0, 4], [3, 1, 4, 4]], 1);
    add([0, 9, 13, 6, 35], [[3, 1, 4, 4]; 2], 1);
    // More weights than are packed at a time in tests, in several pictures and groups.
    add([2, 5, 6, 70, 150], [[7, 1, 3, 1]; 2], 1);
    add([9, 4, 5, 130, 150], [[5, 2, 2, 1]; 2], 2);
    // Groups.
    add([2, 6, 5, 8, 12], [[3, 1, 1, 1], [3, 2, 1, 1]], 4);
    add([1, 7, 8, 34, 68], three, 2);
    // The window is the whole padded picture; nothing in the batch; a wide row.
    add([2, 5, 3, 4, 6], [[7, 1, 1, 1], [5, 1, 1, 1]], 1);
    add([0, 5, 3, 4, 6], three, 1);
    add([1, 2, 700, 64, 33], [[3, 1, 1, 1]; 2], 1);
    shapes
}

#[test]
#[expect(clippy::print_stdout, reason = "says which instruction sets ran")]
fn every_shape_and_instruction_set_agrees_with_the_definition() {
    for isa in Isa::available() {
        println!("ran {}", isa.name());
    }
    for shape in shapes() {
        let x = numbers(shape.x_len(), 1);
        let weight = numbers(shape.weight_len(), 2);
        let dy = numbers(shape.y_len(), 3);
        let y = reference::forward(&shape, &x, &weight);
        let dx = reference::input_gradient(&shape, &weight, &dy);
        let dw = reference::weight_gradient(&shape, &x, &dy);
        for (isa, exact) in Isa::available().into_iter().flat_map(|i| [(i, true), (i, false)]) {
            let settings = Settings { isa, exact_convolution: exact };
            let tolerance = if exact { DIRECT_TOLERANCE } else { WINOGRAD_TOLERANCE };
            let check = |what: &str, found: Vec<f32>, expected: &[f64]| {
                let error = error(&found, expected);
                assert!(
                    error < tolerance,
                    "{} {what} exact {exact} {shape:?}: {error}",
                    isa.name()
                );
            };
            let result = forward(settings, &shape, &x, &weight, Epilogue::default());
            check("result", result, &y);
            check("picture's gradient", input_gradient(settings, &shape, &weight, &dy), &dx);
            check("weight's gradient", weight_gradient(settings, &shape, &x, &dy), &dw);
        }
    }
    println!("absent here: {:?}", Isa::absent());
}
