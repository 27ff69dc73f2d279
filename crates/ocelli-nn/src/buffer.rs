//! State of a layer that training changes without gradients: running statistics and counters.
//!
//! Burn's own `RunningState` is shared between clones, so an averaged or target copy of a model
//! would go on moving with the original. A [`Buffer`] belongs to one module: its clone starts with
//! the same value and lives its own life.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::{
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
        Param, ParamId,
    },
    tensor::{Device, Int, Tensor},
};

/// The container type under which a [`Buffer`] shows itself to module visitors.
pub(crate) const BUFFER_CONTAINER: &str = "Buffer";
/// The container type under which a [`Counter`] shows itself to module visitors.
pub(crate) const COUNTER_CONTAINER: &str = "Counter";
/// The name that goes with both: no part of a state-dict key.
const CONTENT: &str = "value";

/// A tensor that belongs to a layer, is saved with it, and is never trained.
///
/// It always lives on a plain device, without autodiff, so that nothing computed from it is
/// recorded.
pub struct Buffer<const D: usize> {
    id: ParamId,
    value: Mutex<Tensor<D>>,
}

impl<const D: usize> Buffer<D> {
    /// A buffer that starts as `value`, which leaves the autodiff graph if it was on one.
    #[must_use]
    pub fn new(value: Tensor<D>) -> Self {
        Self { id: ParamId::new(), value: Mutex::new(value.without_autodiff()) }
    }

    /// The present value.
    #[must_use]
    pub fn value(&self) -> Tensor<D> {
        self.lock().clone()
    }

    /// Replaces the value by what `change` makes of it.
    ///
    /// # Panics
    /// If the new value has another shape than the old.
    pub fn update(&self, change: impl FnOnce(Tensor<D>) -> Tensor<D>) {
        let mut value = self.lock();
        let new = change(value.clone()).without_autodiff();
        assert_eq!(new.dims(), value.dims(), "a buffer keeps its shape");
        *value = new;
    }

    fn lock(&self) -> MutexGuard<'_, Tensor<D>> {
        // A value is replaced whole, so a panic elsewhere can't have left it half changed.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<const D: usize> Clone for Buffer<D> {
    fn clone(&self) -> Self {
        // Tensors are values: sharing the storage until either side replaces it is not visible.
        Self { id: self.id, value: Mutex::new(self.value()) }
    }
}

impl<const D: usize> std::fmt::Debug for Buffer<D> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Buffer {:?}", self.lock().dims())
    }
}

impl<const D: usize> Module for Buffer<D> {
    fn collect_devices(&self, mut devices: Devices) -> Devices {
        let device = self.lock().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn to_device(self, device: &Device) -> Self {
        let device = device.clone().without_autodiff();
        self.update(|value| value.to_device(&device));
        self
    }

    fn train(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn materialize(self) -> Self {
        self
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.enter_module(CONTENT, BUFFER_CONTAINER);
        visitor.visit_float(&Param::initialized(self.id, self.value()));
        visitor.exit_module(CONTENT, BUFFER_CONTAINER);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        mapper.enter_module(CONTENT, BUFFER_CONTAINER);
        let (_, value, _) = mapper.map_float(Param::initialized(self.id, self.value())).consume();
        mapper.exit_module(CONTENT, BUFFER_CONTAINER);
        Self { id: self.id, value: Mutex::new(value.without_autodiff()) }
    }
}

/// How often something happened: saved as a 0-dimensional `int64`, as PyTorch saves its counters.
pub struct Counter {
    id: ParamId,
    // Kept on the host: a tensor would cost a kernel launch per increment on a GPU.
    count: Mutex<i64>,
    device: Device,
}

impl Counter {
    /// A counter at zero, whose tensors, when asked for, are made on `device`.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        let device = device.clone().without_autodiff();
        Self { id: ParamId::new(), count: Mutex::new(0), device }
    }

    /// The present count.
    #[must_use]
    pub fn count(&self) -> i64 {
        *self.lock()
    }

    /// Counts one more.
    pub fn increment(&self) {
        let mut count = self.lock();
        *count = count.saturating_add(1);
    }

    fn lock(&self) -> MutexGuard<'_, i64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn param(&self) -> Param<Tensor<1, Int>> {
        Param::initialized(self.id, Tensor::from_data([self.count()], &self.device))
    }
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        Self { id: self.id, count: Mutex::new(self.count()), device: self.device.clone() }
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Counter({})", self.count())
    }
}

impl Module for Counter {
    fn collect_devices(&self, devices: Devices) -> Devices {
        devices
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn to_device(self, device: &Device) -> Self {
        Self { device: device.clone().without_autodiff(), ..self }
    }

    fn train(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn materialize(self) -> Self {
        self
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.enter_module(CONTENT, COUNTER_CONTAINER);
        visitor.visit_int(&self.param());
        visitor.exit_module(CONTENT, COUNTER_CONTAINER);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        mapper.enter_module(CONTENT, COUNTER_CONTAINER);
        let (_, value, _) = mapper.map_int(self.param()).consume();
        mapper.exit_module(CONTENT, COUNTER_CONTAINER);
        Self { count: Mutex::new(value.into_scalar()), ..self }
    }
}

impl<const D: usize> ModuleDisplay for Buffer<D> {}
impl<const D: usize> ModuleDisplayDefault for Buffer<D> {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("{self:?}")).optional()
    }
}

impl ModuleDisplay for Counter {}
impl ModuleDisplayDefault for Counter {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("{self:?}")).optional()
    }
}
