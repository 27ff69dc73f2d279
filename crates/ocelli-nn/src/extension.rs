//! The operations that this crate has its own kernels for, as an extension of Burn's backends.
//!
//! | device | what runs |
//! |---|---|
//! | the embedded CPU (`Flex`) | kernels of `ocelli-kernels`, on the tensors' own memory: `extension/flex/` |
//! | every GPU (`Cube`) | the default bodies, in Burn's own operations: `extension/default_body/` |
//! | either with autodiff | one node of the graph an operation, with its gradient written by hand: `extension/autodiff/` |
//!
//! Pictures are `[n, h, w, c]` throughout. A method either is an operation (what models call) or
//! the gradient of one (what `autodiff/` calls), and its default body is a function of the same
//! name under `default_body/`, which the tests hold the kernels to.
//!
//! Kernels write into an argument's memory where nothing else holds it, which a gradient on its
//! way back and an activation at its last use are.

mod autodiff;
pub(crate) mod default_body;
mod flex;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use burn::backend::{
    Backend, Dispatch, ExtensionType, backend_extension,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::Tensor;
use ocelli_kernels::pool::max::Taps;

use crate::functional::{
    Activation, ConvGeometry, CrossEntropyOptions, NormalizationOptions, PoolGeometry, ResizeMode,
};

/// A tensor that an operation can do without. (Burn's macro knows no `Option` among inputs.)
#[derive(ExtensionType, Clone, Debug)]
pub(crate) enum Optional<B: Backend> {
    /// The tensor.
    Given(FloatTensor<B>),
    /// None.
    Absent,
}

impl<B: Backend> Optional<B> {
    fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Given(tensor) => Some(tensor),
            Self::Absent => None,
        }
    }
}

impl<B: Backend> From<Option<FloatTensor<B>>> for Optional<B> {
    fn from(tensor: Option<FloatTensor<B>>) -> Self {
        tensor.map_or(Self::Absent, Self::Given)
    }
}

/// What each channel is normalized with, `[c]` all.
#[derive(ExtensionType, Clone, Debug)]
pub(crate) struct Normalization<B: Backend> {
    /// Subtracted.
    pub(crate) mean: FloatTensor<B>,
    /// Its root is divided by, after the options' epsilon was added.
    pub(crate) variance: FloatTensor<B>,
    /// Multiplied then.
    pub(crate) weight: FloatTensor<B>,
    /// Added last.
    pub(crate) bias: FloatTensor<B>,
}

/// Which pixel of each window was its largest.
#[derive(ExtensionType, Clone, Debug)]
pub(crate) enum Winners<B: Backend> {
    /// As the CPU device's kernels have it.
    Taps(Arc<Taps>),
    /// As Burn has it.
    Indices(IntTensor<B>),
}

