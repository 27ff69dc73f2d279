use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use rand_chacha::ChaCha8Rng;

use super::{Conv2d, Conv2dConfig};
use crate::{
    functional::{Activation, global_average_pool, scale_channels},
    init::Initializer,
};

/// Scales each channel by what the picture's mean says of it (Hu et al., "Squeeze-and-Excitation
/// Networks", 2018). State: the 1x1 convolutions `fc1` and `fc2`, with bias.
#[derive(Module, Debug)]
pub struct SqueezeExcitation {
    fc1: Conv2d,
    fc2: Conv2d,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    scale_activation: Activation,
}

impl SqueezeExcitation {
    /// A layer that squeezes `channels` to `squeezed`, with `activation` in between and
    /// `scale_activation` at the end.
    #[must_use]
    pub fn new(
        [channels, squeezed]: [usize; 2],
        [activation, scale_activation]: [Activation; 2],
        initializer: Initializer,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let mut pointwise = |from, to| {
            Conv2dConfig::new(from, to, [1, 1])
                .with_initializer(initializer)
                .with_zero_bias()
                .init(generator, device)
        };
        Self {
            fc1: pointwise(channels, squeezed),
            fc2: pointwise(squeezed, channels),
            activation,
            scale_activation,
        }
    }

    /// # Shapes
    /// `[n, h, w, channels]` → the same
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, _, _, c] = x.dims();
        let mean = global_average_pool(x.clone()).reshape([n, 1, 1, c]);
        let squeezed = self.fc1.forward_activation(mean, self.activation);
        let scale = self.fc2.forward_activation(squeezed, self.scale_activation);
        scale_channels(x, scale.reshape([n, c]))
    }
}
