//! Models against torchvision's numbers (`fixtures/models/generate.py`).

use std::fs;

use ocelli_models::{
    ModelConfig, build, catalogue,
    probe::{ProbeRequest, ProbeResult, probe},
};
use ocelli_nn::{
    Pass, device,
    state::{Array, StateDict, Values, parameter_count, state_dict},
    tensor::{Device, Tensor},
};
use ocelli_testing::{
    Fixture, assert_close, device_name, fixtures, portable_state, relative_difference, summary,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Fifty layers of single-precision sums, relative to the largest logit.
const OUTPUT_TOLERANCE: f64 = 1e-4;
/// Forward and backward, with normalizations over as few as 8 values in between.
const GRADIENT_TOLERANCE: f64 = 1e-3;
/// A bias before a normalization has no gradient but for rounding, in shares of the largest norm.
const NO_GRADIENT: f32 = 1e-9;
/// The same in single precision.
const NEARLY_NO_GRADIENT: f32 = 1e-5;
/// A tenth of the batch's statistics is mixed in: its error counts a tenth.
const STATISTICS_TOLERANCE: f64 = 1e-5;

fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

/// A torchvision model's keys and shapes, and its number of parameters.
fn listed_keys(name: &str) -> (Vec<(String, Vec<usize>)>, usize) {
    let path = fixtures().join(format!("models/{name}.keys.txt"));
    let text = fs::read_to_string(&path).expect("a committed fixture");
    let (head, lines) = text.split_once('\n').expect("a head line");
    let count = head.trim_matches(|letter: char| !letter.is_ascii_digit());
    let mut keys: Vec<_> = lines
        .lines()
        .map(|line| {
            let (key, shape) = line.split_once(' ').expect("a key and a shape");
            let axes = shape.split('x').filter(|&axis| axis != "scalar");
            (key.to_owned(), axes.map(|axis| axis.parse().expect("a length")).collect())
        })
        .collect();
    keys.sort();
    (keys, count.parse().expect("a number of parameters"))
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

/// Weights that both sides compute from their keys.
fn portable_weights(name: &str) -> StateDict {
    let arrays = listed_keys(name).0.into_iter().map(|(key, shape)| {
        let array = if key.ends_with("num_batches_tracked") {
            Array::from_i64(shape, vec![0])
        } else {
            let values = portable_state(&key, &shape);
            Array::from_f32(shape, values)
        };
        (key, array)
    });
    arrays.collect()
}

fn run(name: &str, fixture: &Fixture, train: bool) -> ProbeResult {
    let shape: Vec<usize> = fixture.values("shape").iter().map(|&axis| axis as usize).collect();
    let grad_out = train.then(|| {
        let shape = vec![shape[0], 1000];
        let values = portable_state("grad_out", &shape);
        Array::from_f32(shape, values)
    });
    let x = portable_state("x", &shape);
    let request = ProbeRequest {
        model: name.into(),
        classes: None,
        weights: Some(portable_weights(name)),
        x: Array::from_f32(shape, x),
        grad_out,
        train,
    };
    probe(&request, &untracked()).expect("the weights fit")
}

fn values<'result>(result: &'result ProbeResult, key: &str) -> &'result [f32] {
    result.get(key).and_then(Array::as_f32).unwrap_or_else(|| panic!("the probe gives {key}"))
}

fn assert_matches_torchvision(name: &str) {
    let fixture = Fixture::load(&format!("models/{name}.safetensors"));
    // The largest relative differences of outputs, gradients and statistics.
    let mut worst = [0.0; 3];
    let mut compare = |kind: usize, what: &str, found: &[f32], expected: &[f32]| {
        let tolerance = [OUTPUT_TOLERANCE, GRADIENT_TOLERANCE, STATISTICS_TOLERANCE][kind];
        assert_close(what, found, expected, tolerance);
        worst[kind] = relative_difference(found, expected).max(worst[kind]);
    };
    let eval = run(name, &fixture, false);
    assert_eq!(eval.len(), 1, "an evaluation pass gives the output alone");
    compare(0, "y.eval", values(&eval, "y"), fixture.values("y.eval"));

    let train = run(name, &fixture, true);
    compare(0, "y.train", values(&train, "y"), fixture.values("y.train"));
    let gradients = fixture.names().filter(|key| key.starts_with("grad."));
    let largest = gradients.map(|key| fixture.values(key)[0]).fold(0.0, f32::max);
    let mut compared = [0, 0];
    for key in fixture.names() {
        let expected = fixture.values(key);
        if key.starts_with("grad.") && expected[0] < NO_GRADIENT * largest {
            let found = summary(values(&train, key))[0];
            assert!(found < NEARLY_NO_GRADIENT * largest, "{key}: {found} where there is none");
            compared[0] += 1;
        } else if key.starts_with("grad.") {
            compare(1, key, &summary(values(&train, key)), expected);
            compared[0] += 1;
        } else if let Some(key) = key.strip_prefix("after.") {
            compare(2, key, &summary(values(&train, key)), expected);
            compared[1] += 1;
        }
    }
    let [output, gradient, statistics] = worst;
    eprintln!(
        "{name}: output {output:.1e}, gradients {gradient:.1e}, statistics {statistics:.1e} apart"
    );
    let state = listed_keys(name).0;
    let statistics = state.iter().filter(|(key, _)| key.contains("running_")).count();
    let counters = statistics / 2;
    assert_eq!(compared, [1 + state.len() - statistics - counters, statistics]);
    for (key, _) in state.iter().filter(|(key, _)| key.ends_with("num_batches_tracked")) {
        let tracked = train.get(key).and_then(Array::as_i64);
        assert_eq!(tracked, Some(&[1][..]), "one batch was seen by {key}");
    }
    let gradients = train.keys().filter(|key| key.starts_with("grad.")).count();
    assert_eq!(gradients, compared[0], "every parameter and the input has a gradient");
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
