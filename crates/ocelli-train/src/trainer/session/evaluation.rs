//! The passes that only look: validation after an epoch, the last test.

use std::sync::Arc;

use burn::module::Module;
use ocelli_data::Dataset;
use ocelli_data::loader::Loader;
use ocelli_nn::state;

use super::super::{BEST, StepEvent, TrainError};
use super::{Session, Watch};
use crate::checkpoint;
use crate::network::Network;
use crate::pictures::evaluation_loader;
use crate::record::{EpochRecord, Split};
use crate::run_folder::append_json_line;
use crate::task::{Batches, Evaluation};

/// A pass over the pictures of a split, without training.
pub(super) struct EvaluationPass<'a> {
    pub(super) loader: &'a Loader,
    pub(super) split: Split,
    pub(super) epoch: u32,
    /// Whether what it makes of the snapshots' pictures is kept.
    pub(super) keeps: bool,
}

impl Session {
    /// The model that is validated: without gradients, with averaged weights where there are any.
    pub(super) fn evaluated_model(&self) -> Network {
        // The averages replace trainable parameters, which a model without gradients has none of.
        match &self.ema {
            Some(ema) => ema.apply(self.model().clone()).valid(),
            None => self.model().valid(),
        }
    }

    /// What a model makes of a split's pictures; `None` if the user stopped it.
    pub(super) fn evaluate(
        &self,
        model: &Network,
        pass: &EvaluationPass<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Evaluation>, TrainError> {
        let keep = pass.keeps.then(|| self.snapshots.pictures());
        let batches = pass.loader.batches_per_epoch();
        let mut batch = 0;
        let objective = &self.objective;
        let mut told = || {
            batch += 1;
            let event = StepEvent {
                epoch: pass.epoch,
                split: pass.split,
                // Further pictures may be gone over beside the pass's own.
                batch: batch.min(batches),
                batches,
                loss: None,
                images_per_second: None,
            };
            watch.observer.stepped(&event);
            !watch.is_stopped()
        };
        let batches = Batches::new(pass.loader, &mut told);
        let batches = match pass.split {
            Split::Val => batches.after_epoch(pass.epoch),
            _ => batches,
        };
        let evaluation = objective.evaluate(model, batches, &self.device, keep)?;
        Ok((!evaluation.stopped).then_some(evaluation))
    }

    /// The last test, with the best weights; `None` if the user stopped it.
    pub(super) fn test(
        &mut self,
        dataset: Arc<Dataset>,
        watch: &mut Watch<'_>,
    ) -> Result<Option<EpochRecord>, TrainError> {
        let loader = evaluation_loader(&self.recipe, dataset)?;
        let best = checkpoint::read(&self.folder.checkpoints(), BEST)?;
        let model =
            state::load_state_dict(self.evaluated_model(), &best.weights()).map_err(|error| {
                TrainError::CheckpointContent {
                    path: self.folder.checkpoints().join(BEST),
                    reason: error.to_string(),
                }
            })?;
        let epoch = best.state.epoch;
        let pass = EvaluationPass { loader: &loader, split: Split::Test, epoch, keeps: false };
        let Some(evaluation) = self.evaluate(&model, &pass, watch)? else { return Ok(None) };
        self.broken.note(
            Split::Test,
            loader.samples_per_epoch(),
            &evaluation.broken,
            watch.observer,
        )?;
        let record = evaluation.record(epoch, Split::Test, &self.pictures.train.classes);
        append_json_line(&self.folder.metrics_file(), &record)?;
        self.tensorboard.test(&record, watch.observer);
        Ok(Some(record))
    }
}
