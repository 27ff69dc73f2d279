use burn::tensor::{Tensor, TensorData};

use super::*;
use crate::testing::{assert_close, cpu};

/// Float32 rounding of a mean over 48 numbers, relative to 1 plus the value.
const TOLERANCE: f32 = 1e-6;

#[derive(Deserialize)]
struct Fixture {
    shape: [usize; 4],
    found: Vec<f32>,
    wanted: Vec<f32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    recipe: PixelLossConfig,
    loss: f32,
    gradient: Vec<f32>,
}

#[test]
fn losses_and_gradients_are_pytorchs() {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../../../../../fixtures/train/pixel_losses.json"))
            .unwrap();
    let tensor = |values: &[f32]| -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), fixture.shape), &cpu())
    };
    for case in &fixture.cases {
        let loss = PixelLoss::new(&case.recipe).unwrap();
        let found = tensor(&fixture.found).autodiff().require_grad();
        let value = loss.forward(found.clone(), tensor(&fixture.wanted).autodiff());
        let gradients = value.backward();
        let gradient: Vec<f32> = found.grad(&gradients).unwrap().into_data().iter().collect();
        assert_close(&[value.into_scalar()], &[case.loss], TOLERANCE, &case.name);
        assert_close(&gradient, &case.gradient, TOLERANCE, &case.name);
        let (sum, count) = loss.evaluate(tensor(&fixture.found), tensor(&fixture.wanted));
        assert_eq!(count, fixture.found.len() as f64);
        assert_close(&[(sum / count) as f32], &[case.loss], TOLERANCE, &case.name);
    }
}

#[derive(Deserialize)]
struct Recipe {
    loss: PixelLossConfig,
}

#[test]
fn a_loss_is_written_as_a_name_or_as_a_table() {
    let config = |recipe: &str| toml::from_str::<Recipe>(recipe).map(|recipe| recipe.loss);
    let short = config("loss = \"smooth_l1\"").unwrap().resolved().unwrap();
    assert_eq!(toml::to_string(&short).unwrap(), "name = \"smooth_l1\"\nbeta = 1.0\n");
    assert_eq!(config("loss = { name = \"smooth_l1\", beta = 1 }").unwrap(), short);
    assert_eq!(config("[loss]").unwrap(), PixelLossConfig::default());
    for (recipe, place) in [("loss = \"l2\"", "line 1"), ("[loss]\ndelta = 1", "line 2, column 1")]
    {
        let error = config(recipe).unwrap_err().to_string();
        assert!(error.contains(place), "{recipe}: {error}");
    }
    for recipe in ["{ name = \"l1\", beta = 1 }", "{ name = \"smooth_l1\", beta = 0 }"] {
        let error = config(&format!("loss = {recipe}")).unwrap().resolved().unwrap_err();
        assert_eq!(error.key(), "beta");
    }
}
