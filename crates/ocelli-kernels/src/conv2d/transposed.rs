//! Transposed convolution: the gradient of a convolution, run forward to enlarge a picture.
//!
//! PyTorch's `conv_transpose2d` from `in` to `out` channels is what a convolution from `out` to
//! `in` channels does backward, and its weight is that convolution's weight, in the same order.
//! So this file has no loops: each function is one of [`conv2d`](super)'s, with the roles turned:
//!
//! | transposed | convolution |
//! |---|---|
//! | [`forward`] | [`input_gradient`](super::input_gradient) |
//! | [`input_gradient`] | [`forward`](super::forward) |
//! | [`weight_gradient`] | [`weight_gradient`](super::weight_gradient), picture and gradient exchanged |

use super::shape::MOST_PIXELS;
use super::{Conv2dShape, Epilogue, Settings};
use crate::memory::tensor_len;
use crate::parallel::{self, Shared};

/// Sizes of a transposed convolution. Pairs are `[vertical, horizontal]`.
///
/// # Shapes
/// - picture `x`: `[batch, height, width, in_channels]`
/// - weight: `[in_channels, out_channels / groups, kernel height, kernel width]`, PyTorch's order
/// - result `y`: `[batch, output height, output width, out_channels]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedShape {
    /// Pictures.
    pub batch: usize,
    /// Height and width of a picture.
    pub size: [usize; 2],
    /// Channels of the picture.
    pub in_channels: usize,
    /// Channels of the result.
    pub out_channels: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Pixels of the result between the windows of neighbouring pixels.
    pub stride: [usize; 2],
    /// Pixels cut off at each side of the result.
    pub padding: [usize; 2],
    /// Pixels added below and to the right of the result; less than the stride.
    pub output_padding: [usize; 2],
    /// Pixels between neighbouring taps of the window.
    pub dilation: [usize; 2],
    /// Groups of channels that don't see each other.
    pub groups: usize,
}

impl TransposedShape {
    /// Height and width of the result.
    ///
    /// # Panics
    /// If the picture has no pixels, the padding cuts off more than there is, the output padding
    /// is not less than the stride, a dilation or the kernel is zero, or the result is larger
    /// than memory can be.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            assert!(
                self.size[axis] > 0 && self.kernel[axis] > 0 && self.dilation[axis] > 0,
                "an empty picture or window: {self:?}"
            );
            assert!(
                self.output_padding[axis] < self.stride[axis],
                "output padding must be less than the stride: {self:?}"
            );
            let last = (self.size[axis] - 1).saturating_mul(self.stride[axis]);
            let reach = (self.kernel[axis] - 1).saturating_mul(self.dilation[axis]);
            let full = last.saturating_add(reach).saturating_add(self.output_padding[axis] + 1);
            assert!(full <= MOST_PIXELS, "a result is larger than memory can be: {self:?}");
            let padding = self.padding[axis].saturating_mul(2);
            let cut = full.checked_sub(padding).filter(|&size| size > 0);
            cut.unwrap_or_else(|| panic!("padding leaves nothing of {full} pixels: {self:?}"))
        })
    }

    /// The convolution whose gradient it is.
    ///
    /// # Panics
    /// As [`output_size`](Self::output_size).
    #[must_use]
    pub fn convolution(&self) -> Conv2dShape {
        let shape = Conv2dShape {
            batch: self.batch,
            size: self.output_size(),
            in_channels: self.out_channels,
            out_channels: self.in_channels,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        };
        debug_assert_eq!(shape.output_size(), self.size);
        shape
    }

    /// Floats of the picture.
    #[must_use]
    pub fn x_len(&self) -> usize {
        tensor_len(&[self.batch, self.size[0], self.size[1], self.in_channels])
    }

    /// Floats of the weight.
    #[must_use]
    pub fn weight_len(&self) -> usize {
        self.convolution().weight_len()
    }

    /// Floats of the result.
    #[must_use]
    pub fn y_len(&self) -> usize {
        self.convolution().x_len()
    }
}

/// The result; `bias` has one float for each of its channels.
///
/// # Panics
/// If a length is not that of the shape.
#[must_use]
pub fn forward(
    settings: Settings,
    shape: &TransposedShape,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let mut y = super::input_gradient(settings, &shape.convolution(), weight, x);
    if let Some(bias) = bias {
        add_bias(&mut y, bias, shape.out_channels);
    }
    y
}

/// The gradient of the picture, given that of the result.
///
/// # Panics
/// If a length is not that of the shape.
#[must_use]
pub fn input_gradient(
    settings: Settings,
    shape: &TransposedShape,
    weight: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    super::forward(settings, &shape.convolution(), dy, weight, Epilogue::default())
}

/// The gradient of the weight, given that of the result.
///
/// # Panics
/// If a length is not that of the shape.
#[must_use]
pub fn weight_gradient(
    settings: Settings,
    shape: &TransposedShape,
    x: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    super::weight_gradient(settings, &shape.convolution(), dy, x)
}

/// Floats that a task adds to at least.
const TASK_FLOATS: usize = 1 << 15;
/// Tasks at most.
const MAX_TASKS: usize = 256;

fn add_bias(y: &mut [f32], bias: &[f32], channels: usize) {
    assert_eq!(bias.len(), channels, "length of a transposed convolution's bias");
    let pixels = y.len() / channels.max(1);
    let parts = parallel::parts(y.len(), TASK_FLOATS, MAX_TASKS);
    let shared = Shared::new(y.as_mut_ptr());
    parallel::for_each(parts, |index| {
        let pixels = parallel::part(pixels, parts, index);
        // SAFETY: within `y`, apart from the other tasks' pixels.
        let y = unsafe { shared.slice(pixels.start * channels..pixels.end * channels) };
        for pixel in y.chunks_exact_mut(channels.max(1)) {
            for (value, bias) in pixel.iter_mut().zip(bias) {
                *value += bias;
            }
        }
    });
}

#[cfg(test)]
mod tests;
