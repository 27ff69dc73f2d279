//! The first weights of a model: found, fetched, read and fitted.

use ocelli_models::pretrained::{self, EncoderError};
use ocelli_nn::weights::source::{Source, SourceError};
use ocelli_nn::weights::{DownloadError, ReadError, read};
use thiserror::Error;

use crate::network::Network;
use crate::recipe::ModelSection;
use crate::run_folder::RunFolder;

/// Why a model can't start from the weights that a recipe names.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The source makes no sense.
    #[error("model.weights: {0}")]
    Source(#[from] SourceError),
    /// The file can't be fetched.
    #[error("model.weights: {0}")]
    Download(#[from] DownloadError),
    /// The file can't be read.
    #[error("model.weights: {0}")]
    Read(#[from] ReadError),
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
    for (source, is_encoder) in [(&section.weights, false), (&section.encoder_weights, true)] {
        // The command line has fetched it, with a bar; another caller waits.
        let Some(path) = Source::parse(source)?.locate(&mut |_, _| {})? else { continue };
        let loaded = read(RunFolder::weights_in(&path).unwrap_or(path))?;
        let misfit = |reason| WeightsError::Misfit {
            source_name: source.clone(),
            model: section.name.clone(),
            reason: Box::new(reason),
        };
        let (fitted, told) = match network {
            Network::JointEmbedding(model) => {
                let fitted = pretrained::load(model.backbone().clone(), loaded.state)
                    .map_err(|reason| misfit(EncoderError::Weights(reason)))?;
                (Network::JointEmbedding(model.with_backbone(fitted.model)), fitted.notes)
            }
            Network::Classifier(model) => {
                let fitted = pretrained::load(model, loaded.state)
                    .map_err(|reason| misfit(EncoderError::Weights(reason)))?;
                (Network::Classifier(fitted.model), fitted.notes)
            }
            Network::Dense(model) => {
                let fitted = if is_encoder {
                    pretrained::encoder_into(model, loaded.state)
                } else {
                    pretrained::load_dense(model, loaded.state).map_err(EncoderError::Weights)
                };
                let fitted = fitted.map_err(misfit)?;
                (Network::Dense(fitted.model), fitted.notes)
            }
        };
        network = fitted;
        let told = loaded.notes.into_iter().chain(told);
        notes.extend(told.map(|note| format!("{source}: {note}")));
    }
    Ok((network, notes))
}
