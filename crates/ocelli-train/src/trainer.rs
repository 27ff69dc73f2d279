//! The training loop: epochs of steps, each followed by a validation, a line of metrics and a
//! checkpoint, such that a run can be killed at any moment and go on as if nothing had happened.
//!
//! What makes a resumed run equal an unbroken one, to the bit:
//! the order of pictures and their augmentation are functions of (seed, epoch, index);
//! the learning rate is a function of the step; everything else is in the checkpoint.

mod broken;
mod observer;
mod session;
mod snapshot;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use ocelli_data::loader::LoaderError;
use ocelli_models::BuildError;
use ocelli_nn::{cpu, device};

pub use observer::{Observer, RunStart, StepEvent};
pub use snapshot::SnapshotError;

use crate::checkpoint::{self, CheckpointError};
use crate::config::ConfigError;
use crate::loss::LossError;
use crate::masks::MaskRecord;
use crate::metric::MetricError;
use crate::pictures::{self, Pictures, PicturesError, decode_options};
use crate::progress::{Best, TrainingState};
use crate::recipe::{BestBy, Recipe};
use crate::record::EpochRecord;
use crate::run_folder::{RunFolder, RunFolderError, RunInfo, RunStatus};
use crate::task::EvaluationError;
use crate::weights::WeightsError;
use session::{Session, Watch};

/// Why training ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The pictures can't be used.
    #[error(transparent)]
    Pictures(#[from] PicturesError),
    /// The model can't be built.
    #[error("model.name: {0}")]
    Build(#[from] BuildError),
    /// The model can't start from the weights that the recipe names.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The loss doesn't fit the pictures.
    #[error("train.loss: {0}")]
    Loss(#[from] LossError),
    /// A table of the recipe doesn't fit the run.
    #[error("[{table}] {reason}")]
    Config {
        /// The table's name.
        table: &'static str,
        /// What doesn't fit.
        reason: ConfigError,
    },
    /// Validation failed.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// The model answers other classes than the pictures have.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A snapshot's pictures are not there, or can't be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The run folder can't be used.
    #[error(transparent)]
    RunFolder(#[from] RunFolderError),
    /// A checkpoint can't be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint doesn't fit the run's own model.
    #[error("{path}: does not fit the run's recipe: {reason}")]
    CheckpointContent {
        /// The checkpoint.
        path: PathBuf,
        /// What doesn't fit.
        reason: String,
    },
    /// Loading pictures failed.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// Too many pictures can't be decoded.
    #[error(
        "{broken} of {total} {split} pictures can't be used, more than the 1 % that is put up with; \
         they are listed in {list}. The first: {first}"
    )]
    TooManyBroken {
        /// The split.
        split: &'static str,
        /// How many are broken.
        broken: usize,
        /// Of how many.
        total: usize,
        /// Where they are listed.
        list: PathBuf,
        /// One of them, and why.
        first: String,
    },
    /// The loss or a weight is no longer a number.
    #[error(
        "epoch {epoch}, step {step}: the {what} is {value} at learning rate {learning_rate:e}. \
         Try a smaller optimizer.lr, a warm-up (schedule.warmup_epochs) or train.clip_norm. {checkpoint}"
    )]
    NotFinite {
        /// The epoch, from 1.
        epoch: u32,
        /// Optimizer steps so far.
        step: u64,
        /// What is no number.
        what: &'static str,
        /// What it is instead.
        value: f64,
        /// The learning rate.
        learning_rate: f64,
        /// Where the last good weights are.
        checkpoint: String,
    },
    /// The pictures are other ones than those the run began with.
    #[error(
        "{location}: the pictures have changed since the run began (files added, removed, renamed or \
         of another size): going on would mix two experiments. Restore them, or begin a new run"
    )]
    PicturesChanged {
        /// Where.
        location: String,
    },
    /// Epochs were done, but the checkpoint to go on from is not there.
    #[error(
        "{path}: the checkpoint to go on from is gone, though {epochs} epochs were done; \
         put it back, or begin a new run"
    )]
    CheckpointGone {
        /// Where it should be.
        path: PathBuf,
        /// How many epochs were done.
        epochs: u32,
    },
    /// The run is over.
    #[error("{path}: the run is over, {how}; `ocelli eval {path}` shows how good it is")]
    AlreadyFinished {
        /// The run folder.
        path: PathBuf,
        /// How it ended.
        how: String,
    },
}

/// Where training runs.
#[derive(Clone, Debug)]
pub struct Compute {
    /// The device.
    pub device: Device,
    /// Its name, as `--device` takes it.
    pub device_name: String,
    /// Compute threads.
    pub threads: usize,
    /// The commit that this program was built from, where it is known.
    pub commit: Option<String>,
}

