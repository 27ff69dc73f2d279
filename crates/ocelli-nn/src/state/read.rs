use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Int, Tensor},
};

use super::{Array, StateDict, path::Path};

/// Every weight and buffer of a module, copied to the host.
///
/// # Panics
/// If a device fails to hand its data over.
#[must_use]
pub fn state_dict<M: Module>(module: &M) -> StateDict {
    let mut visitor = Reader { path: Path::default(), arrays: StateDict::new() };
    module.visit(&mut visitor);
    visitor.arrays
}

struct Reader {
    path: Path,
    arrays: StateDict,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().without_autodiff();
        let shape = tensor.dims().to_vec();
        let values = tensor.try_into_vec_as().unwrap_or_else(|error| {
            panic!("reading {} from its device failed: {error}", self.path.key())
        });
        self.arrays.insert(self.path.key(), Array::from_f32(shape, values));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let tensor = param.val();
        // Burn has no 0-dimensional tensors: a counter travels as one of one element.
        let shape = if self.path.in_buffer() { Vec::new() } else { tensor.dims().to_vec() };
        let values = tensor.try_into_vec_as().unwrap_or_else(|error| {
            panic!("reading {} from its device failed: {error}", self.path.key())
        });
        self.arrays.insert(self.path.key(), Array::from_i64(shape, values));
    }
}

/// The keys of the weights, trained or frozen, in the order in which the module has them; buffers
/// don't count.
#[must_use]
pub fn parameter_keys<M: Module>(module: &M) -> Vec<String> {
    let mut visitor = KeyReader { path: Path::default(), keys: Vec::new() };
    module.visit(&mut visitor);
    visitor.keys
}

struct KeyReader {
    path: Path,
    keys: Vec<String>,
}

impl ModuleVisitor for KeyReader {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        if !self.path.in_buffer() {
            self.keys.push(self.path.key().to_owned());
        }
    }
}

/// The number of weights, trained or frozen; buffers don't count.
#[must_use]
pub fn parameter_count<M: Module>(module: &M) -> usize {
    let mut visitor = ParameterCounter { path: Path::default(), count: 0 };
    module.visit(&mut visitor);
    visitor.count
}

struct ParameterCounter {
    path: Path,
    count: usize,
}

impl ModuleVisitor for ParameterCounter {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.path.in_buffer() {
            self.count += param.dims().iter().product::<usize>();
        }
    }
}
