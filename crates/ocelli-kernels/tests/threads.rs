//! The number of threads changes no bit of any result.

use std::borrow::Cow;

use ocelli_kernels::activation::Activation;
use ocelli_kernels::batch_norm::{Added, BatchNorm, Statistics};
use ocelli_kernels::conv2d::{self, Algorithm, Conv2dShape, Epilogue, Settings};
use ocelli_kernels::reduction::{channel_sums, global_average_pool};
use ocelli_kernels::{Isa, conv2d::transposed, resample};

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

/// Runs `work` in pools of different sizes, and asserts that its results are the same bits.
fn assert_same_bits(what: &str, work: impl Fn() -> Vec<f32> + Sync) {
    let bits = |threads: usize| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let result = pool.expect("a pool of threads").install(&work);
        result.into_iter().map(f32::to_bits).collect()
    };
    let one = bits(1);
    for threads in [2, 3, 5] {
        let found = bits(threads);
        assert_eq!(found.len(), one.len(), "{what}: lengths with {threads} threads");
        let differ = found.iter().zip(&one).filter(|(found, one)| found != one).count();
        assert_eq!(differ, 0, "{what}: numbers that differ with {threads} threads");
    }
}

/// Shapes that each take another way through the algorithms, with several tasks and parts.
fn shapes() -> Vec<(Conv2dShape, Algorithm)> {
    let shape = Conv2dShape {
        batch: 3,
        size: [33, 29],
        in_channels: 20,
        out_channels: 35,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
    };
    let many_channels = Conv2dShape { in_channels: 130, out_channels: 140, ..shape };
    let small = Conv2dShape { batch: 11, size: [6, 7], stride: [2, 1], ..shape };
    let depthwise = Conv2dShape { in_channels: 300, out_channels: 300, groups: 300, ..shape };
    vec![
        (shape, Algorithm::Winograd),
        // Many channels: the gradient of the weight is made piece by piece, or, of many tiles, shared
        // by point, rather than added up in parts.
        (Conv2dShape { size: [9, 8], ..many_channels }, Algorithm::Winograd),
        (Conv2dShape { batch: 30, size: [9, 11], ..many_channels }, Algorithm::Winograd),
        (Conv2dShape { dilation: [2, 3], padding: [2, 3], ..shape }, Algorithm::Winograd),
        (Conv2dShape { stride: [2, 2], ..shape }, Algorithm::Direct),
        (Conv2dShape { kernel: [7, 5], stride: [2, 3], ..shape }, Algorithm::Direct),
        (Conv2dShape { kernel: [1, 1], padding: [0, 0], ..shape }, Algorithm::Direct),
        (
            Conv2dShape { batch: 13, size: [41, 37], kernel: [1, 1], padding: [0, 0], ..shape },
            Algorithm::Direct,
        ),
        (
            Conv2dShape {
                in_channels: 300,
                out_channels: 450,
                kernel: [1, 1],
                padding: [0, 0],
                ..small
            },
            Algorithm::Direct,
        ),
        (Conv2dShape { out_channels: 40, groups: 4, ..shape }, Algorithm::Direct),
        (small, Algorithm::Direct),
        (depthwise, Algorithm::Depthwise),
        (Conv2dShape { kernel: [5, 5], stride: [2, 2], ..depthwise }, Algorithm::Depthwise),
    ]
}

#[test]
fn convolutions_and_their_gradients() {
    for isa in Isa::available() {
        for (shape, algorithm) in shapes() {
            let settings = Settings { isa, exact_convolution: false };
            assert_eq!(Algorithm::choose(settings, &shape), algorithm, "{shape:?}");
            let x = numbers(shape.x_len(), 1);
            let weight = numbers(shape.weight_len(), 2);
            let dy = numbers(shape.y_len(), 3);
            let bias = numbers(shape.out_channels, 4);
            let epilogue = Epilogue { bias: Some(&bias), residual: Some(&dy), relu: true };
            let what = |pass: &str| format!("{} {pass} of {shape:?}", isa.name());
            assert_same_bits(&what("result"), || {
                conv2d::forward(settings, &shape, &x, &weight, epilogue)
            });
            assert_same_bits(&what("picture's gradient"), || {
                conv2d::input_gradient(settings, &shape, &weight, &dy)
            });
            assert_same_bits(&what("weight's gradient"), || {
                conv2d::weight_gradient(settings, &shape, &x, &dy)
            });
        }
    }
}

#[test]
fn a_transposed_convolution_and_a_resampling() {
    let shape = transposed::TransposedShape {
        batch: 2,
        size: [13, 17],
        in_channels: 21,
        out_channels: 35,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        output_padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let x = numbers(shape.x_len(), 1);
    let weight = numbers(shape.weight_len(), 2);
    let bias = numbers(shape.out_channels, 3);
    assert_same_bits("a transposed convolution", || {
        transposed::forward(Settings::active(), &shape, &x, &weight, Some(&bias))
    });
    let shape =
        resample::ResampleShape { batch: 2, size: [13, 17], channels: 21, output_size: [55, 40] };
    let mode = resample::Mode::Bilinear { align_corners: false };
    let dy = numbers(shape.y_len(), 4);
    assert_same_bits("a resampling", || resample::forward(Isa::active(), &shape, mode, &x));
    assert_same_bits("a resampling's gradient", || {
        resample::input_gradient(Isa::active(), &shape, mode, &dy)
    });
}

#[test]
fn batch_normalization_and_its_gradients() {
    for isa in Isa::available() {
        for (rows, channels) in [(9001, 24), (2503, 3), (700, 300)] {
            let x = numbers(rows * channels, 1);
            let dy = numbers(rows * channels, 2);
            let (weight, bias) = (numbers(channels, 3), numbers(channels, 4));
            let what = |pass: &str| format!("{} {pass} [{rows}, {channels}]", isa.name());
            let of = |work: &(dyn Fn(BatchNorm<'_>) -> Vec<f32> + Sync)| {
                let statistics = Statistics::of(isa, &x, channels);
                let mut result = work(BatchNorm {
                    isa,
                    mean: &statistics.mean,
                    variance: &statistics.variance,
                    frozen: false,
                    epsilon: 1e-5,
                    weight: &weight,
                    bias: &bias,
                    activation: Activation::Relu,
                });
                result.extend(&statistics.mean);
                result.extend(&statistics.variance);
                result
            };
            let forward = |norm: BatchNorm<'_>| norm.forward(Cow::Borrowed(&x), Some(&dy));
            assert_same_bits(&what("result"), || of(&forward));
            let backward = |norm: BatchNorm<'_>| {
                let of = norm.backward(Cow::Borrowed(&x), dy.clone(), Added::Residual(&dy));
                let residual = of.residual.unwrap_or_default();
                [of.x, of.weight, of.bias, residual].concat()
            };
            assert_same_bits(&what("gradients"), || of(&backward));
        }
    }
}

#[test]
fn reductions() {
    for isa in Isa::available() {
        for (rows, channels) in [(9001, 24), (2503, 3), (700, 300)] {
            let x = numbers(rows * channels, 1);
            assert_same_bits("channel sums", || channel_sums(isa, &x, channels));
            let pictures = if rows % 7 == 0 { 7 } else { 1 };
            assert_same_bits("means", || global_average_pool(isa, &x, pictures, channels));
        }
    }
}
