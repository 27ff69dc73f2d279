//! What every dense model and its builder promise, whatever the numbers.

mod learning;

use std::{collections::BTreeMap, path::Path};

use learning::{assert_every_parameter_learns, pictures, untracked};

use ocelli_models::{
    BuildError, DenseConfig, DenseModel, EncoderConfig, ModelConfig, ModelEntry, UpSampling, build,
    build_dense, catalogue, dense_catalogue,
};
use ocelli_nn::{
    Pass, device, safetensors,
    state::{load_state_dict, parameter_count, parameter_keys, select_trainable, state_dict},
    tensor::Device,
};
use ocelli_testing::values;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

fn built(config: &DenseConfig, device: &Device) -> DenseModel {
    build_dense(config, &mut ChaCha8Rng::seed_from_u64(0), device).expect("a model that can be")
}

fn refused(config: &DenseConfig) -> BuildError {
    build_dense(config, &mut ChaCha8Rng::seed_from_u64(0), &untracked()).expect_err("refused")
}

/// The three VGGs have the same layers but for the scores, and many weights: one stands for all
/// where time matters.
fn quick() -> impl Iterator<Item = ModelEntry> {
    dense_catalogue().into_iter().filter(|entry| {
        !["fcn32_vgg16", "fcn16_vgg16", "deeplabv3_resnet101"].contains(&entry.name)
    })
}

fn narrow_unets() -> Vec<DenseConfig> {
    let mut configs = Vec::new();
    for up_sampling in [UpSampling::Bilinear, UpSampling::Transposed] {
        for batch_norm in [true, false] {
            for skip_connections in [true, false] {
                configs.push(DenseConfig {
                    depth: Some(3),
                    width: Some(4),
                    batch_norm: Some(batch_norm),
                    skip_connections: Some(skip_connections),
                    up_sampling: Some(up_sampling),
                    ..DenseConfig::new("unet", 5)
                });
            }
        }
    }
    configs
}

#[test]
fn pictures_of_any_size_and_channels_get_values_of_their_own_size() {
    let device = untracked();
    let configs = quick().map(|entry| DenseConfig::new(entry.name, 5));
    for config in configs.chain(narrow_unets()) {
        for (in_channels, sizes) in [(1, [[37, 53], [1, 1]]), (4, [[64, 31], [2, 35]])] {
            let config = config.clone().with_in_channels(in_channels);
            let model = built(&config, &device);
            for [height, width] in sizes {
                let x = pictures([2, height, width, in_channels], &device);
                let y = model.forward(x, &Pass::eval());
                assert_eq!(y.scores.dims(), [2, height, width, 5], "{config:?}");
                assert!(values(&y.scores).iter().all(|value| value.is_finite()), "{config:?}");
                assert!(y.auxiliary.is_none());
            }
        }
    }
}

#[test]
fn every_parameter_is_in_one_layer_and_those_of_the_head_depend_on_the_outputs() {
    let device = untracked();
    for entry in quick() {
        let model = built(&DenseConfig::new(entry.name, 2), &device);
        let other = state_dict(&built(&DenseConfig::new(entry.name, 3), &device));
        let own = state_dict(&model);
        let layers = model.layer_prefixes();
        let heads = model.head_prefixes();
        let mut seen = vec![false; layers.len()];
        for key in parameter_keys(&model) {
            let found: Vec<usize> = (0..layers.len())
                .filter(|&layer| layers[layer].iter().any(|prefix| key.starts_with(prefix)))
                .collect();
            assert_eq!(found.len(), 1, "{}: {key} is in layers {found:?}", entry.name);
            seen[found[0]] = true;
            let depends = own.get(&key).unwrap().shape() != other.get(&key).unwrap().shape();
            let in_head = heads.iter().any(|head| key.starts_with(head));
            assert_eq!(depends, in_head, "{}: {key}", entry.name);
        }
        assert!(seen.iter().all(|&seen| seen), "{}: a layer without parameters", entry.name);
        let head = format!("{}weight", entry.head);
        assert_eq!(own.get(&head).expect("a head").shape()[0], 2, "{head}");
        assert!(heads.contains(&entry.head));
        if let Some(prefix) = model.encoder_prefix() {
            assert!(own.keys().any(|key| key.starts_with(prefix)), "{}", entry.name);
        }
    }
}

