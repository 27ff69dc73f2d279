use super::adaptive_average::AdaptivePool2dShape;
use super::{Pool2dShape, adaptive_average, average, max};
use crate::isa::Isa;

/// Relative to the largest value: a sum of up to 60 floats, rounded at each addition.
const MEAN_TOLERANCE: f64 = 2e-6;

/// Values in -1..1 that repeat (so that maxima tie), from a multiplicative hash.
pub(super) fn values(len: usize, seed: u32) -> Vec<f32> {
    (0..len as u32)
        .map(|at| {
            let hash = (at ^ seed.wrapping_mul(0x9E37)).wrapping_mul(2_654_435_761) >> 16;
            (hash % 41) as f32 / 20.0 - 1.0
        })
        .collect()
}

fn assert_close(name: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(1e-30_f64, |largest, value| largest.max(value.abs()));
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / largest;
        assert!(error <= tolerance, "{name}: at {at} found {found}, expected {expected}");
    }
}

fn shapes() -> Vec<Pool2dShape> {
    let mut shapes = Vec::new();
    let windows = [
        ([7, 12], [3, 3], [2, 2], [1, 1]),
        ([6, 9], [2, 2], [2, 2], [0, 0]),
        ([5, 8], [3, 2], [1, 1], [1, 0]),
        ([13, 4], [5, 3], [2, 3], [2, 1]),
        // Strides beyond the window: pixels that no window sees.
        ([11, 9], [2, 1], [3, 4], [1, 0]),
        ([1, 2], [1, 2], [1, 1], [0, 1]),
        ([7, 5], [7, 5], [1, 1], [0, 0]),
    ];
    for (batch, channels) in [(1, 1), (2, 3), (3, 17), (1, 64), (2, 100), (0, 5), (2, 0)] {
        for (size, kernel, stride, padding) in windows {
            shapes.push(Pool2dShape { batch, size, channels, kernel, stride, padding });
        }
    }
    shapes
}

/// Calls `visit(output index, tap, picture index)` for every pixel of every window.
fn every_tap(shape: &Pool2dShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width] = shape.size;
    let [out_height, out_width] = shape.output_size();
    let pixels = (0..shape.batch).flat_map(|n| {
        (0..out_height).flat_map(move |oy| (0..out_width).map(move |ox| (n, oy, ox)))
    });
    for (n, oy, ox) in pixels {
        for channel in 0..shape.channels {
            let to = ((n * out_height + oy) * out_width + ox) * shape.channels + channel;
            for tap in 0..shape.taps() {
                let (ky, kx) = (tap / shape.kernel[1], tap % shape.kernel[1]);
                let iy = (oy * shape.stride[0] + ky).wrapping_sub(shape.padding[0]);
                let ix = (ox * shape.stride[1] + kx).wrapping_sub(shape.padding[1]);
                if iy < height && ix < width {
                    visit(to, tap, ((n * height + iy) * width + ix) * shape.channels + channel);
                }
            }
        }
    }
}

