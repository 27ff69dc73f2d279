//! timm's names of weights, as torchvision's.
//!
//! timm's ResNets have torchvision's names. Its EfficientNets, MobileNets, VGGs and ConvNeXts have
//! the same weights under names of their own, told by the keys: nobody has to say which.

use std::collections::BTreeMap;

use crate::{Array, StateDict, Values};

/// A family whose names differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    EfficientNet,
    MobileNet,
    Vgg,
    ConvNeXt,
}

impl Family {
    /// The family that both the keys of a file and a model's belong to.
    fn of(state: &StateDict, expected: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let names = |key: &str| state.keys().any(|found| found.ends_with(key));
        let wants = |key: &str| expected.contains_key(key);
        if names("conv_stem.weight") && wants("classifier.1.weight") {
            Some(Self::EfficientNet)
        } else if names("conv_stem.weight") && wants("classifier.3.weight") {
            Some(Self::MobileNet)
        } else if names("pre_logits.fc1.weight") && wants("classifier.6.weight") {
            Some(Self::Vgg)
        } else if names("stem.0.weight") && wants("features.0.0.weight") {
            Some(Self::ConvNeXt)
        } else {
            None
        }
    }
}

/// A file of timm's beside a model of torchvision's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    family: Family,
    state: &'a StateDict,
    expected: &'a BTreeMap<String, Vec<usize>>,
}

impl<'a> Names<'a> {
    /// Both, if the file's names are timm's and the model has others.
    pub(crate) fn of(
        state: &'a StateDict,
        expected: &'a BTreeMap<String, Vec<usize>>,
    ) -> Option<Self> {
        Some(Self { family: Family::of(state, expected)?, state, expected })
    }

    /// torchvision's name.
    fn name(&self, key: &str) -> Option<String> {
        match self.family {
            Family::EfficientNet => efficientnet(key, self.expected),
            Family::MobileNet => mobilenet(key, self.state),
            Family::Vgg => vgg(key),
            Family::ConvNeXt => convnext(key),
        }
    }

    /// Whether a key becomes one of the model's.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.name(key).is_some_and(|name| self.expected.contains_key(&name))
    }

    /// The weights under torchvision's names. Unknown keys stay.
    pub(crate) fn renamed(&self) -> StateDict {
        let rename = |(key, array): (&str, &Array)| {
            let name = self.name(key).unwrap_or_else(|| key.to_owned());
            let array = match self.expected.get(&name) {
                Some(shape) => reshaped(array, shape),
                None => array.clone(),
            };
            (name, array)
        };
        self.state.iter().map(rename).collect()
    }
}

/// A 1x1 convolution's weight as a linear layer's, a scale with the axes that it is multiplied
/// along: the same numbers in the same order.
fn reshaped(array: &Array, shape: &[usize]) -> Array {
    let count: usize = shape.iter().product();
    match array.values() {
        Values::F32(values) if values.len() == count && array.shape() != shape => {
            Array::from_f32(shape.to_vec(), values.clone())
        }
        _ => array.clone(),
    }
}

/// The first path segments and the rest.
fn split<const N: usize>(key: &str) -> Option<([&str; N], &str)> {
    let mut rest = key;
    let mut segments = [""; N];
    for segment in &mut segments {
        (*segment, rest) = rest.split_once('.')?;
    }
    Some((segments, rest))
}

/// The layer of a block and what is left of the key: timm's name → torchvision's number.
fn layer(layers: &[(&str, &str)], rest: &str) -> Option<String> {
    layers.iter().find_map(|(from, to)| {
        let rest = rest.strip_prefix(from)?.strip_prefix('.')?;
        Some(format!("{to}.{rest}"))
    })
}

/// 1x1 expansion, depthwise convolution, squeeze-and-excitation, projection.
const INVERTED: [(&str, &str); 8] = [
    ("conv_pw", "0.0"),
    ("bn1", "0.1"),
    ("conv_dw", "1.0"),
    ("bn2", "1.1"),
    ("se.conv_reduce", "2.fc1"),
    ("se.conv_expand", "2.fc2"),
    ("conv_pwl", "3.0"),
    ("bn3", "3.1"),
];
/// The same without squeeze-and-excitation.
const INVERTED_PLAIN: [(&str, &str); 6] = [
    ("conv_pw", "0.0"),
    ("bn1", "0.1"),
    ("conv_dw", "1.0"),
    ("bn2", "1.1"),
    ("conv_pwl", "2.0"),
    ("bn3", "2.1"),
];
const FUSED: [(&str, &str); 4] =
    [("conv_exp", "0.0"), ("bn1", "0.1"), ("conv_pwl", "1.0"), ("bn2", "1.1")];
