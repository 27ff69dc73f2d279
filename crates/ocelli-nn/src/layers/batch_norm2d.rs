use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use crate::{
    Pass,
    buffer::{Buffer, Counter},
    functional::{self, Activation, BatchStatistics, NormalizationOptions},
};

/// Batch normalization over the pixels of a batch, with PyTorch's statistics.
///
/// A training pass normalizes by the batch's biased variance and moves `running_var` towards the
/// *unbiased* one, as PyTorch does (Burn's own layer takes the biased one for both). An evaluation
/// pass normalizes by the running statistics and changes nothing; so does a layer whose weight and
/// bias are frozen, in every pass.
///
/// Running statistics belong to this value: clones start with a copy.
///
/// State: `weight`, `bias`, `running_mean`, `running_var` `[channels]`, and `num_batches_tracked`,
/// a 0-dimensional integer.
#[derive(Module, Debug)]
pub struct BatchNorm2d {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Buffer<1>,
    running_var: Buffer<1>,
    num_batches_tracked: Counter,
    #[module(skip)]
    epsilon: f64,
    #[module(skip)]
    momentum: f64,
}

impl BatchNorm2d {
    /// PyTorch's default for what is added to the variance.
    pub const EPSILON: f64 = 1e-5;
    /// PyTorch's default for the share of the new batch in the running statistics.
    pub const MOMENTUM: f64 = 0.1;

    /// A layer that starts as the identity: weight 1, bias 0, running mean 0 and variance 1.
    #[must_use]
    pub fn new(channels: usize, device: &Device) -> Self {
        let plain = device.clone().without_autodiff();
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            running_mean: Buffer::new(Tensor::zeros([channels], &plain)),
            running_var: Buffer::new(Tensor::ones([channels], &plain)),
            num_batches_tracked: Counter::new(&plain),
            epsilon: Self::EPSILON,
            momentum: Self::MOMENTUM,
        }
    }

    /// Another number to add to the variance than [`Self::EPSILON`].
    #[must_use]
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Another share of the new batch than [`Self::MOMENTUM`].
    #[must_use]
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Normalizes each channel, and in a training pass updates the running statistics.
    ///
    /// # Shapes
    /// `[n, h, w, channels]` → the same
    ///
    /// # Panics
    /// If `x` has another number of channels than the layer; in a training pass, if there is only
    /// one value per channel, whose variance is undefined (as PyTorch refuses it).
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let options = self.options(Activation::None);
        if pass.of_part(self).is_train() {
            let shape = x.dims();
            let (y, statistics) = functional::batch_norm2d_train(x, self.affine(), None, options);
            self.track(statistics, shape);
            y
        } else {
            let statistics = self.statistics(&x.device());
            functional::batch_norm2d(x, self.affine(), statistics, options)
        }
    }

    /// Weight and bias.
    pub(super) fn affine(&self) -> [Tensor<1>; 2] {
        [self.weight.val(), self.bias.val()]
    }

    /// The running mean and variance, for use beside tensors of `device`.
    pub(super) fn statistics(&self, device: &Device) -> [Tensor<1>; 2] {
        [&self.running_mean, &self.running_var].map(|buffer| {
            let value = buffer.value();
            // A plain tensor beside tracked ones would be taken for another device.
            if device.is_autodiff() { value.autodiff() } else { value }
        })
    }

    /// The layer's numbers, with what is to follow it.
    pub(super) fn options(&self, activation: Activation) -> NormalizationOptions {
        NormalizationOptions { epsilon: self.epsilon, activation }
    }

    /// Moves the running statistics towards those of a batch of activations of shape `shape`.
    ///
    /// # Panics
    /// If there is only one value per channel.
    pub(super) fn track(&self, statistics: BatchStatistics, shape: [usize; 4]) {
        let BatchStatistics { mean, variance, count } = statistics;
        assert!(
            count > 1,
            "batch normalization can't train on one value per channel (activations {shape:?}): use a larger batch or picture"
        );
        let unbiased = count as f64 / (count - 1) as f64;
        let blend = |running: Tensor<1>, new: Tensor<1>, share: f64| {
            running.mul_scalar(1.0 - self.momentum) + new.mul_scalar(share)
        };
        self.running_mean.update(|running| blend(running, mean, self.momentum));
        self.running_var.update(|running| blend(running, variance, self.momentum * unbiased));
        self.num_batches_tracked.increment();
    }
}
