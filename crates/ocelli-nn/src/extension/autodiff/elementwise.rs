use burn::backend::{
    Autodiff, TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use ocelli_kernels::resample::Mode;

use super::{Tracked, parts};
use crate::extension::{Optional, VisionOperations};

pub(super) fn dropout<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    probability: f64,
    key: u64,
) -> Tracked<B, C> {
    let (x, node) = x.into_parts();
    let y = B::dropout(x, probability, key);
    match Dropout.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((probability, key), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

#[derive(Debug)]
struct Dropout;

impl<B: VisionOperations> Backward<B, 1> for Dropout {
    /// Probability and key: the mask is a function of them.
    type State = (f64, u64);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let (probability, key) = ops.state;
        gradients.register::<B>(node.id, B::dropout(dy, probability, key));
    }
}

pub(super) fn scale_channels<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    scale: Tracked<B, C>,
    residual: Optional<Autodiff<B, C>>,
) -> Tracked<B, C> {
    let is_scale_tracked = scale.is_tracked();
    let (x, x_node) = x.into_parts();
    let (scale, scale_node) = scale.into_parts();
    let (residual, residual_node) = parts::<B, C>(residual.into_option(), &scale);
    let residual = residual.into();
    let nodes = [x_node, scale_node, residual_node];
    match ScaleChannels.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            // Else the result may have its memory.
            let kept = is_scale_tracked.then(|| x.clone());
            let y = B::scale_channels(x, scale.clone(), residual);
            prepared.finish((kept, scale), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::scale_channels(x, scale, residual)),
    }
}

#[derive(Debug)]
struct ScaleChannels;

impl<B: VisionOperations> Backward<B, 3> for ScaleChannels {
    /// Pictures, where the scale's gradient is wanted, and scale.
    type State = (Option<FloatTensor<B>>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [x_node, scale_node, residual_node] = ops.parents;
        let (x, scale) = ops.state;
        if let Some(node) = residual_node {
            gradients.register::<B>(node.id, dy.clone());
        }
        let (dx, dscale) = match x {
            Some(x) => {
                let (dx, dscale) = B::scale_channels_gradient(dy, x, scale);
                (dx, Some(dscale))
            }
            None => (B::scale_channels(dy, scale, Optional::Absent), None),
        };
        for (node, gradient) in [(x_node, Some(dx)), (scale_node, dscale)] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

pub(super) fn resize<B: VisionOperations, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    size: [usize; 2],
    mode: Mode,
) -> Tracked<B, C> {
    let (x, node) = x.into_parts();
    let shape = x.shape().dims();
    let y = B::resize(x, size, mode);
    match Resize.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((shape, mode), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    }
}

#[derive(Debug)]
struct Resize;

impl<B: VisionOperations> Backward<B, 1> for Resize {
    /// The picture's shape, and the mode.
    type State = ([usize; 4], Mode);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let (shape, mode) = ops.state;
        gradients.register::<B>(node.id, B::resize_gradient(dy, shape, mode));
    }
}
