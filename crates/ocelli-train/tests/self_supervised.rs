//! Whole runs of learning without labels, and what another run makes of them.

mod runs;

use ocelli_nn::safetensors;
use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;
use ocelli_train::run_folder::{RunFolder, RunStatus};
use runs::{RECIPE, assert_same_run, go_on, records, run};

/// Heads narrow enough for a test.
const BYOL: &[&str] = &[
    "task=byol",
    "self_supervised.hidden=12",
    "self_supervised.projection=6",
    "self_supervised.predictor_hidden=10",
    "self_supervised.knn={k=5}",
];

#[test]
fn a_byol_run_stopped_anywhere_and_resumed_equals_an_unbroken_one_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    // Two batches a step: the target follows after steps, not after batches.
    let overrides = [BYOL, &["train.accumulate=2"]].concat();
    assert_eq!(run(&whole, &overrides, usize::MAX).unwrap().status, RunStatus::Finished);
    for stop_after in [0, 2, 4] {
        let broken = folder.path().join(format!("broken-{stop_after}"));
        assert_eq!(run(&broken, &overrides, stop_after).unwrap().status, RunStatus::Stopped);
        assert_eq!(go_on(&broken, usize::MAX).unwrap().status, RunStatus::Finished);
        assert_same_run(&whole, &broken);
    }
    let val = &records(&whole)[1];
    let (spread, knn) = (val.embedding.embedding_std.unwrap(), val.embedding.knn.unwrap());
    assert!(spread > 0.0 && (0.0..=1.0).contains(&knn), "{spread}, {knn}");
}

#[test]
fn every_method_learns_and_its_backbone_is_where_a_classifier_starts_from() {
    for task in ["byol", "simsiam", "simclr", "barlow_twins"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let task = format!("task={task}");
        let overrides = [
            &task,
            "self_supervised.hidden=12",
            "self_supervised.projection=6",
            "train.snapshots=[\"last\"]",
        ];
        let ending = run(&path, &overrides, usize::MAX).unwrap();
        assert_eq!((ending.status, ending.best.unwrap().epoch), (RunStatus::Finished, 2));
        assert!(records(&path)[0].loss.is_finite());
        let run_folder = RunFolder::open(&path).unwrap();
        let backbone = safetensors::read(run_folder.backbone_file()).unwrap();
        assert!(backbone.get("layer1.0.conv1.weight").is_some(), "torchvision's keys");
        let kept = run_folder.snapshots().join("epoch-0002").join("features.safetensors");
        assert!(kept.is_file(), "features are kept as of a classifier");

        // Frozen, the classifier's backbone stays what was learned.
        let classifier = folder.path().join("classifier");
        let weights = format!("model.weights={}", path.display());
        let overrides = [&weights, "train.freeze=backbone", "train.epochs=1"];
        assert_eq!(run(&classifier, &overrides, usize::MAX).unwrap().status, RunStatus::Finished);
        let checkpoint =
            ocelli_train::checkpoint::read(&classifier.join("checkpoints"), "last").unwrap();
        for (key, array) in backbone.iter().filter(|(key, _)| !key.starts_with("fc.")) {
            assert_eq!(checkpoint.model.get(key), Some(array), "{task}: {key}");
        }
    }
}

