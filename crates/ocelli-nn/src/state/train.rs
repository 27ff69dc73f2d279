use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Gradients, Tensor},
};

use super::path::Path;

/// The gradient of every parameter that has one, flattened, by key, on the plain device.
///
/// They are taken out of `gradients`, so that their memory is the caller's alone and an optimizer
/// may write into it.
#[must_use]
pub fn gradients<M: Module>(module: &M, gradients: &mut Gradients) -> BTreeMap<String, Tensor<1>> {
    let mut visitor = GradientReader { path: Path::default(), gradients, taken: BTreeMap::new() };
    module.visit(&mut visitor);
    visitor.taken
}

struct GradientReader<'gradients> {
    path: Path,
    gradients: &'gradients mut Gradients,
    taken: BTreeMap<String, Tensor<1>>,
}

impl ModuleVisitor for GradientReader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.path.in_buffer() {
            return;
        }
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.taken.insert(self.path.key().to_owned(), flatten(gradient.without_autodiff()));
        }
    }
}

/// The module with every trained parameter replaced by what `update` makes of it.
///
/// `update` gets the key and the flattened values on the plain device, and returns as many; frozen
/// parameters and buffers are passed over. The values it gets are no one else's when no clone of
/// the module and no graph that used it is alive, so that operations on them work in place.
///
/// # Panics
/// If `update` returns another number of values than it got.
#[must_use]
pub fn update_parameters<M: Module>(
    module: M,
    update: impl FnMut(&str, Tensor<1>) -> Tensor<1>,
) -> M {
    module.map(&mut Updater { path: Path::default(), update, asks_for_gradients: true })
}

struct Updater<F> {
    path: Path,
    update: F,
    /// Whether the module's parameters do, those that are trained.
    asks_for_gradients: bool,
}

impl<F: FnMut(&str, Tensor<1>) -> Tensor<1>> ModuleMapper for Updater<F> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.in_buffer() || (self.asks_for_gradients && !param.is_require_grad()) {
            return param;
        }
        let (id, value, mapper) = param.consume();
        let shape = value.dims();
        let new = (self.update)(self.path.key(), flatten(value.without_autodiff()));
        let expected: usize = shape.iter().product();
        assert_eq!(new.dims(), [expected], "an update of {} keeps its length", self.path.key());
        let new = new.reshape(shape).without_autodiff();
        let new = if self.asks_for_gradients { new.autodiff().require_grad() } else { new };
        Param::from_mapped_value(id, new, mapper)
    }
}

/// The module with every parameter replaced by what `update` makes of it, for modules that ask for no
/// gradients: as [`update_parameters`] in all else.
///
/// # Panics
/// If `update` returns another number of values than it got.
#[must_use]
pub fn map_parameters<M: Module>(module: M, update: impl FnMut(&str, Tensor<1>) -> Tensor<1>) -> M {
    module.map(&mut Updater { path: Path::default(), update, asks_for_gradients: false })
}

/// The module with just those parameters trained whose keys `choose` picks; the others are frozen.
///
/// A layer all of whose parameters are frozen evaluates in training passes too: see
/// [`Pass::of_part`](crate::Pass::of_part).
#[must_use]
pub fn select_trainable<M: Module>(module: M, choose: impl FnMut(&str) -> bool) -> M {
    module.map(&mut Selector { path: Path::default(), choose })
}

struct Selector<F> {
    path: Path,
    choose: F,
}

impl<F: FnMut(&str) -> bool> ModuleMapper for Selector<F> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.in_buffer() {
            return param;
        }
        let trained = (self.choose)(self.path.key());
        param.set_require_grad(trained)
    }
}

/// Whether a module has parameters on an autodiff device, and none of them is trained.
#[must_use]
pub fn is_frozen<M: Module>(module: &M) -> bool {
    let mut visitor = FreezeReader { path: Path::default(), frozen: false, trained: false };
    module.visit(&mut visitor);
    visitor.frozen && !visitor.trained
}

struct FreezeReader {
    path: Path,
    frozen: bool,
    trained: bool,
}

impl ModuleVisitor for FreezeReader {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Without autodiff no parameter asks for gradients, frozen or not.
        if self.path.in_buffer() || !param.val().is_autodiff() {
            return;
        }
        if param.is_require_grad() {
            self.trained = true;
        } else {
            self.frozen = true;
        }
    }
}

fn flatten<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let count: usize = tensor.dims().iter().product();
    tensor.reshape([count])
}
