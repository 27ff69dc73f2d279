use super::*;

/// Relative to the largest value. Places are computed in f32, as PyTorch does: at a size of 100,
/// their error of 2^-24 becomes one of a weight, of some 1e-5 at most.
const RESAMPLE_TOLERANCE: f64 = 1e-5;

const MODES: [Mode; 3] = [
    Mode::Nearest,
    Mode::Bilinear { align_corners: false },
    Mode::Bilinear { align_corners: true },
];

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
        assert!(error <= RESAMPLE_TOLERANCE, "{name}: at {at} found {found}, expected {expected}");
    }
}

/// Weights of the source pixels of a target by the definition, in float64.
fn weights(mode: Mode, size: usize, count: usize, target: usize) -> Vec<(usize, f64)> {
    let (size_real, count_real, target) = (size as f64, count as f64, target as f64);
    let place = match mode {
        Mode::Nearest => (target * size_real / count_real + 1e-9).floor(),
        Mode::Bilinear { align_corners: true } if count == 1 => 0.0,
        Mode::Bilinear { align_corners: true } => target * (size_real - 1.0) / (count_real - 1.0),
        Mode::Bilinear { .. } => ((target + 0.5) * size_real / count_real - 0.5).max(0.0),
    };
    let first = (place.floor() as usize).min(size - 1);
    let beyond = place - first as f64;
    vec![(first, 1.0 - beyond), ((first + 1).min(size - 1), beyond)]
}

fn check(isa: Isa, shape: &ResampleShape, mode: Mode) {
    let ([height, width], [out_height, out_width]) = (shape.size, shape.output_size);
    let (x, dy) = (numbers(shape.x_len(), 1), numbers(shape.y_len(), 2));
    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
    for n in 0..shape.batch {
        for (oy, ox) in (0..out_height).flat_map(|oy| (0..out_width).map(move |ox| (oy, ox))) {
            for (iy, down) in weights(mode, height, out_height, oy) {
                for (ix, across) in weights(mode, width, out_width, ox) {
                    for channel in 0..shape.channels {
                        let from = ((n * height + iy) * width + ix) * shape.channels + channel;
                        let to =
                            ((n * out_height + oy) * out_width + ox) * shape.channels + channel;
                        y[to] += f64::from(x[from]) * down * across;
                        dx[from] += f64::from(dy[to]) * down * across;
                    }
                }
            }
        }
    }
    let name = format!("{} {mode:?} {shape:?}", isa.name());
    assert_close(&name, &forward(isa, shape, mode, &x), &y);
    assert_close(&name, &input_gradient(isa, shape, mode, &dy), &dx);
}

#[test]
fn sizes_up_and_down_agree_with_the_definition() {
    let sizes = [
        ([5, 7], [10, 21]),
        ([9, 12], [4, 5]),
        ([3, 4], [8, 3]),
        ([1, 2], [6, 1]),
        ([6, 1], [1, 5]),
        ([4, 3], [4, 3]),
        ([7, 5], [0, 3]),
        ([2, 3], [64, 33]),
        ([31, 17], [13, 37]),
    ];
    for isa in Isa::available() {
        for (batch, channels) in [(1, 1), (2, 3), (3, 17), (1, 64), (2, 100), (0, 5), (2, 0)] {
            for (size, output_size) in sizes {
                for mode in MODES {
                    check(isa, &ResampleShape { batch, size, channels, output_size }, mode);
                }
            }
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn the_same_size_is_the_same_picture() {
    let shape = ResampleShape { batch: 2, size: [5, 9], channels: 3, output_size: [5, 9] };
    let x = numbers(shape.x_len(), 3);
    for mode in MODES {
        assert_eq!(forward(Isa::active(), &shape, mode, &x), x);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let shape = ResampleShape { batch: 2, size: [29, 37], channels: 33, output_size: [63, 41] };
    let (x, dy) = (numbers(shape.x_len(), 4), numbers(shape.y_len(), 5));
    let mode = Mode::Bilinear { align_corners: false };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(|| {
            let isa = Isa::active();
            (forward(isa, &shape, mode, &x), input_gradient(isa, &shape, mode, &dy))
        })
    };
    assert_eq!(with(1), with(3));
}