const CONVOLUTION: [(&str, &str); 2] = [("conv", "0.0"), ("bn1", "0.1")];
const SEPARABLE: [(&str, &str); 4] =
    [("conv_dw", "0.0"), ("bn1", "0.1"), ("conv_pw", "1.0"), ("bn2", "1.1")];

fn efficientnet(key: &str, expected: &BTreeMap<String, Vec<usize>>) -> Option<String> {
    if let Some(rest) = key.strip_prefix("classifier.") {
        return Some(format!("classifier.1.{rest}"));
    }
    let ends = [("conv_stem.", "features.0.0."), ("bn1.", "features.0.1.")];
    if let Some(name) = replaced(key, &ends) {
        return Some(name);
    }
    if key.starts_with("conv_head.") || key.starts_with("bn2.") {
        // The last of torchvision's features, however many there are.
        let numbers = expected.keys().filter_map(|key| {
            key.strip_prefix("features.")?.split('.').next()?.parse::<usize>().ok()
        });
        let last = numbers.max()?;
        let to = [format!("features.{last}.0."), format!("features.{last}.1.")];
        return replaced(key, &[("conv_head.", &to[0]), ("bn2.", &to[1])]);
    }
    let (["blocks", stage, block], rest) = split(key)? else { return None };
    let stage: usize = stage.parse().ok()?;
    let inverted =
        expected.contains_key(&format!("features.{}.{block}.block.2.fc1.weight", stage + 1));
    let rest = if inverted {
        layer(&INVERTED, rest)
    } else {
        layer(&CONVOLUTION, rest).or_else(|| layer(&FUSED, rest))
    }?;
    Some(format!("features.{}.{block}.block.{rest}", stage + 1))
}

fn mobilenet(key: &str, state: &StateDict) -> Option<String> {
    let ends = [
        ("conv_stem.", "features.0.0."),
        ("bn1.", "features.0.1."),
        ("conv_head.", "classifier.0."),
        ("classifier.", "classifier.3."),
    ];
    if let Some(name) = replaced(key, &ends) {
        return Some(name);
    }
    let (["blocks", stage, block], rest) = split(key)? else { return None };
    let (stage, block): (usize, usize) = (stage.parse().ok()?, block.parse().ok()?);
    // torchvision counts blocks through, beginning after the stem.
    let before = |stage: usize| {
        let blocks = (0..).take_while(|block| {
            state.keys().any(|key| key.contains(&format!("blocks.{stage}.{block}.")))
        });
        blocks.count()
    };
    let index = 1 + (0..stage).map(before).sum::<usize>() + block;
    let of_block = format!("blocks.{stage}.{block}.");
    let has = |name: &str| state.keys().any(|key| key.contains(&format!("{of_block}{name}")));
    if has("conv.") {
        // The last convolution is no block.
        let rest = layer(&CONVOLUTION, rest)?;
        return Some(format!("features.{index}.{}", rest.strip_prefix("0.")?));
    }
    let rest = if !has("conv_pwl.") {
        layer(&SEPARABLE, rest)
    } else if has("se.") {
        layer(&INVERTED, rest)
    } else {
        layer(&INVERTED_PLAIN, rest)
    }?;
    Some(format!("features.{index}.block.{rest}"))
}

fn vgg(key: &str) -> Option<String> {
    replaced(
        key,
        &[
            ("features.", "features."),
            ("pre_logits.fc1.", "classifier.0."),
            ("pre_logits.fc2.", "classifier.3."),
            ("head.fc.", "classifier.6."),
        ],
    )
}

fn convnext(key: &str) -> Option<String> {
    let ends = [
        ("stem.0.", "features.0.0."),
        ("stem.1.", "features.0.1."),
        ("head.norm.", "classifier.0."),
        ("norm_pre.", "classifier.0."),
        ("head.fc.", "classifier.2."),
    ];
    if let Some(name) = replaced(key, &ends) {
        return Some(name);
    }
    let (["stages", stage, part], rest) = split(key)? else { return None };
    let stage: usize = stage.parse().ok()?;
    if part == "downsample" {
        return Some(format!("features.{}.{rest}", 2 * stage));
    }
    let ([block], rest) = split(rest)?;
    let of_block = format!("features.{}.{block}", 2 * stage + 1);
    if rest == "gamma" {
        return Some(format!("{of_block}.layer_scale"));
    }
    let layers = [("conv_dw", "0"), ("norm", "2"), ("mlp.fc1", "3"), ("mlp.fc2", "5")];
    Some(format!("{of_block}.block.{}", layer(&layers, rest)?))
}

/// The key with the first prefix that it has replaced.
fn replaced(key: &str, prefixes: &[(&str, &str)]) -> Option<String> {
    prefixes.iter().find_map(|(from, to)| Some(format!("{to}{}", key.strip_prefix(from)?)))
}
