//! One sitting of a run, from its state to its end or to the user's stop.

mod evaluation;
mod saving;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::Device;
use ocelli_data::loader::{Batch, Loader};
use ocelli_data::random::{Purpose, generator};
use ocelli_nn::state;
use ocelli_nn::{Pass, cpu, device};
use rand::Rng;

use super::broken::BrokenPictures;
use super::snapshot::Snapshots;
use super::tensorboard::TensorBoard;
use super::{Compute, Ending, LAST, Observer, RunStart, StepEvent, TrainError};
use crate::checkpoint;
use crate::ema::Ema;
use crate::fine_tuning::{self, Freezing};
use crate::gradient::{self, GatheredGradients, GradientMap};
use crate::network::{self, Network};
use crate::optimizer::Optimizer;
use crate::pictures::{Pictures, evaluation_loader, training_loader};
use crate::progress::{EpochTotals, TrainingState};
use crate::recipe::{BestBy, Recipe, Task};
use crate::record::{EpochRecord, Split};
use crate::run_folder::{RunFolder, RunInfo, RunStatus, append_json_line};
use crate::schedule::Schedule;
use crate::task::self_supervised::COLLAPSED;
use crate::task::{Learned, Objective, objective};
use crate::weights;
use evaluation::EvaluationPass;

pub(super) struct Session {
    pub(super) recipe: Recipe,
    pub(super) pictures: Pictures,
    /// What a person should know of pictures and weights.
    notes: Vec<String>,
    folder: RunFolder,
    /// Where tensors that need no gradients live.
    device: Device,
    /// The same device, with gradients.
    gradient_device: Device,
    train_loader: Loader,
    val_loader: Loader,
    /// Always `Some` but within a step, which takes the model apart to change it in place.
    model: Option<Network>,
    freezing: Freezing,
    optimizer: Optimizer,
    ema: Option<Ema>,
    schedule: Schedule,
    steps_per_epoch: u64,
    objective: Box<dyn Objective>,
    snapshots: Snapshots,
    tensorboard: TensorBoard,
    state: TrainingState,
    broken: BrokenPictures,
}

/// Who is told of what happens, and who may stop it.
pub(super) struct Watch<'a> {
    pub(super) observer: &'a mut dyn Observer,
    pub(super) stop: &'a AtomicBool,
}

impl Watch<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Why a pass over the training pictures ended.
enum Flow {
    Done,
    Stopped,
}

impl Session {
    pub(super) fn new(
        recipe: Recipe,
        pictures: Pictures,
        folder: &RunFolder,
        compute: &Compute,
    ) -> Result<Self, TrainError> {
        cpu::set_exact_convolution(recipe.train.exact_convolution);
        let classes = pictures.train.classes.len();
        let train_loader = training_loader(&recipe, pictures.train.clone())?;
        let val_loader = evaluation_loader(&recipe, pictures.val.clone())?;
        let gradient_device = device::autodiff(&compute.device);
        let model = Network::new(&recipe, classes, &gradient_device)?;
        // A run that goes on has weights of its own.
        let begins = !checkpoint::names(&folder.checkpoints()).iter().any(|name| name == LAST);
        let (model, notes) =
            if begins { weights::with_weights(model, &recipe.model)? } else { (model, Vec::new()) };
        let notes = pictures.notes.iter().cloned().chain(notes).collect();
        let steps = train_loader.batches_per_epoch().div_ceil(recipe.train.accumulate);
        let misfit = |table| move |reason| TrainError::Config { table, reason };
        let freezing =
            Freezing::new(recipe.train.freeze.as_ref(), recipe.train.unfreeze_epoch, &model)
                .map_err(misfit("train"))?;
        let settings = fine_tuning::parameter_settings(&recipe.optimizer, &model)
            .map_err(misfit("optimizer"))?;
        let optimizer =
            Optimizer::new(&recipe.optimizer).map_err(misfit("optimizer"))?.with_settings(settings);
        let schedule = Schedule::new(
            &recipe.schedule,
            optimizer.base_learning_rate(),
            u64::from(recipe.train.epochs),
            steps as u64,
        )
        .map_err(misfit("schedule"))?;
        let mut objective = objective(&recipe, &pictures, &compute.device)?;
        objective.begin(&model)?;
        let snapshots = Snapshots::new(&recipe, &pictures.val, folder)?;
        let ema = match &recipe.train.ema {
            Some(config) => Some(Ema::new(config, &model).map_err(misfit("train.ema"))?),
            None => None,
        };
        Ok(Self {
            optimizer,
            broken: BrokenPictures::open(folder)?,
            folder: folder.clone(),
            device: compute.device.clone(),
            gradient_device,
            train_loader,
            val_loader,
            model: Some(model),
            freezing,
            ema,
            schedule,
            steps_per_epoch: steps as u64,
            objective,
            snapshots,
            tensorboard: TensorBoard::new(&recipe, folder),
            state: TrainingState::default(),
            recipe,
            pictures,
            notes,
        })
    }

