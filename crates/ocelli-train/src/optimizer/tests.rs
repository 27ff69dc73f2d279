use std::collections::BTreeMap;

use burn::tensor::Tensor;
use ocelli_nn::state::{Array, StateDict, update_parameters};
use serde::Deserialize;

use super::*;
use crate::testing::{Affine, assert_close, cpu, vector, vectors};

/// Twenty steps of float32 rounding in another order than PyTorch's.
const TOLERANCE: f32 = 1e-5;

type Values = BTreeMap<String, Vec<f32>>;

#[derive(Deserialize)]
struct Reference {
    start: Values,
    gradients: Vec<Values>,
    rates: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    recipe: OptimizerConfig,
    late_bias: bool,
    after: BTreeMap<u64, Values>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../../fixtures/train/optimizers.json")).unwrap()
}

impl Reference {
    fn model(&self) -> Affine {
        Affine::new(&self.start["weight"], [7, 5], &self.start["bias"])
    }

    /// The gradients of one step; without the bias's while it is frozen.
    fn gradients(&self, case: &Case, step: usize) -> BTreeMap<String, Tensor<1>> {
        let mut gradients = vectors(&self.gradients[step]);
        if case.late_bias && step < 10 {
            gradients.remove("bias");
        }
        gradients
    }
}

fn optimizer_of(config: &OptimizerConfig) -> Optimizer {
    Optimizer::new(config).unwrap()
}

fn optimizer(recipe: &str) -> Optimizer {
    optimizer_of(&toml::from_str(recipe).unwrap())
}

#[test]
fn every_rule_takes_the_steps_that_pytorch_takes() {
    let reference = reference();
    for case in &reference.cases {
        let mut optimizer = optimizer_of(&case.recipe);
        let mut model = reference.model();
        for step in 0..reference.gradients.len() {
            let gradients = reference.gradients(case, step);
            model = optimizer.step(model, gradients, reference.rates[step]);
            for (key, expected) in case.after.get(&optimizer.steps()).into_iter().flatten() {
                let what = format!("{}, {key} after {} steps", case.name, step + 1);
                assert_close(&model.values(key), expected, TOLERANCE, &what);
            }
        }
        assert_eq!(optimizer.steps(), 20);
    }
}

#[test]
fn a_resumed_optimizer_continues_bit_for_bit() {
    let reference = reference();
    for case in &reference.cases {
        let mut unbroken = optimizer_of(&case.recipe);
        let mut model = reference.model();
        let mut resumed = None;
        for step in 0..reference.gradients.len() {
            if step == 13 {
                let mut optimizer = optimizer_of(&case.recipe);
                optimizer.load_state(&unbroken.state(), &cpu()).unwrap();
                optimizer.check(&nn_state::state_dict(&model)).unwrap();
                let model = optimizer.reserve(model.clone());
                resumed = Some((optimizer, model));
            }
            let gradients = reference.gradients(case, step);
            if let Some((mut optimizer, model)) = resumed.take() {
                let model = optimizer.step(model, gradients.clone(), reference.rates[step]);
                resumed = Some((optimizer, model));
            }
            model = unbroken.step(model, gradients, reference.rates[step]);
        }
        let (optimizer, resumed) = resumed.unwrap();
        for key in ["weight", "bias"] {
            assert_eq!(model.values(key), resumed.values(key), "{}: {key}", case.name);
        }
        assert_eq!(unbroken.state(), optimizer.state(), "{}", case.name);
    }
}

