//! Dense models against PyTorch's numbers (`fixtures/dense/generate.py`).

mod pytorch;

use ocelli_models::{
    DenseConfig, UpSampling, build_dense, dense_catalogue,
    probe::{ProbeRequest, ProbeResult, probe_dense},
};
use ocelli_nn::state::{parameter_count, state_dict};
use ocelli_testing::Fixture;
use pytorch::{assert_matches, listed, portable_array, portable_weights, shape_of, untracked};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const OUTPUTS: usize = 3;

struct Listed {
    keys: Vec<(String, Vec<usize>)>,
    parameters: usize,
    /// Without what a model hasn't by default.
    default_parameters: usize,
    multiply_adds: u64,
}

/// A model's keys, shapes and counts as PyTorch has them.
fn listed_model(name: &str) -> Listed {
    let (counts, keys) = listed(&format!("dense/{name}.keys.txt"));
    let [parameters, default_parameters, multiply_adds] = counts[..] else {
        panic!("{name}: found {counts:?}, expected three counts");
    };
    let [parameters, default_parameters] = [parameters, default_parameters].map(|n| n as usize);
    Listed { keys, parameters, default_parameters, multiply_adds }
}

#[test]
fn every_model_has_the_keys_shapes_and_counts_of_pytorchs() {
    for entry in dense_catalogue() {
        let expected = listed_model(entry.name);
        let has_auxiliary = expected.parameters != expected.default_parameters;
        let auxiliary = has_auxiliary.then_some(true);
        let config = DenseConfig { auxiliary, ..DenseConfig::new(entry.name, 21) };
        let build = |config: &DenseConfig| {
            build_dense(config, &mut ChaCha8Rng::seed_from_u64(0), &untracked()).expect("listed")
        };
        let model = build(&config);
        let state = state_dict(&model);
        let found: Vec<_> =
            state.iter().map(|(key, array)| (key.to_owned(), array.shape().to_vec())).collect();
        assert_eq!(found, expected.keys, "{}", entry.name);
        assert_eq!(parameter_count(&model), expected.parameters, "{}", entry.name);
        assert_eq!(entry.parameters, expected.default_parameters, "{}", entry.name);
        assert_eq!(entry.multiply_adds, expected.multiply_adds, "{}", entry.name);
        if has_auxiliary {
            let plain = build(&DenseConfig::new(entry.name, 21));
            assert_eq!(parameter_count(&plain), expected.default_parameters, "{}", entry.name);
        }
    }
}

#[test]
fn parameters_are_those_that_torchvision_publishes_with_the_auxiliary_head() {
    for (name, published) in [
        ("fcn_resnet50", 35_322_218),
        ("deeplabv3_resnet50", 42_004_074),
        ("deeplabv3_resnet101", 60_996_202),
    ] {
        assert_eq!(listed_model(name).parameters, published, "{name}");
    }
}

fn run(config: &DenseConfig, fixture: &Fixture, train: bool) -> ProbeResult {
    let shape = shape_of(fixture);
    let fresh = build_dense(config, &mut ChaCha8Rng::seed_from_u64(0), &untracked());
    let state = state_dict(&fresh.expect("a model that can be"));
    let shapes = state.iter().map(|(key, array)| (key.to_owned(), array.shape().to_vec()));
    let of_scores = || vec![shape[0], OUTPUTS, shape[2], shape[3]];
    let request = ProbeRequest {
        model: config.name.clone(),
        classes: None,
        weights: Some(portable_weights(shapes)),
        grad_out: train.then(|| portable_array("grad_out", of_scores())),
        x: portable_array("x", shape.clone()),
        train,
    };
    probe_dense(config, &request, &untracked()).expect("the weights fit")
}

fn assert_matches_pytorch(case: &str, config: &DenseConfig) {
    let fixture = Fixture::load(&format!("dense/{case}.safetensors"));
    let [eval, train] = [false, true].map(|train| run(config, &fixture, train));
    assert_matches(case, &fixture, &eval, &train);
}

fn config(name: &str) -> DenseConfig {
    DenseConfig::new(name, OUTPUTS)
}

#[test]
fn unet_matches_its_twin_forward_and_backward() {
    let narrow = DenseConfig { depth: Some(3), width: Some(4), ..config("unet") };
    assert_matches_pytorch("unet", &narrow);
    let plain = DenseConfig {
        batch_norm: Some(false),
        skip_connections: Some(false),
        up_sampling: Some(UpSampling::Bilinear),
        ..narrow
    };
    assert_matches_pytorch("unet_plain", &plain);
}

#[test]
fn unet_on_a_resnet_matches_its_twin_forward_and_backward() {
    assert_matches_pytorch("unet_resnet18", &config("unet_resnet18"));
}

#[test]
fn fcn_matches_its_twin_forward_and_backward() {
    assert_matches_pytorch("fcn32_resnet18", &config("fcn32_resnet18"));
    assert_matches_pytorch("fcn8_vgg16", &config("fcn8_vgg16"));
}

#[test]
fn fcn_and_deeplab_v3_match_torchvision_forward_and_backward() {
    for name in ["fcn_resnet50", "deeplabv3_resnet50"] {
        let with_auxiliary = DenseConfig { auxiliary: Some(true), ..config(name) };
        assert_matches_pytorch(name, &with_auxiliary);
    }
}

#[test]
fn deeplab_v3_plus_matches_its_twin_forward_and_backward() {
    assert_matches_pytorch("deeplabv3plus_resnet50", &config("deeplabv3plus_resnet50"));
}
