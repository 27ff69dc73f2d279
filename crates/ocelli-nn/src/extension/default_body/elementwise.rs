use burn::backend::{
    Backend, TensorMetadata,
    ops::{InterpolateMode, InterpolateOptions},
    tensor::FloatTensor,
};
use burn::tensor::{Shape, TensorData};
use ocelli_kernels::resample::{Mode, axis_matrix};
use ocelli_kernels::{Isa, dropout as dropping};

use super::convolution::{nchw_from_nhwc, nhwc_from_nchw};
use super::four;
use crate::extension::Optional;

/// Which numbers are dropped is a function of key and index on every device, so it is computed on
/// the host.
pub(crate) fn dropout<B: Backend>(x: FloatTensor<B>, probability: f64, key: u64) -> FloatTensor<B> {
    let shape = x.shape();
    let ones = vec![1.0; shape.num_elements()];
    let factors = dropping::dropout(Isa::active(), ones.into(), probability, key);
    let factors = B::float_from_data(TensorData::new(factors, shape), &x.device());
    B::float_mul(x, factors)
}

pub(crate) fn scale_channels<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    residual: Optional<B>,
) -> FloatTensor<B> {
    let [n, _, _, c] = four::<B>(&x);
    let y = B::float_mul(x, B::float_reshape(scale, Shape::new([n, 1, 1, c])));
    match residual.into_option() {
        Some(residual) => B::float_add(y, residual),
        None => y,
    }
}

pub(crate) fn scale_channels_gradient<B: Backend>(
    dy: FloatTensor<B>,
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = four::<B>(&x);
    let products = B::float_reshape(B::float_mul(dy.clone(), x), Shape::new([n, h * w, c]));
    let dscale = B::float_reshape(B::float_sum_dim(products, 1), Shape::new([n, c]));
    (scale_channels::<B>(dy, scale, Optional::Absent), dscale)
}

pub(crate) fn resize<B: Backend>(
    x: FloatTensor<B>,
    size: [usize; 2],
    mode: Mode,
) -> FloatTensor<B> {
    nhwc_from_nchw::<B>(B::interpolate(nchw_from_nhwc::<B>(x), size, options(mode)))
}

/// By matrices: Burn's GPU backends can't do it themselves.
pub(crate) fn resize_gradient<B: Backend>(
    dy: FloatTensor<B>,
    [n, h, w, c]: [usize; 4],
    mode: Mode,
) -> FloatTensor<B> {
    let [_, height, width, _] = four::<B>(&dy);
    let device = dy.device();
    let transposed = |size: usize, output_size: usize| {
        let matrix = TensorData::new(axis_matrix(mode, size, output_size), [1, output_size, size]);
        B::float_swap_dims(B::float_from_data(matrix, &device), 1, 2)
    };
    // Along the height first, a row of pixels being one long vector.
    let dy = B::float_reshape(dy, Shape::new([n, height, width * c]));
    let dy = B::float_matmul(transposed(h, height), dy);
    let dy = B::float_reshape(dy, Shape::new([n * h, width, c]));
    let dx = B::float_matmul(transposed(w, width), dy);
    B::float_reshape(dx, Shape::new([n, h, w, c]))
}

fn options(mode: Mode) -> InterpolateOptions {
    match mode {
        Mode::Nearest => InterpolateOptions::new(InterpolateMode::Nearest),
        Mode::Bilinear { align_corners } => {
            InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(align_corners)
        }
    }
}
