use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::config::{ConfigError, check_range};

/// What is minimized: in a recipe either a name, `loss = "cross_entropy"`, or a table,
/// `loss = { name = "cross_entropy", label_smoothing = 0.1 }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LossConfig {
    /// The loss.
    pub name: LossName,
    /// Share of the target, 0 to 1, that is spread evenly over all classes (Szegedy et al.
    /// 2016). Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// How much each class counts. Default `"none"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// A label that counts for nothing, such as 255 for pixels that nobody labelled. Default:
    /// none, every label counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<i64>,
}

/// The losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossName {
    /// Cross entropy between softmax probabilities and the target.
    #[default]
    CrossEntropy,
}

/// How much each class counts in the loss; in a recipe `"none"`, `"balanced"` or a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ClassWeights {
    /// Every class counts 1.
    #[default]
    None,
    /// `samples / (classes * samples of the class)`, so that every class counts alike in sum,
    /// as scikit-learn's `class_weight="balanced"`.
    Balanced,
    /// One weight for each class, in class order.
    List(Vec<f64>),
}

impl LossConfig {
    /// The same loss with every default that applies written out.
    ///
    /// # Errors
    ///
    /// A value out of range.
    pub fn resolved(&self) -> Result<Self, ConfigError> {
        let smoothing = self.label_smoothing.unwrap_or(0.0);
        let in_range = (0.0..=1.0).contains(&smoothing);
        check_range("label_smoothing", smoothing, in_range, "from 0 to 1")?;
        let class_weights = self.class_weights.clone().unwrap_or_default();
        class_weights.check("class_weights")?;
        Ok(Self {
            name: self.name,
            label_smoothing: Some(smoothing),
            class_weights: Some(class_weights),
            ignore_index: self.ignore_index,
        })
    }
}

impl ClassWeights {
    /// Refuses weights that cannot be such, as the value of `key`.
    ///
    /// # Errors
    ///
    /// A weight below 0 or not finite, or none above 0.
    pub(super) fn check(&self, key: &'static str) -> Result<(), ConfigError> {
        if let ClassWeights::List(weights) = self {
            for &weight in weights {
                check_range(key, weight, weight >= 0.0, "weights of 0 or more")?;
            }
            if weights.iter().all(|weight| *weight == 0.0) {
                return Err(ConfigError::OutOfRange {
                    key,
                    found: format!("{weights:?}"),
                    expected: "one weight for each class, at least one of them above 0".to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for LossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The table form, which is also where unknown keys are refused.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            #[serde(default)]
            name: LossName,
            label_smoothing: Option<f64>,
            class_weights: Option<ClassWeights>,
            ignore_index: Option<i64>,
        }

        struct NameOrTable;

        impl<'de> de::Visitor<'de> for NameOrTable {
            type Value = LossConfig;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("the name of a loss, or a table with its `name`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<LossConfig, E> {
                let name = LossName::deserialize(de::value::StrDeserializer::new(name))?;
                Ok(LossConfig { name, ..LossConfig::default() })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<LossConfig, A::Error> {
                let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(LossConfig {
                    name: table.name,
                    label_smoothing: table.label_smoothing,
                    class_weights: table.class_weights,
                    ignore_index: table.ignore_index,
                })
            }
        }

        deserializer.deserialize_any(NameOrTable)
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::List(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrList;

        impl<'de> de::Visitor<'de> for NameOrList {
            type Value = ClassWeights;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("\"none\", \"balanced\" or a list with a weight for each class")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ClassWeights, E> {
                match name {
                    "none" => Ok(ClassWeights::None),
                    "balanced" => Ok(ClassWeights::Balanced),
                    _ => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<ClassWeights, A::Error> {
                let list = Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
                Ok(ClassWeights::List(list))
            }
        }

        deserializer.deserialize_any(NameOrList)
    }
}
