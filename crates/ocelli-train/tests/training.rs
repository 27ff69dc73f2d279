//! Whole runs on the sample data: what the loop promises, held to on tiny pictures.

mod runs;

use std::path::Path;

use ocelli_train::checkpoint;
use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;
use ocelli_train::record::Split;
use ocelli_train::run_folder::{RunFolder, RunStatus};
use ocelli_train::trainer::TrainError;
use runs::{RECIPE, assert_same_run, go_on, recipe, records, run};

#[test]
fn a_run_leaves_its_recipe_numbers_and_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let ending = run(&path, &["train.snapshots=[\"last\"]"], usize::MAX).unwrap();
    assert_eq!(ending.status, RunStatus::Finished);
    let splits: Vec<(u32, Split)> =
        records(&path).iter().map(|record| (record.epoch, record.split)).collect();
    assert_eq!(splits, [(1, Split::Train), (1, Split::Val), (2, Split::Train), (2, Split::Val)]);
    let run = RunFolder::open(&path).unwrap();
    let info = run.read_info().unwrap();
    assert_eq!((info.status, info.classes.len(), info.pictures.val), (RunStatus::Finished, 3, 9));
    assert_eq!(checkpoint::names(&run.checkpoints()), ["best", "epoch-0002", "last"]);
    let features = ocelli_nn::safetensors::read(
        run.snapshots().join("epoch-0002").join("features.safetensors"),
    )
    .unwrap();
    assert_eq!(features.get("features").unwrap().shape(), [9, 512]);
    let read = run.read_recipe().unwrap();
    assert_eq!(read.train.epochs, 2);
    let val = &records(&path)[1];
    let total: u64 = val.confusion.iter().map(|[_, _, count]| count).sum();
    assert_eq!((total, val.pictures, val.classes.len()), (9, 9, 3));
}

#[test]
fn a_run_stopped_anywhere_and_resumed_equals_an_unbroken_one_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    // Everything that has state: averages, accumulation, clipping, a moving learning rate, mixing.
    let overrides = [
        "train.ema.decay=0.9",
        "train.accumulate=2",
        "train.clip_norm=1.0",
        "train.mixup_alpha=0.2",
        "schedule.name=cosine",
        "schedule.per=step",
    ];
    let unbroken = folder.path().join("unbroken");
    run(&unbroken, &overrides, usize::MAX).unwrap();
    // An epoch is 2 steps (of 2 batches) and 2 validation batches: 8 events in all.
    for stop_after in 0..7 {
        let path = folder.path().join(format!("stopped-{stop_after}"));
        let ending = run(&path, &overrides, stop_after).unwrap();
        assert_eq!(ending.status, RunStatus::Stopped, "after {stop_after}");
        assert_eq!(RunFolder::open(&path).unwrap().read_info().unwrap().status, RunStatus::Stopped);
        let ending = go_on(&path, usize::MAX).unwrap();
        assert_eq!(ending.status, RunStatus::Finished);
        assert_same_run(&unbroken, &path);
    }
}

#[test]
fn what_is_dropped_at_random_is_the_same_after_a_resumption() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = ["model.name=mobilenet_v3_large", "model.dropout=0.5", "train.epochs=1"];
    let [unbroken, stopped] = ["unbroken", "stopped"].map(|name| folder.path().join(name));
    run(&unbroken, &overrides, usize::MAX).unwrap();
    assert_eq!(run(&stopped, &overrides, 1).unwrap().status, RunStatus::Stopped);
    go_on(&stopped, usize::MAX).unwrap();
    assert_same_run(&unbroken, &stopped);
}

/// Weights and buffers that differ between two checkpoints of a run.
fn moved(path: &Path, [before, after]: [&str; 2]) -> Vec<String> {
    let [before, after] = [before, after]
        .map(|name| checkpoint::read(&path.join("checkpoints"), name).unwrap().model);
    before
        .iter()
        .filter(|&(key, array)| after.get(key) != Some(array))
        .map(|(key, _)| key.to_owned())
        .collect()
}