#[test]
fn keys_that_a_method_has_no_use_for_are_refused_with_the_reason() {
    for (overrides, words) in [
        (&["task=simsiam", "self_supervised.momentum=0.9"][..], "no target network"),
        (&["task=byol", "self_supervised.temperature=0.2"], "compares with no other pictures"),
        (&["task=simclr", "self_supervised.predictor_hidden=8"], "no predictor"),
        (&["task=byol", "self_supervised.momentum=1.5"], "a share from 0 to 1"),
        (&["task=byol", "self_supervised.final_momentum=0.5"], "from momentum to 1"),
        (&["task=byol", "self_supervised.knn.k=0"], "at least 1"),
        (&["task=byol", "train.loss=focal"], "none: it is for tasks with labels"),
        (&["task=byol", "train.batch_size=1"], "at least 2 pictures"),
        (&["task=byol", "train.freeze=backbone"], "follows the whole network"),
        (&["task=byol", "train.best_by=knn"], "self_supervised.knn = {}"),
        (&["task=byol", "train.best_by=loss"], "one of last, knn"),
        (&["task=simclr", "train.early_stopping_patience=3"], "still improve"),
        (&["self_supervised.hidden=8"], "learning without labels"),
    ] {
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        let text = RecipeText::new("test".into(), RECIPE.into());
        let (recipe, text) = text.parse(&overrides).unwrap();
        let error = resolve(recipe, &text).unwrap_err().to_string();
        assert!(error.contains(words), "{overrides:?}: {error}");
    }
    let error = RecipeText::new("test".into(), RECIPE.into()).parse(&["task=bjol".to_owned()]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`byol`, `simsiam`, `simclr`, `barlow_twins`"), "{error}");
}

#[test]
fn pictures_without_classes_are_learned_from_and_measured_on_others_that_have_them() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::create_dir(&plain).unwrap();
    for number in 0..12u8 {
        let picture = ocelli_data::Picture::filled(20, 18, [number * 20, 100, 255 - number]);
        std::fs::write(plain.join(format!("{number}.png")), picture.to_png().unwrap()).unwrap();
    }
    let data = format!("data.train={}", plain.display());
    let labelled = "self_supervised.knn.data=synth://birds?classes=3&count=30&size=16";
    let path = folder.path().join("run");
    let overrides = [BYOL, &[&data, "train.batch_size=4", labelled]].concat();
    assert_eq!(run(&path, &overrides, usize::MAX).unwrap().status, RunStatus::Finished);
    assert!(records(&path)[1].embedding.knn.is_some());

    // Without them there is nothing to measure by.
    let path = folder.path().join("other");
    let overrides = [BYOL, &[&data, "train.batch_size=4"]].concat();
    let error = run(&path, &overrides, usize::MAX).unwrap_err().to_string();
    assert!(error.contains("self_supervised.knn") && error.contains("2 classes"), "{error}");
}

#[test]
fn a_run_without_its_target_network_does_not_go_on_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    assert_eq!(run(&path, BYOL, 4).unwrap().status, RunStatus::Stopped);
    let checkpoints = path.join("checkpoints");
    let mut last = ocelli_train::checkpoint::read(&checkpoints, "last").unwrap();
    last.target = None;
    ocelli_train::checkpoint::write(&checkpoints, "last", &last).unwrap();
    let error = go_on(&path, usize::MAX).unwrap_err().to_string();
    assert!(error.contains("no target network"), "{error}");
}

#[test]
fn a_folder_that_is_no_run_and_one_without_weights_yet_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let unfinished = folder.path().join("unfinished");
    assert_eq!(run(&unfinished, BYOL, 0).unwrap().status, RunStatus::Stopped);
    for (place, words) in [(folder.path(), "no run folder"), (&unfinished, "no such checkpoint")] {
        let path = folder.path().join(format!("from-{}", words.len()));
        let weights = format!("model.weights={}", place.display());
        let error = run(&path, &[&weights], usize::MAX).unwrap_err().to_string();
        assert!(error.contains("model.weights") && error.contains(words), "{error}");
    }
}

#[test]
fn a_single_picture_is_nothing_to_learn_from() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..2u8 {
        let picture = ocelli_data::Picture::filled(20, 18, [number * 20, 100, 255]);
        let file = folder.path().join(format!("{number}.png"));
        std::fs::write(file, picture.to_png().unwrap()).unwrap();
    }
    let data = format!("data.train={}", folder.path().display());
    let overrides = [&BYOL[..4], &[&data, "data.val=0.5"]].concat();
    let error = run(&folder.path().join("run"), &overrides, usize::MAX).unwrap_err().to_string();
    assert!(error.contains("at least 2"), "{error}");
}
