//! Models against torchvision's numbers (`fixtures/models/generate.py`).

mod pytorch;

use ocelli_models::{
    ModelConfig, build, catalogue,
    probe::{ProbeRequest, ProbeResult, probe},
};
use ocelli_nn::{
    Pass,
    state::{Array, Values, parameter_count, state_dict},
    tensor::Tensor,
};
use ocelli_testing::{Fixture, portable_state};
use pytorch::{assert_matches, listed, portable_array, portable_weights, shape_of, untracked};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// A torchvision model's keys and shapes, and its number of parameters.
fn listed_keys(name: &str) -> (Vec<(String, Vec<usize>)>, usize) {
    let (counts, keys) = listed(&format!("models/{name}.keys.txt"));
    (keys, counts[0] as usize)
}

#[test]
fn every_model_has_torchvisions_keys_shapes_and_parameters_and_scores_odd_sizes() {
    assert_eq!(catalogue().len(), 19);
    for entry in catalogue() {
        let config = ModelConfig::new(entry.name, 1000);
        let model =
            build(&config, &mut ChaCha8Rng::seed_from_u64(0), &untracked()).expect("it is listed");
        let state = state_dict(&model);
        let found: Vec<_> =
            state.iter().map(|(key, array)| (key.to_owned(), array.shape().to_vec())).collect();
        let (expected, count) = listed_keys(entry.name);
        assert_eq!(found, expected, "{}", entry.name);
        assert_eq!(parameter_count(&model), count, "{}", entry.name);
        assert_eq!(entry.parameters, count, "{}", entry.name);
        let shape = [1, 35, 47, 3];
        let x = Tensor::<1>::from_data(portable_state("x", &shape).as_slice(), &untracked());
        let y = model.forward(x.reshape(shape), &Pass::eval());
        assert_eq!(y.dims(), [1, 1000], "{}", entry.name);
        let counters = state.iter().filter(|(_, array)| matches!(array.values(), Values::I64(_)));
        assert!(counters.into_iter().all(|(key, _)| key.ends_with("num_batches_tracked")));
    }
}

fn run(name: &str, fixture: &Fixture, train: bool) -> ProbeResult {
    let shape = shape_of(fixture);
    let request = ProbeRequest {
        model: name.into(),
        classes: None,
        weights: Some(portable_weights(listed_keys(name).0)),
        grad_out: train.then(|| portable_array("grad_out", vec![shape[0], 1000])),
        x: portable_array("x", shape),
        train,
    };
    probe(&request, &untracked()).expect("the weights fit")
}

fn assert_matches_torchvision(name: &str) {
    let fixture = Fixture::load(&format!("models/{name}.safetensors"));
    let train = run(name, &fixture, true);
    let compared = assert_matches(name, &fixture, &run(name, &fixture, false), &train);
    let state = listed_keys(name).0;
    let statistics = state.iter().filter(|(key, _)| key.contains("running_")).count();
    let counters = statistics / 2;
    assert_eq!(compared, [1 + state.len() - statistics - counters, statistics]);
    for (key, _) in state.iter().filter(|(key, _)| key.ends_with("num_batches_tracked")) {
        let tracked = train.get(key).and_then(Array::as_i64);
        assert_eq!(tracked, Some(&[1][..]), "one batch was seen by {key}");
    }
}

#[test]
fn resnet18_matches_torchvision_forward_and_backward() {
    assert_matches_torchvision("resnet18");
}

#[test]
fn resnet50_matches_torchvision_forward_and_backward() {
    assert_matches_torchvision("resnet50");
}

#[test]
fn efficientnet_v2_matches_torchvision_forward_and_backward() {
    assert_matches_torchvision("efficientnet_v2_s");
}

#[test]
fn vgg_matches_torchvision_forward_and_backward_with_and_without_normalization() {
    assert_matches_torchvision("vgg11");
    assert_matches_torchvision("vgg11_bn");
}

#[test]
fn mobilenet_v3_matches_torchvision_forward_and_backward() {
    assert_matches_torchvision("mobilenet_v3_large");
}

#[test]
fn convnext_matches_torchvision_forward_and_backward() {
    assert_matches_torchvision("convnext_tiny");
}
