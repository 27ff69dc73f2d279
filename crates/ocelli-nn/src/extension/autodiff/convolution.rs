use burn::backend::{
    Autodiff, TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use super::{Tracked, parts};
use crate::extension::{Optional, VisionOperations, default_body};
use crate::functional::{Activation, ConvGeometry};

/// What the gradients of a convolution need.
#[derive(Clone, Debug)]
pub(super) struct Convolution<B: VisionOperations> {
    /// Kept for the weight's gradient, where that is wanted.
    x: Option<FloatTensor<B>>,
    x_shape: [usize; 4],
    /// Kept for the picture's gradient, where that is wanted.
    weight: Option<FloatTensor<B>>,
    weight_shape: [usize; 4],
    geometry: ConvGeometry,
}

impl<B: VisionOperations> Convolution<B> {
    /// `tracked` says whose gradients are wanted: the picture's, the weight's.
    pub(super) fn new(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        tracked: [bool; 2],
        geometry: ConvGeometry,
    ) -> Self {
        let (x_shape, weight_shape) = (x.shape().dims(), weight.shape().dims());
        Self {
            x: tracked[1].then_some(x),
            x_shape,
            weight: tracked[0].then_some(weight),
            weight_shape,
            geometry,
        }
    }

    /// The gradients by picture and weight, where they are wanted.
    pub(super) fn gradients(self, dy: FloatTensor<B>) -> [Option<FloatTensor<B>>; 2] {
        let Self { x, x_shape, weight, weight_shape, geometry } = self;
        // The last to need the gradient gets it whole, and its memory is free at once.
        match (weight, x) {
            (Some(weight), x) => {
                let dweight = x
                    .map(|x| B::convolution_weight_gradient(x, dy.clone(), geometry, weight_shape));
                let dx = B::convolution_input_gradient(weight, dy, geometry, x_shape);
                [Some(dx), dweight]
            }
            (None, Some(x)) => {
                [None, Some(B::convolution_weight_gradient(x, dy, geometry, weight_shape))]
            }
            (None, None) => [None, None],
        }
    }
}

pub(super) fn convolution<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    weight: Tracked<B, C>,
    bias: Optional<Autodiff<B, C>>,
    geometry: ConvGeometry,
) -> Tracked<B, C> {
    let tracked = [x.is_tracked(), weight.is_tracked()];
    let (x, x_node) = x.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let (bias, bias_node) = parts::<B, C>(bias.into_option(), &weight);
    let bias = bias.into();
    match Node.prepare::<C>([x_node, weight_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = B::convolution(x.clone(), weight.clone(), bias, geometry);
            prepared.finish(Convolution::new(x, weight, tracked, geometry), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::convolution(x, weight, bias, geometry)),
    }
}

/// Of frozen layers, through which no gradient goes, in one; else of operations with gradients.
pub(super) fn convolution_activation<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    weight: Tracked<B, C>,
    bias: Optional<Autodiff<B, C>>,
    residual: Optional<Autodiff<B, C>>,
    geometry: ConvGeometry,
    activation: Activation,
) -> Tracked<B, C> {
    let (bias, residual) = (bias.into_option(), residual.into_option());
    let is_tracked = [Some(&x), Some(&weight), bias.as_ref(), residual.as_ref()]
        .into_iter()
        .flatten()
        .any(Tracked::<B, C>::is_tracked);
    if is_tracked {
        return default_body::convolution_activation::<Autodiff<B, C>>(
            x,
            weight,
            bias.into(),
            residual.into(),
            geometry,
            activation,
        );
    }
    let plain = |tensor: Tracked<B, C>| tensor.into_parts().0;
    Tracked::<B, C>::new(B::convolution_activation(
        plain(x),
        plain(weight),
        bias.map(plain).into(),
        residual.map(plain).into(),
        geometry,
        activation,
    ))
}

#[derive(Debug)]
struct Node;

impl<B: VisionOperations> Backward<B, 3> for Node {
    type State = Convolution<B>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        if let Some(node) = bias_node {
            gradients.register::<B>(node.id, B::channel_sum(dy.clone()));
        }
        for (node, gradient) in [x_node, weight_node].into_iter().zip(ops.state.gradients(dy)) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
