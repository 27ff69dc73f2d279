//! The operations on the embedded CPU device: kernels on the tensors' own memory.

mod concat;
mod convolution;
mod cross_entropy;
mod dense;
mod elementwise;
mod layer_norm;
mod normalization;
mod pool;

use burn::backend::{
    Flex,
    tensor::{FloatTensor, IntTensor},
};

use super::{Normalization, Optional, VisionOperations, Winners, default_body};
use crate::functional::{
    Activation, ConvGeometry, CrossEntropyOptions, NormalizationOptions, PoolGeometry, ResizeMode,
};

impl VisionOperations for Flex {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        Self::convolution_activation(x, weight, bias, Optional::Absent, geometry, Activation::None)
    }

    fn convolution_input_gradient(
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        geometry: ConvGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        convolution::input_gradient(weight, dy, geometry, shape)
    }

    fn convolution_weight_gradient(
        x: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        geometry: ConvGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        convolution::weight_gradient(x, dy, geometry, shape)
    }

    fn transposed_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
        geometry: ConvGeometry,
        size: [usize; 2],
    ) -> FloatTensor<Self> {
        convolution::transposed_forward(x, weight, bias.into_option(), geometry, size)
    }

    fn concat_channels(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        concat::concat(first, second)
    }

    fn split_channels(
        x: FloatTensor<Self>,
        channels: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        concat::split(x, channels)
    }

    fn channel_statistics(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        normalization::statistics(x)
    }

    fn normalize(
        x: FloatTensor<Self>,
        normalization: Normalization<Self>,
        residual: Optional<Self>,
        options: NormalizationOptions,
    ) -> FloatTensor<Self> {
        normalization::normalize(x, normalization, residual.into_option(), options)
    }

    fn normalize_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        normalization: Normalization<Self>,
        y: Optional<Self>,
        options: NormalizationOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, Option<FloatTensor<Self>>) {
        normalization::gradient(dy, x, normalization, y.into_option(), options)
    }

    fn convolution_activation(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
        residual: Optional<Self>,
        geometry: ConvGeometry,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [bias, residual] = [bias, residual].map(Optional::into_option);
        match activation {
            Activation::None | Activation::Relu => {
                let relu = activation == Activation::Relu;
                convolution::forward(
                    x,
                    weight,
                    geometry,
                    convolution::Epilogue { bias, residual, relu },
                )
            }
            _ => {
                let epilogue = convolution::Epilogue { bias, residual, relu: false };
                let y = convolution::forward(x, weight, geometry, epilogue);
                Self::activation(y, activation)
            }
        }
    }

    fn channel_sum(x: FloatTensor<Self>) -> FloatTensor<Self> {
        elementwise::channel_sum(x)
    }

    fn activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        elementwise::activation(x, activation)
    }

    fn activation_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        elementwise::activation_gradient(dy, x, activation)
    }

    fn dropout(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        elementwise::dropout(x, probability, key)
    }

    fn layer_normalization(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        layer_norm::forward(x, weight, bias, epsilon)
    }

    fn layer_normalization_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        layer_norm::gradient(dy, x, weight, epsilon)
    }

    fn scale_channels(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        residual: Optional<Self>,
    ) -> FloatTensor<Self> {
        elementwise::scale_channels(x, scale, residual.into_option())
    }

    fn scale_channels_gradient(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        elementwise::scale_channels_gradient(dy, x, scale)
    }

    fn resize(x: FloatTensor<Self>, size: [usize; 2], mode: ResizeMode) -> FloatTensor<Self> {
        elementwise::resize(x, size, mode)
    }

    fn resize_gradient(
        dy: FloatTensor<Self>,
        shape: [usize; 4],
        mode: ResizeMode,
    ) -> FloatTensor<Self> {
        elementwise::resize_gradient(dy, shape, mode)
    }

    fn max_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        pool::max_pool(x, geometry)
    }

    fn max_pool_with_winners(
        x: FloatTensor<Self>,
        geometry: PoolGeometry,
    ) -> (FloatTensor<Self>, Winners<Self>) {
        let (y, taps) = pool::max_pool_with_taps(x, geometry);
        (y, Winners::Taps(taps))
    }

    fn max_pool_gradient(
        dy: FloatTensor<Self>,
        winners: Winners<Self>,
        geometry: PoolGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        match winners {
            Winners::Taps(taps) => pool::max_pool_gradient(dy, &taps, geometry, shape),
            indices => default_body::max_pool_gradient::<Self>(dy, indices, geometry, shape),
        }
    }

    fn average_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        pool::average_pool(x, geometry)
    }

    fn average_pool_gradient(
        dy: FloatTensor<Self>,
        geometry: PoolGeometry,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        pool::average_pool_gradient(dy, geometry, shape)
    }

    fn adaptive_average_pool(x: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        pool::adaptive_average_pool(x, size)
    }

    fn adaptive_average_pool_gradient(
        dy: FloatTensor<Self>,
        shape: [usize; 4],
    ) -> FloatTensor<Self> {
        pool::adaptive_average_pool_gradient(dy, shape)
    }
    fn cross_entropy(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        class_weights: Optional<Self>,
        options: CrossEntropyOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        cross_entropy::cross_entropy(logits, labels, class_weights.into_option(), options)
    }

    fn cross_entropy_gradient(
        of_sum: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        class_weights: Optional<Self>,
        options: CrossEntropyOptions,
    ) -> FloatTensor<Self> {
        let weights = class_weights.into_option();
        cross_entropy::cross_entropy_gradient(of_sum, logits, labels, weights, options)
    }

    fn softmax_class_sums(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        ignore_index: Option<i64>,
    ) -> FloatTensor<Self> {
        cross_entropy::softmax_class_sums(logits, labels, ignore_index)
    }

    fn softmax_class_sums_gradient(
        of_sums: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        ignore_index: Option<i64>,
    ) -> FloatTensor<Self> {
        cross_entropy::softmax_class_sums_gradient(of_sums, logits, labels, ignore_index)
    }
}
