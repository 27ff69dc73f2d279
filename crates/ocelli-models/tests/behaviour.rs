//! What every model and the builder promise, whatever the numbers.

mod learning;

use std::{collections::BTreeMap, path::Path};

use learning::{assert_every_parameter_learns, pictures, untracked};
use ocelli_models::{
    BuildError, Classifier, ModelConfig, build, catalogue,
    probe::{ProbeError, ProbeRequest, probe},
};
use ocelli_nn::{
    Pass, device, safetensors,
    state::{
        Array, gradients, load_state_dict, parameter_count, parameter_keys, state_dict,
        update_parameters,
    },
    tensor::Device,
};
use ocelli_testing::{portable_state, relative_difference, values};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

fn model(name: &str, classes: usize, in_channels: usize, device: &Device) -> Classifier {
    let config = ModelConfig::new(name, classes).with_in_channels(in_channels);
    build(&config, &mut ChaCha8Rng::seed_from_u64(0), device).expect("a known model")
}

#[test]
fn odd_sizes_and_other_channel_counts_give_the_right_shapes() {
    let device = untracked();
    for (name, features, sizes) in [
        ("resnet18", 512, [[1, 1], [33, 47], [64, 31]]),
        ("resnet50", 2048, [[1, 1], [33, 47], [64, 31]]),
        ("efficientnet_v2_s", 1280, [[1, 1], [33, 47], [64, 31]]),
        ("mobilenet_v3_large", 1280, [[1, 1], [33, 47], [64, 31]]),
        ("convnext_tiny", 768, [[32, 32], [33, 47], [64, 35]]),
        ("vgg11_bn", 4096, [[32, 32], [33, 47], [64, 35]]),
    ] {
        for in_channels in [1, 4] {
            let model = model(name, 7, in_channels, &device);
            for [height, width] in sizes {
                let x = pictures([2, height, width, in_channels], &device);
                let y = model.forward(x.clone(), &Pass::eval());
                assert_eq!(y.dims(), [2, 7]);
                assert!(values(&y).iter().all(|value| value.is_finite()));
                assert_eq!(model.forward_features(x, &Pass::eval()).dims(), [2, features]);
            }
        }
    }
}

#[test]
fn the_last_map_and_what_follows_from_it_are_the_whole_network() {
    let device = untracked();
    for (name, channels, size, map_size) in [
        ("resnet18", 512, [65, 40], [3, 2]),
        ("efficientnet_v2_s", 1280, [65, 40], [3, 2]),
        ("mobilenet_v3_large", 960, [65, 40], [3, 2]),
        ("convnext_tiny", 768, [65, 40], [2, 1]),
        ("vgg11_bn", 512, [65, 40], [4, 2]),
    ] {
        let model = model(name, 5, 3, &device);
        let x = pictures([2, size[0], size[1], 3], &device);
        let map = model.forward_map(x.clone(), &Pass::eval());
        assert_eq!(map.dims(), [2, map_size[0], map_size[1], channels], "{name}");
        let [whole, parts] =
            [model.forward(x, &Pass::eval()), model.forward_from_map(map, &Pass::eval())];
        assert_eq!(values(&whole), values(&parts), "{name}");
    }
}

#[test]
fn what_is_dropped_follows_from_the_key_and_nothing_is_in_evaluation() {
    let device = untracked();
    for name in ["efficientnet_v2_s", "mobilenet_v3_large", "convnext_tiny"] {
        let score = |config: ModelConfig, pass: &Pass| {
            let model = build(&config, &mut ChaCha8Rng::seed_from_u64(0), &device);
            values(&model.expect("a known model").forward(pictures([4, 33, 40, 3], &device), pass))
        };
        let usual = || ModelConfig::new(name, 5);
        let keyed = |key| score(usual(), &Pass::train_with_key(key));
        assert_eq!(keyed(1), keyed(1), "{name}");
        assert_ne!(keyed(1), keyed(2), "{name}");
        let without = |key| score(usual().without_dropping(), &Pass::train_with_key(key));
        assert_eq!(without(1), without(2), "{name}");
        assert_eq!(
            score(usual(), &Pass::eval()),
            score(usual().without_dropping(), &Pass::eval()),
            "{name}"
        );
    }
}

#[test]
fn rates_of_dropping_that_can_not_be_are_refused() {
    let refused = |config: ModelConfig| {
        build(&config, &mut ChaCha8Rng::seed_from_u64(0), &untracked()).unwrap_err().to_string()
    };
    let config = |name: &str, dropout, stochastic_depth| ModelConfig {
        dropout,
        stochastic_depth,
        ..ModelConfig::new(name, 3)
    };
    for rate in [-0.1, 1.0, f64::NAN] {
        let found = refused(config("vgg11", Some(rate), None));
        assert!(found.contains("dropout") && found.contains("less than 1"), "{found}");
    }
    let found = refused(config("resnet18", Some(0.1), None));
    assert_eq!(found, "resnet18 has no dropout: leave it out");
    let found = refused(config("vgg11", None, Some(0.1)));
    assert_eq!(found, "vgg11 has no stochastic_depth: leave it out");
}

