//! The operations on the embedded CPU device: kernels on the tensors' own memory.

mod convolution;
mod dense;

use burn::backend::{Flex, tensor::FloatTensor};

use super::{Optional, VisionOperations};
use crate::functional::{Activation, ConvGeometry};

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
}
