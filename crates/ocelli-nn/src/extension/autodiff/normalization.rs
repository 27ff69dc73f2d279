use burn::backend::{
    Autodiff, Backend,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use super::{Tracked, convolution::Convolution, parts};
use crate::extension::{Normalization, Optional, VisionOperations};
use crate::functional::{ConvGeometry, NormalizationOptions};

/// What a normalization is computed from.
pub(super) struct Parents<B: Backend> {
    pub(super) x: FloatTensor<B>,
    /// The weight of a convolution that `x` goes through first.
    pub(super) convolution: Option<(FloatTensor<B>, ConvGeometry)>,
    pub(super) weight: FloatTensor<B>,
    pub(super) bias: FloatTensor<B>,
    pub(super) residual: Optional<B>,
}

/// What its gradients need.
#[derive(Clone, Debug)]
struct State<B: VisionOperations> {
    convolution: Option<Convolution<B>>,
    /// What is normalized.
    x: FloatTensor<B>,
    normalization: Normalization<B>,
    /// The result, where a residual was added: `x` alone doesn't tell what the activation let by.
    y: Optional<B>,
    options: NormalizationOptions,
}

/// Normalization by the batch's own statistics, which come second and third and are constants.
pub(super) fn batch_normalization<B: VisionOperations, C: CheckpointStrategy>(
    parents: Parents<Autodiff<B, C>>,
    options: NormalizationOptions,
) -> (Tracked<B, C>, Tracked<B, C>, Tracked<B, C>) {
    let Parents { x, convolution, weight, bias, residual } = parents;
    let tracked =
        [x.is_tracked(), convolution.as_ref().is_some_and(|(weight, _)| weight.is_tracked())];
    let (x, x_node) = x.into_parts();
    let (convolution_weight, geometry) = convolution.unzip();
    let (convolution_weight, convolution_node) = parts::<B, C>(convolution_weight, &x);
    let (weight, weight_node) = weight.into_parts();
    let (bias, bias_node) = bias.into_parts();
    let (residual, residual_node) = parts::<B, C>(residual.into_option(), &weight);

    let nodes = [x_node, convolution_node, weight_node, bias_node, residual_node];
    let prepared = Node.prepare::<C>(nodes).compute_bound().stateful();
    let is_tracked = matches!(prepared, OpsKind::Tracked(_));
    let convolution = convolution_weight.zip(geometry);
    let (x, convolution) = match convolution {
        Some((weight, geometry)) => {
            let convolved = B::convolution(x.clone(), weight.clone(), Optional::Absent, geometry);
            (convolved, is_tracked.then(|| Convolution::new(x, weight, tracked, geometry)))
        }
        None => (x, None),
    };
    let (mean, variance) = B::channel_statistics(x.clone());
    let normalization =
        Normalization { mean: mean.clone(), variance: variance.clone(), weight, bias };
    let with_residual = residual.is_some();
    let residual = residual.into();
    let y = match prepared {
        OpsKind::Tracked(prepared) => {
            let y = B::normalize(x.clone(), normalization.clone(), residual, options);
            let kept = with_residual.then(|| y.clone()).into();
            prepared.finish(State { convolution, x, normalization, y: kept, options }, y)
        }
        OpsKind::UnTracked(prepared) => {
            prepared.finish(B::normalize(x, normalization, residual, options))
        }
    };
    (y, Tracked::<B, C>::new(mean), Tracked::<B, C>::new(variance))
}

#[derive(Debug)]
struct Node;

impl<B: VisionOperations> Backward<B, 5> for Node {
    type State = State<B>;

    fn backward(self, ops: Ops<Self::State, 5>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, convolution_node, weight_node, bias_node, residual_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let State { convolution, x, normalization, y, options } = ops.state;
        let (dx, dweight, dbias, dresidual) =
            B::normalize_gradient(dy, x, normalization, y, options);
        let [dx, dconvolution] = match convolution {
            Some(convolution) => convolution.gradients(dx),
            None => [Some(dx), None],
        };
        for (node, gradient) in [
            (residual_node, dresidual),
            (weight_node, Some(dweight)),
            (bias_node, Some(dbias)),
            (convolution_node, dconvolution),
            (x_node, dx),
        ] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
