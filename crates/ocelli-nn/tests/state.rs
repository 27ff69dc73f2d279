//! State dicts, safetensors files, gradients by key, and initial weights.

use std::{collections::BTreeMap, path::Path};

use ocelli_nn::{
    Pass, device,
    init::{Fan, Initializer, torch_default_bias},
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Linear},
    module::Module,
    safetensors,
    state::{
        Array, StateDict, gradients, load_state_dict, parameter_count, select_trainable,
        state_dict, update_parameters,
    },
    tensor::{Device, Tensor},
};
use ocelli_testing::device_name;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Every container that a model's fields may be in.
#[derive(Module, Debug)]
struct Network {
    stem: Conv2d,
    stages: Vec<Stage>,
    shortcut: Option<(Conv2d, BatchNorm2d)>,
    absent: Option<Linear>,
    heads: [Linear; 2],
}

#[expect(clippy::large_enum_variant, reason = "two of them, in a test")]
#[derive(Module, Debug)]
enum Stage {
    Plain(Linear),
    Normalized(BatchNorm2d),
}

fn network(seed: u64, device: &Device) -> Network {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let generator = &mut generator;
    Network {
        stem: Conv2dConfig::new(3, 4, [3, 5]).init(generator, device),
        stages: vec![
            Stage::Plain(Linear::new(4, 4, generator, device)),
            Stage::Normalized(BatchNorm2d::new(4, device)),
        ],
        shortcut: Some((
            Conv2dConfig::new(3, 4, [1, 1]).without_bias().init(generator, device),
            BatchNorm2d::new(4, device),
        )),
        absent: None,
        heads: [Linear::new(4, 2, generator, device), Linear::new(4, 3, generator, device)],
    }
}

fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

#[test]
fn keys_are_field_names_and_indices_whatever_the_containers() {
    let state = state_dict(&network(0, &untracked()));
    let keys: Vec<&str> = state.keys().collect();
    let expected = [
        "heads.0.bias",
        "heads.0.weight",
        "heads.1.bias",
        "heads.1.weight",
        "shortcut.0.weight",
        "shortcut.1.bias",
        "shortcut.1.num_batches_tracked",
        "shortcut.1.running_mean",
        "shortcut.1.running_var",
        "shortcut.1.weight",
        "stages.0.bias",
        "stages.0.weight",
        "stages.1.bias",
        "stages.1.num_batches_tracked",
        "stages.1.running_mean",
        "stages.1.running_var",
        "stages.1.weight",
        "stem.bias",
        "stem.weight",
    ];
    assert_eq!(keys, expected);
    let shape = |key| state.get(key).map(Array::shape);
    assert_eq!(shape("stem.weight"), Some(&[4, 3, 3, 5][..]));
    assert_eq!(shape("heads.1.weight"), Some(&[3, 4][..]));
    assert_eq!(shape("stages.1.num_batches_tracked"), Some(&[][..]));
}

#[test]
fn buffers_are_no_parameters() {
    let weights = 3 * 4 * 15 + 4 + (16 + 4) + 8 + (12 + 8) + (8 + 2) + (12 + 3);
    assert_eq!(parameter_count(&network(0, &untracked())), weights);
}

#[test]
fn a_loaded_state_is_the_saved_one_bit_for_bit_and_stays_trainable() {
    let device = device::autodiff(&untracked());
    let source = network(1, &device);
    let state = state_dict(&source);
    let loaded = load_state_dict(network(2, &device), &state).expect("the same architecture");
    assert_eq!(state_dict(&loaded), state);
    assert_eq!(trained_keys(loaded), trained_keys(source));
}

fn trained_keys(network: Network) -> Vec<String> {
    let mut keys = Vec::new();
    let _ = update_parameters(network, |key, value| {
        keys.push(key.to_owned());
        value
    });
    keys
}

#[test]
fn a_state_that_does_not_fit_is_refused_with_every_reason_and_changes_nothing() {
    let model = network(1, &untracked());
    let before = state_dict(&model);
    let mut state = state_dict(&network(2, &untracked()));
    state.remove("stem.bias");
    state.insert("heads.0.weight", Array::from_f32(vec![5, 4], vec![0.0; 20]));
    state.insert("stages.1.num_batches_tracked", Array::from_f32(vec![], vec![0.0]));
    state.insert("stages.7.bias", Array::from_f32(vec![1], vec![0.0]));
    let error = load_state_dict(model.clone(), &state).expect_err("four reasons");
    assert_eq!(
        error.to_string(),
        "the weights don't fit the model:
  missing from the weights (1):
    stem.bias
  not in the model (1):
    stages.7.bias
  of another shape (2):
    stages.1.num_batches_tracked: the model has int64 [], the weights float32 []
    heads.0.weight: the model has [2, 4], the weights [5, 4]"
    );
    assert_eq!(state_dict(&model), before);
}

