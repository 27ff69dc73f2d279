use burn::backend::{
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::{FloatTensor, IntTensor},
};

use super::Tracked;
use crate::extension::{Optional, VisionOperations};
use crate::functional::CrossEntropyOptions;

/// What is computed from logits and labels.
#[derive(Clone, Debug)]
enum Reduction<B: VisionOperations> {
    /// The sum of the losses, with these class weights.
    Losses(Option<FloatTensor<B>>, CrossEntropyOptions),
    /// The sums of the probabilities of each class.
    Classes(Option<i64>),
}

/// The sum of the losses, and that of the weights, which is constant.
pub(super) fn cross_entropy<B: VisionOperations, C: CheckpointStrategy>(
    logits: Tracked<B, C>,
    labels: IntTensor<B>,
    class_weights: Optional<burn::backend::Autodiff<B, C>>,
    options: CrossEntropyOptions,
) -> (Tracked<B, C>, Tracked<B, C>) {
    let (logits, node) = logits.into_parts();
    // Constants: what classes count is not learned.
    let weights = class_weights.into_option().map(|weights| weights.into_parts().0);
    let given = weights.clone().into();
    let (sum, weight) = B::cross_entropy(logits.clone(), labels.clone(), given, options);
    let sum = match Node.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            prepared.finish((logits, labels, Reduction::Losses(weights, options)), sum)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(sum),
    };
    (sum, Tracked::<B, C>::new(weight))
}

pub(super) fn softmax_class_sums<B: VisionOperations, C: CheckpointStrategy>(
    logits: Tracked<B, C>,
    labels: IntTensor<B>,
    ignore_index: Option<i64>,
) -> Tracked<B, C> {
    let (logits, node) = logits.into_parts();
    let sums = B::softmax_class_sums(logits.clone(), labels.clone(), ignore_index);
    match Node.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            prepared.finish((logits, labels, Reduction::Classes(ignore_index)), sums)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(sums),
    }
}

#[derive(Debug)]
struct Node;

impl<B: VisionOperations> Backward<B, 1> for Node {
    /// Logits, labels, and what was made of them. The softmax is computed again: reading it from
    /// memory would take as long.
    type State = (FloatTensor<B>, IntTensor<B>, Reduction<B>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let (logits, labels, reduction) = ops.state;
        let dx = match reduction {
            Reduction::Losses(weights, options) => {
                B::cross_entropy_gradient(dy, logits, labels, weights.into(), options)
            }
            Reduction::Classes(ignore_index) => {
                B::softmax_class_sums_gradient(dy, logits, labels, ignore_index)
            }
        };
        gradients.register::<B>(node.id, dx);
    }
}
