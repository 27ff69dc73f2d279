use burn::tensor::{Tensor, module, ops::MaxPoolOptions};

use super::conv2d::{nchw_from_nhwc, nhwc_from_nchw};

/// How a pooling window moves over the picture. Pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// The window's height and width.
    pub kernel: [usize; 2],
    /// Pixels between neighbouring windows.
    pub stride: [usize; 2],
    /// Pixels added on each side that never win.
    pub padding: [usize; 2],
}

/// The largest value of each window and channel.
///
/// # Shapes
/// `[n, h, w, c]` → `[n, h', w', c]` with `h' = (h + 2 padding - kernel) / stride + 1`, rounded
/// down.
///
/// # Panics
/// If the padded picture is smaller than the window, or the padding more than half of it.
#[must_use]
pub fn max_pool2d(x: Tensor<4>, geometry: PoolGeometry) -> Tensor<4> {
    let PoolGeometry { kernel, stride, padding } = geometry;
    let mut options = MaxPoolOptions::new(kernel);
    options.stride = stride;
    options.padding = padding.map(|pixels| (pixels, pixels));
    nhwc_from_nchw(module::max_pool2d(nchw_from_nhwc(x), options))
}

/// The mean over the picture, one value per channel.
///
/// # Shapes
/// `[n, h, w, c]` → `[n, c]`
#[must_use]
pub fn global_average_pool(x: Tensor<4>) -> Tensor<2> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h * w, c]).mean_dim(1).reshape([n, c])
}
