//! The first weights of a model: found, fetched, read and fitted.

use std::path::Path;

use ocelli_models::pretrained::{self, EncoderError};
use ocelli_nn::state::StateDict;
use ocelli_nn::weights::source::{Source, SourceError};
use ocelli_nn::weights::{DownloadError, ReadError, read};
use thiserror::Error;

use crate::checkpoint::{self, CheckpointError};
use crate::network::Network;
use crate::recipe::ModelSection;
use crate::run_folder::{RunFolder, RunFolderError};
use crate::trainer::BEST;

/// Why a model can't start from the weights that a recipe names.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The source makes no sense.
    #[error("model.{key}: {reason}")]
    Source {
        /// The recipe's key.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        reason: SourceError,
    },
    /// The file can't be fetched.
    #[error("model.{key}: {reason}")]
    Download {
        /// The recipe's key.
        key: &'static str,
        /// Why.
        #[source]
        reason: DownloadError,
    },
    /// The file can't be read.
    #[error("model.{key}: {reason}")]
    Read {
        /// The recipe's key.
        key: &'static str,
        /// Why.
        #[source]
        reason: ReadError,
    },
    /// The folder is no run, or has no weights yet.
    #[error("model.{key}: {reason}")]
    Run {
        /// The recipe's key.
        key: &'static str,
        /// Why.
        #[source]
        reason: RunWeightsError,
    },
    /// The file holds what is no number: training would end at its first step, and blame the
    /// learning rate.
    #[error(
        "model.{key}: {source_name}: found {found} in {tensor}, expected finite numbers; was it \
         saved from a run that had come apart?"
    )]
    NotFinite {
        /// The recipe's key.
        key: &'static str,
        /// Where they come from.
        source_name: String,
        /// The tensor's key.
        tensor: String,
        /// What it holds.
        found: f32,
    },
    /// The weights are another model's.
    #[error("{source_name}: does not fit {model}: {reason}")]
    Misfit {
        /// Where they come from.
        source_name: String,
        /// The model's name.
        model: String,
        /// What doesn't fit.
        reason: Box<EncoderError>,
    },
}

/// Why a run's weights can't be had.
#[derive(Debug, Error)]
pub enum RunWeightsError {
    /// There is no such run.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// Its best checkpoint can't be read; a run that has not finished an epoch has none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What it learned without labels can't be read.
    #[error(transparent)]
    Backbone(#[from] ReadError),
}

/// What a run has learned: without labels its backbone, else the best checkpoint's weights, averaged
/// where they were.
fn of_run(path: &Path) -> Result<StateDict, RunWeightsError> {
    let folder = RunFolder::open(path)?;
    let backbone = folder.backbone_file();
    if backbone.is_file() {
        return Ok(read(backbone)?.state);
    }
    Ok(checkpoint::read(&folder.checkpoints(), BEST)?.weights())
}

/// The network with its first weights, and what a person should know of them.
///
/// # Errors
/// [`WeightsError`] names the source, and the file.
pub(crate) fn with_weights(
    network: Network,
    section: &ModelSection,
) -> Result<(Network, Vec<String>), WeightsError> {
    let mut notes = Vec::new();
    let mut network = network;
    for (source, key, is_encoder) in
        [(&section.weights, "weights", false), (&section.encoder_weights, "encoder_weights", true)]
    {
        // The command line has fetched it, with a bar; another caller waits.
        let path = Source::parse(source)
            .map_err(|reason| WeightsError::Source { key, reason })?
            .locate(&mut |_, _| {})
            .map_err(|reason| WeightsError::Download { key, reason })?;
        let Some(path) = path else { continue };
        let (state, read_notes) = if path.is_dir() {
            let state = of_run(&path).map_err(|reason| WeightsError::Run { key, reason })?;
            (state, Vec::new())
        } else {
            let loaded = read(path).map_err(|reason| WeightsError::Read { key, reason })?;
            (loaded.state, loaded.notes)
        };
        let strange = state.iter().find_map(|(tensor, array)| {
            let found = array.as_f32()?.iter().find(|value| !value.is_finite())?;
            Some((tensor.to_owned(), *found))
        });
        if let Some((tensor, found)) = strange {
            let source_name = source.clone();
            return Err(WeightsError::NotFinite { key, source_name, tensor, found });
        }
        let misfit = |reason| WeightsError::Misfit {
            source_name: source.clone(),
            model: section.name.clone(),
            reason: Box::new(reason),
        };
        let (fitted, told) = match network {
            Network::JointEmbedding(model) => {
                let fitted = pretrained::load(model.backbone().clone(), state)
                    .map_err(|reason| misfit(EncoderError::Weights(reason)))?;
                (Network::JointEmbedding(model.with_backbone(fitted.model)), fitted.notes)
            }
            Network::Classifier(model) => {
                let fitted = pretrained::load(model, state)
                    .map_err(|reason| misfit(EncoderError::Weights(reason)))?;
                (Network::Classifier(fitted.model), fitted.notes)
            }
            Network::Dense(model) => {
                let fitted = if is_encoder {
                    pretrained::encoder_into(model, state)
                } else {
                    pretrained::load_dense(model, state).map_err(EncoderError::Weights)
                };
                let fitted = fitted.map_err(misfit)?;
                (Network::Dense(fitted.model), fitted.notes)
            }
        };
        network = fitted;
        let told = read_notes.into_iter().chain(told);
        notes.extend(told.map(|note| format!("{source}: {note}")));
    }
    Ok((network, notes))
}
