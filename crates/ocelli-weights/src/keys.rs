//! Bringing the keys of a file to those of a model.

use std::collections::BTreeMap;

use crate::{Array, StateDict, timm};

/// What wrappers put before a model's own keys: data parallelism, compilers, trainers, and models
/// of which the wanted one is a part.
const PREFIXES: [&str; 11] = [
    "module.",
    "_orig_mod.",
    "model.",
    "backbone.",
    "encoder.",
    "net.",
    "network.",
    "online_network.",
    "online_encoder.",
    "encoder_q.",
    "base_encoder.",
];
/// Prefixes within each other.
const MOST_PREFIXES: usize = 3;

/// Weights under a model's keys, as far as they are there.
#[derive(Debug)]
pub struct Fitted {
    /// The weights.
    pub state: StateDict,
    /// What was done, for a person to know.
    pub notes: Vec<String>,
}

/// Brings a file's keys to those of a model: known prefixes are taken off, timm's names become
/// torchvision's. What doesn't fit is left as it is, for the model to refuse by name.
#[must_use]
pub fn fit(mut state: StateDict, expected: &BTreeMap<String, Vec<usize>>) -> Fitted {
    let mut notes = Vec::new();
    let names = timm::Names::of(&state, expected);
    let known =
        |key: &str| expected.contains_key(key) || names.is_some_and(|names| names.knows(key));
    let count = |prefix: &str| {
        let stripped = state.keys().filter_map(|key| key.strip_prefix(prefix));
        stripped.filter(|key| known(key)).count()
    };
    let mut best = (String::new(), count(""));
    let mut candidates = vec![String::new()];
    for _ in 0..MOST_PREFIXES {
        let longer: Vec<String> = candidates
            .iter()
            .flat_map(|prefix| PREFIXES.iter().map(move |more| format!("{prefix}{more}")))
            .filter(|prefix| state.keys().any(|key| key.starts_with(prefix.as_str())))
            .collect();
        for prefix in &longer {
            let found = count(prefix);
            if found > best.1 {
                best = (prefix.clone(), found);
            }
        }
        candidates = longer;
    }
    let (prefix, _) = best;
    if !prefix.is_empty() {
        let mut others = Vec::new();
        let mut stripped = StateDict::new();
        for (key, array) in state {
            match key.strip_prefix(&prefix) {
                Some(rest) => _ = stripped.insert(rest, array),
                None => others.push(key),
            }
        }
        state = stripped;
        notes.push(format!("took the prefix {prefix:?} off the keys"));
        if !others.is_empty() {
            notes.push(format!("left out what has another prefix: {}", shortened(&others)));
        }
    }
    if let Some(names) = timm::Names::of(&state, expected) {
        state = names.renamed();
        notes.push("took timm's names for torchvision's".to_owned());
    }
    // Files from before PyTorch 0.4 don't count batches.
    for (key, shape) in expected {
        if key.ends_with("num_batches_tracked") && state.get(key).is_none() && shape.is_empty() {
            let statistics = key.replace("num_batches_tracked", "running_mean");
            if state.get(&statistics).is_some() {
                state.insert(key.clone(), Array::from_i64(Vec::new(), vec![0]));
            }
        }
    }
    Fitted { state, notes }
}

/// The first few of many.
fn shortened(keys: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = keys.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match keys.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}
