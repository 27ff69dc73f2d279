use std::collections::BTreeSet;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Int, Tensor, TensorData},
};

use super::{Array, ShapeMismatch, StateDict, StateDictError, Values, path::Path};

/// The module with its weights and buffers taken from a state dict.
///
/// Everything is checked before anything is changed. Parameters keep their identity, device and
/// whether they are trained.
///
/// # Errors
/// [`StateDictError`] with every missing, unexpected and mismatched key.
pub fn load_state_dict<M: Module>(module: M, state: &StateDict) -> Result<M, StateDictError> {
    let mut check = Check {
        path: Path::default(),
        state,
        seen: BTreeSet::new(),
        error: StateDictError::default(),
    };
    module.visit(&mut check);
    let Check { seen, mut error, .. } = check;
    error.unexpected = state.keys().filter(|key| !seen.contains(*key)).map(String::from).collect();
    if error.is_empty() {
        Ok(module.map(&mut Writer { path: Path::default(), state }))
    } else {
        Err(error)
    }
}

struct Check<'state> {
    path: Path,
    state: &'state StateDict,
    seen: BTreeSet<String>,
    error: StateDictError,
}

impl Check<'_> {
    fn check(&mut self, expected: &[usize], expected_type: &'static str) {
        let key = self.path.key().to_owned();
        match self.state.get(&key) {
            None => self.error.missing.push(key.clone()),
            Some(array) => {
                let found_type = array.values().type_name();
                if array.shape() != expected || found_type != expected_type {
                    self.error.mismatched.push(ShapeMismatch {
                        key: key.clone(),
                        expected: expected.to_vec(),
                        found: array.shape().to_vec(),
                        expected_type,
                        found_type,
                    });
                }
            }
        }
        self.seen.insert(key);
    }
}

impl ModuleVisitor for Check<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.check(&param.dims(), Values::F32(Vec::new()).type_name());
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let shape = param.dims();
        let shape: &[usize] = if self.path.in_buffer() { &[] } else { &shape };
        self.check(shape, Values::I64(Vec::new()).type_name());
    }
}

struct Writer<'state> {
    path: Path,
    state: &'state StateDict,
}

impl Writer<'_> {
    fn array(&self) -> &Array {
        // The check has visited the same tensors in the same module.
        self.state.get(self.path.key()).expect("every key was checked before the first was written")
    }
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let mut new = old.clone();
        if let Values::F32(values) = self.array().values() {
            let data = TensorData::new(values.clone(), old.dims());
            new = Tensor::from_data(data, &old.device());
        }
        // `set_require_grad` only where it is needed: on a plain device it is an error.
        if old.is_require_grad() {
            new = new.set_require_grad(true);
        }
        Param::from_mapped_value(id, new, mapper)
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let (id, old, mapper) = param.consume();
        let new = match self.array().values() {
            Values::I64(values) => {
                Tensor::from_data(TensorData::new(values.clone(), old.dims()), &old.device())
            }
            Values::F32(_) => old,
        };
        Param::from_mapped_value(id, new, mapper)
    }
}
