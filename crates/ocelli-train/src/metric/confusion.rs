use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MetricError, shown};

/// Above this many classes the matrix keeps only its non-zero cells: 2048 classes are 32 MiB
/// of counts, ImageNet-21k would be 3.8 GB, of which a data set fills next to nothing.
const DENSE_CLASSES: usize = 2048;

/// How often each class was taken for each other, over a whole data set.
///
/// Written by serde as its non-zero cells, `{"classes":3,"cells":[[truth,predicted,count],…],
/// "unpredicted":[[truth,count],…],"ignored":0}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct ConfusionMatrix {
    classes: usize,
    cells: Cells,
    /// Per class, samples of it for which nothing was predicted.
    unpredicted: BTreeMap<usize, u64>,
    ignored: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Cells {
    Dense(Vec<u64>),
    Sparse(BTreeMap<(usize, usize), u64>),
}

/// Scores of one class. `None` where the score is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// Index of the class.
    pub class: usize,
    /// Of what was predicted as this class, the share that is: `tp / (tp + fp)`. Not defined
    /// for a class that was never predicted.
    pub precision: Option<f64>,
    /// Of what is this class, the share that was found: `tp / (tp + fn)`. Not defined for a
    /// class that the data does not hold.
    pub recall: Option<f64>,
    /// Harmonic mean of the two: `2 tp / (2 tp + fp + fn)`. Not defined for a class neither
    /// present nor predicted.
    pub f1: Option<f64>,
    /// Samples of this class.
    pub support: u64,
    /// Samples predicted as this class.
    pub predicted: u64,
}

/// Means over the classes that the data holds, each class counting alike.
///
/// A class that is present and was never predicted adds 0 to the mean precision, as with
/// scikit-learn. A class that is only predicted, never present, is left out (scikit-learn
/// counts it as 0, which punishes evaluating on a subset of the classes).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    /// Classes present, over which the means are taken.
    pub classes: usize,
    /// Mean precision.
    pub precision: Option<f64>,
    /// Mean recall: the balanced accuracy.
    pub recall: Option<f64>,
    /// Mean F1 score.
    pub f1: Option<f64>,
}

impl ConfusionMatrix {
    /// An empty matrix over `classes` classes.
    pub fn new(classes: usize) -> Self {
        let cells = if classes <= DENSE_CLASSES {
            Cells::Dense(vec![0; classes * classes])
        } else {
            Cells::Sparse(BTreeMap::new())
        };
        Self { classes, cells, unpredicted: BTreeMap::new(), ignored: 0 }
    }

    /// Counts one sample.
    ///
    /// A `truth` outside of `0..classes` (an ignored pixel) is left out of every score and
    /// only counted in [`ignored`](Self::ignored). A `predicted` outside of them, like `None`
    /// in [`add_prediction`](Self::add_prediction), is a miss.
    pub fn add(&mut self, predicted: usize, truth: usize) {
        self.add_count(predicted, truth, 1);
    }

    /// Counts one sample for which there may be no prediction: a row of logits that holds NaN
    /// predicts nothing, and is a miss.
    pub fn add_prediction(&mut self, predicted: Option<usize>, truth: usize) {
        self.add(predicted.unwrap_or(usize::MAX), truth);
    }