#[test]
fn every_parameter_is_in_one_layer_and_the_last_layer_is_the_head() {
    let device = untracked();
    for entry in catalogue() {
        // The VGGs differ in their depth alone, and their classifiers take long to draw.
        if entry.family == "VGG" && entry.name != "vgg11_bn" {
            continue;
        }
        let model = model(entry.name, 2, 3, &device);
        let layers = model.layer_prefixes();
        let mut seen = vec![false; layers.len()];
        for key in parameter_keys(&model) {
            let found: Vec<usize> = (0..layers.len())
                .filter(|&layer| layers[layer].iter().any(|prefix| key.starts_with(prefix)))
                .collect();
            assert_eq!(found.len(), 1, "{}: {key} is in layers {found:?}", entry.name);
            seen[found[0]] = true;
            let is_head = key.starts_with(model.head());
            assert!(!is_head || found[0] + 1 == layers.len(), "{}: {key}", entry.name);
        }
        assert!(seen.iter().all(|&seen| seen), "{}: a layer without parameters", entry.name);
        let head = format!("{}weight", model.head());
        assert_eq!(state_dict(&model).get(&head).expect("a head").shape()[0], 2, "{head}");
    }
}

#[test]
fn pictures_too_small_for_a_model_are_told() {
    let device = untracked();
    for name in ["vgg11", "convnext_tiny"] {
        let mut asked = request(&[2, 3, 40, 31]);
        asked.model = name.into();
        let error = probe(&asked, &device).unwrap_err().to_string();
        assert!(error.contains("at least 32 pixels a side"), "{error}");
    }
}

#[test]
fn a_single_small_picture_teaches_models_without_batch_normalization() {
    let mut asked = request(&[1, 3, 32, 32]);
    asked.model = "convnext_tiny".into();
    asked.train = true;
    assert!(probe(&asked, &untracked()).is_ok());
    for name in ["efficientnet_v2_s", "mobilenet_v3_large", "wide_resnet50_2"] {
        asked.model = name.into();
        let error = probe(&asked, &untracked()).unwrap_err().to_string();
        assert!(error.contains("more than one picture"), "{error}");
    }
}

#[test]
fn saving_and_loading_gives_the_same_bytes() {
    let device = untracked();
    for name in ["resnet18", "efficientnet_v2_s", "mobilenet_v3_large", "convnext_tiny"] {
        let bytes =
            |model: &Classifier| safetensors::to_bytes(&state_dict(model), &BTreeMap::new());
        let saved = bytes(&model(name, 3, 3, &device));
        let state = safetensors::parse(&saved, Path::new(name)).expect("what was written");
        let config = ModelConfig::new(name, 3);
        let other = build(&config, &mut ChaCha8Rng::seed_from_u64(1), &device).expect("listed");
        assert!(bytes(&other) != saved, "{name}: another seed, the same weights");
        let loaded = load_state_dict(other, &state).expect("the model's own weights fit");
        assert!(bytes(&loaded) == saved, "{name}: other bytes after loading");
    }
}

/// The models with a fixture show it in tests/reference.rs; the other VGGs have the same layers as
/// those, and many weights.
#[test]
fn every_parameter_of_every_size_gets_a_gradient() {
    let device = device::autodiff(&untracked());
    for name in [
        "resnet34",
        "resnet101",
        "resnet152",
        "wide_resnet50_2",
        "efficientnet_v2_m",
        "efficientnet_v2_l",
    ] {
        let config = ModelConfig::new(name, 3).without_dropping();
        let model = build(&config, &mut ChaCha8Rng::seed_from_u64(0), &device).expect("listed");
        let y = model.forward(pictures([2, 33, 35, 3], &device), &Pass::train());
        assert_every_parameter_learns(name, &model, (y.clone() * y).sum());
    }
}

#[test]
fn in_an_evaluation_pass_a_picture_is_scored_for_itself() {
    let device = untracked();
    let model = model("resnet18", 5, 3, &device);
    let both = pictures([2, 40, 24, 3], &device);
    let first = both.clone().slice([0..1, 0..40, 0..24, 0..3]);
    let together = values(&model.forward(both, &Pass::eval()));
    let alone = values(&model.forward(first, &Pass::eval()));
    assert!(relative_difference(&alone, &together[..5]) < 1e-5);
}

#[test]
fn a_training_step_repeats_to_the_bit_and_every_parameter_moves() {
    let device = device::autodiff(&untracked());
    let step = || {
        let model = model("resnet18", 4, 3, &device);
        let before = state_dict(&model);
        let y = model.forward(pictures([3, 47, 33, 3], &device), &Pass::train());
        let mut recorded = (y.clone() * y).sum().backward();
        let taken = gradients(&model, &mut recorded);
        assert_eq!(taken.len(), 62);
        let model = update_parameters(model, |key, value| value - taken[key].clone() * 1e-3);
        (before, state_dict(&model))
    };
    let (before, after) = step();
    for (key, array) in after.iter() {
        assert_ne!(before.get(key), Some(array), "{key} stands still");
    }
    assert_eq!(step().1, after);
}

