use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use rand_chacha::ChaCha8Rng;

use crate::{
    functional::{self, Activation, ConvGeometry, Convolution},
    init::{Initializer, torch_default_bias},
};

/// What a [`Conv2d`] is to be: PyTorch's defaults (stride 1, no padding, no dilation, one group,
/// bias, PyTorch's initialization) until told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Conv2dConfig {
    in_channels: usize,
    out_channels: usize,
    kernel: [usize; 2],
    geometry: ConvGeometry,
    bias: Bias,
    initializer: Initializer,
}

/// A convolution's bias, and how it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bias {
    None,
    Zero,
    TorchDefault,
}

impl Conv2dConfig {
    /// A convolution from `in_channels` to `out_channels` with a `[height, width]` kernel.
    #[must_use]
    pub fn new(in_channels: usize, out_channels: usize, kernel: [usize; 2]) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel,
            geometry: ConvGeometry::default(),
            bias: Bias::TorchDefault,
            initializer: Initializer::TORCH_DEFAULT,
        }
    }

    /// Pixels between neighbouring windows, `[vertical, horizontal]`.
    #[must_use]
    pub fn with_stride(mut self, stride: [usize; 2]) -> Self {
        self.geometry.stride = stride;
        self
    }

    /// Zeros on each side of the picture, `[vertical, horizontal]`.
    #[must_use]
    pub fn with_padding(mut self, padding: [usize; 2]) -> Self {
        self.geometry.padding = padding;
        self
    }

    /// Pixels between neighbouring taps, `[vertical, horizontal]`.
    #[must_use]
    pub fn with_dilation(mut self, dilation: [usize; 2]) -> Self {
        self.geometry.dilation = dilation;
        self
    }

    /// Groups of channels that don't see each other.
    #[must_use]
    pub fn with_groups(mut self, groups: usize) -> Self {
        self.geometry.groups = groups;
        self
    }

    /// No bias: what a convolution before a normalization has.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.bias = Bias::None;
        self
    }

    /// A bias that starts at zero.
    #[must_use]
    pub fn with_zero_bias(mut self) -> Self {
        self.bias = Bias::Zero;
        self
    }

    /// The distribution of the initial weights.
    #[must_use]
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }

    /// Makes the layer.
    ///
    /// # Panics
    /// If a count, a stride, a dilation or a side of the kernel is 0, or the groups don't divide
    /// both channel counts.
    #[must_use]
    pub fn init(&self, generator: &mut ChaCha8Rng, device: &Device) -> Conv2d {
        let Self { in_channels, out_channels, kernel, geometry, .. } = *self;
        let ConvGeometry { stride, dilation, groups, .. } = geometry;
        let positive = [[in_channels, out_channels], kernel, stride, dilation];
        assert!(
            positive.as_flattened().iter().all(|&number| number > 0),
            "a convolution's channels, kernel, stride and dilation are at least 1: {self:?}"
        );
        assert!(
            groups > 0 && in_channels % groups == 0 && out_channels % groups == 0,
            "{groups} groups don't divide {in_channels} input and {out_channels} output channels"
        );
        let fan_channels = in_channels / groups;
        let shape = [out_channels, fan_channels, kernel[0], kernel[1]];
        let weight = self.initializer.draw(shape, generator, device);
        let fan_in = fan_channels * kernel[0] * kernel[1];
        let bias = match self.bias {
            Bias::None => None,
            Bias::Zero => Some(Tensor::zeros([out_channels], device)),
            Bias::TorchDefault => Some(torch_default_bias(out_channels, fan_in, generator, device)),
        };
        Conv2d { weight: Param::from_tensor(weight), bias: bias.map(Param::from_tensor), geometry }
    }
}

/// A two-dimensional convolution. State: `weight` `[out, in / groups, height, width]`, and `bias`
/// `[out]` where it has one.
#[derive(Module, Debug)]
pub struct Conv2d {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    geometry: ConvGeometry,
}

impl Conv2d {
    /// Convolves.
    ///
    /// # Shapes
    /// `[n, h, w, in]` → `[n, h', w', out]`, see [`functional::conv2d`].
    ///
    /// # Panics
    /// If `x` has another number of channels than the layer, or is smaller than the kernel.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(Param::val);
        functional::conv2d(x, self.weight.val(), bias, self.geometry)
    }

    /// Convolves, and applies an activation to the result.
    ///
    /// # Shapes
    /// As [`Self::forward`].
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_activation(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        functional::conv2d_activation(x, self.parameters(), None, activation)
    }

    /// Convolves, and adds `residual` to the result.
    ///
    /// # Shapes
    /// As [`Self::forward`]; `residual` has the result's.
    ///
    /// # Panics
    /// As [`Self::forward`], and if the residual has another shape than the result.
    #[must_use]
    pub fn forward_add(&self, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        functional::conv2d_activation(x, self.parameters(), Some(residual), Activation::None)
    }

    /// Weight, bias and geometry.
    pub(super) fn parameters(&self) -> Convolution {
        let bias = self.bias.as_ref().map(Param::val);
        Convolution { weight: self.weight.val(), bias, geometry: self.geometry }
    }

    /// The weight's shape, `[out, in / groups, height, width]`.
    #[must_use]
    pub fn weight_shape(&self) -> [usize; 4] {
        self.weight.dims()
    }

    /// How the window moves over the picture.
    #[must_use]
    pub fn geometry(&self) -> ConvGeometry {
        self.geometry
    }
}
