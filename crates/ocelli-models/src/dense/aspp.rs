//! Atrous spatial pyramid pooling: Chen et al., "Rethinking Atrous Convolution for Semantic Image
//! Segmentation" (2017), figure 5. Field names are torchvision's.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::{Activation, ResizeMode, concat_channels, global_average_pool, resize2d},
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Dropout},
};
use rand_chacha::ChaCha8Rng;

use crate::{
    conv_norm::{ConvNorm, conv_norm, conv_norm_of},
    placeholder::Placeholder,
};

/// Channels of each branch, and of the result.
pub(super) const CHANNELS: usize = 256;

/// The pyramid.
#[derive(Module, Debug)]
pub(super) struct Aspp {
    convs: Vec<Branch>,
    project: (Conv2d, BatchNorm2d, Placeholder, Dropout),
}

/// A look at the features.
#[derive(Module, Debug)]
enum Branch {
    Convolution(ConvNorm),
    /// At the mean of the whole picture.
    Pooling((Placeholder, Conv2d, BatchNorm2d)),
}

/// A convolution that keeps the size and its normalization, drawn as PyTorch draws it.
pub(super) fn same_convolution(
    [from, to]: [usize; 2],
    [kernel, dilation]: [usize; 2],
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> ConvNorm {
    let convolution = Conv2dConfig::new(from, to, [kernel; 2])
        .with_padding([kernel / 2 * dilation; 2])
        .with_dilation([dilation; 2])
        .without_bias()
        .init(generator, device);
    (convolution, BatchNorm2d::new(to, device))
}

impl Aspp {
    /// Freshly drawn layers: one branch of 1x1, one of 3x3 for each of the `rates`, one of the mean.
    pub(super) fn new(
        in_channels: usize,
        rates: [usize; 3],
        dropout: f64,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let mut branch =
            |shape| same_convolution([in_channels, CHANNELS], shape, generator, device);
        let mut convs = vec![Branch::Convolution(branch([1, 1]))];
        convs.extend(rates.map(|rate| Branch::Convolution(branch([3, rate]))));
        let (convolution, normalization) = branch([1, 1]);
        convs.push(Branch::Pooling((Placeholder, convolution, normalization)));
        let (convolution, normalization) =
            same_convolution([convs.len() * CHANNELS, CHANNELS], [1, 1], generator, device);
        let project = (convolution, normalization, Placeholder, Dropout::new(dropout));
        Self { convs, project }
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h, w, 256]`
    ///
    /// # Panics
    /// In a training pass of a single picture, whose mean is one value per channel.
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let branches = self.convs.iter().map(|branch| branch.forward(x.clone(), pass));
        let x = concat_channels(branches.collect::<Vec<_>>());
        let (convolution, normalization, _, dropout) = &self.project;
        let y = conv_norm_of(convolution, normalization, x, Activation::Relu, pass);
        dropout.forward(y, &pass.of_part(convolution))
    }
}

impl Branch {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        match self {
            Self::Convolution(layers) => conv_norm(layers, x, Activation::Relu, pass),
            Self::Pooling((_, convolution, normalization)) => {
                let [n, height, width, channels] = x.dims();
                let mean = global_average_pool(x).reshape([n, 1, 1, channels]);
                let y = conv_norm_of(convolution, normalization, mean, Activation::Relu, pass);
                resize2d(y, [height, width], ResizeMode::Nearest)
            }
        }
    }
}
