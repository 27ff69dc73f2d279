use burn::tensor::{Tensor, TensorData};
use ocelli_testing::assert_gradient;
use serde::{Deserialize, Serialize};

use super::*;
use crate::testing::{assert_close, cpu};

/// Float32 rounding of a softmax over five classes and a mean over 24 pixels, relative to 1 plus
/// the value.
const TOLERANCE: f32 = 2e-6;

/// Of the gradient's length: central differences of a float32 loss.
const DIFFERENCE_TOLERANCE: f64 = 2e-3;

#[derive(Deserialize)]
struct Fixture {
    shape: [usize; 3],
    classes: usize,
    scores: Vec<f32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    recipe: DenseLossConfig,
    masks: Vec<u8>,
    loss: f32,
    gradient: Vec<f32>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../../../fixtures/train/dense_losses.json")).unwrap()
}

impl Fixture {
    fn loss(&self, case: &Case) -> DenseLoss {
        DenseLoss::new(&case.recipe, self.classes, None, &cpu()).unwrap()
    }

    fn scores(&self) -> Tensor<4> {
        let [n, h, w] = self.shape;
        let data = TensorData::new(self.scores.clone(), [n, h, w, self.classes]);
        Tensor::from_data(data, &cpu())
    }

    fn masks(&self, case: &Case) -> DenseTargets {
        DenseTargets::new(case.masks.clone(), self.shape, &cpu())
    }
}

fn gradient(loss: &DenseLoss, scores: Tensor<4>, masks: &DenseTargets) -> (f32, Vec<f32>) {
    let scores = scores.autodiff().require_grad();
    let value = loss.forward(scores.clone(), masks);
    let gradients = value.backward();
    let gradient = scores.grad(&gradients).unwrap();
    (value.into_scalar(), gradient.into_data().iter().collect())
}

fn config(recipe: &str) -> DenseLossConfig {
    toml::from_str::<Recipe>(&format!("loss = {recipe}")).unwrap().loss
}

fn loss(recipe: &str, classes: usize) -> DenseLoss {
    DenseLoss::new(&config(recipe), classes, None, &cpu()).unwrap()
}

#[test]
fn losses_and_gradients_are_those_of_the_definitions() {
    let fixture = fixture();
    for case in &fixture.cases {
        let masks = fixture.masks(case);
        let (value, gradient) = gradient(&fixture.loss(case), fixture.scores(), &masks);
        assert_close(&[value], &[case.loss], TOLERANCE, &case.name);
        assert_close(&gradient, &case.gradient, TOLERANCE, &case.name);
    }
}

#[test]
fn gradients_are_the_slopes_of_the_losses() {
    let fixture = fixture();
    for case in &fixture.cases {
        let (loss, masks) = (fixture.loss(case), fixture.masks(case));
        let forward = |scores| loss.forward(scores, &masks);
        assert_gradient(&case.name, &fixture.scores(), forward, DIFFERENCE_TOLERANCE);
    }
}

#[test]
fn focal_loss_without_a_power_is_cross_entropy() {
    let fixture = fixture();
    let case = &fixture.cases[1];
    let masks = fixture.masks(case);
    let [plain, focal] = ["\"cross_entropy\"", "{ name = \"focal\", gamma = 0 }"]
        .map(|recipe| gradient(&loss(recipe, fixture.classes), fixture.scores(), &masks));
    assert_eq!(plain, focal);
}

#[test]
fn the_evaluated_cross_entropy_does_not_depend_on_the_batches() {
    let fixture = fixture();
    let [n, h, w] = fixture.shape;
    for case in fixture.cases.iter().filter(|case| case.recipe.terms.len() == 1) {
        let loss = fixture.loss(case);
        let (mut sum, mut weight) = loss.evaluate(fixture.scores(), &fixture.masks(case));
        assert_close(&[(sum / weight) as f32], &[case.loss], TOLERANCE, &case.name);
        if matches!(case.recipe.terms[0].name, DenseLossName::CrossEntropy | DenseLossName::Focal) {
            (sum, weight) = (0.0, 0.0);
            for (picture, mask) in case.masks.chunks(h * w).enumerate() {
                let scores = fixture.scores().narrow(0, picture, 1);
                let mask = DenseTargets::new(mask.to_vec(), [1, h, w], &cpu());
                let part = loss.evaluate(scores, &mask);
                (sum, weight) = (sum + part.0, weight + part.1);
            }
            assert_close(&[(sum / weight) as f32], &[case.loss], TOLERANCE, &case.name);
        } else {
            assert_eq!(weight, n as f64, "{}", case.name);
        }
    }
}

