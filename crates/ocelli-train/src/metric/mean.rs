use serde::Serialize;

/// A weighted mean, summed in double precision.
///
/// Fed with sums rather than with means: for a loss, the sum over a batch and the weight
/// that it stands for, so that the mean over an epoch is independent of how it was cut into
/// batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    /// An empty mean.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sum of values and the weight (often: the count) behind it.
    pub fn add(&mut self, sum: f64, weight: f64) {
        self.sum += sum;
        self.weight += weight;
    }

    /// Adds one value that stands for `weight` samples.
    pub fn add_mean(&mut self, mean: f64, weight: f64) {
        self.add(mean * weight, weight);
    }

    /// The mean so far; `None` before anything with a weight was added. Not finite once a
    /// value that is not finite was added: a diverged loss must not look like a fine one.
    pub fn value(&self) -> Option<f64> {
        (self.weight != 0.0).then(|| self.sum / self.weight)
    }

    /// The weight so far.
    pub fn weight(&self) -> f64 {
        self.weight
    }
}
