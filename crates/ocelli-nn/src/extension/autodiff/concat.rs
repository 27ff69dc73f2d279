use burn::backend::{
    TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
};

use super::Tracked;
use crate::extension::VisionOperations;

pub(super) fn concat_channels<B: VisionOperations, C: CheckpointStrategy>(
    first: Tracked<B, C>,
    second: Tracked<B, C>,
) -> Tracked<B, C> {
    let (first, first_node) = first.into_parts();
    let (second, second_node) = second.into_parts();
    let [.., channels] = first.shape().dims::<4>();
    let y = B::concat_channels(first, second);
    match Concat.prepare::<C>([first_node, second_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(channels, y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

#[derive(Debug)]
struct Concat;

impl<B: VisionOperations> Backward<B, 2> for Concat {
    /// Channels of the first part.
    type State = usize;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [first_node, second_node] = ops.parents;
        let (first, second) = B::split_channels(dy, ops.state);
        for (node, gradient) in [(first_node, first), (second_node, second)] {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