#[test]
fn every_parameter_gets_a_gradient() {
    let device = device::autodiff(&untracked());
    let configs = quick().map(|entry| DenseConfig::new(entry.name, 3).without_dropping());
    for config in configs.chain(narrow_unets()) {
        let model = built(&config, &device);
        let y = model.forward(pictures([2, 37, 35, 3], &device), &Pass::train());
        let mut loss = (y.scores.clone() * y.scores).sum();
        if let Some(auxiliary) = y.auxiliary {
            loss = loss + (auxiliary.clone() * auxiliary).sum();
        }
        assert_every_parameter_learns(&format!("{config:?}"), &model, loss);
    }
}

#[test]
fn saving_and_loading_gives_the_same_bytes() {
    let device = untracked();
    for name in ["unet", "fcn32_resnet18"] {
        let config = DenseConfig::new(name, 3);
        let bytes =
            |model: &DenseModel| safetensors::to_bytes(&state_dict(model), &BTreeMap::new());
        let saved = bytes(&built(&config, &device));
        let state = safetensors::parse(&saved, Path::new(name)).expect("what was written");
        let other = build_dense(&config, &mut ChaCha8Rng::seed_from_u64(1), &device).unwrap();
        assert!(bytes(&other) != saved, "{name}: another seed, the same weights");
        let loaded = load_state_dict(other, &state).expect("the model's own weights fit");
        assert!(bytes(&loaded) == saved, "{name}: other bytes after loading");
    }
}

