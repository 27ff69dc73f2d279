use std::borrow::Cow;

use burn::backend::{Flex, flex::FlexTensor};
use ocelli_kernels::Isa;
use ocelli_kernels::batch_norm::{Added, BatchNorm, Statistics};

use super::dense::{Dense, tensor};
use crate::extension::Normalization;
use crate::functional::NormalizationOptions;

pub(super) fn statistics(x: FlexTensor) -> (FlexTensor, FlexTensor) {
    let x = Dense::new(x);
    let [.., channels] = x.shape::<4>();
    let Statistics { mean, variance, .. } = Statistics::of(Isa::active(), x.values(), channels);
    (tensor(mean, [channels]), tensor(variance, [channels]))
}

pub(super) fn normalize(
    x: FlexTensor,
    normalization: Normalization<Flex>,
    residual: Option<FlexTensor>,
    options: NormalizationOptions,
) -> FlexTensor {
    let mut x = Dense::new(x);
    let shape: [usize; 4] = x.shape();
    let parameters = Parameters::new(normalization);
    let residual = residual.map(Dense::new);
    let residual = residual.as_ref().map(Dense::values);
    tensor(parameters.batch_norm(options).forward(x.values_or_memory(), residual), shape)
}

pub(super) fn gradient(
    dy: FlexTensor,
    x: FlexTensor,
    normalization: Normalization<Flex>,
    y: Option<FlexTensor>,
    options: NormalizationOptions,
) -> (FlexTensor, FlexTensor, FlexTensor, Option<FlexTensor>) {
    let (dy, mut x) = (Dense::new(dy), Dense::new(x));
    let shape: [usize; 4] = x.shape();
    let [.., channels] = shape;
    let parameters = Parameters::new(normalization);
    let y = y.map(Dense::new);
    let added = y.as_ref().map_or(Added::Nothing, |y| Added::Result(y.values()));
    // Only beside a residual's gradient is other memory needed than that of `dy`.
    let x = if y.is_some() { x.values_or_memory() } else { Cow::Borrowed(x.values()) };
    let gradients = parameters.batch_norm(options).backward(x, dy.into_values(), added);
    (
        tensor(gradients.x, shape),
        tensor(gradients.weight, [channels]),
        tensor(gradients.bias, [channels]),
        gradients.residual.map(|residual| tensor(residual, shape)),
    )
}

/// [`Normalization`], its values at hand.
struct Parameters {
    mean: Dense,
    variance: Dense,
    weight: Dense,
    bias: Dense,
}

impl Parameters {
    fn new(Normalization { mean, variance, weight, bias }: Normalization<Flex>) -> Self {
        let [mean, variance, weight, bias] = [mean, variance, weight, bias].map(Dense::new);
        Self { mean, variance, weight, bias }
    }

    fn batch_norm(&self, options: NormalizationOptions) -> BatchNorm<'_> {
        BatchNorm {
            isa: Isa::active(),
            mean: self.mean.values(),
            variance: self.variance.values(),
            frozen: false,
            epsilon: options.epsilon,
            weight: self.weight.values(),
            bias: self.bias.values(),
            activation: options.activation,
        }
    }
}
