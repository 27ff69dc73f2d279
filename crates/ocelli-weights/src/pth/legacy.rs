use std::{collections::BTreeMap, path::Path};

use super::{PthError, PthFile, tensors};
use crate::{
    element::Element,
    pickle::{self, Pickle, Storage, Value},
};

/// The pickle of PyTorch's magic number, 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 15] =
    [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// A stream of pickles (magic number, version, system, description, keys of the storages), then
/// each storage: its count of numbers, and those.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<PthFile, PthError> {
    let mut at = 0;
    let mut next = || -> Result<Pickle, PthError> {
        let pickle = pickle::parse(&bytes[at..])
            .map_err(|reason| PthError::Pickle { path: path.into(), reason })?;
        at += pickle.length;
        Ok(pickle)
    };
    if !is_legacy(bytes) {
        // Understood nonetheless, for an error that says what it is.
        let found = next()?.value.name();
        return Err(PthError::Content {
            path: path.into(),
            found: format!("it is a pickle of a {found}, but not one of PyTorch's"),
        });
    }
    let (_, _, _) = (next()?, next()?, next()?);
    let description = next()?;
    let keys = next()?;
    let Value::List(keys) = &keys.value else {
        return Err(tensors::damaged(path, "the list of its storages is missing"));
    };
    let elements = element_sizes(&description.value);
    let mut places = BTreeMap::new();
    for key in keys.borrow().iter() {
        let cut = || tensors::damaged(path, "the numbers are cut off");
        let key = key.as_text().ok_or_else(|| tensors::damaged(path, "a storage without name"))?;
        let count = bytes.get(at..at + 8).ok_or_else(cut)?;
        let count = u64::from_le_bytes(count.try_into().expect("eight bytes"));
        let size = elements.get(&**key).copied().unwrap_or(4);
        let start = at + 8;
        let end = usize::try_from(count).ok().and_then(|count| count.checked_mul(size));
        let end = end.and_then(|length| start.checked_add(length));
        let end = end.filter(|&end| end <= bytes.len()).ok_or_else(cut)?;
        places.insert(key.to_string(), start..end);
        at = end;
    }
    tensors::state_dict(&description.value, path, bytes.len(), |storage: &Storage| {
        let place = places.get(&*storage.key);
        let place = place.ok_or_else(|| format!("its numbers ({}) are missing", storage.key))?;
        Ok(&bytes[place.clone()])
    })
}

/// Bytes of a number in each storage: the stream itself does not say.
fn element_sizes(description: &Value) -> BTreeMap<String, usize> {
    let mut sizes = BTreeMap::new();
    let mut open = vec![description.clone()];
    // A value may hold itself; there are not more than the pickle made.
    let mut left = 1 << 22;
    while let (Some(value), 1..) = (open.pop(), left) {
        left -= 1;
        match value {
            Value::Dict(items) => open.extend(items.borrow().iter().map(|(_, v)| v.clone())),
            Value::List(items) | Value::Tuple(items) => open.extend(items.borrow().iter().cloned()),
            Value::Tensor(tensor) => {
                let storage = &tensor.storage;
                // One that can't be read is told when its tensor is.
                let size = tensors::element(&storage.class).map_or(4, Element::size);
                sizes.insert(storage.key.to_string(), size);
            }
            _ => {}
        }
    }
    sizes
}
