use super::*;

/// A shape for each algorithm; channels that don't fill a vector.
fn shapes() -> [Conv2dShape; 7] {
    let winograd = Conv2dShape {
        batch: 2,
        size: [9, 7],
        in_channels: 13,
        out_channels: 19,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 0],
        dilation: [1, 1],
        groups: 1,
    };
    [
        winograd,
        Conv2dShape { stride: [2, 1], ..winograd },
        Conv2dShape { size: [4, 5], batch: 9, stride: [1, 2], ..winograd },
        Conv2dShape { in_channels: 19, groups: 19, ..winograd },
        Conv2dShape { padding: [4, 4], dilation: [4, 4], ..winograd },
        // Half a panel.
        Conv2dShape { out_channels: 11, ..winograd },
        Conv2dShape { out_channels: 11, stride: [2, 1], ..winograd },
    ]
}

#[test]
fn bias_residual_and_relu_are_applied_in_this_order() {
    for (isa, shape) in Isa::available().into_iter().flat_map(|isa| shapes().map(|s| (isa, s))) {
        let x = numbers(shape.x_len(), 1);
        let weight = numbers(shape.weight_len(), 2);
        let bias = numbers(shape.out_channels, 3);
        let residual = numbers(shape.y_len(), 4);
        let settings = Settings { isa, exact_convolution: false };
        let sums = reference::forward(&shape, &x, &weight);
        for case in 0..8 {
            let epilogue = Epilogue {
                bias: (case & 1 > 0).then_some(&bias[..]),
                residual: (case & 2 > 0).then_some(&residual[..]),
                relu: case & 4 > 0,
            };
            let expected: Vec<f64> = (sums.iter().enumerate())
                .map(|(at, sum)| {
                    let bias = epilogue.bias.map_or(0.0, |bias| bias[at % shape.out_channels]);
                    let residual = epilogue.residual.map_or(0.0, |residual| residual[at]);
                    let value = sum + f64::from(bias) + f64::from(residual);
                    if epilogue.relu { value.max(0.0) } else { value }
                })
                .collect();
            let error = error(&forward(settings, &shape, &x, &weight, epilogue), &expected);
            assert!(error < WINOGRAD_TOLERANCE, "{} {shape:?} {case}: {error}", isa.name());
        }
    }
}

#[test]
fn what_is_not_a_number_is_not_hidden_by_relu() {
    for (isa, shape) in Isa::available().into_iter().flat_map(|isa| shapes().map(|s| (isa, s))) {
        let x = vec![f32::NAN; shape.x_len()];
        let weight = numbers(shape.weight_len(), 2);
        let settings = Settings { isa, exact_convolution: false };
        let epilogue = Epilogue { relu: true, ..Epilogue::default() };
        let y = forward(settings, &shape, &x, &weight, epilogue);
        assert!(y.iter().all(|y| y.is_nan()), "{} {shape:?}", isa.name());
    }
}

#[test]
fn what_an_earlier_result_left_in_memory_is_not_seen() {
    for (isa, shape) in Isa::available().into_iter().flat_map(|isa| shapes().map(|s| (isa, s))) {
        let settings = Settings { isa, exact_convolution: false };
        let weight = numbers(shape.weight_len(), 2);
        let all = |x: &[f32], dy: &[f32]| {
            let y = forward(settings, &shape, x, &weight, Epilogue::default());
            let dx = input_gradient(settings, &shape, &weight, dy);
            [y, dx, weight_gradient(settings, &shape, x, dy)].concat()
        };
        all(&vec![f32::NAN; shape.x_len()], &vec![f32::NAN; shape.y_len()]);
        let found = all(&numbers(shape.x_len(), 1), &numbers(shape.y_len(), 3));
        assert!(found.iter().all(|value| value.is_finite()), "{} {shape:?}", isa.name());
    }
}
