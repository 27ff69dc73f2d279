//! A line of `metrics.jsonl`: whatever numbers a task writes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One epoch of one split.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochMetrics {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Which pictures: `train`, `val` or `test`.
    pub split: String,
    /// All plain numbers of the line by their names, the epoch aside; NaN for `null`.
    pub values: BTreeMap<String, f64>,
    /// How each class fared; kept of the latest line of a split.
    pub classes: Vec<ClassMetrics>,
    /// `[truth, answer, pictures]`; kept of the latest line of a split.
    pub confusion: Vec<[u64; 3]>,
}

/// How one class fared: shares, or none where undefined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassMetrics {
    /// The class's name.
    pub class: String,
    /// Its numbers by name: `precision`, `recall`, `f1`, `iou`, `support`.
    pub values: BTreeMap<String, f64>,
}

impl EpochMetrics {
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let mut object: Map<String, Value> =
            serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let epoch = object
            .remove("epoch")
            .and_then(|value| value.as_u64())
            .and_then(|epoch| u32::try_from(epoch).ok())
            .ok_or("found no epoch, expected a number")?;
        let split = match object.remove("split") {
            Some(Value::String(split)) => split,
            _ => return Err("found no split, expected train, val or test".into()),
        };
        let mut classes = object.remove("classes").map(class_list).unwrap_or_default();
        if let Some(Value::Object(by_class)) = object.remove("iou") {
            add_iou(&mut classes, &by_class);
        }
        let confusion = object
            .remove("confusion")
            .and_then(|cells| serde_json::from_value(cells).ok())
            .unwrap_or_default();
        Ok(Self { epoch, split, values: numbers(&object), classes, confusion })
    }

    /// A number of the line, if it is there and finite.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied().filter(|value| value.is_finite())
    }
}

fn numbers(object: &Map<String, Value>) -> BTreeMap<String, f64> {
    object
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Null => Some((name.clone(), f64::NAN)),
            other => Some((name.clone(), other.as_f64()?)),
        })
        .collect()
}

fn class_list(value: Value) -> Vec<ClassMetrics> {
    let Value::Array(entries) = value else { return Vec::new() };
    entries
        .into_iter()
        .filter_map(|entry| {
            let Value::Object(mut entry) = entry else { return None };
            let Some(Value::String(class)) = entry.remove("class") else { return None };
            Some(ClassMetrics { class, values: numbers(&entry) })
        })
        .collect()
}

fn add_iou(classes: &mut Vec<ClassMetrics>, by_class: &Map<String, Value>) {
    for (name, value) in by_class {
        let value = value.as_f64().unwrap_or(f64::NAN);
        match classes.iter_mut().find(|class| &class.class == name) {
            Some(class) => {
                class.values.insert("iou".into(), value);
            }
            None => classes.push(ClassMetrics {
                class: name.clone(),
                values: BTreeMap::from([("iou".into(), value)]),
            }),
        }
    }
}

impl ClassMetrics {
    /// A number of the class, if it is there and defined.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied().filter(|value| value.is_finite())
    }
}