    fn model(&self) -> &Network {
        self.model.as_ref().expect("the model is put back after every step")
    }

    pub(super) fn parameters(&self) -> u64 {
        state::parameter_count(self.model()) as u64
    }

    pub(super) fn description<'a>(
        &'a self,
        info: &'a RunInfo,
        folder: &'a RunFolder,
    ) -> RunStart<'a> {
        RunStart {
            recipe: &self.recipe,
            info,
            notes: &self.notes,
            state: &self.state,
            batches: self.train_loader.batches_per_epoch(),
            folder: folder.path(),
        }
    }

    /// Trains until the recipe's end, an early stop, or the user's.
    pub(super) fn train(&mut self, watch: &mut Watch<'_>) -> Result<Ending, TrainError> {
        self.tensorboard.begin(self.state.epoch, watch.observer);
        let mut last = None;
        let mut status = RunStatus::Finished;
        while self.state.epoch < self.recipe.train.epochs {
            if self.is_out_of_patience() {
                status = RunStatus::StoppedEarly;
                break;
            }
            let epoch = self.state.epoch + 1;
            let stopped = match self.train_epoch(epoch, watch)? {
                Flow::Stopped => true,
                Flow::Done => {
                    let record = self.finish_epoch(epoch, watch)?;
                    let stopped = record.is_none();
                    last = record.or(last);
                    stopped
                }
            };
            if stopped {
                self.save()?;
                status = RunStatus::Stopped;
                break;
            }
        }
        let mut test = None;
        if status != RunStatus::Stopped
            && let Some(dataset) = self.pictures.test.clone()
        {
            test = self.test(dataset, watch)?;
            if test.is_none() {
                // All epochs are saved; what is left to go on with is the test.
                status = RunStatus::Stopped;
            }
        }
        Ok(Ending {
            status,
            epochs: self.state.epoch,
            best: self.state.best,
            best_by: self.recipe.best_by(),
            last,
            test,
            broken: self.broken.count(),
        })
    }

    fn is_out_of_patience(&self) -> bool {
        let patience = self.recipe.train.early_stopping_patience;
        patience > 0 && self.state.epochs_without_improvement >= patience
    }

    /// The training half of an epoch, from wherever the state is.
    fn train_epoch(&mut self, epoch: u32, watch: &mut Watch<'_>) -> Result<Flow, TrainError> {
        let batches = self.train_loader.batches_per_epoch();
        let total = self.pictures.train.len();
        let accumulate = self.recipe.train.accumulate;
        let checkpoint_every = self.recipe.train.checkpoint_every_steps;
        let model = self.model.take().expect("the model is put back after every step");
        let model = self.freezing.applied(model, epoch);
        self.model = Some(self.optimizer.reserve(model));
        let mut gathered = GatheredGradients::default();
        let loading = self.train_loader.epoch(u64::from(epoch), self.state.batch);
        let mut batch_number = self.state.batch;
        let before = self.state.totals.seconds;
        let started = Instant::now();
        for batch in loading {
            let batch = batch?;
            batch_number += 1;
            self.broken.note(Split::Train, total, &batch.broken, watch.observer)?;
            if self.is_trainable(&batch) {
                gathered.add(self.gradients(epoch, batch_number, batch)?);
            }
            // Gradients of a step half gathered are not in a checkpoint: all that follows
            // happens between steps.
            if !batch_number.is_multiple_of(accumulate) && batch_number != batches {
                continue;
            }
            if let Some(gradients) = gathered.take_mean() {
                self.step(epoch, gradients)?;
            }
            self.state.batch = batch_number;
            self.state.totals.seconds = before + started.elapsed().as_secs_f64();
            let totals = &self.state.totals;
            watch.observer.stepped(&StepEvent {
                epoch,
                split: Split::Train,
                batch: batch_number,
                batches,
                loss: Some(totals.loss / totals.pictures.max(1) as f64),
                images_per_second: Some(totals.pictures as f64 / totals.seconds),
            });
            if watch.is_stopped() {
                return Ok(Flow::Stopped);
            }
            if checkpoint_every > 0
                && self.state.step.is_multiple_of(checkpoint_every)
                && batch_number != batches
            {
                self.save()?;
            }
        }
        Ok(Flow::Done)
    }

    /// Whether a batch has something to learn from. Pictures that can't be used leave gaps; a single
    /// picture that ends as a single value has no variance for BatchNorm to divide by, and without
    /// labels nothing to be compared with.
    fn is_trainable(&self, batch: &Batch) -> bool {
        let [pictures, height, width, _] = batch.shape;
        let compares = self.recipe.task.method().is_some();
        pictures > usize::from(compares)
            && network::entry(&self.recipe)
                .is_some_and(|model| model.learns_from(pictures, [height, width]))
    }

    /// Forward and backward: the gradients of one batch, by parameter.
    ///
    /// What dropout drops follows from epoch and batch number, so that a resumed run drops the same.
    fn gradients(
        &mut self,
        epoch: u32,
        number: usize,
        batch: Batch,
    ) -> Result<GradientMap, TrainError> {
        let mut random =
            generator(self.recipe.seed, Purpose::Dropout, u64::from(epoch), number as u64);
        let pass = Pass::train_with_key(random.next_u64());
        let Learned { loss, pictures, questions, correct, correct_top5 } =
            self.objective.learn(self.model(), batch, &pass, &self.gradient_device)?;
        let value = f64::from(loss.clone().inner().into_scalar::<f32>());
        if !value.is_finite() {
            return Err(self.not_finite(epoch, "loss", value));
        }
        let gradients = state::gradients(self.model(), &mut loss.backward());
        let totals = &mut self.state.totals;
        totals.loss += value * pictures as f64;
        totals.pictures += pictures;
        totals.questions += questions;
        totals.correct += correct;
        totals.correct_top5 += correct_top5;
        Ok(gradients)
    }

    /// One optimizer step.
    fn step(&mut self, epoch: u32, mut gradients: GradientMap) -> Result<(), TrainError> {
        let most = self.recipe.train.clip_norm;
        if most > 0.0 {
            let norm = gradient::clip_by_norm(&mut gradients, most);
            if !norm.is_finite() {
                return Err(self.not_finite(epoch, "norm of the gradients", norm));
            }
        }
        let learning_rate = self.schedule.learning_rate(self.state.step);
        let model = self.model.take().expect("the model is put back after every step");
        self.model = Some(self.optimizer.step(model, gradients, learning_rate));
        self.state.step += 1;
        if let (Some(ema), Some(model)) = (&mut self.ema, &self.model) {
            ema.update(model);
        }
        let steps = self.steps_per_epoch * u64::from(self.recipe.train.epochs);
        if let Some(model) = &self.model {
            let before = self.state.step - 1;
            self.objective.stepped(model, before as f64 / steps.max(1) as f64);
        }
        Ok(())
    }

    fn not_finite(&self, epoch: u32, what: &'static str, value: f64) -> TrainError {
        let folder = self.folder.checkpoints();
        let checkpoint = if checkpoint::names(&folder).iter().any(|name| name == LAST) {
            format!("The last good weights are in {}", folder.join(LAST).display())
        } else {
            "No checkpoint had been written yet".to_owned()
        };
        TrainError::NotFinite {
            epoch,
            step: self.state.step,
            what,
            value,
            learning_rate: self.schedule.learning_rate(self.state.step),
            checkpoint,
        }
    }

    /// Validation, records, checkpoint. `None` if the user stopped it; nothing has changed then.
    fn finish_epoch(
        &mut self,
        epoch: u32,
        watch: &mut Watch<'_>,
    ) -> Result<Option<EpochRecord>, TrainError> {
        let snapshot = self
            .recipe
            .train
            .snapshots
            .iter()
            .any(|at| at.number(self.recipe.train.epochs) == epoch);
        let model = self.evaluated_model();
        let pass =
            EvaluationPass { loader: &self.val_loader, split: Split::Val, epoch, keeps: snapshot };
        let Some(evaluation) = self.evaluate(&model, &pass, watch)? else { return Ok(None) };
        self.broken.note(
            Split::Val,
            self.pictures.val.len(),
            &evaluation.broken,
            watch.observer,
        )?;
        if let Some(kept) = &evaluation.kept {
            self.snapshots.write(&self.folder, epoch, &self.pictures.val, kept)?;
        }
        let val = evaluation.record(epoch, Split::Val, &self.pictures.train.classes);
        let train = self.training_record(epoch);
        // Lines first: a crash before the checkpoint does the epoch again, and its lines are
        // dropped then. The other way round they would be missing for good.
        append_json_line(&self.folder.metrics_file(), &train)?;
        append_json_line(&self.folder.metrics_file(), &val)?;
        self.state.epoch = epoch;
        self.state.batch = 0;
        self.state.totals = EpochTotals::default();
        let by = self.recipe.best_by();
        let value = by.value(&val);
        // Neighbours are not measured after every epoch: an epoch without says nothing.
        let says_nothing = by == BestBy::Knn && value.is_nan() && self.state.best.is_some();
        let best = !says_nothing && self.state.note_validation(by, value);
        self.save()?;
        self.keep_checkpoint()?;
        let kept = evaluation.kept.as_ref();
        let model = self.model.as_ref().expect("the model is put back after every step");
        let weights = || state::state_dict(model);
        self.tensorboard.epoch([&train, &val], &self.pictures.val, kept, weights, watch.observer);
        watch.observer.epoch(&train, &val, best);
        if let Some(spread) = val.embedding.embedding_std.filter(|&spread| spread < COLLAPSED) {
            watch.observer.note(&format!(
                "the projections of all pictures are nearly the same (spread {spread:.3}; 1 is even): \
                 this run is collapsing. Try a smaller optimizer.lr, a longer schedule.warmup_epochs, \
                 or a larger train.batch_size"
            ));
        }
        Ok(Some(val))
    }

    fn training_record(&self, epoch: u32) -> EpochRecord {
        let totals = &self.state.totals;
        let pictures = totals.pictures as f64;
        let share =
            |right: u64| (totals.questions > 0).then(|| right as f64 / totals.questions as f64);
        let classifies = self.recipe.task == Task::Classify;
        EpochRecord {
            loss: totals.loss / pictures,
            accuracy: share(totals.correct),
            top5: share(totals.correct_top5).filter(|_| classifies),
            learning_rate: Some(self.schedule.learning_rate(self.state.step.saturating_sub(1))),
            images_per_second: pictures / totals.seconds,
            seconds: totals.seconds,
            ..EpochRecord::new(epoch, Split::Train, totals.pictures)
        }
    }
}
