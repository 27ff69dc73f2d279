//! The operations as nodes of the autodiff graph.
//!
//! A node keeps what its gradient needs, and computes gradients for those parents alone that are
//! on the way to something trained: the picture that a network begins with gets none.

mod activation;
mod concat;
mod convolution;
mod cross_entropy;
mod elementwise;
mod layer_norm;
mod normalization;
mod pool;
mod transposed_convolution;

use burn::backend::{
    Autodiff, Backend,
    autodiff::{checkpoint::strategy::CheckpointStrategy, ops::NodeGuard},
    tensor::{FloatTensor, IntTensor},
};

use super::{Optional, VisionOperations};
use crate::functional::{
    Activation, ConvGeometry, CrossEntropyOptions, NormalizationOptions, PoolGeometry, ResizeMode,
};

impl<B: VisionOperations, C: CheckpointStrategy> VisionOperations for Autodiff<B, C> {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        convolution::convolution::<B, C>(x, weight, bias, geometry)
    }

    fn convolution_activation(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
        residual: Optional<Self>,
        geometry: ConvGeometry,
        activation: Activation,
    ) -> FloatTensor<Self> {
        convolution::convolution_activation::<B, C>(x, weight, bias, residual, geometry, activation)
    }

    fn transposed_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
        geometry: ConvGeometry,
        size: [usize; 2],
    ) -> FloatTensor<Self> {
        transposed_convolution::transposed_convolution::<B, C>(x, weight, bias, geometry, size)
    }

    fn concat_channels(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        concat::concat_channels::<B, C>(first, second)
    }

    fn batch_normalization(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Optional<Self>,
        options: NormalizationOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let parents = normalization::Parents { x, convolution: None, weight, bias, residual };
        normalization::batch_normalization::<B, C>(parents, options)
    }

    fn convolution_batch_normalization(
        x: FloatTensor<Self>,
        convolution_weight: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Optional<Self>,
        geometry: ConvGeometry,
        options: NormalizationOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let convolution = Some((convolution_weight, geometry));
        let parents = normalization::Parents { x, convolution, weight, bias, residual };
        normalization::batch_normalization::<B, C>(parents, options)
    }

    fn activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        activation::activation::<B, C>(x, activation)
    }

    fn dropout(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        elementwise::dropout::<B, C>(x, probability, key)
    }

    fn layer_normalization(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        layer_norm::layer_normalization::<B, C>(x, weight, bias, epsilon)
    }

    fn scale_channels(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        residual: Optional<Self>,
    ) -> FloatTensor<Self> {
        elementwise::scale_channels::<B, C>(x, scale, residual)
    }

    fn resize(x: FloatTensor<Self>, size: [usize; 2], mode: ResizeMode) -> FloatTensor<Self> {
        elementwise::resize::<B, C>(x, size, mode)
    }

    fn max_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        pool::max_pool::<B, C>(x, geometry)
    }

    fn average_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        pool::average_pool::<B, C>(x, geometry)
    }

    fn adaptive_average_pool(x: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        pool::adaptive_average_pool::<B, C>(x, size)
    }

    fn cross_entropy(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        class_weights: Optional<Self>,
        options: CrossEntropyOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        cross_entropy::cross_entropy::<B, C>(logits, labels, class_weights, options)
    }

    fn softmax_class_sums(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        ignore_index: Option<i64>,
    ) -> FloatTensor<Self> {
        cross_entropy::softmax_class_sums::<B, C>(logits, labels, ignore_index)
    }
}

/// A tensor with its place in the graph.
type Tracked<B, C> = FloatTensor<Autodiff<B, C>>;

/// The tensor beneath, and its place in the graph. Where there is no tensor, a place that nothing
/// leads to: a node has a fixed number of parents.
fn parts<B: Backend, C: CheckpointStrategy>(
    tensor: Option<Tracked<B, C>>,
    stand_in: &FloatTensor<B>,
) -> (Option<FloatTensor<B>>, NodeGuard) {
    match tensor {
        Some(tensor) => {
            let (tensor, node) = tensor.into_parts();
            (Some(tensor), node)
        }
        None => (None, Tracked::<B, C>::new(stand_in.clone()).node()),
    }
}