#[test]
fn names_are_unique_and_lead_to_the_right_builder() {
    let mut names: Vec<&str> = catalogue().iter().map(|entry| entry.name).collect();
    names.extend(dense_catalogue().iter().map(|entry| entry.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let classifier = refused(&DenseConfig::new("resnet18", 2)).to_string();
    assert!(
        classifier.starts_with("resnet18 gives scores of a whole picture, not"),
        "{classifier}"
    );
    assert!(classifier.contains("fcn32_resnet18"), "{classifier}");
    let config = ModelConfig::new("unet", 2);
    let dense = build(&config, &mut ChaCha8Rng::seed_from_u64(0), &untracked()).unwrap_err();
    assert!(dense.to_string().starts_with("unet gives values of every pixel, not"), "{dense}");
    let nearest = refused(&DenseConfig::new("u-net", 2)).to_string();
    assert!(nearest.starts_with("unknown model \"u-net\", did you mean \"unet\"?"), "{nearest}");
    assert!(ModelEntry::find("unet").is_none() && ModelEntry::find_dense("resnet18").is_none());
}

#[test]
fn options_that_a_model_does_not_have_are_refused_by_name() {
    let config = |name| DenseConfig::new(name, 2);
    for (config, message) in [
        (DenseConfig { depth: Some(3), ..config("fcn8_vgg16") }, "fcn8_vgg16 has no depth"),
        (DenseConfig { auxiliary: Some(true), ..config("unet") }, "unet has no auxiliary"),
        (DenseConfig { dropout: Some(0.5), ..config("unet") }, "unet has no dropout"),
        (
            DenseConfig { dropout: Some(1.0), ..config("fcn8_vgg16") },
            "a model can't have a dropout",
        ),
        (DenseConfig { depth: Some(9), ..config("unet") }, "a model can't have a depth of 9"),
        (DenseConfig { width: Some(0), ..config("unet") }, "a model can't have a width of 0"),
        (config("unet").with_in_channels(0), "a model can't have 0 input channels"),
        (DenseConfig::new("unet", 0), "a model can't have 0 outputs"),
    ] {
        let found = refused(&config).to_string();
        assert!(found.starts_with(message), "{found}");
    }
}

#[test]
fn encoders_give_each_stage_its_channels_and_size() {
    let device = untracked();
    for (name, dilated) in [
        ("resnet18", [false; 3]),
        ("resnet50", [false, true, true]),
        ("wide_resnet50_2", [false, false, true]),
        ("vgg11_bn", [false; 3]),
        ("efficientnet_v2_s", [false; 3]),
        ("mobilenet_v3_large", [false; 3]),
    ] {
        let config = EncoderConfig::new(name).with_dilated(dilated);
        let encoder = config.init(&mut ChaCha8Rng::seed_from_u64(0), &device).expect("known");
        let [height, width] = [96, 64];
        let stages = encoder.stages();
        assert_eq!(stages.len(), 5);
        let features = encoder.forward_all(pictures([1, height, width, 3], &device), &Pass::eval());
        for (stage, found) in stages.iter().zip(&features) {
            let expected = [1, height / stage.stride, width / stage.stride, stage.channels];
            assert_eq!(found.dims(), expected, "{name}");
        }
        // The keys are the classifier's, without its last layers.
        let whole = ModelConfig::new(name, 2);
        let whole = build(&whole, &mut ChaCha8Rng::seed_from_u64(0), &device).expect("known");
        let whole = state_dict(&whole);
        let state = state_dict(&encoder);
        for (key, array) in state.iter() {
            assert_eq!(whole.get(key).expect("the classifier's key").shape(), array.shape());
        }
        let left = whole.keys().filter(|key| state.get(key).is_none());
        assert!(
            left.into_iter().all(|key| key.starts_with("fc.") || key.starts_with("classifier."))
        );
        assert!(parameter_count(&encoder) > 0);
    }
    let dilated = EncoderConfig::new("vgg16").with_dilated([true; 3]);
    let error = dilated.init(&mut ChaCha8Rng::seed_from_u64(0), &device).unwrap_err();
    assert_eq!(error.to_string(), "vgg16 has no dilated: leave it out");
}

#[test]
fn only_training_passes_of_models_with_the_head_have_auxiliary_scores() {
    let device = untracked();
    let config = DenseConfig { auxiliary: Some(true), ..DenseConfig::new("fcn_resnet50", 4) };
    let model = built(&config, &device);
    let x = || pictures([1, 37, 53, 3], &device);
    assert!(model.forward(x(), &Pass::eval()).auxiliary.is_none());
    let scores = model.forward(x(), &Pass::train()).auxiliary.expect("a training pass");
    assert_eq!(scores.dims(), [1, 37, 53, 4]);
    assert_eq!(model.head_prefixes(), ["classifier.4.", "aux_classifier.4."]);
}

#[test]
fn what_is_dropped_follows_from_the_key_and_nothing_is_in_evaluation_or_in_frozen_parts() {
    let device = untracked();
    let config = DenseConfig::new("deeplabv3_resnet50", 2);
    let score = |config: &DenseConfig, pass: &Pass| {
        values(&built(config, &device).forward(pictures([3, 33, 40, 3], &device), pass).scores)
    };
    let keyed = |key| score(&config, &Pass::train_with_key(key));
    assert_eq!(keyed(1), keyed(1));
    assert_ne!(keyed(1), keyed(2));
    let without = config.clone().without_dropping();
    let keyed = |key| score(&without, &Pass::train_with_key(key));
    assert_eq!(keyed(1), keyed(2));
    assert_eq!(score(&config, &Pass::eval()), score(&without, &Pass::eval()));

    let device = device::autodiff(&device);
    let frozen = select_trainable(built(&config, &device), |_| false);
    let before = state_dict(&frozen);
    let x = || pictures([1, 33, 40, 3], &device);
    let found = values(&frozen.forward(x(), &Pass::train_with_key(1)).scores);
    assert_eq!(found, values(&frozen.forward(x(), &Pass::eval()).scores));
    assert_eq!(state_dict(&frozen), before);
}

#[test]
fn entries_tell_which_batches_can_be_learned_from() {
    let learns = |config: &DenseConfig, pictures, size| {
        ModelEntry::of_dense(config).expect("listed").learns_from(pictures, size)
    };
    let unet = DenseConfig::new("unet", 2);
    assert!(!learns(&unet, 1, [31, 31]) && learns(&unet, 1, [32, 1]) && learns(&unet, 2, [1, 1]));
    let shallow = DenseConfig { depth: Some(2), ..unet.clone() };
    assert!(!learns(&shallow, 1, [7, 7]) && learns(&shallow, 1, [8, 7]));
    let plain = DenseConfig { batch_norm: Some(false), ..unet };
    assert!(learns(&plain, 1, [1, 1]) && !learns(&plain, 0, [64, 64]));
    let deeplab = DenseConfig::new("deeplabv3_resnet50", 2);
    assert!(!learns(&deeplab, 1, [512, 512]) && learns(&deeplab, 2, [1, 1]));

    // What an entry promises, the model does.
    let device = untracked();
    for config in
        [shallow, DenseConfig::new("unet_resnet18", 2), DenseConfig::new("fcn_resnet50", 2)]
    {
        let entry = ModelEntry::of_dense(&config).expect("listed");
        let side = entry.single_value_size + 1;
        let model = built(&config, &device);
        let y = model.forward(pictures([1, side, side, 3], &device), &Pass::train());
        assert_eq!(y.scores.dims(), [1, side, side, 2]);
    }
}
