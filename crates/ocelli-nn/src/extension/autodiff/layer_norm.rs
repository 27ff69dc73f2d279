use burn::backend::{
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use super::Tracked;
use crate::extension::VisionOperations;

pub(super) fn layer_normalization<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    weight: Tracked<B, C>,
    bias: Tracked<B, C>,
    epsilon: f64,
) -> Tracked<B, C> {
    let (x, x_node) = x.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let (bias, bias_node) = bias.into_parts();
    match Node.prepare::<C>([x_node, weight_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = B::layer_normalization(x.clone(), weight.clone(), bias, epsilon);
            prepared.finish((x, weight, epsilon), y)
        }
        OpsKind::UnTracked(prepared) => {
            prepared.finish(B::layer_normalization(x, weight, bias, epsilon))
        }
    }
}

#[derive(Debug)]
struct Node;

impl<B: VisionOperations> Backward<B, 3> for Node {
    /// What is normalized, the weight, and what is added to the variance.
    type State = (FloatTensor<B>, FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (x, weight, epsilon) = ops.state;
        let (dx, dweight, dbias) = B::layer_normalization_gradient(dy, x, weight, epsilon);
        for (node, gradient) in ops.parents.into_iter().zip([dx, dweight, dbias]) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
