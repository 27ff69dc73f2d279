//! What tests of whole runs share: a tiny recipe, a run that is stopped anywhere, comparison.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ocelli_nn::device;
use ocelli_train::checkpoint;
use ocelli_train::recipe::Recipe;
use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;
use ocelli_train::record::EpochRecord;
use ocelli_train::run_folder::{RunFolder, read_json_lines};
use ocelli_train::trainer::{Compute, Ending, Observer, StepEvent, TrainError, resume, start};

pub(crate) const RECIPE: &str = r#"
seed = 7
[data]
train = "synth://birds?classes=3&count=36&size=16"
val = 0.25
size = 16
workers = 2
augment = [{ random_resized_crop = {} }, { random_horizontal_flip = {} }]
[train]
epochs = 2
batch_size = 8
[optimizer]
name = "adamw"
lr = 1e-3
"#;

pub(crate) fn compute() -> Compute {
    let device = device::parse("cpu").unwrap();
    Compute { device, device_name: "cpu".into(), threads: 2, commit: None }
}

pub(crate) fn recipe(overrides: &[&str]) -> Recipe {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let text = RecipeText::new("test".into(), RECIPE.into());
    let (recipe, text) = text.parse(&overrides).unwrap();
    resolve(recipe, &text).unwrap()
}

/// Sets the stop flag after so many batches, as Ctrl-C would.
pub(crate) struct StopAfter<'a> {
    pub(crate) batches: usize,
    pub(crate) stop: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn stepped(&mut self, _event: &StepEvent) {
        match self.batches.checked_sub(1) {
            Some(left) => self.batches = left,
            None => self.stop.store(true, Ordering::Relaxed),
        }
    }
}

pub(crate) fn run(
    path: &Path,
    overrides: &[&str],
    stop_after: usize,
) -> Result<Ending, TrainError> {
    let folder = RunFolder::create(path).unwrap();
    let stop = AtomicBool::new(false);
    start(
        recipe(overrides),
        &folder,
        &compute(),
        &mut StopAfter { batches: stop_after, stop: &stop },
        &stop,
    )
}

pub(crate) fn go_on(path: &Path, stop_after: usize) -> Result<Ending, TrainError> {
    let folder = RunFolder::open(path).unwrap();
    let stop = AtomicBool::new(false);
    resume(&folder, &compute(), &mut StopAfter { batches: stop_after, stop: &stop }, &stop)
}

pub(crate) fn records(path: &Path) -> Vec<EpochRecord> {
    let folder = RunFolder::open(path).unwrap();
    let mut records: Vec<EpochRecord> = read_json_lines(&folder.metrics_file()).unwrap();
    for record in &mut records {
        // Time is the one thing that two equal runs differ in.
        record.seconds = 0.0;
        record.images_per_second = 0.0;
        // What is no number equals nothing, itself included.
        if record.loss.is_nan() {
            record.loss = -1.0;
        }
    }
    records
}

pub(crate) fn assert_same_run(left: &Path, right: &Path) {
    for name in ["last", "best"] {
        let [left, right] =
            [left, right].map(|path| checkpoint::read(&path.join("checkpoints"), name).unwrap());
        assert_eq!(left.model, right.model, "weights of {name}");
        assert_eq!(left.optimizer, right.optimizer, "optimizer of {name}");
        assert_eq!(left.ema, right.ema, "averaged weights of {name}");
        assert_eq!(left.target, right.target, "target network of {name}");
        assert_eq!(left.state.best, right.state.best);
    }
    assert_eq!(records(left), records(right));
}
