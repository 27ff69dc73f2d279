//! Depthwise convolution: each channel has its own window and sees no other channel.
//!
//! There is no sum over channels, so nothing to gain from matrix tiles: vectors run along the
//! channels, and a register block is several pixels of a row by one vector. Its sums stay in
//! registers over all taps; each row of the window's weights is loaded once for the block, and a
//! source pixel once for all of the block's windows that it lies in (see [`correlation`]).
//!
//! As with the direct algorithm, the gradient of the picture is a correlation too, in `stride`
//! phases along each axis. The [gradient of the weight](weight_gradient) sums over pixels.
//!
//! Weights are few and repacked at every call, from `[channel][tap]` to `[tap][channel]`.

mod correlation;
#[cfg(test)]
mod tests;
mod weight_gradient;

use correlation::Correlation;

use super::direct::axis::Axis;
use super::{Conv2dShape, Epilogue};
use crate::isa::Isa;
use crate::memory::Output;
use crate::parallel::Shared;

pub(super) use weight_gradient::weight_gradient;

/// Whether these functions compute it: one channel a group, in and out.
pub(super) fn applies(shape: &Conv2dShape) -> bool {
    shape.groups == shape.in_channels && shape.groups == shape.out_channels
}

/// `[tap][channel]` from `[channel][tap]`.
fn tap_major(weight: &[f32], channels: usize, taps: usize) -> Vec<f32> {
    let mut packed = Vec::with_capacity(weight.len());
    for tap in 0..taps {
        packed.extend((0..channels).map(|channel| weight[channel * taps + tap]));
    }
    packed
}

/// The result. Lengths are checked by the caller.
pub(super) fn forward(
    isa: Isa,
    shape: &Conv2dShape,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    let mut y = Output::new(shape.y_len());
    Correlation {
        vertical: &[Axis::forward(shape, 0)],
        horizontal: &[Axis::forward(shape, 1)],
        batch: shape.batch,
        channels: shape.in_channels,
        kernel_width: shape.kernel[1],
        source: x,
        source_size: shape.size,
        target_size: shape.output_size(),
        weight: &tap_major(weight, shape.in_channels, shape.taps()),
        epilogue,
    }
    .run(isa, Shared::new(y.as_mut_ptr()));
    // SAFETY: the axes of a forward pass reach every pixel.
    unsafe { y.finish() }
}

/// The gradient of the picture. Lengths are checked by the caller.
pub(super) fn input_gradient(
    isa: Isa,
    shape: &Conv2dShape,
    weight: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let mut dx = Output::new(shape.x_len());
    Correlation {
        vertical: &Axis::phases(shape, 0),
        horizontal: &Axis::phases(shape, 1),
        batch: shape.batch,
        channels: shape.in_channels,
        kernel_width: shape.kernel[1],
        source: dy,
        source_size: shape.output_size(),
        target_size: shape.size,
        weight: &tap_major(weight, shape.in_channels, shape.taps()),
        epilogue: Epilogue::default(),
    }
    .run(isa, Shared::new(dx.as_mut_ptr()));
    // SAFETY: the phases reach every pixel, each once.
    unsafe { dx.finish() }
}