#[test]
fn a_prefix_on_every_key_is_pointed_out() {
    let model = network(1, &untracked());
    let prefixed: StateDict =
        state_dict(&model).into_iter().map(|(key, array)| (format!("a.b.{key}"), array)).collect();
    let error = load_state_dict(model, &prefixed).expect_err("no key fits").to_string();
    assert!(error.ends_with("starts with \"a.b.\": strip it"), "{error}");
    assert!(error.contains("missing from the weights (19)") && error.contains("and 11 more"));
}

#[test]
fn updates_reach_trained_parameters_alone_and_gradients_are_taken_once() {
    let device = device::autodiff(&untracked());
    let model = select_trainable(network(1, &device), |key| key.starts_with("heads."));
    let before = state_dict(&model);
    let x = Tensor::<2>::ones([2, 4], &device);
    let loss = |model: &Network| {
        let [left, right] = &model.heads;
        left.forward(x.clone()).sum() + right.forward(x.clone()).sum()
    };
    let mut recorded = loss(&model).backward();
    let taken = gradients(&model, &mut recorded);
    let keys: Vec<&str> = taken.keys().map(String::as_str).collect();
    let heads = ["heads.0.bias", "heads.0.weight", "heads.1.bias", "heads.1.weight"];
    assert_eq!(keys, heads);
    assert!(taken.values().all(|gradient| !gradient.is_autodiff()));
    assert!(gradients(&model, &mut recorded).is_empty(), "they were taken");

    let mut model = model;
    for _ in 0..2 {
        model = update_parameters(model, |key, value| {
            assert!(heads.contains(&key) && !value.is_autodiff());
            value - taken[key].clone()
        });
    }
    for (key, array) in state_dict(&model).iter() {
        assert_eq!(before.get(key) == Some(array), !heads.contains(&key), "{key}");
    }
    // Two updates by a gradient of 2, the number of pictures.
    let bias = |state: &StateDict| {
        state.get("heads.0.bias").and_then(Array::as_f32).map(<[f32]>::to_vec).expect("a bias")
    };
    for (new, old) in bias(&state_dict(&model)).into_iter().zip(bias(&before)) {
        assert!((new - (old - 4.0)).abs() < 1e-6);
    }
    let mut recorded = loss(&model).backward();
    assert_eq!(gradients(&model, &mut recorded).len(), 4, "still trained after the update");
}

#[test]
fn frozen_weights_pass_gradients_on_to_the_layers_before() {
    let device = device::autodiff(&untracked());
    let model = select_trainable(network(1, &device), |key| key == "stem.weight");
    let Stage::Normalized(normalization) = &model.stages[1] else { panic!("the second stage") };
    let x = Tensor::<4>::ones([1, 4, 6, 3], &device);
    let y = normalization.forward(model.stem.forward(x), &Pass::eval());
    let mut recorded = y.sum().backward();
    assert_eq!(gradients(&model, &mut recorded).into_keys().collect::<Vec<_>>(), ["stem.weight"]);
}

#[test]
fn a_saved_loaded_and_saved_file_is_the_same_byte_for_byte() {
    let state = state_dict(&network(3, &untracked()));
    let metadata: BTreeMap<String, String> =
        (0..20).map(|index| (format!("key {index}"), format!("a \"quoted\" {index}\n"))).collect();
    let bytes = safetensors::to_bytes(&state, &metadata);
    let path = Path::new("memory.safetensors");
    let loaded = safetensors::parse(&bytes, path).expect("our own file");
    assert_eq!(loaded, state);
    assert_eq!(safetensors::metadata(&bytes, path).expect("our own file"), metadata);
    assert_eq!(safetensors::to_bytes(&loaded, &metadata), bytes);

    let empty = safetensors::to_bytes(&StateDict::new(), &metadata);
    assert_eq!(safetensors::parse(&empty, path).expect("our own file"), StateDict::new());
    assert_eq!(safetensors::metadata(&empty, path).expect("our own file"), metadata);
    let bare = safetensors::to_bytes(&state, &BTreeMap::new());
    assert_eq!(safetensors::parse(&bare, path).expect("our own file"), state);
}

/// A file with this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), data].concat()
}

