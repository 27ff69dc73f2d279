//! The first weights of a model: found, fetched, read and fitted.

use ocelli_models::Classifier;
use ocelli_models::pretrained::{self, Pretrained, PretrainedError};
use ocelli_nn::weights::source::{Source, SourceError};
use ocelli_nn::weights::{DownloadError, ReadError, read};
use thiserror::Error;

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
        reason: Box<PretrainedError>,
    },
}

/// The model named `name` with its first weights, and what a person should know of them.
///
/// # Errors
/// [`WeightsError`] names the source, and the file.
pub(crate) fn with_weights(
    model: Classifier,
    name: &str,
    source: &str,
) -> Result<Pretrained, WeightsError> {
    // The command line has fetched it, with a bar; another caller waits.
    let Some(path) = Source::parse(source)?.locate(&mut |_, _| {})? else {
        return Ok(Pretrained { model, notes: Vec::new() });
    };
    let loaded = read(path)?;
    let fitted = pretrained::load(model, loaded.state).map_err(|reason| WeightsError::Misfit {
        source_name: source.to_owned(),
        model: name.to_owned(),
        reason: Box::new(reason),
    })?;
    let notes = loaded.notes.into_iter().chain(fitted.notes);
    let notes = notes.map(|note| format!("{source}: {note}")).collect();
    Ok(Pretrained { model: fitted.model, notes })
}
