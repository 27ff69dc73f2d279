use burn::backend::{
    TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use super::Tracked;
use crate::extension::{VisionOperations, Winners};
use crate::functional::PoolGeometry;

/// How a picture was pooled, and all that its gradient needs.
#[derive(Clone, Debug)]
enum Pooling<B: VisionOperations> {
    Max(PoolGeometry, Winners<B>),
    Average(PoolGeometry),
    AdaptiveAverage,
}

pub(super) fn max_pool<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    geometry: PoolGeometry,
) -> Tracked<B, C> {
    pool::<B, C>(
        x,
        |x| {
            let (y, winners) = B::max_pool_with_winners(x, geometry);
            (y, Pooling::Max(geometry, winners))
        },
        |x| B::max_pool(x, geometry),
    )
}

pub(super) fn average_pool<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    geometry: PoolGeometry,
) -> Tracked<B, C> {
    let forward = |x| B::average_pool(x, geometry);
    pool::<B, C>(x, |x| (forward(x), Pooling::Average(geometry)), forward)
}

pub(super) fn adaptive_average_pool<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    size: [usize; 2],
) -> Tracked<B, C> {
    let forward = |x| B::adaptive_average_pool(x, size);
    pool::<B, C>(x, |x| (forward(x), Pooling::AdaptiveAverage), forward)
}

fn pool<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    tracked: impl FnOnce(FloatTensor<B>) -> (FloatTensor<B>, Pooling<B>),
    untracked: impl FnOnce(FloatTensor<B>) -> FloatTensor<B>,
) -> Tracked<B, C> {
    let (x, node) = x.into_parts();
    let shape = x.shape().dims();
    match Node.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let (y, pooling) = tracked(x);
            prepared.finish((pooling, shape), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(untracked(x)),
    }
}

#[derive(Debug)]
struct Node;

impl<B: VisionOperations> Backward<B, 1> for Node {
    /// The pooling, and the picture's shape.
    type State = (Pooling<B>, [usize; 4]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let (pooling, shape) = ops.state;
        let dx = match pooling {
            Pooling::Max(geometry, winners) => B::max_pool_gradient(dy, winners, geometry, shape),
            Pooling::Average(geometry) => B::average_pool_gradient(dy, geometry, shape),
            Pooling::AdaptiveAverage => B::adaptive_average_pool_gradient(dy, shape),
        };
        gradients.register::<B>(node.id, dx);
    }
}