#[test]
fn a_frozen_backbone_stands_still_while_the_head_learns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run(&path, &["train.freeze=backbone", "train.snapshots=[\"first\"]"], usize::MAX).unwrap();
    assert_eq!(moved(&path, ["epoch-0001", "last"]), ["fc.bias", "fc.weight"]);
    let last = checkpoint::read(&path.join("checkpoints"), "last").unwrap();
    let tracked = last.model.get("bn1.num_batches_tracked").unwrap();
    assert_eq!(tracked.as_i64(), Some(&[0][..]));
    assert!(
        last.optimizer.keys().all(|key| key == "step" || key.contains("fc.")),
        "the optimizer remembers what learns alone: {:?}",
        last.optimizer.keys().collect::<Vec<_>>()
    );
}

#[test]
fn what_was_frozen_learns_from_its_epoch_on_and_a_resumed_run_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = [
        "train.freeze=[\"backbone\"]",
        "train.unfreeze_epoch=2",
        "train.snapshots=[\"first\"]",
        "optimizer.layer_decay=0.5",
        "optimizer.groups=[{ parameters = \"*.bn*\", weight_decay = 0.0 }]",
        "train.ema.decay=0.9",
    ];
    let unbroken = folder.path().join("unbroken");
    run(&unbroken, &overrides, usize::MAX).unwrap();
    let first = checkpoint::read(&unbroken.join("checkpoints"), "epoch-0001").unwrap();
    let tracked = first.model.get("bn1.num_batches_tracked").unwrap();
    assert_eq!(tracked.as_i64(), Some(&[0][..]));
    let moved = moved(&unbroken, ["epoch-0001", "last"]);
    assert_eq!(moved.len(), first.model.len(), "all of it learns in epoch 2");
    // 4 steps and 2 validation batches an epoch: in the middle of both, and between them.
    for stop_after in [1, 4, 5, 8] {
        let path = folder.path().join(format!("stopped-{stop_after}"));
        assert_eq!(run(&path, &overrides, stop_after).unwrap().status, RunStatus::Stopped);
        assert_eq!(go_on(&path, usize::MAX).unwrap().status, RunStatus::Finished);
        assert_same_run(&unbroken, &path);
    }
}

#[test]
fn a_group_learns_at_its_own_rate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let groups = "optimizer.groups=[{ parameters = \"layer4\", lr_scale = 1.0 }, { parameters = \"backbone\", lr_scale = 0.0 }]";
    run(&path, &[groups, "train.snapshots=[\"first\"]"], usize::MAX).unwrap();
    for key in moved(&path, ["epoch-0001", "last"]) {
        let is_statistic = key.contains("running") || key.contains("num_batches");
        let learns = key.starts_with("layer4.") || key.starts_with("fc.");
        assert!(is_statistic || learns, "{key} moved at a learning rate of 0");
    }
    assert!(moved(&path, ["epoch-0001", "last"]).iter().any(|key| key == "layer4.1.conv2.weight"));
}

#[test]
fn a_part_to_freeze_that_the_model_does_not_have_is_told_with_the_parts_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str, overrides: &[&str]| {
        run(&folder.path().join(name), overrides, usize::MAX).unwrap_err().to_string()
    };
    let unknown = error("unknown", &["train.freeze=layer5"]);
    assert!(unknown.contains("layer5") && unknown.contains("conv1, bn1, layer1"), "{unknown}");
    let whole = error("whole", &["train.freeze=[\"backbone\", \"head\"]"]);
    assert!(whole.contains("something left to learn"), "{whole}");
}

#[test]
fn a_run_is_the_same_whatever_the_number_of_loader_threads() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    run(&one, &["data.workers=0"], usize::MAX).unwrap();
    run(&other, &["data.workers=3", "data.prefetch_batches=1"], usize::MAX).unwrap();
    assert_same_run(&one, &other);
}

