use super::*;
use crate::isa::Isa;

/// Direct sums of up to some hundred products in f32, relative to the largest result.
const TRANSPOSED_TOLERANCE: f64 = 4e-6;

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
        assert!(
            error <= TRANSPOSED_TOLERANCE,
            "{name}: at {at} found {found}, expected {expected}"
        );
    }
}

/// Windows `[kernel, stride, padding, output padding, dilation]` by axis.
fn shapes() -> Vec<TransposedShape> {
    let windows: [([usize; 2], [[usize; 5]; 2]); 8] = [
        ([3, 5], [[2, 2, 0, 0, 1]; 2]),
        ([4, 7], [[3, 2, 1, 1, 1]; 2]),
        ([5, 2], [[4, 2, 1, 0, 1], [4, 3, 0, 2, 1]]),
        ([2, 3], [[64, 32, 16, 0, 1]; 2]),
        ([6, 4], [[3, 1, 1, 0, 1]; 2]),
        ([4, 5], [[3, 3, 2, 1, 2], [2, 2, 1, 1, 3]]),
        ([1, 2], [[1, 3, 0, 2, 1], [1, 2, 0, 0, 1]]),
        ([1, 1], [[7, 2, 3, 1, 1], [5, 1, 0, 0, 1]]),
    ];
    let mut shapes = Vec::new();
    for (batch, in_channels, out_channels, groups) in
        [(1, 1, 3, 1), (2, 3, 2, 1), (1, 17, 5, 1), (2, 6, 4, 2), (1, 8, 8, 8), (0, 2, 3, 1)]
    {
        for (size, window) in windows {
            shapes.push(TransposedShape {
                batch,
                size,
                in_channels,
                out_channels,
                kernel: window.map(|[kernel, ..]| kernel),
                stride: window.map(|[_, stride, ..]| stride),
                padding: window.map(|[_, _, padding, ..]| padding),
                output_padding: window.map(|[.., padding, _]| padding),
                dilation: window.map(|[.., dilation]| dilation),
                groups,
            });
        }
    }
    shapes
}

/// Calls `visit(x index, weight index, y index)` for every product: pixel `i` adds to the result's
/// pixel `i * stride + tap * dilation - padding`.
fn every_product(shape: &TransposedShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width] = shape.size;
    let [out_height, out_width] = shape.output_size();
    let (group_in, group_out) =
        (shape.in_channels / shape.groups, shape.out_channels / shape.groups);
    for n in 0..shape.batch {
        for (iy, ix) in (0..height).flat_map(|iy| (0..width).map(move |ix| (iy, ix))) {
            for tap in 0..shape.kernel[0] * shape.kernel[1] {
                let (ky, kx) = (tap / shape.kernel[1], tap % shape.kernel[1]);
                let oy =
                    (iy * shape.stride[0] + ky * shape.dilation[0]).wrapping_sub(shape.padding[0]);
                let ox =
                    (ix * shape.stride[1] + kx * shape.dilation[1]).wrapping_sub(shape.padding[1]);
                if oy >= out_height || ox >= out_width {
                    continue;
                }
                for i in 0..shape.in_channels {
                    for o in 0..group_out {
                        let from = ((n * height + iy) * width + ix) * shape.in_channels + i;
                        let to = (n * out_height + oy) * out_width + ox;
                        let weight = (i * group_out + o) * shape.kernel[0] * shape.kernel[1] + tap;
                        visit(from, weight, to * shape.out_channels + i / group_in * group_out + o);
                    }
                }
            }
        }
    }
}

#[test]
fn every_shape_agrees_with_the_definition() {
    for isa in Isa::available() {
        let settings = Settings { isa, exact_convolution: true };
        for shape in shapes() {
            let name = format!("{} {shape:?}", isa.name());
            let (x, weight) = (numbers(shape.x_len(), 1), numbers(shape.weight_len(), 2));
            let (dy, bias) = (numbers(shape.y_len(), 3), numbers(shape.out_channels, 4));
            let mut y: Vec<f64> =
                (0..dy.len()).map(|at| f64::from(bias[at % shape.out_channels])).collect();
            let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
            every_product(&shape, |at_x, at_w, at_y| {
                y[at_y] += f64::from(x[at_x]) * f64::from(weight[at_w]);
                dx[at_x] += f64::from(dy[at_y]) * f64::from(weight[at_w]);
                dw[at_w] += f64::from(dy[at_y]) * f64::from(x[at_x]);
            });
            assert_close(&name, &forward(settings, &shape, &x, &weight, Some(&bias)), &y);
            assert_close(&name, &input_gradient(settings, &shape, &weight, &dy), &dx);
            assert_close(&name, &weight_gradient(settings, &shape, &x, &dy), &dw);
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
#[should_panic(expected = "less than the stride")]
fn output_padding_of_a_stride_is_refused() {
    let mut shape = shapes()[0];
    shape.output_padding = [2, 0];
    let _ = shape.output_size();
}