impl Compute {
    /// The instruction set that computes, on the CPU device.
    fn isa(&self) -> Option<String> {
        let isa = device::is_cpu(&self.device).then(cpu::instruction_set)?;
        isa.ok().map(str::to_owned)
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Finished, stopped early, or stopped by the user.
    pub status: RunStatus,
    /// Epochs completed.
    pub epochs: u32,
    /// The best validation.
    pub best: Option<Best>,
    /// What it is best by.
    pub best_by: BestBy,
    /// The last validation of this sitting.
    pub last: Option<EpochRecord>,
    /// The test with the best weights, where there are test pictures.
    pub test: Option<EpochRecord>,
    /// Pictures that could not be used.
    pub broken: usize,
}

/// Begins a run in a new folder.
///
/// `recipe` is a resolved one. Setting `stop` saves everything after the step at hand and returns.
///
/// # Errors
/// [`TrainError`]; the folder then holds the last checkpoint, if there was one.
pub fn start(
    mut recipe: Recipe,
    folder: &RunFolder,
    compute: &Compute,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Ending, TrainError> {
    let _lock = folder.lock()?;
    let pictures = pictures::open(&mut recipe)?;
    let session = Session::new(recipe, pictures, folder, compute)?;
    folder.write_recipe(&session.recipe)?;
    let info = RunInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: compute.commit.clone(),
        device: compute.device_name.clone(),
        threads: compute.threads,
        exact_convolution: session.recipe.train.exact_convolution,
        isa: compute.isa(),
        seed: session.recipe.seed,
        recipe_checksum: Some(folder.recipe_checksum()?),
        data_fingerprint: session.pictures.fingerprint(),
        classes: session.pictures.train.classes.clone(),
        masks: MaskRecord::of(&session.pictures.train, &decode_options(&session.recipe.data)),
        pictures: session.pictures.counts(),
        parameters: session.parameters(),
        started: now(),
        resumed: Vec::new(),
        ended: None,
        status: RunStatus::Running,
    };
    folder.write_info(&info)?;
    run(session, info, folder, observer, stop)
}

/// Goes on with a run where its last checkpoint is.
///
/// # Errors
/// [`TrainError`], as [`start`]; also if the pictures are no longer the same or the run is over.
pub fn resume(
    folder: &RunFolder,
    compute: &Compute,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Ending, TrainError> {
    let _lock = folder.lock()?;
    let mut recipe = folder.read_recipe()?;
    let mut info = folder.read_info()?;
    let over = match info.status {
        RunStatus::Finished => Some(format!("all {} epochs are done", recipe.train.epochs)),
        RunStatus::StoppedEarly => Some("it stopped early".to_owned()),
        RunStatus::Running | RunStatus::Stopped | RunStatus::Failed => None,
    };
    if let Some(how) = over {
        return Err(TrainError::AlreadyFinished { path: folder.path().into(), how });
    }
    let mut pictures: Pictures = pictures::open(&mut recipe)?;
    pictures.notes.extend(folder.recipe_change(&info)?);
    if pictures.fingerprint() != info.data_fingerprint {
        return Err(TrainError::PicturesChanged { location: recipe.data.train });
    }
    let mut session = Session::new(recipe, pictures, folder, compute)?;
    match checkpoint::recover(&folder.checkpoints(), LAST) {
        Ok(checkpoint) => session.restore(checkpoint)?,
        // Killed before its first checkpoint: it begins anew, in the same folder. By then there
        // can be lines of its first epoch, but of no other.
        Err(CheckpointError::Missing { path, .. }) => match session.last_recorded_epoch()? {
            0 | 1 => session.forget_records(&TrainingState::default())?,
            epochs => return Err(TrainError::CheckpointGone { path, epochs }),
        },
        Err(error) => return Err(error.into()),
    }
    info.resumed.push(now());
    info.status = RunStatus::Running;
    info.ended = None;
    info.threads = compute.threads;
    info.isa = compute.isa();
    info.device.clone_from(&compute.device_name);
    folder.write_info(&info)?;
    run(session, info, folder, observer, stop)
}

fn run(
    mut session: Session,
    mut info: RunInfo,
    folder: &RunFolder,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Ending, TrainError> {
    observer.started(&session.description(&info, folder));
    let result = session.train(&mut Watch { observer, stop });
    info.status = match &result {
        Ok(ending) => ending.status,
        Err(_) => RunStatus::Failed,
    };
    info.ended = Some(now());
    let written = folder.write_info(&info);
    // What ended training is worth more to the user than a status that could not be written.
    let ending = result?;
    written?;
    Ok(ending)
}

/// The checkpoint to go on from.
pub const LAST: &str = "last";
/// The checkpoint with the best validation.
pub const BEST: &str = "best";

/// The name of the checkpoint kept of an epoch.
#[must_use]
pub fn epoch_checkpoint(epoch: u32) -> String {
    format!("epoch-{epoch:04}")
}

/// The time, RFC 3339, to the second.
fn now() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .unwrap_or_else(|_| jiff::Timestamp::now())
        .to_string()
}