#[test]
fn another_seed_is_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    run(&one, &[], usize::MAX).unwrap();
    run(&other, &["seed=8"], usize::MAX).unwrap();
    assert_ne!(records(&one), records(&other));
}

#[test]
fn a_finished_run_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run(&path, &["train.epochs=1"], usize::MAX).unwrap();
    assert!(matches!(go_on(&path, usize::MAX), Err(TrainError::AlreadyFinished { .. })));
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_with_the_last_good_checkpoint_intact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let overrides = ["optimizer.name=sgd", "optimizer.lr=1e30", "train.checkpoint_every_steps=1"];
    let error = run(&path, &overrides, usize::MAX).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { .. }), "{error}");
    assert!(error.to_string().contains("smaller optimizer.lr"), "{error}");
    let run = RunFolder::open(&path).unwrap();
    assert_eq!(run.read_info().unwrap().status, RunStatus::Failed);
    // Whatever was saved is worth going on from.
    if let Ok(checkpoint) = checkpoint::read(&run.checkpoints(), "last") {
        for (key, array) in checkpoint.model.iter() {
            let values = array.as_f32().unwrap_or_default();
            assert!(values.iter().all(|value| value.is_finite()), "{key}");
        }
    }
}

#[test]
fn training_stops_early_when_validation_no_longer_improves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    // At this learning rate nothing changes, so no epoch is better than the first.
    let overrides = [
        "train.epochs=9",
        "train.early_stopping_patience=2",
        "train.best_by=accuracy",
        "optimizer.name=sgd",
        "optimizer.lr=1e-30",
        "data.augment=[]",
    ];
    let ending = run(&path, &overrides, usize::MAX).unwrap();
    assert_eq!(ending.status, RunStatus::StoppedEarly);
    assert!(ending.epochs < 9, "{}", ending.epochs);
}

#[test]
fn pictures_that_changed_since_the_run_began_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    let config =
        ocelli_data::synth::BirdsConfig::parse("synth://birds?classes=2&count=16&size=16").unwrap();
    let birds = ocelli_data::synth::Birds::new(config);
    ocelli_data::synth::write_image_folder(&birds, &pictures, 0.25, |_, _| {}).unwrap();
    let path = folder.path().join("run");
    let place = format!("data.train={}", pictures.display());
    run(&path, &[&place], 0).unwrap();
    let class = std::fs::read_dir(pictures.join("train")).unwrap().next().unwrap().unwrap().path();
    let picture = std::fs::read_dir(class).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(picture).unwrap();
    assert!(matches!(go_on(&path, usize::MAX), Err(TrainError::PicturesChanged { .. })));
}

/// A folder of birds with train/ and val/, and the same val/ pictures without classes.
fn folder_of_birds(folder: &Path) -> (String, std::path::PathBuf) {
    let pictures = folder.join("pictures");
    let config =
        ocelli_data::synth::BirdsConfig::parse("synth://birds?classes=2&count=16&size=16").unwrap();
    let birds = ocelli_data::synth::Birds::new(config);
    ocelli_data::synth::write_image_folder(&birds, &pictures, 0.25, |_, _| {}).unwrap();
    let flat = folder.join("flat");
    std::fs::create_dir(&flat).unwrap();
    for class in std::fs::read_dir(pictures.join("val")).unwrap() {
        for picture in std::fs::read_dir(class.unwrap().path()).unwrap() {
            let picture = picture.unwrap();
            std::fs::copy(picture.path(), flat.join(picture.file_name())).unwrap();
        }
    }
    (format!("data.train={}", pictures.display()), flat)
}

