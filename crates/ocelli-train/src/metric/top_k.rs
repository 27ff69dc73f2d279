use serde::Serialize;

use super::MetricError;

/// The class that a row of logits predicts: its largest, the first one among equals, as
/// `torch.argmax` decides. `None` for a row that holds NaN: a network that has diverged
/// predicts nothing.
pub fn prediction(logits: &[f32]) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (class, &logit) in logits.iter().enumerate() {
        if logit.is_nan() {
            return None;
        }
        if best.is_none_or(|(_, largest)| logit > largest) {
            best = Some((class, logit));
        }
    }
    best.map(|(class, _)| class)
}

/// How often the true class was among the k most likely ones, for several k at once.
///
/// Equal logits rank by class index, lowest first; so top-1 agrees with [`prediction`], and
/// a network that answers the same logit for every class scores as one that always answers
/// class 0, not as a perfect one. (`torch.topk` leaves the order of equals open.) A row that
/// holds NaN is a miss for every k.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopK {
    classes: usize,
    /// k and its hits, ascending by k.
    hits: Vec<(usize, u64)>,
    samples: u64,
}

impl TopK {
    /// Counts for each k in `ks`, clipped to `classes` (the top-5 of 3 classes is its top-3);
    /// what is equal after clipping is counted once.
    pub fn new(classes: usize, ks: &[usize]) -> Self {
        let mut clipped: Vec<usize> = ks.iter().map(|&k| k.clamp(1, classes.max(1))).collect();
        clipped.sort_unstable();
        clipped.dedup();
        Self { classes, hits: clipped.into_iter().map(|k| (k, 0)).collect(), samples: 0 }
    }

    /// Adds a batch.
    ///
    /// # Shapes
    ///
    /// `logits`: `[samples, classes]`, row after row; `truth`: `[samples]`. A label outside of
    /// `0..classes` is not counted at all.
    ///
    /// # Errors
    ///
    /// [`MetricError::Shape`] where the two do not fit; then nothing is counted.
    pub fn add(&mut self, logits: &[f32], truth: &[usize]) -> Result<(), MetricError> {
        let expected = truth.len().saturating_mul(self.classes);
        if logits.len() != expected {
            return Err(MetricError::Shape {
                found: logits.len(),
                expected,
                samples: truth.len(),
                classes: self.classes,
            });
        }
        if self.classes == 0 {
            return Ok(());
        }
        for (row, &label) in logits.chunks_exact(self.classes).zip(truth) {
            if label >= self.classes {
                continue;
            }
            self.samples += 1;
            if let Some(rank) = rank(row, label) {
                for (k, hits) in &mut self.hits {
                    *hits += u64::from(rank < *k);
                }
            }
        }
        Ok(())
    }

    /// Adds the counts of another accumulator over the same classes and ks.
    ///
    /// # Errors
    ///
    /// [`MetricError::Classes`] where the number of classes differs.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        if other.classes != self.classes || other.hits.len() != self.hits.len() {
            return Err(MetricError::Classes { found: other.classes, expected: self.classes });
        }
        for ((_, hits), (_, more)) in self.hits.iter_mut().zip(&other.hits) {
            *hits += more;
        }
        self.samples += other.samples;
        Ok(())
    }

    /// Share of samples, 0 to 1, whose class was among the `k` most likely (`k` clipped to the
    /// number of classes). `None` before any sample, and for a `k` that is not counted.
    pub fn accuracy(&self, k: usize) -> Option<f64> {
        let k = k.clamp(1, self.classes.max(1));
        let (_, hits) = self.hits.iter().find(|(counted, _)| *counted == k)?;
        (self.samples > 0).then(|| *hits as f64 / self.samples as f64)
    }

    /// Samples whose class was among the `k` most likely (`k` clipped to the number of classes).
    /// 0 for a `k` that is not counted.
    pub fn hits(&self, k: usize) -> u64 {
        let k = k.clamp(1, self.classes.max(1));
        self.hits.iter().find(|(counted, _)| *counted == k).map_or(0, |(_, hits)| *hits)
    }

    /// The ks that are counted, ascending, after clipping.
    pub fn ks(&self) -> impl Iterator<Item = usize> {
        self.hits.iter().map(|(k, _)| *k)
    }

    /// Samples counted so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }
}

/// Position of `label` when classes are ordered by falling logit, equals by index.
fn rank(logits: &[f32], label: usize) -> Option<usize> {
    let own = logits[label];
    let mut ahead = 0;
    for (class, &logit) in logits.iter().enumerate() {
        if logit.is_nan() {
            return None;
        }
        ahead += usize::from(logit > own || (logit == own && class < label));
    }
    Some(ahead)
}