#[test]
fn every_numeric_element_type_is_read() {
    let one = |dtype: &str, data: &[u8]| {
        let size = data.len();
        let header =
            format!(r#"{{"a":{{"dtype":"{dtype}","shape":[1],"data_offsets":[0,{size}]}}}}"#);
        safetensors::parse(&file(&header, data), Path::new("one.safetensors"))
            .map(|state| state.get("a").cloned().expect("the array"))
    };
    for (dtype, data) in [
        ("F32", &1.5f32.to_le_bytes()[..]),
        ("F64", &1.5f64.to_le_bytes()[..]),
        ("F16", &[0x00, 0x3e]),
        ("BF16", &[0xc0, 0x3f]),
    ] {
        assert_eq!(one(dtype, data).expect(dtype), Array::from_f32(vec![1], vec![1.5]), "{dtype}");
    }
    for (dtype, data) in [
        ("I64", &(-3i64).to_le_bytes()[..]),
        ("I32", &(-3i32).to_le_bytes()[..]),
        ("I16", &(-3i16).to_le_bytes()[..]),
        ("I8", &(-3i8).to_le_bytes()[..]),
    ] {
        assert_eq!(one(dtype, data).expect(dtype), Array::from_i64(vec![1], vec![-3]), "{dtype}");
    }
    assert_eq!(one("U8", &[200]).expect("U8"), Array::from_i64(vec![1], vec![200]));
    let error = one("U64", &u64::MAX.to_le_bytes()).expect_err("beyond i64").to_string();
    assert!(error.starts_with("one.safetensors: a holds 18446744073709551615"), "{error}");
    let error = one("C64", &[0; 8]).expect_err("complex").to_string();
    assert!(error.starts_with("one.safetensors: a has element type C64; expected"), "{error}");
}

#[test]
fn damaged_files_are_named_and_allocate_nothing_large() {
    let good = safetensors::to_bytes(&state_dict(&network(3, &untracked())), &BTreeMap::new());
    let huge = r#"{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    let overflow =
        r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}"#;
    let short = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
    let cases = [
        vec![],
        b"short".to_vec(),
        u64::MAX.to_le_bytes().to_vec(),
        good[..good.len() - 1].to_vec(),
        good[..good.len() / 2].to_vec(),
        [good.as_slice(), b"x"].concat(),
        file("not json", &[]),
        file(huge, &[0; 4]),
        file(overflow, &[0; 4]),
        file(short, &[0; 4]),
    ];
    for (index, bytes) in cases.iter().enumerate() {
        let error = safetensors::parse(bytes, Path::new("folder/damaged.safetensors"));
        let error = error.expect_err("damaged").to_string();
        assert!(error.starts_with("folder/damaged.safetensors is no valid"), "{index}: {error}");
    }
    let error = safetensors::read("no/such.safetensors").expect_err("absent").to_string();
    assert!(error.starts_with("can't read no/such.safetensors: "), "{error}");
}

fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let variance =
        values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// 36,864 draws: the deviation of a mean is 0.5 % of one draw's, that of a deviation 0.4 %.
const DRAWN: [usize; 4] = [64, 64, 3, 3];
/// Four deviations of either.
const SAMPLING_TOLERANCE: f64 = 0.02;

#[test]
fn initial_weights_have_the_deviation_and_bounds_of_their_distribution() {
    let uniform_in = (2.0f64 / (1.0 + 5.0)).sqrt() / (64.0f64 * 9.0).sqrt();
    for (initializer, deviation, bound) in [
        (Initializer::RESNET_CONVOLUTION, (2.0f64 / (64.0 * 9.0)).sqrt(), f64::INFINITY),
        (Initializer::TORCH_DEFAULT, uniform_in, uniform_in * 3.0f64.sqrt()),
        (Initializer::Normal { deviation: 0.02 }, 0.02, f64::INFINITY),
    ] {
        let mut generator = ChaCha8Rng::seed_from_u64(7);
        let weight = initializer.draw(DRAWN, &mut generator, &untracked());
        let values = ocelli_testing::values(&weight);
        let (mean, found) = moments(&values);
        assert!(mean.abs() < SAMPLING_TOLERANCE * deviation, "{initializer:?}: mean {mean}");
        assert!((found / deviation - 1.0).abs() < SAMPLING_TOLERANCE, "{initializer:?}: {found}");
        assert!(values.iter().all(|&value| f64::from(value).abs() <= bound));
    }
    // The bound of PyTorch's default is 1 / sqrt(fan in).
    assert!((uniform_in * 3.0f64.sqrt() - 1.0 / 24.0).abs() < 1e-12);
}

#[test]
fn fans_count_their_own_side_and_biases_the_inputs() {
    let deviation_of = |fan| {
        let initializer = Initializer::KaimingNormal { fan, gain: 1.0 };
        let weight =
            initializer.draw([256, 16, 3, 3], &mut ChaCha8Rng::seed_from_u64(1), &untracked());
        moments(&ocelli_testing::values(&weight)).1
    };
    assert!((deviation_of(Fan::In) * 12.0 - 1.0).abs() < SAMPLING_TOLERANCE);
    assert!((deviation_of(Fan::Out) * 48.0 - 1.0).abs() < SAMPLING_TOLERANCE);

    let bias = torch_default_bias(40_000, 25, &mut ChaCha8Rng::seed_from_u64(1), &untracked());
    let values = ocelli_testing::values(&bias);
    let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert!(largest <= 0.2 && largest > 0.199);
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_gives_others() {
    assert_eq!(state_dict(&network(5, &untracked())), state_dict(&network(5, &untracked())));
    let [five, six] = [5, 6].map(|seed| state_dict(&network(seed, &untracked())));
    assert_ne!(five.get("stem.weight"), six.get("stem.weight"));
}
