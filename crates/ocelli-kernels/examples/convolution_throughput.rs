//! Times the convolutions of ResNet-18 and ResNet-50, forward and both gradients.
//!
//! ```sh
//! cargo run --release -p ocelli-kernels --example convolution_throughput -- [batch] [filter] [exact]
//! ```
//!
//! Prints the median and the best of a few runs in milliseconds, and gigaflops a second as if each
//! product of the definition had been formed: beyond the processor's peak where Winograd's are
//! fewer. `OCELLI_ISA` forces an instruction set, `RAYON_NUM_THREADS` the threads.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::time::Instant;

use ocelli_kernels::conv2d::{self, Conv2dShape, Epilogue, Settings};

/// Name, height and width, channels in and out, kernel, stride.
const LAYERS: [(&str, usize, [usize; 2], usize, usize); 28] = [
    ("stem 7x7/2 3-64 @224", 224, [3, 64], 7, 2),
    ("3x3 64-64 @56", 56, [64, 64], 3, 1),
    ("3x3 128-128 @28", 28, [128, 128], 3, 1),
    ("3x3 256-256 @14", 14, [256, 256], 3, 1),
    ("3x3 512-512 @7", 7, [512, 512], 3, 1),
    ("3x3/2 64-128 @56", 56, [64, 128], 3, 2),
    ("3x3/2 128-256 @28", 28, [128, 256], 3, 2),
    ("3x3/2 256-512 @14", 14, [256, 512], 3, 2),
    ("1x1/2 64-128 @56", 56, [64, 128], 1, 2),
    ("1x1 64-256 @32", 32, [64, 256], 1, 1),
    ("1x1 256-64 @32", 32, [256, 64], 1, 1),
    ("1x1 512-128 @16", 16, [512, 128], 1, 1),
    ("1x1 1024-256 @8", 8, [1024, 256], 1, 1),
    ("1x1 256-1024 @8", 8, [256, 1024], 1, 1),
    ("1x1 512-2048 @4", 4, [512, 2048], 1, 1),
    ("1x1 128-512 @28", 28, [128, 512], 1, 1),
    ("1x1 512-128 @28", 28, [512, 128], 1, 1),
    ("1x1 512-2048 @32", 32, [512, 2048], 1, 1),
    ("1x1 2048-512 @32", 32, [2048, 512], 1, 1),
    ("1x1 256-1024 @32", 32, [256, 1024], 1, 1),
    ("1x1 1024-256 @32", 32, [1024, 256], 1, 1),
    ("1x1 160-960 @14", 14, [160, 960], 1, 1),
    ("1x1 960-160 @14", 14, [960, 160], 1, 1),
    ("1x1 256-1536 @7", 7, [256, 1536], 1, 1),
    ("1x1 1536-256 @7", 7, [1536, 256], 1, 1),
    ("1x1 192-48 @56", 56, [192, 48], 1, 1),
    ("1x1 64-256 @56", 56, [64, 256], 1, 1),
    ("3x3 64-64 @256", 256, [64, 64], 3, 1),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let batch = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(8);
    let filter = arguments.get(1).map_or("", String::as_str);
    let exact = arguments.iter().any(|argument| argument == "exact");
    let settings = Settings { exact_convolution: exact, ..Settings::active() };
    println!("{} batch {batch} threads {}", settings.isa.name(), rayon::current_num_threads());
    for (name, size, [in_channels, out_channels], kernel, stride) in LAYERS {
        if !name.contains(filter) {
            continue;
        }
        let shape = Conv2dShape {
            batch,
            size: [size; 2],
            in_channels,
            out_channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 2],
            dilation: [1; 2],
            groups: 1,
        };
        let numbers = |count: usize| -> Vec<f32> {
            (0..count).map(|at| ((at * 7919) % 1009) as f32 / 504.5 - 1.0).collect()
        };
        let x = numbers(shape.x_len());
        let weight = numbers(shape.weight_len());
        let dy = numbers(shape.y_len());
        let products = shape.y_len() * in_channels * kernel * kernel;
        report(name, "forward", products, || {
            conv2d::forward(settings, &shape, &x, &weight, Epilogue::default())
        });
        report(name, "input gradient", products, || {
            conv2d::input_gradient(settings, &shape, &weight, &dy)
        });
        report(name, "weight gradient", products, || {
            conv2d::weight_gradient(settings, &shape, &x, &dy)
        });
    }
}

fn report(name: &str, pass: &str, products: usize, run: impl Fn() -> Vec<f32>) {
    for _ in 0..2 {
        run();
    }
    let mut seconds: Vec<f64> = (0..9)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(run());
            started.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let (median, best) = (seconds[seconds.len() / 2], seconds[0]);
    let rate = 2.0 * products as f64 / best / 1e9;
    println!(
        "{name:22} {pass:16} median {:8.3} best {:8.3} ms  {rate:7.1} GF/s",
        median * 1e3,
        best * 1e3
    );
}
