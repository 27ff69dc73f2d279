//! timm's names against torchvision's, of whole models (`fixtures/weights/generate.py`).

use std::{collections::BTreeMap, fs, path::Path};

use ocelli_weights::{Array, StateDict, keys};

type Shapes = BTreeMap<String, Vec<usize>>;

/// torchvision's keys and shapes, and timm's.
fn names(model: &str) -> [Shapes; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../../fixtures/weights/timm-{model}.txt"));
    let text = fs::read_to_string(path).expect("a committed fixture");
    let mut both = text.split("# ").skip(1).map(|part| {
        let lines = part.lines().skip(1);
        lines
            .map(|line| {
                let (key, shape) = line.split_once(' ').expect("a key and a shape");
                let axes = shape.split('x').filter(|&axis| axis != "scalar");
                (key.to_owned(), axes.map(|axis| axis.parse().expect("a length")).collect())
            })
            .collect()
    });
    [both.next().expect("torchvision's"), both.next().expect("timm's")]
}

/// Arrays whose first number tells them apart.
fn state(shapes: &Shapes, prefix: &str) -> StateDict {
    let arrays = shapes.iter().enumerate().map(|(index, (key, shape))| {
        let count = shape.iter().product();
        let array = if key.ends_with("num_batches_tracked") {
            Array::from_i64(shape.clone(), vec![index as i64; count])
        } else {
            let mut values = vec![0.0; count];
            values[0] = index as f32;
            Array::from_f32(shape.clone(), values)
        };
        (format!("{prefix}{key}"), array)
    });
    arrays.collect()
}

fn shapes(state: &StateDict) -> Shapes {
    state.iter().map(|(key, array)| (key.to_owned(), array.shape().to_vec())).collect()
}

#[test]
fn every_weight_of_timm_finds_its_place_in_torchvisions_model() {
    for model in ["efficientnet_v2_s", "mobilenet_v3_large", "convnext_tiny", "resnet18"] {
        let [ours, theirs] = names(model);
        for prefix in ["", "module.", "model.backbone."] {
            let fitted = keys::fit(state(&theirs, prefix), &ours);
            let found = shapes(&fitted.state);
            let differs = ours.iter().find(|(key, shape)| found.get(*key) != Some(shape));
            assert_eq!(differs, None, "{model} with {prefix:?}: {:?}", fitted.notes);
            assert_eq!(found.len(), ours.len(), "{model} with {prefix:?}");
        }
    }
}

#[test]
fn vggs_classifier_changes_its_shape() {
    // 133 million weights are not needed to see it.
    let [ours, theirs] = names("vgg11_bn");
    let keys: Vec<&String> = theirs.keys().collect();
    assert!(keys.iter().any(|key| *key == "pre_logits.fc1.weight"));
    let small = |shapes: &Shapes| -> Shapes {
        let shrink = |length: &usize| if *length >= 1000 { length / 512 } else { *length };
        shapes.iter().map(|(k, s)| (k.clone(), s.iter().map(shrink).collect())).collect()
    };
    let (mut ours, mut theirs) = (small(&ours), small(&theirs));
    ours.insert("classifier.0.weight".into(), vec![8, 512 * 49]);
    theirs.insert("pre_logits.fc1.weight".into(), vec![8, 512, 7, 7]);
    let fitted = keys::fit(state(&theirs, ""), &ours);
    assert_eq!(shapes(&fitted.state), ours);
}

#[test]
fn prefixes_are_taken_off_and_told_and_foreign_keys_stay() {
    let expected: Shapes = [("conv1.weight", vec![2]), ("fc.bias", vec![1])]
        .into_iter()
        .map(|(key, shape)| (key.to_owned(), shape))
        .collect();
    for prefix in ["module.", "backbone.", "_orig_mod.module.", "online_network."] {
        let mut wrapped = state(&expected, prefix);
        wrapped.insert("projector.weight", Array::from_f32(vec![1], vec![0.0]));
        let fitted = keys::fit(wrapped, &expected);
        assert_eq!(shapes(&fitted.state), expected, "{prefix}");
        assert_eq!(fitted.notes.len(), 2, "{:?}", fitted.notes);
        assert!(fitted.notes[0].contains(prefix) && fitted.notes[1].contains("projector.weight"));
    }
    let foreign = state(&[("other.weight".to_owned(), vec![1])].into_iter().collect(), "");
    let fitted = keys::fit(foreign.clone(), &expected);
    assert_eq!((fitted.state, fitted.notes.len()), (foreign, 0));
}
