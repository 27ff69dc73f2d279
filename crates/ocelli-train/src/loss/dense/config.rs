use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::IGNORED;
use crate::config::{ConfigError, Keys, check_range};
use crate::loss::ClassWeights;

/// What segmentation minimizes: in a recipe a name, `loss = "cross_entropy"`, a table,
/// `loss = { name = "focal", gamma = 2.0 }`, or a list of them, whose sum is minimized, each with
/// its `weight`: `loss = [{ name = "cross_entropy" }, { name = "dice", weight = 0.5 }]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLossConfig {
    /// The losses, at least one.
    pub terms: Vec<DenseTermConfig>,
}

/// One loss of a [`DenseLossConfig`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DenseTermConfig {
    /// The loss.
    pub name: DenseLossName,
    /// What the loss counts in a sum of losses. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// `focal`: the power of `1 - p` that each pixel's loss is multiplied with. Default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// `focal`: how much each class counts, `"none"` (the default), `"balanced"` or a list.
    /// `tversky`: what a pixel counts that was wrongly taken for the class, default 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<Alpha>,
    /// `tversky`: what a pixel counts that was missed. Default 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// All but `focal`: how much each class counts. Default `"none"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// A class that counts for nothing, besides the mask value 255, which never does. Default
    /// 255, which is none besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<u8>,
    /// `cross_entropy`: share of the target, 0 to 1, that is spread evenly over all classes.
    /// Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// `dice`, `jaccard`, `tversky`: added to numerator and denominator of the overlap. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smooth: Option<f64>,
}

/// The losses of segmentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenseLossName {
    /// Cross entropy between softmax probabilities and the mask.
    #[default]
    CrossEntropy,
    /// The same, each pixel times `(1 - p)^gamma` (Lin et al. 2017).
    Focal,
    /// `1 - 2 tp / (2 tp + fp + fn)` (Milletari et al. 2016).
    Dice,
    /// `1 - tp / (tp + fp + fn)` (Rahman and Wang 2016).
    Jaccard,
    /// `1 - tp / (tp + alpha fp + beta fn)` (Salehi et al. 2017).
    Tversky,
}

/// The recipe key `alpha`, which two losses have different uses for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Alpha {
    /// Of `tversky`.
    Number(f64),
    /// Of `focal`.
    Classes(ClassWeights),
}

impl DenseLossName {
    /// The name in recipes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross_entropy",
            Self::Focal => "focal",
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
            Self::Tversky => "tversky",
        }
    }
}

impl Default for DenseLossConfig {
    fn default() -> Self {
        Self { terms: vec![DenseTermConfig::default()] }
    }
}

impl DenseLossConfig {
    /// The same loss with every default that applies written out.
    ///
    /// # Errors
    ///
    /// A key that the named loss has no use for, or a value out of range.
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        if self.terms.is_empty() {
            return Err(ConfigError::OutOfRange {
                key: "loss",
                found: "an empty list".to_owned(),
                expected: "at least one loss".to_owned(),
            });
        }
        let listed = !self.is_table();
        let terms = self.terms.iter().map(|term| term.resolved(listed));
        Ok(Self { terms: terms.collect::<Result<_, _>>()? })
    }

    /// Whether weights follow from how many pixels each class has.
    #[must_use]
    pub fn counts_pixels(&self) -> bool {
        self.terms.iter().any(|term| {
            term.class_weights == Some(ClassWeights::Balanced)
                || term.alpha == Some(Alpha::Classes(ClassWeights::Balanced))
        })
    }

    /// Whether one table says it all.
    fn is_table(&self) -> bool {
        matches!(&self.terms[..], [DenseTermConfig { weight: None, .. }])
    }
}

impl DenseTermConfig {
    fn resolved(&self, listed: bool) -> Result<Self, ConfigError> {
        let name = self.name;
        self.check_keys()?;
        let or = |key, value: Option<f64>, default: f64| {
            let value = value.unwrap_or(default);
            check_range(key, value, value >= 0.0, "0 or more").map(Some)
        };
        let weight = match self.weight {
            None if !listed => None,
            weight => {
                let weight = weight.unwrap_or(1.0);
                Some(check_range("weight", weight, weight > 0.0, "a number above 0")?)
            }
        };
        let mut resolved = Self {
            name,
            weight,
            ignore_index: Some(self.ignore_index.unwrap_or(IGNORED)),
            ..Self::default()
        };
        if name == DenseLossName::Focal {
            resolved.gamma = or("gamma", self.gamma, 2.0)?;
        } else {
            let weights = self.class_weights.clone().unwrap_or_default();
            weights.check("class_weights")?;
            resolved.class_weights = Some(weights);
        }
        match name {
            DenseLossName::CrossEntropy => {
                let smoothing = self.label_smoothing.unwrap_or(0.0);
                let in_range = (0.0..=1.0).contains(&smoothing);
                check_range("label_smoothing", smoothing, in_range, "from 0 to 1")?;
                resolved.label_smoothing = Some(smoothing);
            }
            DenseLossName::Focal => {
                let alpha = match &self.alpha {
                    None => ClassWeights::None,
                    Some(Alpha::Classes(alpha)) => alpha.clone(),
                    Some(Alpha::Number(alpha)) => {
                        return Err(alpha_is(
                            alpha.to_string(),
                            "\"none\", \"balanced\" or a list with a number for each class: one number \
                         for all changes nothing in a mean",
                        ));
                    }
                };
                alpha.check("alpha")?;
                resolved.alpha = Some(Alpha::Classes(alpha));
            }
            DenseLossName::Dice | DenseLossName::Jaccard => {
                resolved.smooth = or("smooth", self.smooth, 0.0)?;
            }
            DenseLossName::Tversky => {
                let alpha = match &self.alpha {
                    None => None,
                    Some(Alpha::Number(alpha)) => Some(*alpha),
                    Some(Alpha::Classes(alpha)) => {
                        return Err(alpha_is(format!("{alpha:?}"), "a number, 0 or more"));
                    }
                };
                resolved.smooth = or("smooth", self.smooth, 0.0)?;
                resolved.alpha = or("alpha", alpha, 0.5)?.map(Alpha::Number);
                resolved.beta = or("beta", self.beta, 0.5)?;
            }
        }
        Ok(resolved)
    }

