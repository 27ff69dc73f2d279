//! What models are held to PyTorch's numbers by: tolerances, weights that both sides compute, and the
//! comparison of a forward and a backward pass.

use std::fs;

use ocelli_models::probe::ProbeResult;
use ocelli_nn::{
    device,
    state::{Array, StateDict},
    tensor::Device,
};
use ocelli_testing::{
    Fixture, assert_close, device_name, fixtures, portable_state, relative_difference, summary,
};

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

pub(crate) fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

/// The counts of a list of keys, in the order in which its head line has them, and the keys with
/// their shapes.
pub(crate) fn listed(path: &str) -> (Vec<u64>, Vec<(String, Vec<usize>)>) {
    let text = fs::read_to_string(fixtures().join(path)).expect("a committed fixture");
    let (head, lines) = text.split_once('\n').expect("a head line");
    let counts = head.split(' ').filter_map(|word| word.parse().ok()).collect();
    let mut keys: Vec<_> = lines
        .lines()
        .map(|line| {
            let (key, shape) = line.split_once(' ').expect("a key and a shape");
            let axes = shape.split('x').filter(|&axis| axis != "scalar");
            (key.to_owned(), axes.map(|axis| axis.parse().expect("a length")).collect())
        })
        .collect();
    keys.sort();
    (counts, keys)
}

/// Weights that both sides compute from their keys.
pub(crate) fn portable_weights(
    shapes: impl IntoIterator<Item = (String, Vec<usize>)>,
) -> StateDict {
    let portable = |(key, shape): (String, Vec<usize>)| {
        let array = if key.ends_with("num_batches_tracked") {
            Array::from_i64(shape, vec![0])
        } else {
            portable_array(&key, shape)
        };
        (key, array)
    };
    shapes.into_iter().map(portable).collect()
}

/// Numbers that both sides compute from a name.
pub(crate) fn portable_array(name: &str, shape: Vec<usize>) -> Array {
    let values = portable_state(name, &shape);
    Array::from_f32(shape, values)
}

/// The shape of a fixture's pictures.
pub(crate) fn shape_of(fixture: &Fixture) -> Vec<usize> {
    fixture.values("shape").iter().map(|&axis| axis as usize).collect()
}

fn values<'result>(result: &'result ProbeResult, key: &str) -> &'result [f32] {
    result.get(key).and_then(Array::as_f32).unwrap_or_else(|| panic!("the probe gives {key}"))
}

/// Holds what a model made of a fixture's pictures in an evaluation and in a training pass to what
/// PyTorch made of them: scores, gradients, statistics. Gives the numbers of gradients and of
/// statistics that were compared.
pub(crate) fn assert_matches(
    case: &str,
    fixture: &Fixture,
    eval: &ProbeResult,
    train: &ProbeResult,
) -> [usize; 2] {
    // The largest relative differences of outputs, gradients and statistics.
    let mut worst = [0.0; 3];
    let mut compare = |kind: usize, what: &str, found: &[f32], expected: &[f32]| {
        let tolerance = [OUTPUT_TOLERANCE, GRADIENT_TOLERANCE, STATISTICS_TOLERANCE][kind];
        assert_close(&format!("{case}: {what}"), found, expected, tolerance);
        worst[kind] = relative_difference(found, expected).max(worst[kind]);
    };
    assert_eq!(eval.len(), 1, "an evaluation pass gives the output alone");
    compare(0, "y.eval", values(eval, "y"), fixture.values("y.eval"));
    compare(0, "y.train", values(train, "y"), fixture.values("y.train"));
    let gradients = fixture.names().filter(|key| key.starts_with("grad."));
    let largest = gradients.map(|key| fixture.values(key)[0]).fold(0.0, f32::max);
    let mut compared = [0, 0];
    for key in fixture.names() {
        let expected = fixture.values(key);
        if key == "auxiliary" {
            compare(0, key, &summary(values(train, key)), expected);
        } else if key.starts_with("grad.") {
            let found = summary(values(train, key));
            if expected[0] < NO_GRADIENT * largest {
                let found = found[0];
                assert!(found < NEARLY_NO_GRADIENT * largest, "{key}: {found} where there is none");
            } else {
                compare(1, key, &found, expected);
            }
            compared[0] += 1;
        } else if let Some(key) = key.strip_prefix("after.") {
            compare(2, key, &summary(values(train, key)), expected);
            compared[1] += 1;
        }
    }
    let [output, gradient, statistics] = worst;
    eprintln!(
        "{case}: output {output:.1e}, gradients {gradient:.1e}, statistics {statistics:.1e} apart"
    );
    let gradients = train.keys().filter(|key| key.starts_with("grad.")).count();
    assert_eq!(gradients, compared[0], "every parameter and the input has a gradient");
    let statistics = train.keys().filter(|key| key.contains("running_")).count();
    assert_eq!(statistics, compared[1], "all statistics were compared");
    compared
}
