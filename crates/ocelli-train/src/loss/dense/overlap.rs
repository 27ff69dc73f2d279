use burn::tensor::{Tensor, TensorData};

/// Divided by at least, as segmentation_models.pytorch does.
const EPSILON: f64 = 1e-7;

/// The share of each class's region that was missed: Tversky loss (Salehi et al. 2017), of which
/// Dice (Milletari et al. 2016) and Jaccard loss (Rahman and Wang 2016) are cases.
///
/// With `p` the softmax probabilities, summed over all pixels of the batch that count,
///
/// ```text
/// tp = Σ p [class is true]    fp = Σ p - tp    fn = pixels of the class - tp
/// loss = 1 - (tp + smooth) / max(tp + alpha fp + beta fn + smooth, 1e-7)
/// ```
///
/// and the mean is over the classes that are there in truth: one that isn't has nothing to be
/// overlapped.
#[derive(Clone, Debug)]
pub(super) struct Overlap {
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) smooth: f64,
    /// What each class counts in the mean; `None` where all count alike.
    pub(super) weights: Option<Vec<f64>>,
}

impl Overlap {
    /// # Shapes
    ///
    /// `sums`: `[2, classes]` of [`softmax_class_sums`](ocelli_nn::functional::softmax_class_sums);
    /// `truth`: `[classes]`, pixels of each class; the result `[1]`.
    pub(super) fn loss(&self, sums: Tensor<2>, truth: &[u64]) -> Tensor<1> {
        let classes = truth.len();
        let device = sums.device().inner();
        let vector = |values: Vec<f32>| -> Tensor<1> {
            Tensor::from_data(TensorData::new(values, [classes]), &device)
        };
        // The share of each class in the mean.
        let weight = |class: usize| self.weights.as_ref().map_or(1.0, |weights| weights[class]);
        let present = |class: usize| if truth[class] > 0 { weight(class) } else { 0.0 };
        let total: f64 = (0..classes).map(present).sum();
        let share = |class| if total > 0.0 { (present(class) / total) as f32 } else { 0.0 };
        let shares = (0..classes).map(share).collect();
        let truth = truth.iter().map(|&pixels| (self.beta * pixels as f64) as f32).collect();

        let hits = sums.clone().slice([0..1, 0..classes]).reshape([classes]);
        let all = sums.slice([1..2, 0..classes]).reshape([classes]);
        // tp + alpha (Σ p - tp) + beta (pixels - tp) + smooth
        let own = hits.clone().mul_scalar(1.0 - self.alpha - self.beta);
        let denominator = own + all.mul_scalar(self.alpha) + vector(truth);
        let denominator = denominator.add_scalar(self.smooth).clamp_min(EPSILON);
        let score = hits.add_scalar(self.smooth) / denominator;
        (score.neg().add_scalar(1.0) * vector(shares)).sum()
    }
}
