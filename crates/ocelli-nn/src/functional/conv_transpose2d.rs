use burn::backend::Dispatch;
use burn::tensor::Tensor;
use ocelli_kernels::conv2d::transposed::TransposedShape;

use super::ConvGeometry;
use crate::extension::{VisionOperations, optional};

/// Two-dimensional transposed convolution ("deconvolution"), which enlarges a picture by its
/// stride: what a convolution does backward. PyTorch's `conv_transpose2d`.
///
/// # Shapes
/// - `x`: `[n, h, w, in_channels]`
/// - `weight`: `[in_channels, out_channels / groups, kernel_height, kernel_width]`
/// - `bias`: `[out_channels]`
/// - result: `[n, h', w', out_channels]` with
///   `h' = (h - 1) stride - 2 padding + dilation (kernel_height - 1) + output_padding + 1`.
///
/// # Panics
/// If the channel counts don't fit each other, an output padding is not less than its stride, or
/// the padding leaves nothing.
#[must_use]
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: ConvGeometry,
    output_padding: [usize; 2],
) -> Tensor<4> {
    let ([batch, height, width, channels], [in_channels, group_channels, rows, columns]) =
        (x.dims(), weight.dims());
    assert_eq!(
        channels, in_channels,
        "found pictures of {channels} channels for a transposed convolution of {in_channels}"
    );
    let ConvGeometry { stride, padding, dilation, groups } = geometry;
    let size = TransposedShape {
        batch,
        size: [height, width],
        in_channels,
        out_channels: group_channels * groups,
        kernel: [rows, columns],
        stride,
        padding,
        output_padding,
        dilation,
        groups,
    }
    .output_size();
    Tensor::from_dispatch(<Dispatch as VisionOperations>::transposed_convolution(
        x.into_dispatch(),
        weight.into_dispatch(),
        optional(bias),
        geometry,
        size,
    ))
}
