//! Weights in dense models: their own, and a classifier's in their backbone.

use ocelli_models::{
    DenseConfig, DenseModel, ModelConfig, build, build_dense,
    pretrained::{EncoderError, encoder_into, load_dense},
    probe::{ProbeRequest, probe},
};
use ocelli_nn::{
    device,
    state::{Array, StateDict, state_dict},
    tensor::Device,
};
use ocelli_testing::{device_name, portable_state};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

fn dense(config: &DenseConfig, seed: u64) -> DenseModel {
    build_dense(config, &mut ChaCha8Rng::seed_from_u64(seed), &untracked()).expect("can be")
}

fn classifier(name: &str) -> StateDict {
    let config = ModelConfig::new(name, 10);
    let model = build(&config, &mut ChaCha8Rng::seed_from_u64(7), &untracked());
    state_dict(&model.expect("a known model"))
}

fn fcn(outputs: usize, auxiliary: bool) -> DenseConfig {
    DenseConfig { auxiliary: Some(auxiliary), ..DenseConfig::new("fcn_resnet50", outputs) }
}

#[test]
fn whole_weights_load_and_heads_for_other_classes_start_afresh_with_a_note() {
    let weights = state_dict(&dense(&fcn(5, true), 1));
    let same = load_dense(dense(&fcn(5, true), 2), weights.clone()).expect("the same model");
    assert!(same.notes.is_empty(), "{:?}", same.notes);
    assert_eq!(state_dict(&same.model), weights);

    let own = state_dict(&dense(&fcn(3, true), 2));
    let other = load_dense(dense(&fcn(3, true), 2), weights.clone()).expect("other heads");
    assert_eq!(
        other.notes,
        [
            "the layers of the weights that score (classifier.4, aux_classifier.4) have 5 outputs: ones for 3 take their place and start afresh"
        ]
    );
    for (key, array) in state_dict(&other.model).iter() {
        let from = if key.contains("classifier.4.") { &own } else { &weights };
        assert_eq!(from.get(key), Some(array), "{key}");
    }
}

#[test]
fn an_auxiliary_head_that_one_side_lacks_is_told() {
    let with = state_dict(&dense(&fcn(5, true), 1));
    let found = load_dense(dense(&fcn(5, false), 2), with).expect("the rest fits");
    assert_eq!(found.notes, ["left out the auxiliary head of the weights, which the model hasn't"]);
    let without = state_dict(&found.model);
    let found = load_dense(dense(&fcn(5, true), 2), without).expect("the rest fits");
    assert_eq!(found.notes, ["the weights have no auxiliary head: it starts afresh"]);
}

#[test]
fn wrappers_prefixes_are_taken_off_and_other_weights_are_refused() {
    let config = DenseConfig::new("fcn32_resnet18", 4);
    let weights = state_dict(&dense(&config, 1));
    let wrapped: StateDict =
        weights.iter().map(|(key, array)| (format!("module.{key}"), array.clone())).collect();
    let found = load_dense(dense(&config, 2), wrapped).expect("the same model");
    assert_eq!(state_dict(&found.model), weights);
    let error = load_dense(dense(&config, 2), classifier("mobilenet_v3_large")).unwrap_err();
    assert!(error.to_string().contains("missing from the weights"), "{error}");
}

#[test]
fn a_classifiers_weights_become_the_backbone_and_nothing_else() {
    for (name, backbone) in [
        ("unet_resnet18", "resnet18"),
        ("fcn32_resnet18", "resnet18"),
        ("deeplabv3plus_resnet50", "resnet50"),
        ("deeplabv3_resnet50", "resnet50"),
    ] {
        let config = DenseConfig::new(name, 4);
        let (own, weights) = (state_dict(&dense(&config, 2)), classifier(backbone));
        let found = encoder_into(dense(&config, 2), weights.clone()).expect("its backbone");
        assert_eq!(found.notes, ["left out the classifier's last layers: fc.bias, fc.weight"]);
        let prefix = found.model.encoder_prefix().expect("a backbone");
        for (key, array) in state_dict(&found.model).iter() {
            let expected = match key.strip_prefix(prefix) {
                Some(key) => weights.get(key),
                None => own.get(key),
            };
            assert_eq!(expected, Some(array), "{name}: {key}");
        }
    }
}

#[test]
fn the_linear_layers_of_a_vgg_become_convolutions() {
    let config = DenseConfig::new("fcn32_vgg16", 4);
    let weights = classifier("vgg16");
    let found = encoder_into(dense(&config, 2), weights.clone()).expect("its backbone");
    assert_eq!(found.notes[0], "took the classifier's first two layers for conv6 and conv7");
    let state = state_dict(&found.model);
    for (linear, convolution) in [("classifier.0.", "conv6."), ("classifier.3.", "conv7.")] {
        for part in ["weight", "bias"] {
            let values = |state: &StateDict, key: &str| {
                let key = format!("{key}{part}");
                state.get(&key).and_then(Array::as_f32).expect("floats").to_vec()
            };
            assert!(values(&weights, linear) == values(&state, convolution), "{linear}{part}");
        }
    }
}

#[test]
fn weights_that_are_no_backbone_are_refused_by_key() {
    let plain = DenseConfig { width: Some(2), ..DenseConfig::new("unet", 4) };
    let error = encoder_into(dense(&plain, 2), classifier("resnet18")).unwrap_err();
    assert_eq!(error, EncoderError::NoEncoder);
    let config = DenseConfig::new("fcn32_resnet18", 4);
    let error = encoder_into(dense(&config, 2), classifier("resnet34")).unwrap_err().to_string();
    assert!(error.contains("not in the model"), "{error}");
    assert!(error.contains("backbone.layer1.2.bn1.bias"), "{error}");
    let error = encoder_into(dense(&config, 2), StateDict::new()).unwrap_err().to_string();
    assert!(error.contains("missing from the weights"), "{error}");
}

#[test]
fn a_probe_of_a_dense_model_scores_in_pytorchs_order() {
    let config = DenseConfig::new("unet_resnet18", 6);
    let mut asked = ProbeRequest {
        model: config.name.clone(),
        classes: None,
        weights: Some(state_dict(&dense(&config, 1))),
        x: Array::from_f32(vec![1, 3, 37, 35], portable_state("x", &[1, 3, 37, 35])),
        grad_out: None,
        train: false,
    };
    let result = probe(&asked, &untracked()).expect("the weights fit");
    assert_eq!(result.get("y").map(Array::shape), Some(&[1, 6, 37, 35][..]));
    asked.grad_out = Some(Array::from_f32(vec![1, 6], vec![0.0; 6]));
    let error = probe(&asked, &untracked()).unwrap_err().to_string();
    assert_eq!(error, "grad_out has float32 shape [1, 6]; expected float32 [1, 6, 37, 35]");
    asked.model = "deeplabv3_resnet50".into();
    asked.weights = None;
    asked.train = true;
    let error = probe(&asked, &untracked()).unwrap_err().to_string();
    assert!(error.ends_with("more than one picture, in a training pass of deeplabv3_resnet50"));
}