#[test]
fn a_clone_keeps_its_statistics_while_the_original_trains() {
    let device = untracked();
    let original = model("resnet18", 4, 3, &device);
    let copy = original.clone();
    let before = state_dict(&copy);
    let _ = original.forward(pictures([2, 33, 33, 3], &device), &Pass::train());
    assert_ne!(state_dict(&original), before);
    assert_eq!(state_dict(&copy), before);
}

#[test]
fn the_catalogue_has_the_published_multiply_adds() {
    // Counted by hooks on torchvision's convolutions and linear layers at 224 x 224 pixels, in
    // thousands of millions; for most the same as its documentation has.
    let published = [
        ("resnet18", 1.814),
        ("resnet34", 3.664),
        ("resnet50", 4.089),
        ("resnet101", 7.801),
        ("resnet152", 11.514),
        ("wide_resnet50_2", 11.398),
        ("efficientnet_v2_s", 2.850),
        ("efficientnet_v2_m", 5.362),
        ("efficientnet_v2_l", 12.231),
        ("vgg11", 7.609),
        ("vgg11_bn", 7.609),
        ("vgg13", 11.308),
        ("vgg13_bn", 11.308),
        ("vgg16", 15.470),
        ("vgg16_bn", 15.470),
        ("vgg19", 19.632),
        ("vgg19_bn", 19.632),
        ("mobilenet_v3_large", 0.2166),
        ("convnext_tiny", 4.456),
    ];
    assert_eq!(catalogue().len(), published.len());
    for (entry, (name, billions)) in catalogue().iter().zip(published) {
        assert_eq!(entry.name, name);
        assert!((entry.multiply_adds as f64 / 1e9 - billions).abs() < 5e-4, "{entry:?}");
    }
}

#[test]
fn unknown_names_are_told_with_the_nearest_and_all_known_ones() {
    let unknown = |name: &str| {
        let config = ModelConfig::new(name, 2);
        let error = build(&config, &mut ChaCha8Rng::seed_from_u64(0), &untracked());
        error.expect_err("an unknown model").to_string()
    };
    let found = unknown("resnet-50");
    assert!(
        found.starts_with(
            "unknown model \"resnet-50\", did you mean \"resnet50\"?; known models: resnet18, resnet34, "
        ),
        "{found}"
    );
    assert!(unknown("transformer").starts_with("unknown model \"transformer\"; known models: "));
}

#[test]
fn counts_that_can_not_be_are_refused_before_anything_is_allocated() {
    for (classes, in_channels) in [(0, 3), (10, 0), (usize::MAX, 3), (10, usize::MAX)] {
        let config = ModelConfig::new("resnet18", classes).with_in_channels(in_channels);
        let error = build(&config, &mut ChaCha8Rng::seed_from_u64(0), &untracked());
        assert!(matches!(error, Err(BuildError::Count { .. })), "{config:?}");
    }
}

fn request(shape: &[usize]) -> ProbeRequest {
    ProbeRequest {
        model: "resnet18".into(),
        classes: Some(3),
        weights: None,
        x: Array::from_f32(shape.to_vec(), portable_state("x", shape)),
        grad_out: None,
        train: false,
    }
}

#[test]
fn a_probe_takes_classes_from_the_weights_and_channels_from_the_pictures() {
    let device = untracked();
    let trained = model("resnet18", 6, 2, &device);
    assert!(parameter_count(&trained) > 0);
    let mut asked = request(&[1, 2, 9, 8]);
    asked.classes = None;
    asked.weights = Some(state_dict(&trained));
    let result = probe(&asked, &device).expect("the weights fit");
    assert_eq!(result.get("y").map(Array::shape), Some(&[1, 6][..]));
}

#[test]
fn a_probe_refuses_tensors_that_the_model_can_not_take() {
    let device = untracked();
    let refused = |asked: ProbeRequest| match probe(&asked, &device) {
        Err(error @ ProbeError::Input { .. }) => error.to_string(),
        other => panic!("expected an input error, got {other:?}"),
    };
    let mut integers = request(&[1, 3, 4, 4]);
    integers.x = Array::from_i64(vec![1, 3, 4, 4], vec![0; 48]);
    assert!(refused(integers).starts_with("x has int64 shape [1, 3, 4, 4]; expected float32 ["));
    assert!(refused(request(&[3, 4, 4])).starts_with("x has float32 shape [3, 4, 4]; expected"));
    assert!(refused(request(&[1, 3, 0, 4])).starts_with("x has float32 shape [1, 3, 0, 4]"));
    let mut wrong_gradient = request(&[2, 3, 8, 8]);
    wrong_gradient.grad_out = Some(Array::from_f32(vec![2, 4], vec![0.0; 8]));
    assert_eq!(
        refused(wrong_gradient),
        "grad_out has float32 shape [2, 4]; expected float32 [2, 3]"
    );
    let mut single = request(&[1, 3, 32, 32]);
    single.train = true;
    assert!(refused(single).contains("more than one picture"));
}