#[test]
fn tensor_operations_take_the_same_steps_as_slices() {
    for case in reference().cases {
        let step =
            Step { learning_rate: 0.1, weight_decay: case.recipe.weight_decay.unwrap_or(0.0) };
        let [mut on_slices, mut on_tensors] = [(); 2].map(|()| optimizer_of(&case.recipe).rule);
        let [mut by_slices, mut by_tensors] = [(); 2].map(|()| vector(&[1.0, -2.0, 0.5]));
        for t in 0..5 {
            let gradient = vector(&[0.3, -1e-3 * t as f32, 7.0]);
            by_slices = match &mut on_slices {
                Rule::Adam(adam) => adam.update("w", by_slices, gradient.clone(), step),
                Rule::Sgd(sgd) => sgd.update("w", by_slices, gradient.clone(), step),
                Rule::Lars(lars) => lars.update("w", by_slices, gradient.clone(), step),
            };
            by_tensors = match &mut on_tensors {
                Rule::Adam(adam) => adam.update_by_tensors("w", by_tensors, gradient, step),
                Rule::Sgd(sgd) => sgd.update_by_tensors("w", by_tensors, gradient, step),
                // Its own part is the same on both; what follows is `sgd`'s.
                Rule::Lars(lars) => lars.update("w", by_tensors, gradient, step),
            };
        }
        let [by_slices, by_tensors] = [by_slices, by_tensors].map(|t| crate::flat::to_vec(&t));
        assert_close(&by_tensors, &by_slices, TOLERANCE, &case.name);
    }
}

#[test]
fn a_large_parameter_is_updated_to_its_last_element() {
    // Straddles the pieces that threads work on.
    let length = 2 * crate::flat::CHUNK + 17;
    let gradient: Vec<f32> = (0..length).map(|i| if i % 3 == 0 { 1.0 } else { -2.0 }).collect();
    for recipe in ["name = \"adamw\"\nweight_decay = 0.0", "name = \"sgd\"\nmomentum = 0.9"] {
        let mut optimizer = optimizer(recipe);
        let model = Affine::new(&vec![0.5; length], [length, 1], &[0.0]);
        let gradients = BTreeMap::from([("weight".to_owned(), vector(&gradient))]);
        let moved = optimizer.step(model, gradients, 0.25).values("weight");
        // The first step of Adam is the learning rate times the sign of the gradient.
        let direction = |g: f32| if recipe.contains("adamw") { g.signum() } else { g };
        let expected: Vec<f32> = gradient.iter().map(|g| 0.5 - 0.25 * direction(*g)).collect();
        assert_close(&moved, &expected, TOLERANCE, recipe);
    }
}

#[test]
fn a_parameter_without_gradient_stays_as_it_is() {
    let mut optimizer = optimizer("name = \"adamw\"\nweight_decay = 0.5");
    let model = optimizer.reserve(Affine::new(&[1.0, 2.0], [2, 1], &[3.0]));
    let gradients = BTreeMap::from([("weight".to_owned(), vector(&[1.0, 1.0]))]);
    let model = optimizer.step(model, gradients, 0.1);
    assert_eq!(model.values("bias"), [3.0]);
    assert_ne!(model.values("weight"), [1.0, 2.0]);
    let keys: Vec<_> = optimizer.state().keys().map(str::to_owned).collect();
    assert_eq!(keys, ["exp_avg.weight", "exp_avg_sq.weight", "step", "step.weight"]);
}

#[test]
fn a_clone_of_the_model_keeps_its_weights() {
    let mut optimizer = optimizer("name = \"adamw\"");
    let model = Affine::new(&[1.0, 2.0], [2, 1], &[3.0]);
    let clone = model.clone();
    let gradients = BTreeMap::from([("weight".to_owned(), vector(&[1.0, 1.0]))]);
    let model = optimizer.step(model, gradients, 0.1);
    assert_eq!(clone.values("weight"), [1.0, 2.0]);
    assert_ne!(model.values("weight"), [1.0, 2.0]);
}

#[test]
fn moving_a_parameter_that_nothing_else_holds_does_not_copy_it() {
    let mut optimizer = optimizer("name = \"adamw\"");
    let mut model = Affine::new(&[1.0, 2.0], [2, 1], &[3.0]);
    let mut places = Vec::new();
    for _ in 0..2 {
        let gradients = BTreeMap::from([("weight".to_owned(), vector(&[1.0, 1.0]))]);
        model = optimizer.step(model, gradients, 0.1);
        model = update_parameters(model, |key: &str, value: Tensor<1>| {
            let flat = crate::flat::Flat::new(value);
            if key == "weight" {
                places.push(flat.values().as_ptr() as usize);
            }
            flat.into_tensor()
        });
    }
    assert_eq!(places[0], places[1]);
}

