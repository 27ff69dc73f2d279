//! Writing checkpoints, and going on from one.

use std::collections::BTreeMap;

use ocelli_nn::safetensors;
use ocelli_nn::state::{self, StateDict};

use super::super::{BEST, LAST, TrainError, epoch_checkpoint};
use super::Session;
use crate::checkpoint::{self, Checkpoint};
use crate::ema::Ema;
use crate::network::Network;
use crate::progress::TrainingState;
use crate::record::{EpochRecord, Split};
use crate::run_folder::{read_json_lines, replace_file, replace_json_lines};

impl Session {
    /// Goes back to where a checkpoint was written.
    pub(in crate::trainer) fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        let path = self.folder.checkpoints().join(LAST);
        let misfit = |reason: String| TrainError::CheckpointContent { path: path.clone(), reason };
        let model = self.model.take().expect("the model is put back after every step");
        let model = state::load_state_dict(model, &checkpoint.model)
            .map_err(|error| misfit(error.to_string()))?;
        self.model = Some(model);
        self.optimizer
            .load_state(&checkpoint.optimizer, &self.device)
            .and_then(|()| self.optimizer.check(&checkpoint.model))
            .map_err(|error| misfit(error.to_string()))?;
        if let Some(ema) = &mut self.ema {
            let averaged = checkpoint.ema.as_ref().ok_or_else(|| {
                misfit("found no averaged weights, which train.ema asks for".into())
            })?;
            ema.load_state(averaged, &self.device).map_err(|error| misfit(error.to_string()))?;
        }
        match &checkpoint.target {
            Some(state) => self.objective.load_state(state).map_err(misfit)?,
            None if self.objective.remembers() => {
                return Err(misfit("found no target network, which the task needs".into()));
            }
            None => {}
        }
        self.forget_records(&checkpoint.state)?;
        self.state = checkpoint.state;
        // The crash may have come between the checkpoint and its second names.
        if self.state.epoch > 0 && self.state.batch == 0 {
            self.keep_checkpoint()?;
        }
        Ok(())
    }

    /// The last epoch that has lines.
    pub(in crate::trainer) fn last_recorded_epoch(&self) -> Result<u32, TrainError> {
        let records: Vec<EpochRecord> = read_json_lines(&self.folder.metrics_file())?;
        Ok(records.iter().map(|record| record.epoch).max().unwrap_or(0))
    }

    /// Drops the lines of epochs that a crash cut off from their checkpoint: they are done again.
    pub(in crate::trainer) fn forget_records(
        &self,
        state: &TrainingState,
    ) -> Result<(), TrainError> {
        let path = self.folder.metrics_file();
        let mut records: Vec<EpochRecord> = read_json_lines(&path)?;
        records.retain(|record| record.epoch <= state.epoch && record.split != Split::Test);
        if path.exists() {
            replace_json_lines(&path, &records)?;
        }
        Ok(())
    }

    /// Writes `checkpoints/last`, if it is worth going on from.
    pub(super) fn save(&self) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            model: state::state_dict(self.model()),
            optimizer: self.optimizer.state(),
            ema: self.ema.as_ref().map(Ema::state),
            target: self.objective.state(),
            state: self.state.clone(),
        };
        if let Some(value) = first_not_finite(&checkpoint.model) {
            return Err(self.not_finite(self.state.epoch + 1, "value of a weight", value));
        }
        checkpoint::write(&self.folder.checkpoints(), LAST, &checkpoint)?;
        Ok(())
    }

    /// Gives the checkpoint of a finished epoch its second names.
    pub(super) fn keep_checkpoint(&self) -> Result<(), TrainError> {
        let folder = self.folder.checkpoints();
        let epoch = self.state.epoch;
        if self.state.best.is_some_and(|best| best.epoch == epoch) {
            checkpoint::duplicate(&folder, LAST, BEST)?;
            if let Network::JointEmbedding(model) = self.model() {
                let backbone =
                    safetensors::to_bytes(&state::state_dict(model.backbone()), &BTreeMap::new());
                replace_file(&self.folder.backbone_file(), &backbone)?;
            }
        }
        if self.recipe.train.snapshots.iter().any(|at| at.number(self.recipe.train.epochs) == epoch)
        {
            checkpoint::duplicate(&folder, LAST, &epoch_checkpoint(epoch))?;
        }
        Ok(())
    }
}

fn first_not_finite(dict: &StateDict) -> Option<f64> {
    dict.iter()
        .filter_map(|(_, array)| array.as_f32())
        .find_map(|values| values.iter().find(|value| !value.is_finite()))
        .map(|&value| f64::from(value))
}
