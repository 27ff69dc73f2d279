//! Losses of colorization: numbers of each pixel against those it should have.

#[cfg(test)]
mod tests;

use burn::tensor::Tensor;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::config::{ConfigError, Keys, check_range};

/// What colorization minimizes: in a recipe either a name, `loss = "l1"`, or a table,
/// `loss = { name = "smooth_l1", beta = 0.1 }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PixelLossConfig {
    /// The loss.
    pub name: PixelLossName,
    /// `smooth_l1`: the distance from which on it is linear. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
}

/// The losses between numbers, each a mean over everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelLossName {
    /// The distance `d`, as `torch.nn.L1Loss`.
    #[default]
    L1,
    /// `d²`, as `torch.nn.MSELoss`.
    Mse,
    /// `d² / (2 beta)` below `beta`, from there on `d - beta / 2`, as `torch.nn.SmoothL1Loss`.
    SmoothL1,
}

impl PixelLossName {
    /// The name in recipes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::Mse => "mse",
            Self::SmoothL1 => "smooth_l1",
        }
    }
}

impl PixelLossConfig {
    /// The same loss with every default that applies written out.
    ///
    /// # Errors
    ///
    /// A key that the named loss has no use for, or a value out of range.
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let smooth = self.name == PixelLossName::SmoothL1;
        let owner = format!("loss `{}`", self.name.as_str());
        let keys = Keys { owner, applies: if smooth { &["beta"] } else { &[] } };
        keys.check("beta", self.beta.is_some(), "only `smooth_l1` goes from one form to another")?;
        let beta = self.beta.unwrap_or(1.0);
        check_range("beta", beta, beta > 0.0, "a number above 0")?;
        Ok(Self { name: self.name, beta: smooth.then_some(beta) })
    }
}

impl<'de> Deserialize<'de> for PixelLossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, remote = "PixelLossConfig")]
        struct Table {
            #[serde(default)]
            name: PixelLossName,
            beta: Option<f64>,
        }

        struct NameOrTable;

        impl<'de> de::Visitor<'de> for NameOrTable {
            type Value = PixelLossConfig;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("the name of a loss, or a table with its `name`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<PixelLossConfig, E> {
                let name = PixelLossName::deserialize(de::value::StrDeserializer::new(name))?;
                Ok(PixelLossConfig { name, beta: None })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PixelLossConfig, A::Error> {
                Table::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(NameOrTable)
    }
}

/// A mean over the distances of numbers.
#[derive(Clone, Debug)]
pub struct PixelLoss {
    name: PixelLossName,
    beta: f64,
}

impl PixelLoss {
    /// The loss.
    ///
    /// # Errors
    ///
    /// A configuration out of range.
    pub fn new(config: &PixelLossConfig) -> Result<Self, ConfigError> {
        let config = config.resolved()?;
        Ok(Self { name: config.name, beta: config.beta.unwrap_or(1.0) })
    }

    /// The mean over everything, differentiable in both; 0 of nothing.
    ///
    /// # Shapes
    ///
    /// `[n, h, w, c]` both; the result `[1]`.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn forward(&self, found: Tensor<4>, wanted: Tensor<4>) -> Tensor<1> {
        let count: usize = found.dims().iter().product();
        self.losses(found, wanted).sum().div_scalar(count.max(1) as f64)
    }

    /// The sum over everything, added up in double precision, and how many numbers there are.
    ///
    /// # Shapes
    ///
    /// `[n, h, w, c]` both.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn evaluate(&self, found: Tensor<4>, wanted: Tensor<4>) -> (f64, f64) {
        let losses = self.losses(found.inner(), wanted.inner()).into_data();
        let losses = losses.as_slice::<f32>().expect("losses are 32-bit floats");
        (losses.iter().map(|&loss| f64::from(loss)).sum(), losses.len() as f64)
    }

    fn losses(&self, found: Tensor<4>, wanted: Tensor<4>) -> Tensor<4> {
        let (shape, expected) = (found.dims(), wanted.dims());
        assert_eq!(shape, expected, "found numbers of shape {shape:?}, expected {expected:?}");
        let difference = found - wanted;
        match self.name {
            PixelLossName::L1 => difference.abs(),
            PixelLossName::Mse => difference.clone() * difference,
            PixelLossName::SmoothL1 => {
                // m (d - m / 2) / beta, where m is d, but at most beta: both forms in one.
                let distance = difference.abs();
                let short = distance.clone().clamp_max(self.beta);
                let rest = distance - short.clone().mul_scalar(0.5);
                (short * rest).div_scalar(self.beta)
            }
        }
    }
}
