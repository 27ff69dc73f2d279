use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use crate::{
    Pass,
    buffer::{Buffer, Counter},
    functional::{self, BatchStatistics},
};

/// Batch normalization over the pixels of a batch, with PyTorch's statistics.
///
/// A training pass normalizes by the batch's biased variance and moves `running_var` towards the
/// *unbiased* one, as PyTorch does (Burn's own layer takes the biased one for both). An evaluation
/// pass normalizes by the running statistics and changes nothing.
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
        let affine = [self.weight.val(), self.bias.val()];
        if pass.is_train() {
            let shape = x.dims();
            let (y, statistics) = functional::batch_norm2d_train(x, affine, self.epsilon);
            assert!(
                statistics.count > 1,
                "batch normalization can't train on one value per channel (activations {shape:?}): use a larger batch or picture"
            );
            self.track(statistics);
            y
        } else {
            let device = x.device();
            // A plain tensor beside tracked ones would be taken for another device.
            let on_device = |buffer: &Buffer<1>| {
                let value = buffer.value();
                if device.is_autodiff() { value.autodiff() } else { value }
            };
            let statistics = [on_device(&self.running_mean), on_device(&self.running_var)];
            functional::batch_norm2d(x, affine, statistics, self.epsilon)
        }
    }

    fn track(&self, BatchStatistics { mean, variance, count }: BatchStatistics) {
        let unbiased = count as f64 / (count - 1) as f64;
        let blend = |running: Tensor<1>, new: Tensor<1>, share: f64| {
            running.mul_scalar(1.0 - self.momentum) + new.mul_scalar(share)
        };
        self.running_mean.update(|running| blend(running, mean, self.momentum));
        self.running_var.update(|running| blend(running, variance, self.momentum * unbiased));
        self.num_batches_tracked.increment();
    }
}
