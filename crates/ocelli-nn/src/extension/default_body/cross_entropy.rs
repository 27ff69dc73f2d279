use burn::backend::{
    Backend, TensorMetadata, get_device_settings,
    tensor::{BoolTensor, FloatTensor, IndexingUpdateOp, IntTensor},
};
use burn::tensor::Shape;

use crate::extension::Optional;
use crate::functional::CrossEntropyOptions;

pub(crate) fn cross_entropy<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    class_weights: Optional<B>,
    options: CrossEntropyOptions,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let rows = Rows::<B>::new(logits, labels, options.ignore_index);
    let class_weights = class_weights.into_option();
    let weights = rows.weights(class_weights.clone());
    let CrossEntropyOptions { label_smoothing, gamma, .. } = options;
    let picked = rows.picked(rows.log_softmax.clone());
    let mut losses = B::float_mul_scalar(
        B::float_mul(picked.clone(), weights.clone()),
        (label_smoothing - 1.0).into(),
    );
    if gamma > 0.0 {
        losses = B::float_mul(losses, B::float_powf_scalar(missing::<B>(picked), gamma.into()));
    }
    if label_smoothing > 0.0 {
        let share = label_smoothing / rows.classes as f64;
        let spread = rows.class_sums(rows.log_softmax.clone(), class_weights);
        losses = B::float_sub(losses, B::float_mul_scalar(spread, share.into()));
    }
    let losses = rows.without_ignored(losses);
    let one = |sum| B::float_reshape(sum, Shape::new([1]));
    (one(B::float_sum(losses)), one(B::float_sum(weights)))
}

pub(crate) fn cross_entropy_gradient<B: Backend>(
    of_sum: FloatTensor<B>,
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    class_weights: Optional<B>,
    options: CrossEntropyOptions,
) -> FloatTensor<B> {
    let rows = Rows::<B>::new(logits, labels, options.ignore_index);
    let class_weights = class_weights.into_option();
    let CrossEntropyOptions { label_smoothing, gamma, .. } = options;
    // What each row's own class is wanted with.
    let mut kept =
        B::float_mul_scalar(rows.weights(class_weights.clone()), (1.0 - label_smoothing).into());
    if gamma > 0.0 {
        kept = B::float_mul(kept, focal_slope::<B>(rows.picked(rows.log_softmax.clone()), gamma));
    }
    let softmax = B::float_exp(rows.log_softmax.clone());
    let mut dx = rows.less_at_labels(B::float_mul(softmax.clone(), kept.clone()), kept);
    if label_smoothing > 0.0 {
        let share = label_smoothing / rows.classes as f64;
        let ones = rows.ones(rows.classes);
        let wanted = B::float_mul_scalar(weighted::<B>(ones, class_weights), share.into());
        let total = B::float_sum_dim(wanted.clone(), 1);
        dx = B::float_add(dx, B::float_sub(B::float_mul(softmax, total), wanted));
    }
    let of_sum = B::float_reshape(of_sum, Shape::new([1, 1]));
    rows.without_ignored(B::float_mul(dx, of_sum))
}

pub(crate) fn softmax_class_sums<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    ignore_index: Option<i64>,
) -> FloatTensor<B> {
    let rows = Rows::<B>::new(logits, labels, ignore_index);
    let softmax = rows.without_ignored(B::float_exp(rows.log_softmax.clone()));
    let all = B::float_sum_dim(softmax.clone(), 0);
    let nothing = B::float_zeros(softmax.shape(), &softmax.device(), softmax.dtype().into());
    let picked = rows.picked(softmax);
    let own = B::float_scatter(1, nothing, rows.labels.clone(), picked, IndexingUpdateOp::Add);
    B::float_cat(vec![B::float_sum_dim(own, 0), all], 0)
}

pub(crate) fn softmax_class_sums_gradient<B: Backend>(
    of_sums: FloatTensor<B>,
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    ignore_index: Option<i64>,
) -> FloatTensor<B> {
    let rows = Rows::<B>::new(logits, labels, ignore_index);
    let softmax = B::float_exp(rows.log_softmax.clone());
    let of_row = |row: usize| {
        B::float_slice(of_sums.clone(), &[(row..row + 1).into(), (0..rows.classes).into()])
    };
    let own = B::float_reshape(of_row(0), Shape::new([rows.classes]));
    let flat = B::int_reshape(rows.labels.clone(), Shape::new([rows.count]));
    let own = B::float_reshape(B::float_select(own, 0, flat), Shape::new([rows.count, 1]));
    // y (dy - Σ y dy), where dy is that of all rows, and at the label that of its class besides.
    let products = B::float_mul(softmax.clone(), of_row(1));
    let of_label = B::float_mul(rows.picked(softmax.clone()), own);
    let total = B::float_add(B::float_sum_dim(products.clone(), 1), of_label.clone());
    let dx = B::float_sub(products, B::float_mul(softmax, total));
    rows.without_ignored(rows.less_at_labels(dx, B::float_neg(of_label)))
}

