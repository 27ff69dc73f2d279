//! Dense models against PyTorch's numbers (`fixtures/dense/generate.py`).

use std::fs;

use ocelli_models::{
    DenseConfig, UpSampling, build_dense, dense_catalogue,
    probe::{ProbeRequest, ProbeResult, probe_dense},
};
use ocelli_nn::{
    device,
    state::{Array, StateDict, parameter_count, state_dict},
    tensor::Device,
};
use ocelli_testing::{
    Fixture, assert_close, device_name, fixtures, portable_state, relative_difference, summary,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Sixty layers of single-precision sums, relative to the largest score.
const OUTPUT_TOLERANCE: f64 = 1e-4;
/// Forward and backward, with normalizations over as few as 3 values in between.
const GRADIENT_TOLERANCE: f64 = 1e-3;
/// A bias before a normalization has no gradient but for rounding, in shares of the largest norm.
const NO_GRADIENT: f32 = 1e-9;
/// The same in single precision.
const NEARLY_NO_GRADIENT: f32 = 1e-5;
/// A tenth of the batch's statistics is mixed in: its error counts a tenth.
const STATISTICS_TOLERANCE: f64 = 1e-5;
const OUTPUTS: usize = 3;

fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

struct Listed {
    keys: Vec<(String, Vec<usize>)>,
    parameters: usize,
    /// Without what a model hasn't by default.
    default_parameters: usize,
    multiply_adds: u64,
}

/// A model's keys, shapes and counts as PyTorch has them.
fn listed(name: &str) -> Listed {
    let path = fixtures().join(format!("dense/{name}.keys.txt"));
    let text = fs::read_to_string(&path).expect("a committed fixture");
    let (head, lines) = text.split_once('\n').expect("a head line");
    let counts: Vec<u64> = head.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [parameters, default_parameters, multiply_adds] = counts[..] else {
        panic!("{name}: three counts in {head:?}");
    };
    let mut keys: Vec<_> = lines
        .lines()
        .map(|line| {
            let (key, shape) = line.split_once(' ').expect("a key and a shape");
            let axes = shape.split('x').filter(|&axis| axis != "scalar");
            (key.to_owned(), axes.map(|axis| axis.parse().expect("a length")).collect())
        })
        .collect();
    keys.sort();
    let [parameters, default_parameters] = [parameters, default_parameters].map(|n| n as usize);
    Listed { keys, parameters, default_parameters, multiply_adds }
}

#[test]
fn every_model_has_the_keys_shapes_and_counts_of_pytorchs() {
    for entry in dense_catalogue() {
        let expected = listed(entry.name);
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
        assert_eq!(listed(name).parameters, published, "{name}");
    }
}

/// Weights that both sides compute from their keys.
fn portable_weights(state: &StateDict) -> StateDict {
    let portable = |(key, array): (&str, &Array)| {
        let shape = array.shape().to_vec();
        let array = if key.ends_with("num_batches_tracked") {
            Array::from_i64(shape, vec![0])
        } else {
            let values = portable_state(key, &shape);
            Array::from_f32(shape, values)
        };
        (key.to_owned(), array)
    };
    state.iter().map(portable).collect()
}

fn run(config: &DenseConfig, fixture: &Fixture, train: bool) -> ProbeResult {
    let shape: Vec<usize> = fixture.values("shape").iter().map(|&axis| axis as usize).collect();
    let fresh = build_dense(config, &mut ChaCha8Rng::seed_from_u64(0), &untracked());
    let grad_out = train.then(|| {
        let shape = vec![shape[0], OUTPUTS, shape[2], shape[3]];
        let values = portable_state("grad_out", &shape);
        Array::from_f32(shape, values)
    });
    let x = portable_state("x", &shape);
    let request = ProbeRequest {
        model: config.name.clone(),
        classes: None,
        weights: Some(portable_weights(&state_dict(&fresh.expect("a model that can be")))),
        x: Array::from_f32(shape, x),
        grad_out,
        train,
    };
    probe_dense(config, &request, &untracked()).expect("the weights fit")
}

fn values<'result>(result: &'result ProbeResult, key: &str) -> &'result [f32] {
    result.get(key).and_then(Array::as_f32).unwrap_or_else(|| panic!("the probe gives {key}"))
}

fn assert_matches_pytorch(case: &str, config: &DenseConfig) {
    let fixture = Fixture::load(&format!("dense/{case}.safetensors"));
    // The largest relative differences of outputs, gradients and statistics.
    let mut worst = [0.0; 3];
    let mut compare = |kind: usize, what: &str, found: &[f32], expected: &[f32]| {
        let tolerance = [OUTPUT_TOLERANCE, GRADIENT_TOLERANCE, STATISTICS_TOLERANCE][kind];
        assert_close(&format!("{case}: {what}"), found, expected, tolerance);
        worst[kind] = relative_difference(found, expected).max(worst[kind]);
    };
    let eval = run(config, &fixture, false);
    assert_eq!(eval.len(), 1, "an evaluation pass gives the output alone");
    compare(0, "y.eval", values(&eval, "y"), fixture.values("y.eval"));

    let train = run(config, &fixture, true);
    compare(0, "y.train", values(&train, "y"), fixture.values("y.train"));
    let gradients = fixture.names().filter(|key| key.starts_with("grad."));
    let largest = gradients.map(|key| fixture.values(key)[0]).fold(0.0, f32::max);
    let mut compared = 0;
    for key in fixture.names() {
        let expected = fixture.values(key);
        if key == "auxiliary" {
            compare(0, key, &summary(values(&train, key)), expected);
        } else if key.starts_with("grad.") {
            compared += 1;
            let found = summary(values(&train, key));
            if expected[0] < NO_GRADIENT * largest {
                assert!(found[0] < NEARLY_NO_GRADIENT * largest, "{key}: {} of none", found[0]);
            } else {
                compare(1, key, &found, expected);
            }
        } else if let Some(key) = key.strip_prefix("after.") {
            compare(2, key, &summary(values(&train, key)), expected);
        }
    }
    let [output, gradient, statistics] = worst;
    eprintln!(
        "{case}: output {output:.1e}, gradients {gradient:.1e}, statistics {statistics:.1e} apart"
    );
    let gradients = train.keys().filter(|key| key.starts_with("grad.")).count();
    assert_eq!(gradients, compared, "every parameter and the input has a gradient");
    let after = fixture.names().filter(|key| key.starts_with("after.")).count();
    let statistics = train.keys().filter(|key| key.contains("running_")).count();
    assert_eq!(statistics, after, "all statistics were compared");
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
