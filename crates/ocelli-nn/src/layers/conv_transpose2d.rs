use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use rand_chacha::ChaCha8Rng;

use crate::{
    functional::{self, ConvGeometry},
    init::{Initializer, torch_default_bias},
};

/// What a [`ConvTranspose2d`] is to be: stride 1, no padding, bias and PyTorch's initialization
/// until told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct ConvTranspose2dConfig {
    in_channels: usize,
    out_channels: usize,
    kernel: [usize; 2],
    geometry: ConvGeometry,
    output_padding: [usize; 2],
    bias: bool,
    bilinear: bool,
}

impl ConvTranspose2dConfig {
    /// From `in_channels` to `out_channels` with a `[height, width]` kernel.
    #[must_use]
    pub fn new(in_channels: usize, out_channels: usize, kernel: [usize; 2]) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel,
            geometry: ConvGeometry::default(),
            output_padding: [0, 0],
            bias: true,
            bilinear: false,
        }
    }

    /// How many times larger the result is, `[vertical, horizontal]`.
    #[must_use]
    pub fn with_stride(mut self, stride: [usize; 2]) -> Self {
        self.geometry.stride = stride;
        self
    }

    /// Pixels cut off on each side of the result, `[vertical, horizontal]`.
    #[must_use]
    pub fn with_padding(mut self, padding: [usize; 2]) -> Self {
        self.geometry.padding = padding;
        self
    }

    /// Pixels added below and to the right of the result, `[vertical, horizontal]`.
    #[must_use]
    pub fn with_output_padding(mut self, output_padding: [usize; 2]) -> Self {
        self.output_padding = output_padding;
        self
    }

    /// No bias.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    /// Weights that enlarge each channel for itself bilinearly (Long et al., "Fully Convolutional
    /// Networks for Semantic Segmentation", 2015, section 3.3), where there are as many channels
    /// out as in.
    #[must_use]
    pub fn with_bilinear_weights(mut self) -> Self {
        self.bilinear = true;
        self
    }

    /// Makes the layer.
    ///
    /// # Panics
    /// If a count, a stride or a side of the kernel is 0, or bilinear weights are asked for with
    /// other channels out than in.
    #[must_use]
    pub fn init(&self, generator: &mut ChaCha8Rng, device: &Device) -> ConvTranspose2d {
        let Self { in_channels, out_channels, kernel, geometry, .. } = *self;
        let positive = [[in_channels, out_channels], kernel, geometry.stride];
        assert!(
            positive.as_flattened().iter().all(|&number| number > 0),
            "a transposed convolution's channels, kernel and stride are at least 1: {self:?}"
        );
        let shape = [in_channels, out_channels, kernel[0], kernel[1]];
        // PyTorch takes the second axis for the inputs, as in a convolution.
        let fan_in = out_channels * kernel[0] * kernel[1];
        let weight = if self.bilinear {
            assert_eq!(in_channels, out_channels, "bilinear weights keep the channels apart");
            bilinear(in_channels, kernel, device)
        } else {
            Initializer::TORCH_DEFAULT.draw(shape, generator, device)
        };
        let bias = self.bias.then(|| torch_default_bias(out_channels, fan_in, generator, device));
        ConvTranspose2d {
            weight: Param::from_tensor(weight),
            bias: bias.map(Param::from_tensor),
            geometry,
            output_padding: self.output_padding,
        }
    }
}

/// Each channel's window is the product of two tents; the others' are zero.
fn bilinear(channels: usize, kernel: [usize; 2], device: &Device) -> Tensor<4> {
    let tent = |axis: usize, at: usize| {
        let size = kernel[axis];
        let factor = size.div_ceil(2) as f64;
        let center = if size % 2 == 1 { factor - 1.0 } else { factor - 0.5 };
        1.0 - (at as f64 - center).abs() / factor
    };
    let mut values = vec![0.0; channels * channels * kernel[0] * kernel[1]];
    for channel in 0..channels {
        for y in 0..kernel[0] {
            for x in 0..kernel[1] {
                let at = ((channel * channels + channel) * kernel[0] + y) * kernel[1] + x;
                values[at] = (tent(0, y) * tent(1, x)) as f32;
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [channels, channels, kernel[0], kernel[1]]), device)
}

/// A transposed convolution. State: `weight` `[in, out, height, width]`, and `bias` `[out]` where
/// it has one.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    geometry: ConvGeometry,
    #[module(skip)]
    output_padding: [usize; 2],
}

impl ConvTranspose2d {
    /// Enlarges.
    ///
    /// # Shapes
    /// `[n, h, w, in]` → `[n, h', w', out]`, see [`functional::conv_transpose2d`].
    ///
    /// # Panics
    /// If `x` has another number of channels than the layer, or the padding leaves nothing.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(Param::val);
        functional::conv_transpose2d(x, self.weight.val(), bias, self.geometry, self.output_padding)
    }

    /// Enlarges to `size`, `[height, width]`: with as much output padding as that needs, PyTorch's
    /// `output_size`. What lies beyond `size` is cut off, below and to the right.
    ///
    /// # Shapes
    /// `[n, h, w, in]` → `[n, size[0], size[1], out]`
    ///
    /// # Panics
    /// If `size` is larger than a stride less one beyond the layer's own result, or as
    /// [`Self::forward`].
    #[must_use]
    pub fn forward_to(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        let [n, height, width, _] = x.dims();
        let [_, _, rows, columns] = self.weight.dims();
        let ConvGeometry { stride, padding, dilation, .. } = self.geometry;
        let own = |axis: usize, side: usize, kernel: usize| {
            ((side - 1) * stride[axis] + dilation[axis] * (kernel - 1) + 1)
                .saturating_sub(2 * padding[axis])
        };
        let own = [own(0, height, rows), own(1, width, columns)];
        let output_padding = [0, 1].map(|axis| size[axis].saturating_sub(own[axis]));
        let bias = self.bias.as_ref().map(Param::val);
        let y =
            functional::conv_transpose2d(x, self.weight.val(), bias, self.geometry, output_padding);
        let [_, found_height, found_width, channels] = y.dims();
        if [found_height, found_width] == size {
            return y;
        }
        y.slice([0..n, 0..size[0], 0..size[1], 0..channels])
    }
}
