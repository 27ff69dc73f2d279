use burn::tensor::Device;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    Classifier,
    catalogue::{catalogue, nearest},
    resnet::{self, ResNet},
};

/// Which model to build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// A name from the [`catalogue`].
    pub name: String,
    /// Scores per picture.
    pub classes: usize,
    /// Channels of the pictures: 3 for colour, 1 for gray.
    pub in_channels: usize,
}

/// More classes or channels than this are taken for a mistake, before they become an allocation
/// that no machine can serve.
const LARGEST_COUNT: usize = 1 << 20;

/// Why a model could not be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BuildError {
    /// No model has this name.
    #[error("unknown model {found:?}{}; known models: {}", suggestion(nearest.as_deref()), known.join(", "))]
    UnknownModel {
        /// The name as given.
        found: String,
        /// The known name that is most like it, if one is.
        nearest: Option<String>,
        /// Every known name.
        known: Vec<String>,
    },
    /// A count is zero or absurd.
    #[error("a model can't have {found} {what}: expected 1 to {LARGEST_COUNT}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The count as given.
        found: usize,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default()
}

/// Builds a model with freshly drawn weights.
///
/// On an autodiff device its parameters record gradients. The same generator state gives the same
/// weights on every device.
///
/// # Errors
/// [`BuildError`] for an unknown name, or a count that is zero or absurd.
pub fn build(
    config: &ModelConfig,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Result<Classifier, BuildError> {
    for (what, found) in [("classes", config.classes), ("input channels", config.in_channels)] {
        if !(1..=LARGEST_COUNT).contains(&found) {
            return Err(BuildError::Count { what, found });
        }
    }
    if let Some(variant) = resnet::VARIANTS.iter().find(|variant| variant.name == config.name) {
        let network = ResNet::new(variant, config.in_channels, config.classes, generator, device);
        return Ok(Classifier::ResNet(network));
    }
    let known: Vec<String> = catalogue().into_iter().map(|entry| entry.name.into()).collect();
    let nearest = nearest(&config.name, &known).map(Into::into);
    Err(BuildError::UnknownModel { found: config.name.clone(), nearest, known })
}
