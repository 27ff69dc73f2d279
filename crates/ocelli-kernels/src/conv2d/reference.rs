//! The definition of a convolution and of its gradients, in float64: what every other
//! implementation is tested against, and nothing else uses.

use super::Conv2dShape;

/// Calls `visit(x index, weight index, y index)` for every product of the convolution.
fn every_product(shape: &Conv2dShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width] = shape.size;
    let [out_height, out_width] = shape.output_size();
    let (group_in, group_out) = (shape.group_in(), shape.group_out());
    let inside = |window: usize, tap: usize, axis: usize| {
        let place = window * shape.stride[axis] + tap * shape.dilation[axis];
        place.checked_sub(shape.padding[axis]).filter(|&place| place < shape.size[axis])
    };
    for n in 0..shape.batch {
        for (oy, ox) in (0..out_height).flat_map(|oy| (0..out_width).map(move |ox| (oy, ox))) {
            for ky in 0..shape.kernel[0] {
                let Some(iy) = inside(oy, ky, 0) else { continue };
                for kx in 0..shape.kernel[1] {
                    let Some(ix) = inside(ox, kx, 1) else { continue };
                    let pixel_x = ((n * height + iy) * width + ix) * shape.in_channels;
                    let pixel_y = ((n * out_height + oy) * out_width + ox) * shape.out_channels;
                    for o in 0..shape.out_channels {
                        let first = o / group_out * group_in;
                        for i in 0..group_in {
                            let tap = (o * group_in + i) * shape.taps() + ky * shape.kernel[1] + kx;
                            visit(pixel_x + first + i, tap, pixel_y + o);
                        }
                    }
                }
            }
        }
    }
}

/// The result, without bias.
#[must_use]
pub fn forward(shape: &Conv2dShape, x: &[f32], weight: &[f32]) -> Vec<f64> {
    let mut y = vec![0.0; shape.y_len()];
    every_product(shape, |at_x, at_w, at_y| {
        y[at_y] += f64::from(x[at_x]) * f64::from(weight[at_w]);
    });
    y
}

/// The gradient of the picture.
#[must_use]
pub fn input_gradient(shape: &Conv2dShape, weight: &[f32], dy: &[f32]) -> Vec<f64> {
    let mut dx = vec![0.0; shape.x_len()];
    every_product(shape, |at_x, at_w, at_y| {
        dx[at_x] += f64::from(weight[at_w]) * f64::from(dy[at_y]);
    });
    dx
}

/// The gradient of the weight.
#[must_use]
pub fn weight_gradient(shape: &Conv2dShape, x: &[f32], dy: &[f32]) -> Vec<f64> {
    let mut dw = vec![0.0; shape.weight_len()];
    every_product(shape, |at_x, at_w, at_y| {
        dw[at_w] += f64::from(x[at_x]) * f64::from(dy[at_y]);
    });
    dw
}
