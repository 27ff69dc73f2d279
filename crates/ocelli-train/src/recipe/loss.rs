use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::loss::{DenseLossConfig, LossConfig, PixelLossConfig};

/// `train.loss` as the recipe has it: which losses there are, and with which keys, depends on the
/// task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LossSection(toml::Value);

impl LossSection {
    /// A loss as a recipe would write it.
    ///
    /// # Panics
    /// If a number of it has no TOML form.
    #[must_use]
    pub fn new(loss: &impl Serialize) -> Self {
        Self(toml::Value::try_from(loss).expect("losses are made of what TOML has"))
    }

    /// A classifier's loss.
    ///
    /// # Errors
    /// In words, what of it is no such loss.
    pub fn classification(section: Option<&Self>) -> Result<LossConfig, String> {
        Self::read(section)
    }

    /// A segmentation model's loss.
    ///
    /// # Errors
    /// In words, what of it is no such loss.
    pub fn segmentation(section: Option<&Self>) -> Result<DenseLossConfig, String> {
        Self::read(section)
    }

    /// A colorization model's loss.
    ///
    /// # Errors
    /// In words, what of it is no such loss.
    pub fn colorization(section: Option<&Self>) -> Result<PixelLossConfig, String> {
        Self::read(section)
    }

    fn read<T: DeserializeOwned + Default>(section: Option<&Self>) -> Result<T, String> {
        match section {
            Some(section) => section
                .0
                .clone()
                .try_into()
                .map_err(|error| error.to_string().trim_end().to_owned()),
            None => Ok(T::default()),
        }
    }
}
