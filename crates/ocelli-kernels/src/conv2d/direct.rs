//! Direct convolution: the products of the definition, tile by tile.
//!
//! Both the forward pass and the gradient of the picture are [correlations](correlation): each
//! place of the target is a sum over taps, which lie at fixed offsets in the source. Forward, the
//! source is the picture and its windows are `stride` apart. Backward, the source is the gradient
//! of the result, and the target falls into `stride` phases along each axis, which see different
//! taps, but each phase is a correlation of stride 1 that writes every `stride`-th pixel. That way
//! no product with an inserted zero is ever formed.
//!
//! | module | |
//! |---|---|
//! | `axis` | how targets and sources lie to each other along an axis |
//! | `pack` | weights in the order in which the tile reads them |
//! | `correlation`, `band` | large maps: bands of the source in cache, tiles along rows |
//! | `small` | small maps: pictures as rows, taps that fall outside left out |
//! | `few_pixels` | 1x1 windows over a few pixels in all: the weight is read as it lies |
//! | `outer_product` | 1x1 windows with many channels: the weight's gradient, a matrix product |
//! | `weight_gradient` | the gradient of the weight, by bands or small maps |

pub(super) mod axis;
mod band;
mod correlation;
mod few_pixels;
mod outer_product;
mod pack;
mod small;
mod weight_gradient;

use axis::Axis;
use correlation::{Correlation, Picture};
use pack::WeightOrder;

use super::{Conv2dShape, Epilogue};
use crate::isa::Isa;
use crate::memory::Output;
use crate::parallel::Shared;

/// The result. Lengths are checked by the caller.
pub(super) fn forward(
    isa: Isa,
    shape: &Conv2dShape,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    if few_pixels::applies(shape, few_pixels::MOST_PIXELS) {
        return few_pixels::forward(isa, shape, x, weight, epilogue);
    }
    let [height, width] = shape.output_size();
    let mut y = Output::new(shape.y_len());
    let target = Shared::new(y.as_mut_ptr());
    for group in 0..shape.groups {
        Correlation {
            axes: [0, 1].map(|axis| Axis::forward(shape, axis)),
            batch: shape.batch,
            source: Picture {
                size: shape.size,
                channels: shape.in_channels,
                first: group * shape.group_in(),
                count: shape.group_in(),
            },
            target: Picture {
                size: [height, width],
                channels: shape.out_channels,
                first: group * shape.group_out(),
                count: shape.group_out(),
            },
            weight: WeightOrder::forward(shape, group),
        }
        .run(isa, x, weight, target, epilogue);
    }
    // SAFETY: the axes of a forward pass reach every pixel, the groups every channel.
    unsafe { y.finish() }
}

/// The gradient of the picture. Lengths are checked by the caller.
pub(super) fn input_gradient(
    isa: Isa,
    shape: &Conv2dShape,
    weight: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    if few_pixels::applies(shape, few_pixels::MOST_PIXELS_OF_GRADIENTS) {
        return few_pixels::input_gradient(isa, shape, weight, dy);
    }
    let mut dx = Output::new(shape.x_len());
    let target = Shared::new(dx.as_mut_ptr());
    let vertical = Axis::phases(shape, 0);
    let horizontal = Axis::phases(shape, 1);
    for group in 0..shape.groups {
        for axes in vertical.iter().flat_map(|v| horizontal.iter().map(move |h| [v, h])) {
            Correlation {
                axes: axes.map(Axis::clone),
                batch: shape.batch,
                source: Picture {
                    size: shape.output_size(),
                    channels: shape.out_channels,
                    first: group * shape.group_out(),
                    count: shape.group_out(),
                },
                target: Picture {
                    size: shape.size,
                    channels: shape.in_channels,
                    first: group * shape.group_in(),
                    count: shape.group_in(),
                },
                weight: WeightOrder::backward(shape, group),
            }
            .run(isa, dy, weight, target, Epilogue::default());
        }
    }
    // SAFETY: the phases reach every pixel, each once, the groups every channel.
    unsafe { dx.finish() }
}

/// The gradient of the weight. Lengths are checked by the caller.
pub(super) fn weight_gradient(isa: Isa, shape: &Conv2dShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    if few_pixels::applies(shape, few_pixels::MOST_PIXELS_OF_GRADIENTS) {
        return few_pixels::weight_gradient(isa, shape, x, dy);
    }
    if outer_product::applies(shape) {
        return outer_product::weight_gradient(isa, shape, x, dy);
    }
    weight_gradient::weight_gradient(isa, shape, x, dy)
}