/// Rows of logits with their labels.
struct Rows<B: Backend> {
    count: usize,
    classes: usize,
    /// `[rows, classes]`.
    log_softmax: FloatTensor<B>,
    /// `[rows, 1]`; 0 in rows that are ignored.
    labels: IntTensor<B>,
    /// `[rows, 1]`.
    ignored: Option<BoolTensor<B>>,
}

impl<B: Backend> Rows<B> {
    fn new(logits: FloatTensor<B>, labels: IntTensor<B>, ignore_index: Option<i64>) -> Self {
        let [count, classes] = logits.shape().dims();
        let bool_dtype = get_device_settings::<B>(&logits.device()).bool_dtype;
        let labels = B::int_reshape(labels, Shape::new([count, 1]));
        let ignored =
            ignore_index.map(|index| B::int_equal_elem(labels.clone(), index.into(), bool_dtype));
        let labels = match &ignored {
            Some(ignored) => B::int_mask_fill(labels, ignored.clone(), 0.into()),
            None => labels,
        };
        Self { count, classes, log_softmax: B::log_softmax(logits, 1), labels, ignored }
    }

    /// `[rows, columns]`.
    fn ones(&self, columns: usize) -> FloatTensor<B> {
        let like = &self.log_softmax;
        let shape = Shape::new([self.count, columns]);
        B::float_ones(shape, &like.device(), like.dtype().into())
    }

    /// The value at each row's label, `[rows, 1]`.
    fn picked(&self, values: FloatTensor<B>) -> FloatTensor<B> {
        B::float_gather(1, values, self.labels.clone())
    }

    /// What each row counts, `[rows, 1]`.
    fn weights(&self, class_weights: Option<FloatTensor<B>>) -> FloatTensor<B> {
        let weights = match class_weights {
            Some(weights) => {
                let flat = B::int_reshape(self.labels.clone(), Shape::new([self.count]));
                let weights = B::float_select(weights, 0, flat);
                B::float_reshape(weights, Shape::new([self.count, 1]))
            }
            None => self.ones(1),
        };
        self.without_ignored(weights)
    }

    /// `Σ weight · value` of each row, `[rows, 1]`.
    fn class_sums(
        &self,
        values: FloatTensor<B>,
        class_weights: Option<FloatTensor<B>>,
    ) -> FloatTensor<B> {
        B::float_sum_dim(weighted::<B>(values, class_weights), 1)
    }

    /// `values`, less `by` (`[rows, 1]`) at each row's label.
    fn less_at_labels(&self, values: FloatTensor<B>, by: FloatTensor<B>) -> FloatTensor<B> {
        let by = B::float_neg(by);
        B::float_scatter(1, values, self.labels.clone(), by, IndexingUpdateOp::Add)
    }

    /// Zero in ignored rows. Masked rather than multiplied: they may hold infinities.
    fn without_ignored(&self, values: FloatTensor<B>) -> FloatTensor<B> {
        let Some(ignored) = &self.ignored else { return values };
        let ignored = B::bool_expand(ignored.clone(), values.shape());
        B::float_mask_fill(values, ignored, 0.0.into())
    }
}

/// Each column times the weight of its class.
fn weighted<B: Backend>(
    values: FloatTensor<B>,
    class_weights: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let Some(weights) = class_weights else { return values };
    let classes = weights.shape().num_elements();
    B::float_mul(values, B::float_reshape(weights, Shape::new([1, classes])))
}

/// `1 - p`, given `ln p`.
fn missing<B: Backend>(log_p: FloatTensor<B>) -> FloatTensor<B> {
    B::float_add_scalar(B::float_neg(B::float_exp(log_p)), 1.0.into())
}

/// `(1-p)^γ - γ p (1-p)^(γ-1) ln p`, given `ln p`. Kept away from `p` of 0 and 1, where the second
/// term is a product of zero and infinity, and nothing.
fn focal_slope<B: Backend>(log_p: FloatTensor<B>, gamma: f64) -> FloatTensor<B> {
    let log_p = B::float_clamp(log_p, (-80.0).into(), (-1e-7).into());
    let rest = B::float_clamp_min(missing::<B>(log_p.clone()), 1e-7.into());
    let first = B::float_powf_scalar(rest.clone(), gamma.into());
    let power = B::float_powf_scalar(rest, (gamma - 1.0).into());
    let second = B::float_mul(B::float_mul(B::float_exp(log_p.clone()), log_p), power);
    B::float_sub(first, B::float_mul_scalar(second, gamma.into()))
}
