use burn::backend::flex::FlexTensor;
use ocelli_kernels::Isa;
use ocelli_kernels::layer_norm::{Gradients, LayerNorm};

use super::dense::{Dense, tensor, tensor_of};

pub(super) fn forward(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    epsilon: f64,
) -> FlexTensor {
    let shape = x.layout().shape().clone();
    let [mut x, weight, bias] = [x, weight, bias].map(Dense::new);
    let norm =
        LayerNorm { isa: Isa::active(), weight: weight.values(), bias: bias.values(), epsilon };
    tensor_of(norm.forward(x.values_or_memory()), shape)
}

pub(super) fn gradient(
    dy: FlexTensor,
    x: FlexTensor,
    weight: FlexTensor,
    epsilon: f64,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let shape = x.layout().shape().clone();
    let [dy, x, weight] = [dy, x, weight].map(Dense::new);
    let weight = weight.values();
    // The gradients don't depend on the bias.
    let norm = LayerNorm { isa: Isa::active(), weight, bias: weight, epsilon };
    let Gradients { x, weight, bias } = norm.backward(x.values(), dy.into_values());
    let channels = [weight.len()];
    (tensor_of(x, shape), tensor(weight, channels), tensor(bias, channels))
}