#[test]
#[should_panic(expected = "no trainable parameter")]
fn a_gradient_of_an_unknown_parameter_is_refused() {
    let model = Affine::new(&[1.0], [1, 1], &[3.0]);
    let gradients = BTreeMap::from([("wieght".to_owned(), vector(&[1.0]))]);
    optimizer("name = \"sgd\"").step(model, gradients, 0.1);
}

fn stepped(recipe: &str) -> Optimizer {
    let mut optimizer = optimizer(recipe);
    let model = Affine::new(&[1.0, 2.0], [2, 1], &[3.0]);
    let gradients = BTreeMap::from([("weight".to_owned(), vector(&[1.0, 1.0]))]);
    optimizer.step(model, gradients, 0.1);
    optimizer
}

#[test]
fn a_state_of_another_rule_is_refused_and_changes_nothing() {
    let adam = stepped("name = \"adam\"");
    let momentum = stepped("name = \"sgd\"\nmomentum = 0.9");
    let mut plain = optimizer("name = \"sgd\"");
    for state in [adam.state(), momentum.state()] {
        let error = plain.load_state(&state, &cpu()).unwrap_err();
        assert!(matches!(error, OptimizerStateError::Unexpected { .. }), "{error}");
    }
    let mut adam = adam;
    let before = adam.state();
    let error = adam.load_state(&momentum.state(), &cpu()).unwrap_err();
    assert!(error.to_string().contains("another optimizer"), "{error}");
    assert_eq!(adam.state(), before);
}

#[test]
fn an_incomplete_or_malformed_state_is_refused_by_key() {
    let state = stepped("name = \"adam\"").state();
    let without = |key: &str| -> StateDict {
        state.clone().into_iter().filter(|(other, _)| other != key).collect()
    };
    let with = |key: &str, array: Array| -> StateDict {
        let mut state = state.clone();
        state.insert(key, array);
        state
    };
    let text = |state: &StateDict| {
        optimizer("name = \"adam\"").load_state(state, &cpu()).unwrap_err().to_string()
    };
    for key in ["step", "step.weight", "exp_avg.weight", "exp_avg_sq.weight"] {
        assert!(text(&without(key)).contains(&format!("has no `{key}`")), "{key}");
    }
    let short = Array::from_f32(vec![1], vec![0.0]);
    assert!(text(&with("exp_avg_sq.weight", short)).contains("has 1 elements, expected 2"));
    let integers = Array::from_i64(vec![2], vec![0, 0]);
    assert!(text(&with("exp_avg.weight", integers)).contains("int64"));
    let negative = Array::from_i64(vec![], vec![-1]);
    assert!(text(&with("step", negative)).contains("negative"));
    let stray = Array::from_f32(vec![1], vec![0.0]);
    assert!(text(&with("max_exp_avg_sq.weight", stray)).contains("max_exp_avg_sq.weight"));
}

#[test]
fn a_state_of_another_model_is_found_before_training() {
    let optimizer = stepped("name = \"adam\"");
    let smaller = nn_state::state_dict(&Affine::new(&[1.0], [1, 1], &[3.0]));
    let error = optimizer.check(&smaller).unwrap_err();
    let expected = OptimizerStateError::Length { key: "weight".into(), found: 2, expected: 1 };
    assert_eq!(error, expected);
    let error = optimizer.check(&StateDict::new()).unwrap_err();
    assert_eq!(error, OptimizerStateError::UnknownParameter { key: "weight".into() });
}

fn resolved(recipe: &str) -> Result<OptimizerConfig, ConfigError> {
    toml::from_str::<OptimizerConfig>(recipe).unwrap().resolved()
}

#[test]
fn defaults_are_pytorchs_and_written_out() {
    let text = |recipe| toml::to_string(&resolved(recipe).unwrap()).unwrap();
    assert_eq!(
        text("name = \"adamw\""),
        "name = \"adamw\"\nlr = 0.001\nbetas = [0.9, 0.999]\neps = 0.00000001\n\
         weight_decay = 0.01\ndecay_norm_and_bias = true\n"
    );
    assert!(text("name = \"adam\"").contains("weight_decay = 0.0\n"));
    assert_eq!(
        text("name = \"sgd\"\nlr = 0.1\nmomentum = 0.9"),
        "name = \"sgd\"\nlr = 0.1\nmomentum = 0.9\ndampening = 0.0\nnesterov = false\n\
         weight_decay = 0.0\ndecay_norm_and_bias = true\n"
    );
}