#[test]
fn a_batch_in_which_nothing_counts_has_no_loss_and_no_gradient() {
    let masks = DenseTargets::new(vec![255, 0], [1, 1, 2], &cpu());
    for name in ["cross_entropy", "focal", "dice", "jaccard", "tversky"] {
        let loss = loss(&format!("{{ name = \"{name}\", ignore_index = 0 }}"), 3);
        let scores = Tensor::<4>::from_data([[[[1.0, 2.0, 3.0], [f32::NAN, 0.0, 1.0]]]], &cpu());
        assert_eq!(gradient(&loss, scores.clone(), &masks), (0.0, vec![0.0; 6]), "{name}");
        assert_eq!(loss.evaluate(scores, &masks), (0.0, 0.0), "{name}");
    }
}

#[test]
fn certain_scores_give_finite_losses() {
    let masks = DenseTargets::new(vec![0, 1], [1, 1, 2], &cpu());
    for (recipe, expected) in
        [("{ name = \"focal\", gamma = 0.5 }", 1e4), ("\"focal\"", 1e4), ("\"dice\"", 2.0 / 3.0)]
    {
        let loss = loss(recipe, 2);
        let scores = Tensor::<4>::from_data([[[[1e4, -1e4], [1e4, -1e4]]]], &cpu());
        let (value, gradient) = gradient(&loss, scores, &masks);
        assert_close(&[value], &[expected], TOLERANCE, recipe);
        assert!(gradient.iter().all(|slope| slope.is_finite()), "{recipe}: {gradient:?}");
    }
}

#[test]
#[should_panic(expected = "found the value 7 in a mask, expected a class, 0 to 2, or 255, which")]
fn a_value_that_is_no_class_is_named() {
    let masks = DenseTargets::new(vec![255, 7], [1, 1, 2], &cpu());
    loss("\"dice\"", 3).forward(Tensor::zeros([1, 1, 2, 3], &cpu()), &masks);
}

#[test]
#[should_panic(expected = "found masks of shape [1, 2, 1] for scores of [1, 1, 2]")]
fn masks_that_do_not_fit_the_scores_are_refused() {
    let masks = DenseTargets::new(vec![0, 1], [1, 2, 1], &cpu());
    loss("\"dice\"", 3).forward(Tensor::zeros([1, 1, 2, 3], &cpu()), &masks);
}

#[test]
fn balanced_weights_count_pixels_and_leave_an_ignored_class_out() {
    let build = |recipe: &str, counts| DenseLoss::new(&config(recipe), 3, counts, &cpu());
    let recipe = "{ name = \"focal\", alpha = \"balanced\" }";
    assert!(build(recipe, Some(&[6, 2, 4])).is_ok());
    let error = build(recipe, Some(&[6, 0, 4])).unwrap_err();
    assert_eq!(error, LossError::Alpha { source: Box::new(LossError::EmptyClass { class: 1 }) });
    let ignoring = "{ class_weights = \"balanced\", ignore_index = 1 }";
    let Kind::Pixels(_, Some(weights)) = &build(ignoring, Some(&[6, 0, 2])).unwrap().terms[0].kind
    else {
        panic!("no weights")
    };
    let weights: Vec<f32> = weights.to_data().iter().collect();
    assert_eq!(weights, [8.0 / 12.0, 0.0, 2.0]);
    let error = build(ignoring, Some(&[6, 0, 0])).unwrap_err();
    assert_eq!(error, LossError::EmptyClass { class: 2 });
    let error = build("{ name = \"dice\", class_weights = [1, 2] }", None).unwrap_err();
    assert_eq!(error, LossError::WeightCount { found: 2, expected: 3 });
    let error = DenseLoss::new(&config("\"dice\""), 256, None, &cpu()).unwrap_err();
    assert_eq!(error, LossError::Classes { found: 256 });
}

