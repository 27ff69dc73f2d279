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
use crate::functional::Activation;

pub(super) fn activation<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    activation: Activation,
) -> Tracked<B, C> {
    let (x, node) = x.into_parts();
    match Node.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = B::activation(x.clone(), activation);
            // A rectifier's gradient shows in its result, which the next operation keeps as well.
            let kept = if activation == Activation::Relu { y.clone() } else { x };
            prepared.finish((kept, activation), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::activation(x, activation)),
    }
}

#[derive(Debug)]
struct Node;

impl<B: VisionOperations> Backward<B, 1> for Node {
    /// The argument, or a rectifier's result.
    type State = (FloatTensor<B>, Activation);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let (x, activation) = ops.state;
        gradients.register::<B>(node.id, B::activation_gradient(dy, x, activation));
    }
}