    fn check_keys(&self) -> Result<(), ConfigError> {
        let applies: &[&str] = match self.name {
            DenseLossName::CrossEntropy => {
                &["class_weights", "ignore_index", "label_smoothing", "weight"]
            }
            DenseLossName::Focal => &["gamma", "alpha", "ignore_index", "weight"],
            DenseLossName::Dice | DenseLossName::Jaccard => {
                &["class_weights", "ignore_index", "smooth", "weight"]
            }
            DenseLossName::Tversky => {
                &["alpha", "beta", "class_weights", "ignore_index", "smooth", "weight"]
            }
        };
        let keys = Keys { owner: format!("loss `{}`", self.name.as_str()), applies };
        let of_weights = match self.name {
            DenseLossName::Focal => "there the weights of classes are called `alpha`",
            _ => "it has no weights of classes",
        };
        let of_alpha = match self.name {
            DenseLossName::Tversky => "it is a number there",
            _ => "weights of classes are called `class_weights` there",
        };
        let overlap = "only the losses of overlap have one, `dice`, `jaccard` and `tversky`";
        for (key, given, reason) in [
            ("gamma", self.gamma.is_some(), "only `focal` has a power"),
            ("alpha", self.alpha.is_some(), of_alpha),
            ("beta", self.beta.is_some(), "only `tversky` counts misses by it"),
            ("class_weights", self.class_weights.is_some(), of_weights),
            (
                "label_smoothing",
                self.label_smoothing.is_some(),
                "only `cross_entropy` is defined for targets that are spread",
            ),
            ("smooth", self.smooth.is_some(), overlap),
        ] {
            keys.check(key, given, reason)?;
        }
        Ok(())
    }
}

fn alpha_is(found: String, expected: &str) -> ConfigError {
    ConfigError::OutOfRange { key: "alpha", found, expected: expected.to_owned() }
}

impl Serialize for DenseLossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_table() {
            self.terms[0].serialize(serializer)
        } else {
            self.terms.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for DenseLossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> de::Visitor<'de> for OneOrMore {
            type Value = DenseLossConfig;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str(
                    "the name of a loss, a table with its `name`, or a list of one or more of them",
                )
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<DenseLossConfig, E> {
                NameOrTable.visit_str(name).map(|term| DenseLossConfig { terms: vec![term] })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<DenseLossConfig, A::Error> {
                NameOrTable.visit_map(map).map(|term| DenseLossConfig { terms: vec![term] })
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<DenseLossConfig, A::Error> {
                let list = de::value::SeqAccessDeserializer::new(seq);
                let terms = Vec::<DenseTermConfig>::deserialize(list)?;
                if terms.is_empty() {
                    return Err(de::Error::invalid_length(0, &self));
                }
                Ok(DenseLossConfig { terms })
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
}

impl<'de> Deserialize<'de> for DenseTermConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> de::Visitor<'de> for NameOrTable {
    type Value = DenseTermConfig;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("the name of a loss, or a table with its `name`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<DenseTermConfig, E> {
        let name = DenseLossName::deserialize(de::value::StrDeserializer::new(name))?;
        Ok(DenseTermConfig { name, ..DenseTermConfig::default() })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<DenseTermConfig, A::Error> {
        /// The table form, which is also where unknown keys are refused.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, remote = "DenseTermConfig")]
        struct Table {
            #[serde(default)]
            name: DenseLossName,
            weight: Option<f64>,
            gamma: Option<f64>,
            alpha: Option<Alpha>,
            beta: Option<f64>,
            class_weights: Option<ClassWeights>,
            ignore_index: Option<u8>,
            label_smoothing: Option<f64>,
            smooth: Option<f64>,
        }

        Table::deserialize(de::value::MapAccessDeserializer::new(map))
    }
}

impl<'de> Deserialize<'de> for Alpha {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrClasses;

        impl<'de> de::Visitor<'de> for NumberOrClasses {
            type Value = Alpha;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str(
                    "a number (of `tversky`), or \"none\", \"balanced\" or a list with a weight \
                     for each class (of `focal`)",
                )
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Alpha, E> {
                Ok(Alpha::Number(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Alpha, E> {
                Ok(Alpha::Number(number as f64))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Alpha, E> {
                Ok(Alpha::Number(number as f64))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Alpha, E> {
                let name = de::value::StrDeserializer::new(name);
                ClassWeights::deserialize(name).map(Alpha::Classes)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Alpha, A::Error> {
                let list = de::value::SeqAccessDeserializer::new(seq);
                Vec::deserialize(list).map(|list| Alpha::Classes(ClassWeights::List(list)))
            }
        }

        deserializer.deserialize_any(NumberOrClasses)
    }
}