#[derive(Deserialize, Serialize)]
struct Recipe {
    loss: DenseLossConfig,
}

#[test]
fn a_loss_is_written_as_a_name_a_table_or_a_list() {
    assert_eq!(config("\"dice\""), config("{ name = \"dice\" }"));
    assert_eq!(config("[\"dice\"]"), config("\"dice\""));
    let two = config("[{ name = \"cross_entropy\", weight = 2 }, \"dice\"]");
    assert_eq!(two.terms[0].weight, Some(2.0));
    for (recipe, expected) in [
        (
            "\"cross_entropy\"",
            "[loss]\nname = \"cross_entropy\"\nclass_weights = \"none\"\nignore_index = 255\n\
             label_smoothing = 0.0\n",
        ),
        (
            "\"focal\"",
            "[loss]\nname = \"focal\"\ngamma = 2.0\nalpha = \"none\"\nignore_index = 255\n",
        ),
        (
            "[\"jaccard\", { name = \"tversky\", alpha = 1, weight = 0.5 }]",
            "[[loss]]\nname = \"jaccard\"\nweight = 1.0\nclass_weights = \"none\"\n\
             ignore_index = 255\nsmooth = 0.0\n\n[[loss]]\nname = \"tversky\"\nweight = 0.5\n\
             alpha = 1.0\nbeta = 0.5\nclass_weights = \"none\"\nignore_index = 255\nsmooth = 0.0\n",
        ),
    ] {
        let loss = config(recipe).resolved().unwrap();
        let text = toml::to_string(&Recipe { loss: loss.clone() }).unwrap();
        assert_eq!(text, expected, "{recipe}");
        assert_eq!(toml::from_str::<Recipe>(&text).unwrap().loss, loss);
        assert_eq!(loss.resolved().unwrap(), loss);
    }
}

#[test]
fn mistakes_in_a_loss_are_refused_where_they_stand() {
    for (recipe, place) in [
        ("loss = \"lovasz\"", "line 1"),
        ("loss = []", "line 1"),
        ("loss = 3", "line 1"),
        ("[loss]\nname = \"dice\"\nlog = true", "line 3, column 1"),
        ("[loss]\nignore_index = 300", "line 2"),
        ("[[loss]]\nname = \"dice\"\n[[loss]]\nname = \"focal\"\ngama = 2", "line 5, column 1"),
        ("[loss]\nname = \"focal\"\nalpha = \"auto\"", "line 3"),
    ] {
        let error = toml::from_str::<Recipe>(recipe).err().unwrap().to_string();
        assert!(error.contains(place), "{recipe}: {error}");
    }
    for (recipe, key) in [
        ("{ gamma = 2 }", "gamma"),
        ("{ name = \"focal\", class_weights = \"balanced\" }", "class_weights"),
        ("{ name = \"focal\", label_smoothing = 0.1 }", "label_smoothing"),
        ("{ name = \"focal\", alpha = 0.25 }", "alpha"),
        ("{ name = \"focal\", alpha = [1, -1] }", "alpha"),
        ("{ name = \"focal\", gamma = -1 }", "gamma"),
        ("{ name = \"dice\", alpha = 0.5 }", "alpha"),
        ("{ name = \"dice\", beta = 0.5 }", "beta"),
        ("{ name = \"dice\", smooth = nan }", "smooth"),
        ("{ name = \"jaccard\", gamma = 0.5 }", "gamma"),
        ("{ name = \"tversky\", alpha = [1, 2] }", "alpha"),
        ("{ label_smoothing = 1.5 }", "label_smoothing"),
        ("{ smooth = 1 }", "smooth"),
        ("{ class_weights = [0, 0] }", "class_weights"),
        ("[\"dice\", { weight = 0 }]", "weight"),
    ] {
        assert_eq!(config(recipe).resolved().unwrap_err().key(), key, "{recipe}");
    }
}
