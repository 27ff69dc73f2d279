use super::*;
use crate::conv2d::reference;

/// Sums of up to some hundred products in f32, relative to the largest result.
const DEPTHWISE_TOLERANCE: f64 = 2e-6;

/// Numbers in -1..1 from a multiplicative hash.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32)
        .map(|at| {
            let hash = (at ^ seed.wrapping_mul(0x9E37_79B9)).wrapping_mul(2_654_435_761);
            (hash ^ hash >> 15) as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

fn assert_close(name: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(1e-30_f64, |largest, value| largest.max(value.abs()));
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / largest;
        assert!(error <= DEPTHWISE_TOLERANCE, "{name}: at {at} found {found}, expected {expected}");
    }
}

/// Windows `[kernel, stride, padding, dilation]` by axis, with pictures that their blocks of
/// eight and four pixels fit, straddle and exceed.
fn shapes() -> Vec<Conv2dShape> {
    let mut shapes = Vec::new();
    let windows: [([usize; 2], [[usize; 4]; 2]); 16] = [
        ([9, 29], [[3, 1, 1, 1]; 2]),
        ([7, 5], [[3, 1, 1, 1]; 2]),
        ([13, 18], [[3, 2, 1, 1]; 2]),
        ([6, 37], [[5, 1, 2, 1]; 2]),
        ([11, 14], [[5, 2, 2, 1]; 2]),
        ([8, 23], [[7, 1, 3, 1]; 2]),
        ([10, 35], [[7, 2, 3, 1]; 2]),
        ([1, 3], [[3, 1, 1, 1]; 2]),
        ([2, 1], [[5, 2, 2, 1]; 2]),
        ([12, 17], [[3, 1, 2, 2], [3, 1, 3, 3]]),
        ([12, 19], [[3, 2, 6, 6], [5, 2, 3, 2]]),
        // Windows and strides with no kernel of their own, and pixels that no window sees.
        ([7, 16], [[2, 1, 0, 1], [6, 1, 2, 1]]),
        ([9, 20], [[1, 3, 0, 1], [4, 3, 1, 1]]),
        ([8, 15], [[1, 2, 0, 1], [1, 2, 1, 1]]),
        // More padding than the window reaches, and none.
        ([4, 10], [[3, 1, 4, 1], [3, 1, 5, 1]]),
        ([3, 11], [[3, 1, 0, 1], [3, 1, 0, 1]]),
    ];
    for (batch, channels) in [(2, 1), (1, 3), (3, 17), (1, 64), (2, 100), (0, 5), (1, 131)] {
        for (size, window) in windows {
            shapes.push(Conv2dShape {
                batch,
                size,
                in_channels: channels,
                out_channels: channels,
                kernel: window.map(|[kernel, ..]| kernel),
                stride: window.map(|[_, stride, ..]| stride),
                padding: window.map(|[_, _, padding, _]| padding),
                dilation: window.map(|[.., dilation]| dilation),
                groups: channels,
            });
        }
    }
    shapes
}

#[test]
fn every_window_and_instruction_set_agrees_with_the_definition() {
    for isa in Isa::available() {
        for shape in shapes() {
            assert!(applies(&shape));
            let name = format!("{} {shape:?}", isa.name());
            let (x, weight) = (numbers(shape.x_len(), 1), numbers(shape.weight_len(), 2));
            let dy = numbers(shape.y_len(), 3);
            let y = forward(isa, &shape, &x, &weight, Epilogue::default());
            assert_close(&name, &y, &reference::forward(&shape, &x, &weight));
            let dx = input_gradient(isa, &shape, &weight, &dy);
            assert_close(&name, &dx, &reference::input_gradient(&shape, &weight, &dy));
            let dw = weight_gradient(isa, &shape, &x, &dy);
            assert_close(&name, &dw, &reference::weight_gradient(&shape, &x, &dy));
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn bias_residual_and_relu_follow_the_sum() {
    for isa in Isa::available() {
        for shape in shapes() {
            let (x, weight) = (numbers(shape.x_len(), 4), numbers(shape.weight_len(), 5));
            let (bias, residual) = (numbers(shape.out_channels, 6), numbers(shape.y_len(), 7));
            let mut expected = reference::forward(&shape, &x, &weight);
            for (at, value) in expected.iter_mut().enumerate() {
                *value += f64::from(bias[at % shape.out_channels]) + f64::from(residual[at]);
                *value = value.max(0.0);
            }
            let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), relu: true };
            let y = forward(isa, &shape, &x, &weight, epilogue);
            assert_close(&format!("{} {shape:?}", isa.name()), &y, &expected);
        }
    }
}

fn depthwise(
    batch: usize,
    size: [usize; 2],
    channels: usize,
    kernel: usize,
    stride: usize,
) -> Conv2dShape {
    Conv2dShape {
        batch,
        size,
        in_channels: channels,
        out_channels: channels,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [kernel / 2; 2],
        dilation: [1; 2],
        groups: channels,
    }
}

#[test]
fn other_groups_fall_to_the_direct_algorithm() {
    let mut shape = depthwise(1, [5, 7], 6, 3, 1);
    shape.out_channels = 12;
    assert!(!applies(&shape));
    shape = Conv2dShape { out_channels: 6, groups: 3, ..shape };
    assert!(!applies(&shape));
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let shape = depthwise(3, [37, 29], 80, 5, 2);
    let (x, weight) = (numbers(shape.x_len(), 8), numbers(shape.weight_len(), 9));
    let dy = numbers(shape.y_len(), 10);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(|| {
            let isa = Isa::active();
            let y = forward(isa, &shape, &x, &weight, Epilogue::default());
            let dx = input_gradient(isa, &shape, &weight, &dy);
            (y, dx, weight_gradient(isa, &shape, &x, &dy))
        })
    };
    assert_eq!(with(1), with(3));
}

/// Run with `cargo test --release -p ocelli-kernels -- --ignored --nocapture depthwise_speed`, and
/// `RAYON_NUM_THREADS` for the threads. Layers of MobileNet and EfficientNet.
#[test]
#[ignore = "prints times, for a quiet machine: cargo test --workspace --lib depthwise_speed -- --ignored --nocapture"]
fn depthwise_speed() {
    for isa in Isa::available() {
        for (size, channels, kernel, stride) in
            [(56, 192, 3, 1), (28, 256, 5, 2), (14, 672, 5, 1), (112, 96, 3, 2), (7, 1152, 3, 1)]
        {
            let shape = depthwise(8, [size; 2], channels, kernel, stride);
            let (x, weight) = (numbers(shape.x_len(), 1), numbers(shape.weight_len(), 2));
            let dy = numbers(shape.y_len(), 3);
            let name = format!("{} {size}x{channels} {kernel}x{kernel} s{stride}", isa.name());
            crate::timing::report(&format!("{name} forward"), || {
                drop(forward(isa, &shape, &x, &weight, Epilogue::default()));
            });
            crate::timing::report(&format!("{name} picture's gradient"), || {
                drop(input_gradient(isa, &shape, &weight, &dy));
            });
            crate::timing::report(&format!("{name} weight's gradient"), || {
                drop(weight_gradient(isa, &shape, &x, &dy));
            });
        }
    }
}
