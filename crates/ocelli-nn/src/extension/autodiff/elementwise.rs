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

use crate::extension::VisionOperations;

pub(super) fn dropout<B: VisionOperations, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    probability: f64,
    key: u64,
) -> FloatTensor<Autodiff<B, C>> {
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
    x: FloatTensor<Autodiff<B, C>>,
    scale: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let (x, x_node) = x.into_parts();
    let (scale, scale_node) = scale.into_parts();
    match ScaleChannels.prepare::<C>([x_node, scale_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = B::scale_channels(x.clone(), scale.clone());
            prepared.finish((x, scale), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::scale_channels(x, scale)),
    }
}

#[derive(Debug)]
struct ScaleChannels;

impl<B: VisionOperations> Backward<B, 2> for ScaleChannels {
    /// Pictures and scale.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [x_node, scale_node] = ops.parents;
        let (x, scale) = ops.state;
        let (dx, dscale) = B::scale_channels_gradient(dy, x, scale);
        for (node, gradient) in [(x_node, dx), (scale_node, dscale)] {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

pub(super) fn resize<B: VisionOperations, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    size: [usize; 2],
    mode: Mode,
) -> FloatTensor<Autodiff<B, C>> {
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
