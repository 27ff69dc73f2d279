use std::{cell::RefCell, rc::Rc};

use super::PickleError;

/// What a pickle holds. Containers are shared, as Python's are.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `None`.
    None,
    /// An integer.
    Int(i64),
    /// Text.
    Text(Rc<str>),
    /// A list, or a set.
    List(Rc<RefCell<Vec<Value>>>),
    /// A tuple.
    Tuple(Rc<RefCell<Vec<Value>>>),
    /// A dictionary, in its order.
    Dict(Rc<RefCell<Vec<(Value, Value)>>>),
    /// The name of a class or function, `module.name`.
    Global(Rc<str>),
    /// Numbers that lie elsewhere in the file.
    Storage(Rc<Storage>),
    /// A view of a storage.
    Tensor(Rc<Tensor>),
    /// Something that no state dict is made of.
    Opaque(&'static str),
}

/// Numbers that lie elsewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    /// The class that names its elements, such as `torch.FloatStorage`.
    pub(crate) class: Rc<str>,
    /// Its name in the file.
    pub(crate) key: Rc<str>,
    /// How many numbers it has.
    pub(crate) count: usize,
}

/// A view of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tensor {
    /// Where the numbers are.
    pub(crate) storage: Rc<Storage>,
    /// The first one.
    pub(crate) offset: usize,
    /// The lengths of the axes.
    pub(crate) shape: Vec<usize>,
    /// Numbers from one index of an axis to the next.
    pub(crate) strides: Vec<usize>,
}

impl Value {
    pub(super) fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Rc::new(RefCell::new(items)))
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    pub(super) fn dict() -> Self {
        Self::Dict(Rc::new(RefCell::new(Vec::new())))
    }

    /// Text, where it is one.
    #[must_use]
    pub(crate) fn as_text(&self) -> Option<&Rc<str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer, where it is one.
    #[must_use]
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A tuple's items.
    #[must_use]
    pub(crate) fn as_tuple(&self) -> Option<Vec<Self>> {
        match self {
            Self::Tuple(items) => Some(items.borrow().clone()),
            _ => None,
        }
    }

    /// What messages call it.
    #[must_use]
    pub(crate) fn name(&self) -> String {
        match self {
            Self::None => "None".into(),
            Self::Int(_) => "int".into(),
            Self::Text(_) => "str".into(),
            Self::List(_) => "list".into(),
            Self::Tuple(_) => "tuple".into(),
            Self::Dict(_) => "dict".into(),
            Self::Global(name) => name.to_string(),
            Self::Storage(_) => "storage".into(),
            Self::Tensor(_) => "tensor".into(),
            Self::Opaque(name) => (*name).into(),
        }
    }

    fn lengths(&self) -> Option<Vec<usize>> {
        let items = self.as_tuple()?;
        items.iter().map(|item| usize::try_from(item.as_int()?).ok()).collect()
    }
}

impl Storage {
    /// From PyTorch's `("storage", class, key, device, count)`, to which old files add a view.
    pub(super) fn from_persistent_id(id: &Value) -> Option<Self> {
        let id = id.as_tuple()?;
        let [kind, class, key, _, count, ..] = id.as_slice() else { return None };
        if &**kind.as_text()? != "storage" {
            return None;
        }
        let Value::Global(class) = class else { return None };
        let key = key.as_text()?.clone();
        Some(Self { class: class.clone(), key, count: usize::try_from(count.as_int()?).ok()? })
    }
}

/// All containers of a pickle. They are emptied one by one in the end: dropped as a tree, deeply
/// nested ones would overflow the stack, and cycles would never go.
#[derive(Debug, Default)]
pub(super) struct Containers(Vec<Value>);

impl Containers {
    pub(super) fn note(&mut self, value: &Value) {
        if matches!(value, Value::List(_) | Value::Tuple(_) | Value::Dict(_)) {
            self.0.push(value.clone());
        }
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        for value in &self.0 {
            match value {
                Value::List(items) | Value::Tuple(items) => drop(items.take()),
                Value::Dict(items) => drop(items.take()),
                _ => {}
            }
        }
    }
}

/// What PyTorch's constructors make; anything else is refused.
pub(super) fn call(callable: &Value, arguments: &Value, at: usize) -> Result<Value, PickleError> {
    let name = match callable {
        Value::Global(name) => &**name,
        // Attributes and results of calls are as foreign as what is imported.
        other => return Err(PickleError::Call { callable: other.name() }),
    };
    let nonsense = PickleError::Nonsense { at, what: "a constructor's arguments don't fit" };
    let arguments = arguments.as_tuple().ok_or(nonsense.clone())?;
    match (name, arguments.as_slice()) {
        ("collections.OrderedDict" | "collections.defaultdict", []) => Ok(Value::dict()),
        // Pairs, as old Pythons write them.
        ("collections.OrderedDict", [Value::List(pairs)]) => {
            let pairs = pairs.borrow();
            let pair = |value: &Value| match value {
                Value::List(pair) => match pair.borrow().as_slice() {
                    [key, value] => Some((key.clone(), value.clone())),
                    _ => None,
                },
                _ => match value.as_tuple()?.as_slice() {
                    [key, value] => Some((key.clone(), value.clone())),
                    _ => None,
                },
            };
            let pairs: Option<Vec<_>> = pairs.iter().map(pair).collect();
            Ok(Value::Dict(Rc::new(RefCell::new(pairs.ok_or(nonsense)?))))
        }
        (
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2",
            [Value::Storage(storage), offset, shape, strides, ..],
        ) => {
            let offset = offset.as_int().and_then(|offset| usize::try_from(offset).ok());
            let tensor = Tensor {
                storage: storage.clone(),
                offset: offset.ok_or(nonsense.clone())?,
                shape: shape.lengths().ok_or(nonsense.clone())?,
                strides: strides.lengths().ok_or(nonsense.clone())?,
            };
            if tensor.shape.len() != tensor.strides.len() {
                return Err(nonsense);
            }
            Ok(Value::Tensor(tensor.into()))
        }
        ("torch._utils._rebuild_parameter", [tensor @ Value::Tensor(_), ..]) => Ok(tensor.clone()),
        ("torch.Size", [items]) => Ok(items.clone()),
        ("torch.device" | "torch.serialization._get_layout" | "builtins.set" | "set", _) => {
            Ok(Value::Opaque("setting"))
        }
        // Scores and settings beside the weights, left as they are.
        ("_codecs.encode" | "argparse.Namespace", _) => Ok(Value::Opaque("setting")),
        _ if name.starts_with("numpy.") => Ok(Value::Opaque("numpy value")),
        _ => Err(PickleError::Call { callable: name.to_owned() }),
    }
}
