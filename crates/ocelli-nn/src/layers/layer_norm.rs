use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use crate::functional;

/// Normalizes each pixel's (or row's) channels (Ba et al., "Layer Normalization", 2016). State:
/// `weight` and `bias` `[channels]`.
#[derive(Module, Debug)]
pub struct LayerNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    /// A layer with weight 1 and bias 0.
    #[must_use]
    pub fn new(channels: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            epsilon,
        }
    }

    /// # Shapes
    /// `[..., channels]` → the same
    ///
    /// # Panics
    /// If `x` has another number of channels than the layer.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        functional::layer_norm(x, [self.weight.val(), self.bias.val()], self.epsilon)
    }
}
