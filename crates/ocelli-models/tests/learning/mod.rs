//! What models are given, and that all of them learns.

use burn::{module::Module, tensor::Tensor};
use ocelli_nn::{
    device,
    state::{gradients, parameter_keys},
    tensor::Device,
};
use ocelli_testing::{device_name, portable_state};

pub(crate) fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

pub(crate) fn pictures(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values = portable_state("x", &shape);
    Tensor::<1>::from_data(values.as_slice(), device).reshape(shape)
}

/// Holds to it that every parameter has a gradient of the loss, which is neither 0 nor no number.
pub(crate) fn assert_every_parameter_learns<M: Module>(name: &str, model: &M, loss: Tensor<1>) {
    let mut recorded = loss.backward();
    let taken = gradients(model, &mut recorded);
    assert_eq!(taken.len(), parameter_keys(model).len(), "{name}");
    for (key, gradient) in taken {
        let sum: f32 = gradient.square().sum().into_scalar();
        assert!(sum > 0.0 && sum.is_finite(), "{name}: the gradient of {key} is {sum}");
    }
}
