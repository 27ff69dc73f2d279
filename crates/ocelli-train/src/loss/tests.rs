use burn::tensor::{Int, Tensor, TensorData};
use serde::Deserialize;

use super::*;
use crate::testing::{assert_close, cpu};

/// Float32 rounding of a softmax over five classes and a mean over seven samples, relative to
/// 1 plus the value.
const TOLERANCE: f32 = 2e-6;

/// A central difference with a step of 1e-2 in float32: the rounding of the loss (1e-7) over
/// the step, and its curvature times the square of the step.
const DIFFERENCE_TOLERANCE: f32 = 2e-4;

#[derive(Deserialize)]
struct Case {
    name: String,
    recipe: LossConfig,
    logits: Vec<Vec<f32>>,
    labels: Option<Vec<i64>>,
    soft: Option<Vec<Vec<f32>>>,
    loss: f32,
    gradient: Vec<Vec<f32>>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../../fixtures/train/losses.json")).unwrap()
}

fn matrix(rows: &[Vec<f32>]) -> Tensor<2> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), &cpu())
}

fn labels(labels: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(labels.to_vec(), [labels.len()]), &cpu())
}

impl Case {
    fn loss(&self) -> CrossEntropy {
        CrossEntropy::new(&self.recipe, self.logits[0].len(), None, &cpu()).unwrap()
    }

    /// The targets of some of the samples.
    fn targets(&self, samples: std::ops::Range<usize>) -> Targets {
        match (&self.labels, &self.soft) {
            (Some(all), _) => Targets::Labels(labels(&all[samples])),
            (_, Some(all)) => Targets::Soft(matrix(&all[samples])),
            _ => panic!("{}: no targets", self.name),
        }
    }

    fn value(&self, logits: &[Vec<f32>]) -> f32 {
        let targets = self.targets(0..logits.len());
        self.loss().forward(matrix(logits), &targets).into_scalar()
    }
}

fn gradient(loss: &CrossEntropy, logits: &[Vec<f32>], targets: &Targets) -> (f32, Vec<f32>) {
    let logits = matrix(logits).autodiff().require_grad();
    let value = loss.forward(logits.clone(), targets);
    let gradients = value.backward();
    let gradient = logits.grad(&gradients).unwrap();
    (value.into_scalar(), gradient.into_data().iter().collect())
}

