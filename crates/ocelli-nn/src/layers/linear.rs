use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use rand_chacha::ChaCha8Rng;

use crate::{
    functional::{self, Activation, ConvGeometry, Convolution},
    init::{Initializer, torch_default_bias},
};

/// A fully connected layer, with bias. State: `weight` `[out, in]`, `bias` `[out]`.
#[derive(Module, Debug)]
pub struct Linear {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Linear {
    /// A layer with PyTorch's default initialization.
    #[must_use]
    pub fn new(
        in_features: usize,
        out_features: usize,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let weight =
            Initializer::TORCH_DEFAULT.draw([out_features, in_features], generator, device);
        let bias = torch_default_bias(out_features, in_features, generator, device);
        Self { weight: Param::from_tensor(weight), bias: Param::from_tensor(bias) }
    }

    /// A layer with weights from a distribution, and a bias of zero.
    #[must_use]
    pub fn with_initializer(
        in_features: usize,
        out_features: usize,
        initializer: Initializer,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let weight = initializer.draw([out_features, in_features], generator, device);
        let bias = Tensor::zeros([out_features], device);
        Self { weight: Param::from_tensor(weight), bias: Param::from_tensor(bias) }
    }

    /// The width of what it takes.
    #[must_use]
    pub fn in_features(&self) -> usize {
        self.weight.dims()[1]
    }

    /// `x · weightᵀ + bias`.
    ///
    /// # Shapes
    /// `[n, in]` → `[n, out]`
    ///
    /// # Panics
    /// If `x` has another number of features than the layer.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        functional::linear(x, self.weight.val(), Some(self.bias.val()))
    }

    /// `activation(x · weightᵀ + bias)` of each pixel: a 1x1 convolution.
    ///
    /// # Shapes
    /// `[n, h, w, in]` → `[n, h, w, out]`
    ///
    /// # Panics
    /// If `x` has another number of channels than the layer has features.
    #[must_use]
    pub fn forward_pixels(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let [outputs, inputs] = self.weight.dims();
        let convolution = Convolution {
            weight: self.weight.val().reshape([outputs, inputs, 1, 1]),
            bias: Some(self.bias.val()),
            geometry: ConvGeometry::default(),
        };
        functional::conv2d_activation(x, convolution, None, activation)
    }
}
