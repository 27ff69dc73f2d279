use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::conv2d::{
    Epilogue, Settings, forward, input_gradient, reference, transposed, weight_gradient,
};
use crate::isa::Isa;
use crate::testing::{error, numbers};

/// Direct and Winograd sums of a few hundred products in f32, relative to the largest result.
const TOLERANCE: f64 = 3e-5;

const SHAPE: Conv2dShape = Conv2dShape {
    batch: 2,
    size: [5, 4],
    in_channels: 6,
    out_channels: 9,
    kernel: [3, 2],
    stride: [1, 2],
    padding: [1, 0],
    dilation: [1, 1],
    groups: 3,
};

/// What `work` panics with.
fn message<R>(work: impl FnOnce() -> R) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(work)).err()?;
    Some(match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
    })
}

/// Tensors as short as they can be while lengths are multiplied without a check.
fn wrapped(sizes: &[usize]) -> Vec<f32> {
    let len = sizes.iter().fold(1usize, |len, &size| len.wrapping_mul(size));
    vec![0.5; if len < 1000 { len } else { 0 }]
}

#[test]
fn a_shape_that_memory_cannot_hold_is_refused_by_every_pass() {
    let half = 1 << (usize::BITS / 2);
    let large = "larger than memory can be";
    for (shape, expected) in [
        // Products that wrap around to nothing, or to a few.
        (Conv2dShape { batch: half, size: [half, 4], ..SHAPE }, large),
        (Conv2dShape { batch: half, size: [half + 1, 1], padding: [1, 1], ..SHAPE }, large),
        (Conv2dShape { batch: 0, size: [half, half], ..SHAPE }, large),
        (Conv2dShape { in_channels: half, out_channels: half, groups: 1, ..SHAPE }, large),
        (Conv2dShape { out_channels: usize::MAX / 3 * 3, ..SHAPE }, large),
        (
            Conv2dShape {
                batch: 0,
                in_channels: 0,
                out_channels: 3 * half,
                size: [4, half],
                ..SHAPE
            },
            large,
        ),
        // Padding and reach that wrap around, or lose their sign.
        (Conv2dShape { padding: [usize::MAX / 2 + 1, 0], ..SHAPE }, large),
        (Conv2dShape { padding: [usize::MAX / 2, 0], ..SHAPE }, large),
        (Conv2dShape { padding: [half, half], ..SHAPE }, large),
        (Conv2dShape { stride: [usize::MAX, 1], ..SHAPE }, large),
        (Conv2dShape { dilation: [usize::MAX / 2 + 1, 1], ..SHAPE }, "does not fit"),
        (Conv2dShape { kernel: [usize::MAX, 2], ..SHAPE }, large),
        // Four pixels, four taps, one result: but a padded picture whose pixels wrap around to
        // none.
        (
            Conv2dShape {
                batch: 1,
                size: [2, 2],
                in_channels: 1,
                out_channels: 1,
                kernel: [2, 2],
                stride: [1, 1],
                padding: [half / 2 - 1; 2],
                dilation: [half - 1; 2],
                groups: 1,
            },
            large,
        ),
        // What was refused before.
        (Conv2dShape { kernel: [8, 2], ..SHAPE }, "does not fit"),
        (Conv2dShape { kernel: [0, 2], ..SHAPE }, "empty window"),
        (Conv2dShape { dilation: [1, 0], ..SHAPE }, "empty window"),
        (Conv2dShape { stride: [0, 1], ..SHAPE }, "does not fit"),
        (Conv2dShape { groups: 0, ..SHAPE }, "multiple of the groups"),
        (Conv2dShape { groups: 2, ..SHAPE }, "multiple of the groups"),
    ] {
        let settings = Settings::active();
        let Conv2dShape { batch, size: [height, width], in_channels, out_channels, .. } = shape;
        let x = wrapped(&[batch, height, width, in_channels]);
        let group = in_channels.checked_div(shape.groups).unwrap_or(0);
        let weight = wrapped(&[out_channels, group, shape.kernel[0], shape.kernel[1]]);
        let dy = match message(|| shape.output_size()) {
            None => {
                let [height, width] = shape.output_size();
                wrapped(&[batch, height, width, out_channels])
            }
            Some(_) => Vec::new(),
        };
        for (pass, found) in [
            ("result", message(|| forward(settings, &shape, &x, &weight, Epilogue::default()))),
            ("picture's gradient", message(|| input_gradient(settings, &shape, &weight, &dy))),
            ("weight's gradient", message(|| weight_gradient(settings, &shape, &x, &dy))),
        ] {
            let found = found.unwrap_or_else(|| panic!("{pass} of {shape:?} was computed"));
            assert!(found.contains(expected), "{pass} of {shape:?}: {found}");
        }
    }
}

