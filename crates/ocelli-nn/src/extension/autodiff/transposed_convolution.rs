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
use crate::extension::{Optional, VisionOperations};
use crate::functional::ConvGeometry;

pub(super) fn transposed_convolution<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    weight: Tracked<B, C>,
    bias: Optional<Autodiff<B, C>>,
    geometry: ConvGeometry,
    size: [usize; 2],
) -> Tracked<B, C> {
    let tracked = [x.is_tracked(), weight.is_tracked()];
    let (x, x_node) = x.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let (bias, bias_node) = parts::<B, C>(bias.into_option(), &weight);
    let bias = bias.into();
    match Node.prepare::<C>([x_node, weight_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = B::transposed_convolution(x.clone(), weight.clone(), bias, geometry, size);
            let state = State {
                weight_shape: weight.shape().dims(),
                x: tracked[1].then_some(x),
                weight: tracked[0].then_some(weight),
                geometry,
            };
            prepared.finish(state, y)
        }
        OpsKind::UnTracked(prepared) => {
            prepared.finish(B::transposed_convolution(x, weight, bias, geometry, size))
        }
    }
}

#[derive(Clone, Debug)]
struct State<B: VisionOperations> {
    /// Kept for the weight's gradient, where that is wanted.
    x: Option<FloatTensor<B>>,
    /// Kept for the picture's gradient, where that is wanted.
    weight: Option<FloatTensor<B>>,
    weight_shape: [usize; 4],
    geometry: ConvGeometry,
}

#[derive(Debug)]
struct Node;

impl<B: VisionOperations> Backward<B, 3> for Node {
    type State = State<B>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let State { x, weight, weight_shape, geometry } = ops.state;
        if let Some(node) = bias_node {
            gradients.register::<B>(node.id, B::channel_sum(dy.clone()));
        }
        // The convolution whose gradient it is goes from the result to the picture.
        if let (Some(node), Some(x)) = (weight_node, x) {
            let dweight = B::convolution_weight_gradient(dy.clone(), x, geometry, weight_shape);
            gradients.register::<B>(node.id, dweight);
        }
        if let (Some(node), Some(weight)) = (x_node, weight) {
            let dx = B::convolution(dy, weight, Optional::Absent, geometry);
            gradients.register::<B>(node.id, dx);
        }
    }
}