#[test]
fn loss_and_gradient_are_pytorchs() {
    for case in cases() {
        let all = case.targets(0..case.logits.len());
        let (value, gradient) = gradient(&case.loss(), &case.logits, &all);
        assert_close(&[value], &[case.loss], TOLERANCE, &case.name);
        assert_close(&gradient, &case.gradient.concat(), TOLERANCE, &case.name);
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    // A step across which large logits do not switch from one class to the other.
    let step = 1e-2;
    for case in cases().iter().filter(|case| case.name != "large logits") {
        let all = case.targets(0..case.logits.len());
        let (_, gradient) = gradient(&case.loss(), &case.logits, &all);
        let classes = case.logits[0].len();
        for (at, slope) in gradient.iter().enumerate() {
            let moved = |by: f32| {
                let mut logits = case.logits.clone();
                logits[at / classes][at % classes] += by;
                case.value(&logits)
            };
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            assert_close(&[*slope], &[difference], DIFFERENCE_TOLERANCE, &case.name);
        }
    }
}

#[test]
fn the_evaluated_loss_does_not_depend_on_the_batches() {
    for case in cases() {
        let loss = case.loss();
        for size in [1, 3, 7] {
            let (mut sum, mut weight) = (0.0, 0.0);
            for (at, rows) in case.logits.chunks(size).enumerate() {
                let targets = case.targets(at * size..at * size + rows.len());
                let part = loss.evaluate(matrix(rows), &targets);
                sum += part.0;
                weight += part.1;
            }
            let what = format!("{} in batches of {size}", case.name);
            assert_close(&[(sum / weight) as f32], &[case.loss], TOLERANCE, &what);
        }
    }
}

#[test]
fn a_batch_in_which_nothing_counts_has_no_loss_and_no_gradient() {
    for recipe in ["ignore_index = 9", "ignore_index = 9\nlabel_smoothing = 0.1"] {
        let config: LossConfig = toml::from_str(recipe).unwrap();
        let loss = CrossEntropy::new(&config, 3, None, &cpu()).unwrap();
        let logits = [vec![1.0, 2.0, 3.0], vec![0.0, 0.0, 1.0]];
        let targets = Targets::Labels(labels(&[9, 9]));
        assert_eq!(gradient(&loss, &logits, &targets), (0.0, vec![0.0; 6]));
        assert_eq!(loss.evaluate(matrix(&logits), &targets), (0.0, 0.0));
    }
}

#[test]
fn extreme_logits_give_finite_losses() {
    let loss = CrossEntropy::new(&LossConfig::default(), 2, None, &cpu()).unwrap();
    let logits = [vec![1e4, -1e4], vec![-1e38, 1e38], vec![-1e4, 1e4]];
    let targets = Targets::Labels(labels(&[0, 1, 0]));
    let (value, gradient) = gradient(&loss, &logits, &targets);
    assert_close(&[value], &[2e4 / 3.0], TOLERANCE, "loss");
    let third = 1.0 / 3.0;
    assert_close(&gradient, &[0.0, 0.0, 0.0, 0.0, -third, third], TOLERANCE, "gradient");
}

#[test]
#[should_panic(expected = "found label 5 (at 1 of the batch), expected 0 to 2, or 255")]
fn a_label_that_is_no_class_is_named() {
    let config: LossConfig = toml::from_str("ignore_index = 255").unwrap();
    let loss = CrossEntropy::new(&config, 3, None, &cpu()).unwrap();
    loss.forward(matrix(&[vec![0.0; 3], vec![0.0; 3]]), &Targets::Labels(labels(&[255, 5])));
}

#[test]
#[should_panic(expected = "found 1 labels for 2 rows")]
fn labels_that_do_not_fit_the_logits_are_refused() {
    let loss = CrossEntropy::new(&LossConfig::default(), 3, None, &cpu()).unwrap();
    loss.forward(matrix(&[vec![0.0; 3], vec![0.0; 3]]), &Targets::Labels(labels(&[1])));
}

#[test]
fn balanced_weights_make_classes_count_alike() {
    let counts = [6, 2, 4];
    let weights = balanced_weights(3, &counts).unwrap();
    assert_eq!(weights, [12.0 / 18.0, 2.0, 1.0]);
    for (weight, count) in weights.iter().zip(counts) {
        assert!((weight * count as f64 - 4.0).abs() < 1e-12);
    }
    let config: LossConfig = toml::from_str("class_weights = \"balanced\"").unwrap();
    assert!(CrossEntropy::new(&config, 3, Some(&counts), &cpu()).is_ok());
    let error = |counts| CrossEntropy::new(&config, 3, counts, &cpu()).unwrap_err();
    assert_eq!(error(None), LossError::Counts { found: 0, expected: 3 });
    assert_eq!(error(Some(&[1, 2])), LossError::Counts { found: 2, expected: 3 });
    assert_eq!(error(Some(&[1, 0, 2])), LossError::EmptyClass { class: 1 });
}

#[test]
fn a_list_of_weights_has_one_for_each_class() {
    let config: LossConfig = toml::from_str("class_weights = [1, 2.5]").unwrap();
    let error = CrossEntropy::new(&config, 3, None, &cpu()).unwrap_err();
    assert_eq!(error, LossError::WeightCount { found: 2, expected: 3 });
}

#[derive(Deserialize)]
struct Recipe {
    loss: LossConfig,
}

#[test]
fn a_loss_is_written_as_a_name_or_as_a_table() {
    let short: Recipe = toml::from_str("loss = \"cross_entropy\"").unwrap();
    let long: Recipe = toml::from_str("loss = { name = \"cross_entropy\" }").unwrap();
    assert_eq!(short.loss, long.loss);
    let smooth: Recipe =
        toml::from_str("[loss]\nlabel_smoothing = 0.1\nclass_weights = \"none\"").unwrap();
    assert_eq!(smooth.loss.label_smoothing, Some(0.1));
    let text = toml::to_string(&short.loss.resolved().unwrap()).unwrap();
    assert_eq!(text, "name = \"cross_entropy\"\nlabel_smoothing = 0.0\nclass_weights = \"none\"\n");
    assert_eq!(toml::from_str::<LossConfig>(&text).unwrap(), short.loss.resolved().unwrap());
}

#[test]
fn mistakes_in_a_loss_are_refused_where_they_stand() {
    for (recipe, place) in [
        ("loss = \"crossentropy\"", "line 1"),
        ("[loss]\nlabel_smooth = 0.1", "line 2, column 1"),
        ("[loss]\nclass_weights = \"auto\"", "line 2"),
        ("loss = 3", "line 1"),
    ] {
        let error = toml::from_str::<Recipe>(recipe).err().unwrap().to_string();
        assert!(error.contains(place), "{recipe}: {error}");
    }
    for (recipe, key) in [
        ("label_smoothing = 1.5", "label_smoothing"),
        ("label_smoothing = nan", "label_smoothing"),
        ("class_weights = [1, -1]", "class_weights"),
        ("class_weights = [0, 0]", "class_weights"),
        ("class_weights = []", "class_weights"),
    ] {
        let config: LossConfig = toml::from_str(recipe).unwrap();
        assert_eq!(config.resolved().unwrap_err().key(), key, "{recipe}");
    }
}