#[test]
fn a_length_that_is_not_the_shapes_is_told_with_both() {
    let x = vec![0.0; SHAPE.x_len() - 1];
    let weight = vec![0.0; SHAPE.weight_len()];
    let found = message(|| forward(Settings::active(), &SHAPE, &x, &weight, Epilogue::default()));
    let found = found.expect("refused");
    assert!(found.contains("length of a convolution's picture"), "{found}");
    assert!(found.contains("left: 239") && found.contains("right: 240"), "{found}");
}

#[test]
fn a_transposed_shape_that_memory_cannot_hold_is_refused() {
    let shape = transposed::TransposedShape {
        batch: 1,
        size: [3, 2],
        in_channels: 1,
        out_channels: 1,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        output_padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let half = 1 << (usize::BITS / 2);
    for shape in [
        transposed::TransposedShape { stride: [usize::MAX / 2 + 1, 2], ..shape },
        transposed::TransposedShape { stride: [half, half], ..shape },
        transposed::TransposedShape { dilation: [usize::MAX, 1], ..shape },
        transposed::TransposedShape { padding: [usize::MAX / 2 + 1, 0], ..shape },
        transposed::TransposedShape { kernel: [2, usize::MAX], ..shape },
    ] {
        let found =
            message(|| transposed::forward(Settings::active(), &shape, &[1.0; 6], &[1.0; 4], None));
        let found = found.unwrap_or_else(|| panic!("{shape:?} was computed"));
        let clear = found.contains("larger than memory can be") || found.contains("leaves nothing");
        assert!(clear, "{shape:?}: {found}");
    }
}

/// Nothing along an axis, in the batch, or among the channels: with enough of the rest for each
/// algorithm to be chosen.
#[test]
fn shapes_without_pictures_pixels_or_channels_agree_with_the_definition() {
    let winograd = Conv2dShape {
        batch: 9,
        size: [7, 5],
        in_channels: 17,
        out_channels: 12,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [3, 3],
        dilation: [1, 1],
        groups: 1,
    };
    let depthwise =
        Conv2dShape { in_channels: 21, out_channels: 21, groups: 21, stride: [2, 1], ..winograd };
    let direct = Conv2dShape { kernel: [3, 2], stride: [2, 1], ..winograd };
    let pointwise = Conv2dShape { kernel: [1, 1], padding: [0, 0], ..winograd };
    for shape in [winograd, depthwise, direct, pointwise] {
        let mut shapes = vec![
            Conv2dShape { batch: 0, ..shape },
            Conv2dShape { stride: [50, 70], ..shape },
            Conv2dShape { size: [1, 5], ..shape },
        ];
        if shape.padding[0] > 0 {
            shapes.extend([[0, 5], [7, 0], [0, 0]].map(|size| Conv2dShape { size, ..shape }));
            shapes.extend([1, 9].map(|batch| Conv2dShape { size: [0, 0], batch, ..shape }));
        }
        if shape.groups == 1 {
            for batch in [1, 9] {
                shapes.push(Conv2dShape { in_channels: 0, batch, ..shape });
                shapes.push(Conv2dShape { out_channels: 0, batch, ..shape });
                shapes.push(Conv2dShape { in_channels: 0, out_channels: 0, batch, ..shape });
            }
        }
        for (isa, shape) in
            Isa::available().into_iter().flat_map(|isa| shapes.iter().map(move |&s| (isa, s)))
        {
            let settings = Settings { isa, exact_convolution: false };
            let x = numbers(shape.x_len(), 1);
            let weight = numbers(shape.weight_len(), 2);
            let dy = numbers(shape.y_len(), 3);
            let bias = numbers(shape.out_channels, 4);
            let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
            let mut y = reference::forward(&shape, &x, &weight);
            for pixel in y.chunks_exact_mut(shape.out_channels.max(1)) {
                pixel.iter_mut().zip(&bias).for_each(|(y, &bias)| *y += f64::from(bias));
            }
            for (pass, found, expected) in [
                ("result", forward(settings, &shape, &x, &weight, epilogue), y),
                (
                    "picture's gradient",
                    input_gradient(settings, &shape, &weight, &dy),
                    reference::input_gradient(&shape, &weight, &dy),
                ),
                (
                    "weight's gradient",
                    weight_gradient(settings, &shape, &x, &dy),
                    reference::weight_gradient(&shape, &x, &dy),
                ),
            ] {
                let error = error(&found, &expected);
                assert!(error < TOLERANCE, "{} {pass} {shape:?}: {error}", isa.name());
            }
        }
    }
}
