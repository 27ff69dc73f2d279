//! The operations on the embedded CPU device: kernels on the tensors' own memory.

mod convolution;
mod dense;
mod pool;

use burn::backend::{Flex, tensor::FloatTensor};

use super::{Optional, VisionOperations, Winners, default_body};
use crate::functional::{Activation, ConvGeometry, PoolGeometry};

impl VisionOperations for Flex {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        Self::convolution_activation(
            x,
            weight,
            bias,
            Optional::Absent,
            geometry,
            Activation::Identity,
        )
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
            Activation::Identity | Activation::Relu => {
                let relu = activation == Activation::Relu;
                convolution::forward(
                    x,
                    weight,
                    geometry,
                    convolution::Epilogue { bias, residual, relu },
                )
            }
            Activation::Silu => {
                let epilogue = convolution::Epilogue { bias, residual, relu: false };
                let y = convolution::forward(x, weight, geometry, epilogue);
                Self::activation(y, activation)
            }
        }
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
}