#[test]
fn validation_pictures_without_classes_are_refused_and_test_pictures_left_out_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let (train, flat) = folder_of_birds(folder.path());
    let val = format!("data.val={}", flat.display());
    let error = run(&folder.path().join("one"), &[&train, &val], usize::MAX).unwrap_err();
    assert!(error.to_string().contains("data.val: ") && error.to_string().contains("flat"));
    let mut other = recipe(&[&train, &format!("data.test={}", flat.display())]);
    let pictures = ocelli_train::pictures::open(&mut other).unwrap();
    assert!(pictures.test.is_none());
    assert!(pictures.notes.iter().any(|note| note.contains("no test")), "{:?}", pictures.notes);
}

#[test]
fn a_test_that_the_user_stopped_is_made_up_for_by_resuming() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let overrides = ["data.test=synth://birds?classes=3&count=36&size=16", "train.epochs=1"];
    // 4 training batches and 2 validation batches, then the test.
    let ending = run(&path, &overrides, 6).unwrap();
    assert_eq!((ending.status, ending.epochs), (RunStatus::Stopped, 1));
    assert!(ending.test.is_none());
    let ending = go_on(&path, usize::MAX).unwrap();
    assert_eq!(ending.status, RunStatus::Finished);
    assert!(ending.test.is_some());
    let tests = records(&path).iter().filter(|record| record.split == Split::Test).count();
    assert_eq!(tests, 1);
}

#[test]
fn a_run_goes_on_from_a_checkpoint_that_a_crash_left_between_two_renames() {
    let folder = tempfile::tempdir().unwrap();
    let [unbroken, path] = ["unbroken", "run"].map(|name| folder.path().join(name));
    run(&unbroken, &[], usize::MAX).unwrap();
    // Stopped in the second epoch's first batch, then taken back to the end of the first.
    run(&path, &["train.epochs=1"], usize::MAX).unwrap();
    let recipe_file = path.join("recipe.toml");
    std::fs::copy(unbroken.join("recipe.toml"), &recipe_file).unwrap();
    let info = std::fs::read_to_string(path.join("run.json")).unwrap();
    std::fs::write(path.join("run.json"), info.replace("\"finished\"", "\"running\"")).unwrap();
    let checkpoints = path.join("checkpoints");
    std::fs::rename(checkpoints.join("last"), checkpoints.join("last.new")).unwrap();
    std::fs::remove_dir_all(checkpoints.join("best")).unwrap();
    assert_eq!(go_on(&path, usize::MAX).unwrap().status, RunStatus::Finished);
    assert_same_run(&unbroken, &path);
}

#[test]
fn a_run_whose_checkpoint_was_removed_does_not_begin_anew_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    // Two epochs of 4 training and 2 validation batches, then a step.
    run(&path, &["train.epochs=3"], 12).unwrap();
    std::fs::remove_dir_all(path.join("checkpoints").join("last")).unwrap();
    let error = go_on(&path, usize::MAX).unwrap_err();
    assert!(matches!(error, TrainError::CheckpointGone { epochs: 2, .. }), "{error}");
    assert_eq!(records(&path).len(), 4);
}

#[test]
fn a_recipe_that_was_cut_short_or_edited_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run(&path, &["train.epochs=1"], usize::MAX).unwrap();
    let run = RunFolder::open(&path).unwrap();
    let info = run.read_info().unwrap();
    assert_eq!(run.recipe_change(&info).unwrap(), None);
    let text = std::fs::read_to_string(run.recipe_file()).unwrap();
    std::fs::write(run.recipe_file(), &text[..text.find("[train]").unwrap()]).unwrap();
    let change = run.recipe_change(&info).unwrap().unwrap();
    assert!(change.contains("recipe.toml has changed"), "{change}");
}

/// A narrow U-Net over the parts of the birds.
const SEGMENT: [&str; 5] = [
    "task=segment",
    "model.name=unet",
    "model.width=4",
    "model.depth=2",
    "train.snapshots=[\"first\",\"last\"]",
];
/// The same for colours.
const COLORIZE: [&str; 5] =
    ["task=colorize", "model.name=unet", "model.width=4", "model.depth=2", SEGMENT[4]];