/// Maxima, taps, and the picture's index of each, by PyTorch's loop.
fn max_reference(shape: &Pool2dShape, x: &[f32]) -> Vec<(f32, usize, usize)> {
    let mut best = vec![(f32::NEG_INFINITY, usize::MAX, 0); shape.y_len()];
    every_tap(shape, |to, tap, from| {
        if x[from] > best[to].0 || x[from].is_nan() || best[to].1 == usize::MAX {
            best[to] = (x[from], tap, from);
        }
    });
    best
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

fn check_max(isa: Isa, shape: &Pool2dShape, x: &[f32]) {
    let name = isa.name();
    let expected = max_reference(shape, x);
    let (y, taps) = max::forward_with_taps(isa, shape, x);
    assert_eq!((y.len(), taps.len()), (expected.len(), expected.len()), "{name} {shape:?}");
    for (at, tap) in taps.iter().enumerate() {
        assert!(
            same(y[at], expected[at].0) && tap == expected[at].1,
            "{name} {shape:?} at {at}: found {} of tap {tap}, expected {:?}",
            y[at],
            expected[at]
        );
    }
    let plain = max::forward(isa, shape, x);
    assert!(plain.iter().zip(&y).all(|(&a, &b)| same(a, b)), "{name} {shape:?}");

    let dy = values(y.len(), 5);
    let mut dx = vec![0.0; shape.x_len()];
    for (&(_, _, from), &dy) in expected.iter().zip(&dy) {
        dx[from] += f64::from(dy);
    }
    let found = max::input_gradient(isa, shape, &taps, &dy);
    assert_close(&format!("{name} dx {shape:?}"), &found, &dx, MEAN_TOLERANCE);
}

#[test]
fn maxima_and_their_taps_are_the_first_of_each_window() {
    eprintln!("not run here: {:?}", Isa::absent());
    for isa in Isa::available() {
        for shape in shapes() {
            check_max(isa, &shape, &values(shape.x_len(), 3));
        }
    }
}

#[test]
fn what_is_not_a_number_wins_and_infinities_compare() {
    for isa in Isa::available() {
        for shape in shapes().into_iter().filter(|shape| shape.x_len() > 0) {
            let mut x = values(shape.x_len(), 4);
            for (at, value) in x.iter_mut().enumerate() {
                match at % 23 {
                    3 => *value = f32::NAN,
                    7 | 11 | 12 => *value = f32::NEG_INFINITY,
                    17 => *value = f32::INFINITY,
                    _ => {}
                }
            }
            check_max(isa, &shape, &x);
            x.fill(f32::NEG_INFINITY);
            check_max(isa, &shape, &x);
        }
    }
}

#[test]
fn windows_beyond_a_byte_keep_their_taps() {
    let shape = Pool2dShape {
        batch: 2,
        size: [19, 33],
        channels: 5,
        kernel: [17, 31],
        stride: [1, 2],
        padding: [3, 2],
    };
    for isa in Isa::available() {
        check_max(isa, &shape, &values(shape.x_len(), 1));
        // A maximum in the last tap of all.
        let mut x = vec![0.0; shape.x_len()];
        *x.last_mut().expect("a picture") = 1.0;
        check_max(isa, &shape, &x);
    }
}

#[test]
fn means_divide_by_the_window_with_or_without_padding() {
    for isa in Isa::available() {
        for shape in shapes() {
            for count_include_pad in [true, false] {
                let (x, dy) = (values(shape.x_len(), 6), values(shape.y_len(), 7));
                let mut pixels = vec![0_usize; shape.y_len()];
                every_tap(&shape, |to, _, _| pixels[to] += 1);
                if count_include_pad {
                    pixels.fill(shape.taps());
                }
                let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
                every_tap(&shape, |to, _, from| {
                    y[to] += f64::from(x[from]) / pixels[to] as f64;
                    dx[from] += f64::from(dy[to]) / pixels[to] as f64;
                });
                let name = format!("{} {count_include_pad} {shape:?}", isa.name());
                let found = average::forward(isa, &shape, count_include_pad, &x);
                assert_close(&name, &found, &y, MEAN_TOLERANCE);
                let found = average::input_gradient(isa, &shape, count_include_pad, &dy);
                assert_close(&name, &found, &dx, MEAN_TOLERANCE);
            }
        }
    }
}

#[test]
fn adaptive_means_have_pytorchs_bins() {
    let sizes =
        [([7, 5], [1, 1]), ([7, 10], [3, 4]), ([4, 3], [6, 7]), ([6, 8], [2, 4]), ([5, 2], [0, 2])];
    for isa in Isa::available() {
        for (batch, channels) in [(1, 1), (2, 3), (3, 17), (1, 64), (2, 100), (0, 5), (2, 0)] {
            for (size, output_size) in sizes {
                let shape = AdaptivePool2dShape { batch, size, channels, output_size };
                let ([height, width], [out_height, out_width]) = (size, output_size);
                let x = values(batch * height * width * channels, 8);
                let dy = values(batch * out_height * out_width * channels, 9);
                let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
                let bin = |o: usize, size: usize, count: usize| {
                    let edge = |o: usize| (o * size) as f64 / count as f64;
                    edge(o).floor() as usize..edge(o + 1).ceil() as usize
                };
                for to in 0..dy.len() {
                    let (pixel, channel) = (to / channels, to % channels);
                    let (n, oy) = (pixel / out_width / out_height, pixel / out_width % out_height);
                    let rows = bin(oy, height, out_height);
                    let columns = bin(pixel % out_width, width, out_width);
                    let scale = 1.0 / (rows.len() * columns.len()) as f64;
                    for (iy, ix) in rows.flat_map(|iy| columns.clone().map(move |ix| (iy, ix))) {
                        let from = ((n * height + iy) * width + ix) * channels + channel;
                        y[to] += f64::from(x[from]) * scale;
                        dx[from] += f64::from(dy[to]) * scale;
                    }
                }
                let name = format!("{} {shape:?}", isa.name());
                let found = adaptive_average::forward(isa, &shape, &x);
                assert_close(&name, &found, &y, MEAN_TOLERANCE);
                let found = adaptive_average::input_gradient(isa, &shape, &dy);
                assert_close(&name, &found, &dx, MEAN_TOLERANCE);
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let shape = Pool2dShape {
        batch: 3,
        size: [37, 29],
        channels: 33,
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
    };
    let (x, dy) = (values(shape.x_len(), 10), values(shape.y_len(), 11));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(|| {
            let isa = Isa::active();
            let (y, taps) = max::forward_with_taps(isa, &shape, &x);
            let dx = max::input_gradient(isa, &shape, &taps, &dy);
            let mean = average::forward(isa, &shape, false, &x);
            (y, taps, dx, mean, average::input_gradient(isa, &shape, false, &dy))
        })
    };
    assert_eq!(with(1), with(3));
}

/// Run with `cargo test --release -p ocelli-kernels -- --ignored --nocapture pool_speed`, and
/// `RAYON_NUM_THREADS` for the threads. The first pooling of a ResNet.
#[test]
#[ignore = "prints times, for a quiet machine: cargo test --workspace --lib pool_speed -- --ignored --nocapture"]
fn pool_speed() {
    let shape = Pool2dShape {
        batch: 32,
        size: [112, 112],
        channels: 64,
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
    };
    let (x, dy) = (values(shape.x_len(), 1), values(shape.y_len(), 2));
    for isa in Isa::available() {
        let (_, taps) = max::forward_with_taps(isa, &shape, &x);
        let name = isa.name();
        crate::timing::report(&format!("{name} max forward"), || {
            drop(max::forward_with_taps(isa, &shape, &x));
        });
        crate::timing::report(&format!("{name} max forward, no taps"), || {
            drop(max::forward(isa, &shape, &x));
        });
        crate::timing::report(&format!("{name} max gradient"), || {
            drop(max::input_gradient(isa, &shape, &taps, &dy));
        });
        crate::timing::report(&format!("{name} average forward"), || {
            drop(average::forward(isa, &shape, true, &x));
        });
        crate::timing::report(&format!("{name} average gradient"), || {
            drop(average::input_gradient(isa, &shape, true, &dy));
        });
    }
}
