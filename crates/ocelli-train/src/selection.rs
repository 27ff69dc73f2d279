//! Parameters of a model, chosen by name.

use std::collections::BTreeSet;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// All but the last layer.
const BACKBONE: &str = "backbone";
/// The last layer, which gives the scores.
const HEAD: &str = "head";

/// Which parameters: `"backbone"` (all but the last layer), `"head"` (the last layer), the name of
/// a part (`"layer1"`, with all in it), a pattern in which `*` stands for anything
/// (`"layer*.bn*"`), or a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"backbone\", \"head\", a part of the model such as \"layer1\", a pattern such as \"layer*.bn*\", or a list of these"
)]
pub enum Selection {
    /// One name or pattern.
    One(String),
    /// Several: what any of them chooses.
    Several(Vec<String>),
}

impl Selection {
    fn patterns(&self) -> &[String] {
        match self {
            Self::One(pattern) => std::slice::from_ref(pattern),
            Self::Several(patterns) => patterns,
        }
    }

    /// The keys that it chooses, in a model whose last layers' keys begin with `heads`.
    ///
    /// # Errors
    /// The first name or pattern that chooses nothing, under the recipe's `table_key`.
    pub(crate) fn choose<'keys>(
        &self,
        table_key: &'static str,
        keys: &[&'keys str],
        heads: &[&str],
    ) -> Result<BTreeSet<&'keys str>, ConfigError> {
        let mut chosen = BTreeSet::new();
        for pattern in self.patterns() {
            let matches = matcher(pattern, heads);
            let found: Vec<&str> = keys.iter().copied().filter(|key| matches(key)).collect();
            if found.is_empty() {
                return Err(ConfigError::Unmatched {
                    key: table_key,
                    found: pattern.clone(),
                    parts: parts(keys).join(", "),
                });
            }
            chosen.extend(found);
        }
        Ok(chosen)
    }
}

/// Whether a key is chosen by a name or pattern.
fn matcher<'a>(pattern: &str, heads: &'a [&'a str]) -> Box<dyn Fn(&str) -> bool + 'a> {
    let in_head = |key: &str| heads.iter().any(|head| key.starts_with(head));
    match pattern {
        BACKBONE => Box::new(move |key| !in_head(key)),
        HEAD => Box::new(move |key| in_head(key)),
        _ => {
            let path = regex::escape(pattern).replace(r"\*", ".*");
            // A part is named by all of its path: "layer1" is not in "layer10".
            let path = Regex::new(&format!(r"^{path}(\.|$)"))
                .expect("an escaped text is a regular expression");
            Box::new(move |key| path.is_match(key))
        }
    }
}

/// The outermost parts that the keys are in, each once, in order.
fn parts(keys: &[&str]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for key in keys {
        let part = key.split('.').next().unwrap_or(key);
        if !parts.iter().any(|known| known == part) {
            parts.push(part.to_owned());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the order of keys.
    const KEYS: [&str; 5] = [
        "conv1.weight",
        "fc.weight",
        "layer1.0.bn1.weight",
        "layer1.10.bn1.bias",
        "layer2.0.conv1.weight",
    ];

    fn chosen(patterns: &[&str]) -> Vec<&'static str> {
        let selection = Selection::Several(patterns.iter().map(|&p| p.to_owned()).collect());
        selection.choose("freeze", &KEYS, &["fc."]).unwrap().into_iter().collect()
    }

    #[test]
    fn backbone_and_head_are_all_but_the_last_layer_and_the_last_layer() {
        assert_eq!(chosen(&["backbone"]), [KEYS[0], KEYS[2], KEYS[3], KEYS[4]]);
        assert_eq!(chosen(&["head"]), KEYS[1..2]);
        assert_eq!(chosen(&["head", "backbone"]), KEYS);
    }

    #[test]
    fn a_name_chooses_a_part_and_no_longer_name() {
        assert_eq!(chosen(&["layer1"]), KEYS[2..4]);
        assert_eq!(chosen(&["layer1.0"]), KEYS[2..3]);
        assert_eq!(chosen(&["conv1.weight"]), KEYS[..1]);
        for none in ["layer1.1", "layer", "weight", "", "conv1.weigh(t)"] {
            let selection = Selection::One(none.into());
            assert!(selection.choose("freeze", &KEYS, &["fc."]).is_err(), "{none}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert_eq!(chosen(&["*.bn1"]), KEYS[2..4]);
        assert_eq!(chosen(&["layer*.*.conv1"]), KEYS[4..5]);
        assert_eq!(chosen(&["*bias"]), KEYS[3..4]);
        assert_eq!(chosen(&["*"]), KEYS);
        assert_eq!(chosen(&["**1*0*"]), KEYS[2..4]);
    }

    #[test]
    fn a_pattern_that_chooses_nothing_is_told_with_the_parts_there_are() {
        let selection = Selection::Several(vec!["layer1".into(), "layer5".into()]);
        let error = selection.choose("freeze", &KEYS, &["fc."]).unwrap_err().to_string();
        assert!(error.contains("layer5"), "{error}");
        assert!(error.contains("conv1, fc, layer1, layer2"), "{error}");
    }
}