#[test]
fn runs_of_the_dense_tasks_resumed_equal_unbroken_ones_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (task, own) in [("segment", SEGMENT), ("colorize", COLORIZE)] {
        let overrides = [&own[..], &["train.ema.decay=0.9"]].concat();
        let unbroken = folder.path().join(task);
        run(&unbroken, &overrides, usize::MAX).unwrap();
        for stop_after in [1, 5] {
            let path = folder.path().join(format!("{task}-{stop_after}"));
            let ending = run(&path, &overrides, stop_after).unwrap();
            assert_eq!(ending.status, RunStatus::Stopped, "{task} after {stop_after}");
            go_on(&path, usize::MAX).unwrap();
            assert_same_run(&unbroken, &path);
        }
    }
}

#[test]
fn segmentation_records_regions_and_keeps_masks_in_the_encoding_of_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let overrides = [&SEGMENT[..], &["train.snapshot_pictures=2"]].concat();
    let ending = run(&path, &overrides, usize::MAX).unwrap();
    assert_eq!(ending.best_by.name(), "miou");
    let run = RunFolder::open(&path).unwrap();
    let info = run.read_info().unwrap();
    let masks = info.masks.unwrap();
    assert_eq!(masks.classes.len(), info.classes.len());
    let records = records(&path);
    let val = &records[1];
    assert!(val.regions.miou.is_some() && val.accuracy.is_some() && val.top5.is_none());
    assert_eq!(val.regions.iou.len(), info.classes.len());
    let counted: u64 = val.confusion.iter().map(|[_, _, pixels]| pixels).sum();
    assert_eq!(counted, 9 * 16 * 16, "every pixel of 9 pictures");
    let files = |part: &str| {
        let read = std::fs::read_dir(run.snapshots().join(part)).unwrap();
        let mut names: Vec<_> = read.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let names = files("truth");
    assert_eq!(names.len(), 2);
    for part in ["pictures", "epoch-0001/masks", "epoch-0002/masks"] {
        assert_eq!(files(part), names, "{part}");
    }
    let mask = std::fs::read(run.snapshots().join("epoch-0002/masks").join(&names[0])).unwrap();
    let options = ocelli_data::DecodeOptions::default();
    let mask = ocelli_data::mask::decode(&mask, &masks.palette(), &options).unwrap();
    assert_eq!((mask.width(), mask.height()), (16, 16));
}

#[test]
fn a_key_of_another_task_is_refused_with_the_tasks_it_is_for() {
    let refused = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        let text = RecipeText::new("test".into(), RECIPE.into());
        let (recipe, text) = text.parse(&overrides).unwrap();
        resolve(recipe, &text).unwrap_err().to_string()
    };
    for (overrides, words) in [
        (&["train.best_by=miou"][..], "accuracy, loss"),
        (&["evaluate.flip=true"], "task = \"segment\""),
        (&["model.skip_connections=false"], "task = \"segment\" and \"colorize\""),
        (&["task=segment", "train.mixup_alpha=0.2"], "task = \"classify\""),
        (&["task=colorize", "train.loss=dice"], "a loss of task = \"colorize\""),
        (&["task=segment", "evaluate.scales=[0.0]"], "numbers from 0.1 to 4"),
        (&["task=segment", "train.loss.gama=2"], "gama"),
    ] {
        let error = refused(overrides);
        assert!(error.contains(words), "{overrides:?}: {error}");
    }
}

#[test]
fn every_recipe_of_the_project_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Grids of recipes are held to by the tests of `ocelli sweep`.
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("grid-")) {
            continue;
        }
        let (recipe, text) = RecipeText::from_file(&path).unwrap().parse(&[]).unwrap();
        let recipe = resolve(recipe, &text).unwrap_or_else(|error| panic!("{error}"));
        let entry = ocelli_train::network::entry(&recipe);
        assert!(entry.is_some(), "{}: no model {}", path.display(), recipe.model.name);
        count += 1;
    }
    assert!(count > 10, "found {count} recipes");
}