    /// Adds the counts of another matrix over the same classes.
    ///
    /// # Errors
    ///
    /// [`MetricError::Classes`] where the number of classes differs.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        if other.classes != self.classes {
            return Err(MetricError::Classes { found: other.classes, expected: self.classes });
        }
        for (truth, predicted, count) in other.non_zero() {
            self.add_count(predicted, truth, count);
        }
        for (&truth, &count) in &other.unpredicted {
            *self.unpredicted.entry(truth).or_default() += count;
        }
        self.ignored += other.ignored;
        Ok(())
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How often `truth` was taken for `predicted`; 0 outside of the classes.
    pub fn count(&self, predicted: usize, truth: usize) -> u64 {
        if predicted >= self.classes || truth >= self.classes {
            return 0;
        }
        match &self.cells {
            Cells::Dense(cells) => cells[truth * self.classes + predicted],
            Cells::Sparse(cells) => cells.get(&(truth, predicted)).copied().unwrap_or(0),
        }
    }

    /// Samples in the scores.
    pub fn total(&self) -> u64 {
        self.non_zero().map(|(_, _, count)| count).sum::<u64>() + self.missed()
    }

    /// Samples left out because their truth is no class.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Share of samples, 0 to 1, that were predicted right; `None` without samples.
    pub fn accuracy(&self) -> Option<f64> {
        let correct: u64 = (0..self.classes).map(|class| self.count(class, class)).sum();
        ratio(correct, self.total())
    }

    /// Scores of every class, in class order.
    pub fn per_class(&self) -> Vec<ClassScore> {
        let mut support = vec![0u64; self.classes];
        let mut predicted_as = vec![0u64; self.classes];
        for (truth, predicted, count) in self.non_zero() {
            support[truth] += count;
            predicted_as[predicted] += count;
        }
        for (&truth, &count) in &self.unpredicted {
            support[truth] += count;
        }
        (0..self.classes)
            .map(|class| {
                let correct = self.count(class, class);
                let (support, predicted) = (support[class], predicted_as[class]);
                ClassScore {
                    class,
                    precision: ratio(correct, predicted),
                    recall: ratio(correct, support),
                    // tp + fp = predicted and tp + fn = support.
                    f1: ratio(2 * correct, predicted + support),
                    support,
                    predicted,
                }
            })
            .collect()
    }

    /// Means over the classes present.
    pub fn macro_averages(&self) -> Averages {
        let scores = self.per_class();
        let present: Vec<&ClassScore> = scores.iter().filter(|score| score.support > 0).collect();
        let mean = |of: fn(&ClassScore) -> Option<f64>| {
            let sum: f64 = present.iter().map(|score| of(score).unwrap_or(0.0)).sum();
            (!present.is_empty()).then(|| sum / present.len() as f64)
        };
        Averages {
            classes: present.len(),
            precision: mean(|score| score.precision),
            recall: mean(|score| score.recall),
            f1: mean(|score| score.f1),
        }
    }

    /// The per-class scores as an aligned text table, one line a class, with the macro
    /// averages below; what is not defined is `-`. A class without a name shows its index.
    pub fn table(&self, names: &[String]) -> String {
        let scores = self.per_class();
        let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| class.to_string());
        let averages = self.macro_averages();
        let rows = scores.iter().map(|score| {
            (name(score.class), score.precision, score.recall, score.f1, score.support)
        });
        let last = ("macro average".to_owned(), averages.precision, averages.recall, averages.f1);
        let last = (last.0, last.1, last.2, last.3, self.total());
        let rows: Vec<_> = rows.chain([last]).collect();
        let width = rows.iter().map(|row| row.0.chars().count()).max().unwrap_or(0).max(5);
        let mut text =
            format!("{:width$}  precision  recall      f1  support\n", "class", width = width);
        for (name, precision, recall, f1, support) in rows {
            text += &format!(
                "{name:width$}  {:>9}  {:>6}  {:>6}  {support:>7}\n",
                shown(precision, 4),
                shown(recall, 4),
                shown(f1, 4),
            );
        }
        text
    }

    /// Cells with a count, as (truth, predicted, count), in rising order.
    pub fn non_zero(&self) -> Box<dyn Iterator<Item = (usize, usize, u64)> + '_> {
        match &self.cells {
            Cells::Dense(cells) => Box::new(
                cells
                    .iter()
                    .enumerate()
                    .filter(|(_, count)| **count > 0)
                    .map(|(at, &count)| (at / self.classes, at % self.classes, count)),
            ),
            Cells::Sparse(cells) => Box::new(
                cells.iter().map(|(&(truth, predicted), &count)| (truth, predicted, count)),
            ),
        }
    }

    fn missed(&self) -> u64 {
        self.unpredicted.values().sum()
    }

    pub(super) fn add_count(&mut self, predicted: usize, truth: usize, count: u64) {
        if truth >= self.classes {
            self.ignored += count;
            return;
        }
        if predicted >= self.classes {
            *self.unpredicted.entry(truth).or_default() += count;
            return;
        }
        match &mut self.cells {
            Cells::Dense(cells) => cells[truth * self.classes + predicted] += count,
            Cells::Sparse(cells) => *cells.entry((truth, predicted)).or_default() += count,
        }
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The matrix in files: non-zero cells only.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    classes: usize,
    cells: Vec<(usize, usize, u64)>,
    unpredicted: Vec<(usize, u64)>,
    ignored: u64,
}

impl From<ConfusionMatrix> for Written {
    fn from(matrix: ConfusionMatrix) -> Self {
        Self {
            classes: matrix.classes,
            cells: matrix.non_zero().collect(),
            unpredicted: matrix.unpredicted.into_iter().collect(),
            ignored: matrix.ignored,
        }
    }
}

impl TryFrom<Written> for ConfusionMatrix {
    type Error = MetricError;

    fn try_from(written: Written) -> Result<Self, MetricError> {
        let classes = written.classes;
        let mut matrix = Self::new(classes);
        for (truth, predicted, count) in written.cells {
            if truth >= classes || predicted >= classes {
                return Err(MetricError::Cell { truth, predicted, classes });
            }
            matrix.add_count(predicted, truth, count);
        }
        for (truth, count) in written.unpredicted {
            if truth >= classes {
                return Err(MetricError::Cell { truth, predicted: classes, classes });
            }
            matrix.add_count(usize::MAX, truth, count);
        }
        matrix.ignored = written.ignored;
        Ok(matrix)
    }
}