#[test]
fn a_resolved_configuration_resolves_to_itself() {
    for case in reference().cases {
        let once = case.recipe.resolved().unwrap();
        assert_eq!(once.resolved().unwrap(), once, "{}", case.name);
    }
}

#[test]
fn keys_that_do_not_apply_are_refused_with_the_reason() {
    let error = resolved("name = \"adamw\"\nmomentum = 0.9").unwrap_err();
    assert_eq!(error.key(), "momentum");
    assert_eq!(
        error.to_string(),
        "`momentum` does not apply to optimizer `adamw`: its first beta takes the place of \
         momentum. Remove it; optimizer `adamw` takes `lr`, `betas`, `eps`, `weight_decay`, \
         `decay_norm_and_bias`, `layer_decay`, `groups`"
    );
    for (recipe, key) in [
        ("name = \"sgd\"\nbetas = [0.9, 0.99]", "betas"),
        ("name = \"sgd\"\neps = 1e-8", "eps"),
        ("name = \"sgd\"\nnesterov = true", "nesterov"),
        ("name = \"sgd\"\ndampening = 0.1", "dampening"),
        ("name = \"sgd\"\nmomentum = 0.9\nnesterov = true\ndampening = 0.1", "dampening"),
        ("name = \"adam\"\nnesterov = false", "nesterov"),
    ] {
        let error = resolved(recipe).unwrap_err();
        assert!(matches!(error, ConfigError::Inapplicable { .. }), "{recipe}: {error}");
        assert_eq!(error.key(), key, "{recipe}");
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (recipe, key) in [
        ("lr = -1.0", "lr"),
        ("lr = nan", "lr"),
        ("lr = inf", "lr"),
        ("weight_decay = -0.1", "weight_decay"),
        ("betas = [0.9, 1.0]", "betas"),
        ("eps = -1e-8", "eps"),
        ("name = \"sgd\"\nmomentum = 1.0", "momentum"),
        ("name = \"sgd\"\nmomentum = 0.5\ndampening = 1.5", "dampening"),
    ] {
        let error = resolved(recipe).unwrap_err();
        assert!(matches!(error, ConfigError::OutOfRange { .. }), "{recipe}: {error}");
        assert_eq!(error.key(), key, "{recipe}");
    }
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    let error = toml::from_str::<OptimizerConfig>("name = \"sgd\"\nmomentun = 0.9").unwrap_err();
    assert!(error.to_string().contains("line 2, column 1"), "{error}");
}

#[test]
fn a_parameter_with_settings_of_its_own_moves_as_under_an_optimizer_with_those() {
    let reference = reference();
    let own = ParameterSettings { lr_scale: 0.1, weight_decay: Some(0.3) };
    let recipe = "name = \"adamw\"\nlr = 0.1\nweight_decay = 0.02";
    let mut with_settings =
        optimizer(recipe).with_settings(BTreeMap::from([("bias".to_owned(), own)]));
    let mut of_all = optimizer(recipe);
    let mut of_bias = optimizer("name = \"adamw\"\nlr = 0.01\nweight_decay = 0.3");
    let [mut model, mut expected, mut expected_bias] = [0; 3].map(|_| reference.model());
    for gradients in &reference.gradients[..3] {
        model = with_settings.step(model, vectors(gradients), 0.1);
        expected = of_all.step(expected, vectors(gradients), 0.1);
        expected_bias = of_bias.step(expected_bias, vectors(gradients), 0.1 * 0.1);
    }
    let [state, expected, expected_bias] =
        [&model, &expected, &expected_bias].map(nn_state::state_dict);
    assert_eq!(state.get("weight"), expected.get("weight"));
    assert_eq!(state.get("bias"), expected_bias.get("bias"));
    assert_ne!(state.get("bias"), expected.get("bias"));
}
