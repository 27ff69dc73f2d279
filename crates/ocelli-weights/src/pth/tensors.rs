use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{PthError, PthFile};
use crate::{
    Array, StateDict, Values,
    element::Element,
    pickle::{Storage, Tensor, Value},
};

/// Numbers that one tensor may have: 16 GB of floats.
const MOST_NUMBERS: usize = 1 << 32;
/// How many times more numbers tensors may have than the file: views share what they show.
const MOST_SHARING: usize = 64;

/// Keys of a checkpoint under which its state dict is looked for, the likeliest first.
const NESTED: [&str; 7] =
    ["state_dict", "model_state_dict", "model_state", "model", "net", "network", "params"];

/// The state dict in what a file's pickle holds; `storage` gives a storage's bytes.
pub(super) fn state_dict<'a>(
    root: &Value,
    path: &Path,
    file_bytes: usize,
    storage: impl Fn(&Storage) -> Result<&'a [u8], String>,
) -> Result<PthFile, PthError> {
    let mut notes = Vec::new();
    let items = find(root, path, &mut notes)?;
    let mut budget = file_bytes.saturating_mul(MOST_SHARING);
    let mut state = StateDict::new();
    let mut left_out = Vec::new();
    for (key, value) in items {
        let Value::Tensor(tensor) = value else {
            left_out.push(key);
            continue;
        };
        let misfit = |reason| PthError::Tensor { path: path.into(), key: key.to_string(), reason };
        let bytes = storage(&tensor.storage).map_err(misfit)?;
        let array = array(&tensor, bytes, &mut budget).map_err(misfit)?;
        state.insert(key.to_string(), array);
    }
    if !left_out.is_empty() {
        notes.push(format!("left out what is no tensor: {}", left_out.join(", ")));
    }
    Ok(PthFile { state, notes })
}

/// The dictionary of tensors: the whole file's, or that of a checkpoint.
fn find(
    root: &Value,
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Value)>, PthError> {
    let content = |found: String| PthError::Content { path: path.into(), found };
    let Value::Dict(_) = root else {
        return Err(content(format!("it holds a {}", root.name())));
    };
    let items = entries(root);
    if items.values().any(|value| matches!(value, Value::Tensor(_))) {
        return Ok(items.into_iter().collect());
    }
    for name in NESTED {
        let Some(nested @ Value::Dict(_)) = items.get(name) else { continue };
        let nested = entries(nested);
        if nested.values().any(|value| matches!(value, Value::Tensor(_))) {
            let others: Vec<&str> =
                items.keys().map(String::as_str).filter(|&key| key != name).collect();
            let beside = if others.is_empty() {
                String::new()
            } else {
                format!(" (beside it: {})", others.join(", "))
            };
            notes.push(format!("took the weights under {name:?} of a checkpoint{beside}"));
            return Ok(nested.into_iter().collect());
        }
    }
    let keys: Vec<&str> = items.keys().take(8).map(String::as_str).collect();
    Err(content(format!("it holds a dictionary without tensors (its keys: {})", keys.join(", "))))
}

/// A dictionary's entries whose keys are texts, by key; the last of equal ones counts.
fn entries(dict: &Value) -> BTreeMap<String, Value> {
    let Value::Dict(items) = dict else { return BTreeMap::new() };
    let items = items.borrow();
    let named = items.iter().filter_map(|(key, value)| Some((key.as_text()?, value)));
    named.map(|(key, value)| (key.to_string(), value.clone())).collect()
}

/// A tensor's numbers, row-major.
fn array(tensor: &Tensor, bytes: &[u8], budget: &mut usize) -> Result<Array, String> {
    let Tensor { storage, offset, shape, strides } = tensor;
    let element = element(&storage.class)?;
    let count = shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
    let too_large = || format!("a tensor of shape {shape:?} is larger than the file justifies");
    let count = count.filter(|&count| count <= MOST_NUMBERS).ok_or_else(too_large)?;
    *budget = budget.checked_sub(count.saturating_mul(element.size())).ok_or_else(too_large)?;
    // The last number that the view reaches.
    let reach = shape.iter().zip(strides).try_fold(*offset, |reach, (&length, &stride)| {
        length.saturating_sub(1).checked_mul(stride)?.checked_add(reach)
    });
    let available = bytes.len() / element.size();
    if count > 0 && reach.is_none_or(|reach| reach >= available) {
        return Err(format!(
            "a tensor of shape {shape:?} reaches beyond the {available} numbers of its storage"
        ));
    }
    let values = if count == 0 {
        element.values(&[])
    } else if is_row_major(shape, strides) {
        let size = element.size();
        element.values(&bytes[offset * size..(offset + count) * size])
    } else {
        gather(&element.values(bytes), *offset, shape, strides, count)
    };
    Ok(Array::new(shape.clone(), values))
}

/// The element type that a storage's class names.
pub(super) fn element(class: &str) -> Result<Element, String> {
    Ok(match class {
        "torch.DoubleStorage" => Element::F64,
        "torch.FloatStorage" => Element::F32,
        "torch.HalfStorage" => Element::F16,
        "torch.BFloat16Storage" => Element::Bf16,
        "torch.LongStorage" => Element::I64,
        "torch.IntStorage" => Element::I32,
        "torch.ShortStorage" => Element::I16,
        "torch.CharStorage" => Element::I8,
        "torch.ByteStorage" => Element::U8,
        "torch.BoolStorage" => Element::Bool,
        other => {
            return Err(format!("elements of {other} can't be read; expected floats or integers"));
        }
    })
}

fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    for (&length, &stride) in shape.iter().zip(strides).rev() {
        if length != 1 && stride != expected {
            return false;
        }
        expected *= length;
    }
    true
}

fn gather(
    values: &Values,
    offset: usize,
    shape: &[usize],
    strides: &[usize],
    count: usize,
) -> Values {
    let mut index = vec![0; shape.len()];
    let places = (0..count).map(|_| {
        let place = offset + index.iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>();
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
        place
    });
    match values {
        Values::F32(values) => Values::F32(places.map(|place| values[place]).collect()),
        Values::I64(values) => Values::I64(places.map(|place| values[place]).collect()),
    }
}

/// An archive's or stream's name for messages.
pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> PthError {
    PthError::Archive { path: PathBuf::from(path), reason: reason.into() }
}