/// See the module.
#[backend_extension(
    Flex,
    Cube: cfg(any(
        feature = "cuda",
        feature = "metal",
        feature = "rocm",
        feature = "vulkan",
        feature = "wgpu"
    )),
    Autodiff
)]
pub(crate) trait VisionOperations: Backend {
    /// Convolution; see [`crate::functional::conv2d`].
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        default_body::convolution::<Self>(x, weight, bias, geometry)
    }

    /// The gradient of a convolution by its picture, whose shape is `shape`.
    fn convolution_input_gradient(
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        geometry: ConvGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        default_body::convolution_input_gradient::<Self>(weight, dy, geometry, shape)
    }

    /// The gradient of a convolution by its weight, whose shape is `shape`.
    fn convolution_weight_gradient(
        x: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        geometry: ConvGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        default_body::convolution_weight_gradient::<Self>(x, dy, geometry, shape)
    }

    /// See [`crate::functional::conv_transpose2d`]; the result has `size` pixels.
    fn transposed_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        geometry: ConvGeometry,
        size: [usize; 2],
    ) -> FloatTensor<Self> {
        default_body::transposed_convolution::<Self>(x, weight, bias, geometry, size)
    }

    /// See [`crate::functional::concat_channels`], of two.
    fn concat_channels(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        default_body::concat_channels::<Self>(first, second)
    }

    /// The first `channels` channels, and the others: the gradient of
    /// [`concat_channels`](Self::concat_channels).
    fn split_channels(
        x: FloatTensor<Self>,
        channels: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default_body::split_channels::<Self>(x, channels)
    }

    /// The sum over all pixels, `[n, h, w, c]` → `[c]`: the gradient by a bias.
    fn channel_sum(x: FloatTensor<Self>) -> FloatTensor<Self> {
        default_body::channel_sum::<Self>(x)
    }

    /// Mean and biased variance over all pixels, `[n, h, w, c]` → `[c]` both.
    fn channel_statistics(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default_body::channel_statistics::<Self>(x)
    }

    /// `activation((x - mean) / sqrt(variance + epsilon) · weight + bias + residual)`, all but the
    /// pictures constant.
    fn normalize(
        x: FloatTensor<Self>,
        #[extension_type] normalization: Normalization<Self>,
        #[extension_type] residual: Optional<Self>,
        options: NormalizationOptions,
    ) -> FloatTensor<Self> {
        default_body::normalize::<Self>(x, normalization, residual, options)
    }

    /// The gradients of [`normalize`](Self::normalize) by `x`, weight, bias and residual, where the
    /// statistics are those of `x`. `y` is the result, where a residual was added to it.
    fn normalize_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        #[extension_type] normalization: Normalization<Self>,
        #[extension_type] y: Optional<Self>,
        options: NormalizationOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, Option<FloatTensor<Self>>) {
        default_body::normalize_gradient::<Self>(dy, x, normalization, y, options)
    }

    /// [`normalize`](Self::normalize) by the statistics of `x` itself, which come second and third.
    fn batch_normalization(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        #[extension_type] residual: Optional<Self>,
        options: NormalizationOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default_body::batch_normalization::<Self>(x, weight, bias, residual, options)
    }

    /// A convolution without bias, and [`batch_normalization`](Self::batch_normalization) of it.
    fn convolution_batch_normalization(
        x: FloatTensor<Self>,
        convolution_weight: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        #[extension_type] residual: Optional<Self>,
        geometry: ConvGeometry,
        options: NormalizationOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let x = Self::convolution(x, convolution_weight, Optional::Absent, geometry);
        Self::batch_normalization(x, weight, bias, residual, options)
    }

    /// A convolution, to whose result a residual is added and an activation applied: a block of a
    /// network in evaluation, whose normalization is folded into weight and bias.
    fn convolution_activation(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        #[extension_type] residual: Optional<Self>,
        geometry: ConvGeometry,
        activation: Activation,
    ) -> FloatTensor<Self> {
        default_body::convolution_activation::<Self>(
            x, weight, bias, residual, geometry, activation,
        )
    }

    /// An activation, element by element.
    fn activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        default_body::activation::<Self>(x, activation)
    }

    /// The gradient of [`activation`](Self::activation) by its argument.
    fn activation_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        default_body::activation_gradient::<Self>(dy, x, activation)
    }

    /// See [`crate::functional::dropout`]. The gradient is the same of the gradient.
    fn dropout(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        default_body::dropout::<Self>(x, probability, key)
    }

    /// See [`crate::functional::layer_norm`].
    fn layer_normalization(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        default_body::layer_normalization::<Self>(x, weight, bias, epsilon)
    }

    /// The gradients of [`layer_normalization`](Self::layer_normalization) by `x`, weight and bias.
    fn layer_normalization_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default_body::layer_normalization_gradient::<Self>(dy, x, weight, epsilon)
    }

    /// See [`crate::functional::scale_channels_add`].
    fn scale_channels(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        #[extension_type] residual: Optional<Self>,
    ) -> FloatTensor<Self> {
        default_body::scale_channels::<Self>(x, scale, residual)
    }

    /// The gradients of [`scale_channels`](Self::scale_channels), by `x` and scale.
    fn scale_channels_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default_body::scale_channels_gradient::<Self>(dy, x, scale)
    }

    /// See [`crate::functional::resize2d`].
    fn resize(x: FloatTensor<Self>, size: [usize; 2], mode: ResizeMode) -> FloatTensor<Self> {
        default_body::resize::<Self>(x, size, mode)
    }

    /// The gradient of [`resize`](Self::resize) by its picture, whose shape is `shape`.
    fn resize_gradient(
        dy: FloatTensor<Self>,
        shape: [usize; 4],
        mode: ResizeMode,
    ) -> FloatTensor<Self> {
        default_body::resize_gradient::<Self>(dy, shape, mode)
    }

    /// See [`crate::functional::max_pool2d`].
    fn max_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        default_body::max_pool::<Self>(x, geometry)
    }

    /// [`max_pool`](Self::max_pool), and what its gradient needs.
    fn max_pool_with_winners(
        x: FloatTensor<Self>,
        geometry: PoolGeometry,
    ) -> (FloatTensor<Self>, Winners<Self>) {
        default_body::max_pool_with_winners::<Self>(x, geometry)
    }

    /// The gradient of [`max_pool`](Self::max_pool) by its picture, whose shape is `shape`.
    fn max_pool_gradient(
        dy: FloatTensor<Self>,
        #[extension_type] winners: Winners<Self>,
        geometry: PoolGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        default_body::max_pool_gradient::<Self>(dy, winners, geometry, shape)
    }

    /// See [`crate::functional::average_pool2d`].
    fn average_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        default_body::average_pool::<Self>(x, geometry)
    }

    /// The gradient of [`average_pool`](Self::average_pool) by its picture, whose shape is `shape`.
    fn average_pool_gradient(
        dy: FloatTensor<Self>,
        geometry: PoolGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        default_body::average_pool_gradient::<Self>(dy, geometry, shape)
    }

    /// See [`crate::functional::softmax_cross_entropy`]: the sum of the losses, and of the weights.
    fn cross_entropy(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        #[extension_type] class_weights: Optional<Self>,
        options: CrossEntropyOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default_body::cross_entropy::<Self>(logits, labels, class_weights, options)
    }

    /// The gradient of the sum of [`cross_entropy`](Self::cross_entropy) by its logits.
    fn cross_entropy_gradient(
        of_sum: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        #[extension_type] class_weights: Optional<Self>,
        options: CrossEntropyOptions,
    ) -> FloatTensor<Self> {
        default_body::cross_entropy_gradient::<Self>(of_sum, logits, labels, class_weights, options)
    }

    /// See [`crate::functional::softmax_class_sums`].
    fn softmax_class_sums(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        ignore_index: Option<i64>,
    ) -> FloatTensor<Self> {
        default_body::softmax_class_sums::<Self>(logits, labels, ignore_index)
    }

    /// The gradient of [`softmax_class_sums`](Self::softmax_class_sums) by its logits.
    fn softmax_class_sums_gradient(
        of_sums: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        ignore_index: Option<i64>,
    ) -> FloatTensor<Self> {
        default_body::softmax_class_sums_gradient::<Self>(of_sums, logits, labels, ignore_index)
    }

    /// See [`crate::functional::adaptive_average_pool2d`].
    fn adaptive_average_pool(x: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        default_body::adaptive_average_pool::<Self>(x, size)
    }

    /// The gradient of [`adaptive_average_pool`](Self::adaptive_average_pool) by its picture, whose
    /// shape is `shape`.
    fn adaptive_average_pool_gradient(
        dy: FloatTensor<Self>,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        default_body::adaptive_average_pool_gradient::<Self>(dy, shape)
    }
}

#[cfg(any(
    feature = "cuda",
    feature = "metal",
    feature = "rocm",
    feature = "vulkan",
    feature = "wgpu"
))]
impl VisionOperations for burn::backend::Cube {}

/// A tensor that may be absent, as the operations take it.
pub(crate) fn optional<const D: usize>(tensor: Option<Tensor<D>>) -> Optional<Dispatch> {
    tensor.map(Tensor::into_dispatch).into()
}
