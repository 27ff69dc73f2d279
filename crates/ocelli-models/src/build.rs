use burn::tensor::Device;
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use crate::{
    Classifier,
    catalogue::{ModelEntry, catalogue, nearest},
    convnext::{self, ConvNeXt},
    efficientnet::{self, EfficientNet},
    mobilenet::{self, MobileNet},
    resnet::{self, ResNet},
    vgg::{self, Vgg},
};

/// Which model to build.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// A name from the [`catalogue`].
    pub name: String,
    /// Scores per picture.
    pub classes: usize,
    /// Channels of the pictures: 3 for colour, 1 for gray.
    pub in_channels: usize,
    /// The share of numbers that each of the classifier's dropout layers drops in training. None:
    /// the family's.
    pub dropout: Option<f64>,
    /// The chance that training drops the last residual branch, earlier ones less. None: the
    /// family's.
    pub stochastic_depth: Option<f64>,
}

impl ModelConfig {
    /// A model for colour pictures, with the family's rates of dropping.
    #[must_use]
    pub fn new(name: impl Into<String>, classes: usize) -> Self {
        Self { name: name.into(), classes, in_channels: 3, dropout: None, stochastic_depth: None }
    }

    /// The same for pictures of so many channels.
    #[must_use]
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self { in_channels, ..self }
    }

    /// The same, in which nothing is dropped at random.
    #[must_use]
    pub fn without_dropping(self) -> Self {
        Self { dropout: Some(0.0), stochastic_depth: Some(0.0), ..self }
    }
}

/// More classes or channels than this are taken for a mistake, before they become an allocation
/// that no machine can serve.
const LARGEST_COUNT: usize = 1 << 20;

/// Why a model could not be built.
#[derive(Clone, Debug, Error, PartialEq)]
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
    /// A rate of dropping is no probability below 1.
    #[error("a model can't have a {what} of {found}: expected 0 or more, and less than 1")]
    Rate {
        /// Which rate.
        what: &'static str,
        /// The rate as given.
        found: f64,
    },
    /// A number of layers or channels is out of its range.
    #[error("a model can't have a {what} of {found}: expected {least} to {largest}")]
    Range {
        /// What is counted.
        what: &'static str,
        /// The number as given.
        found: usize,
        /// The least there may be.
        least: usize,
        /// The most there may be.
        largest: usize,
    },
    /// The model has no such option.
    #[error("{model} has no {what}: leave it out")]
    NoOption {
        /// Which option.
        what: &'static str,
        /// The model.
        model: String,
    },
    /// The model does another task.
    #[error("{model} gives {gives}, not {wanted}; models for these: {}", known.join(", "))]
    OtherTask {
        /// The model.
        model: String,
        /// What it gives.
        gives: &'static str,
        /// What is wanted here.
        wanted: &'static str,
        /// The names of the models that give it.
        known: Vec<String>,
    },
    /// The family drops nothing of this kind.
    #[error("{model} has no {what}: leave it out")]
    NoRate {
        /// Which rate.
        what: &'static str,
        /// The model.
        model: String,
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
    check_count("classes", config.classes)?;
    check_count("input channels", config.in_channels)?;
    let ModelConfig { ref name, classes, in_channels, .. } = *config;
    let dropout = rate("dropout", config.dropout)?;
    let stochastic_depth = rate("stochastic_depth", config.stochastic_depth)?;
    let refuse = |what: &'static str, rate: Option<f64>| match rate {
        None | Some(0.0) => Ok(()),
        Some(_) => Err(BuildError::NoRate { what, model: name.clone() }),
    };
    if let Some(variant) = resnet::VARIANTS.iter().find(|variant| variant.name == name) {
        refuse("dropout", dropout)?;
        refuse("stochastic_depth", stochastic_depth)?;
        let network = ResNet::new(variant, in_channels, classes, generator, device);
        return Ok(Classifier::ResNet(network));
    }
    if let Some(variant) = efficientnet::VARIANTS.iter().find(|variant| variant.name == name) {
        let drop = efficientnet::Drop::of(variant, dropout, stochastic_depth);
        let network = EfficientNet::new(variant, drop, [in_channels, classes], generator, device);
        return Ok(Classifier::EfficientNet(network));
    }
    if let Some(variant) = vgg::VARIANTS.iter().find(|variant| variant.name == name) {
        refuse("stochastic_depth", stochastic_depth)?;
        let dropout = dropout.unwrap_or(vgg::DROPOUT);
        let network = Vgg::new(variant, dropout, [in_channels, classes], generator, device);
        return Ok(Classifier::Vgg(network));
    }
    if name == mobilenet::LARGE {
        refuse("stochastic_depth", stochastic_depth)?;
        let dropout = dropout.unwrap_or(mobilenet::DROPOUT);
        let network = MobileNet::new(dropout, [in_channels, classes], generator, device);
        return Ok(Classifier::MobileNet(network));
    }
    if name == convnext::TINY {
        refuse("dropout", dropout)?;
        let drop_rate = stochastic_depth.unwrap_or(convnext::DROP_RATE);
        let network = ConvNeXt::new(drop_rate, [in_channels, classes], generator, device);
        return Ok(Classifier::ConvNeXt(network));
    }
    let known: Vec<String> = catalogue().into_iter().map(|entry| entry.name.into()).collect();
    if ModelEntry::find_dense(name).is_some() {
        return Err(BuildError::OtherTask {
            model: name.clone(),
            gives: "values of every pixel",
            wanted: "scores of a whole picture",
            known,
        });
    }
    let nearest = nearest(&config.name, &known).map(Into::into);
    Err(BuildError::UnknownModel { found: config.name.clone(), nearest, known })
}

/// A rate that was given, if it is a probability below 1.
pub(crate) fn rate(what: &'static str, rate: Option<f64>) -> Result<Option<f64>, BuildError> {
    match rate {
        Some(found) if !(0.0..1.0).contains(&found) => Err(BuildError::Rate { what, found }),
        _ => Ok(rate),
    }
}

/// Refuses a count that is zero or absurd.
pub(crate) fn check_count(what: &'static str, found: usize) -> Result<(), BuildError> {
    if (1..=LARGEST_COUNT).contains(&found) {
        Ok(())
    } else {
        Err(BuildError::Count { what, found })
    }
}
