//! Devices by name, as recipes and the command line write them.

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use thiserror::Error;

/// Why a device name gave no device.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DeviceError {
    /// The name is none that we know.
    #[error(
        "unknown device {found:?}: expected \"cpu\", or \"cuda\", \"rocm\", \"vulkan\", \"metal\" or \"wgpu\", each with an optional \":index\" as in \"cuda:0\""
    )]
    Unknown {
        /// The name as given.
        found: String,
    },
    /// The part after the colon is no index.
    #[error(
        "device {found:?} has a bad index: expected a whole number after the colon, as in \"{kind}:0\""
    )]
    BadIndex {
        /// The name as given.
        found: String,
        /// The part before the colon.
        kind: String,
    },
    /// The program was built without this device's feature.
    #[error(
        "device {found:?} is not compiled into this program: build it with `--features {feature}`"
    )]
    NotCompiled {
        /// The name as given.
        found: String,
        /// The Cargo feature to build with.
        feature: &'static str,
    },
}

/// The device that a name stands for.
///
/// Names: `cpu`, or `cuda`, `rocm`, `vulkan`, `metal`, `wgpu`, each optionally followed by
/// `:index`. Without an index a `vulkan`, `metal` or `wgpu` device is the one that the graphics
/// driver prefers; with one it is that discrete GPU.
///
/// # Errors
/// [`DeviceError`] where the name is unknown, its index no number, or the device's Cargo feature
/// not compiled in. Whether the machine has such a device shows when it is first used.
pub fn parse(name: &str) -> Result<Device, DeviceError> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => {
            let bad = || DeviceError::BadIndex { found: name.into(), kind: kind.into() };
            (kind, Some(index.parse::<usize>().map_err(|_| bad())?))
        }
        None => (name, None),
    };
    match kind {
        // One device, whatever the number of processors.
        "cpu" if index.is_none_or(|index| index == 0) => Ok(Device::flex()),
        "cuda" => cuda(name, index),
        "rocm" => rocm(name, index),
        "vulkan" => vulkan(name, index),
        "metal" => metal(name, index),
        "wgpu" => wgpu(name, index),
        _ => Err(DeviceError::Unknown { found: name.into() }),
    }
}

/// Whether this is the embedded CPU device, with or without autodiff.
#[must_use]
pub fn is_cpu(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

/// The same device, with what is computed on it recorded for a backward pass.
#[must_use]
pub fn autodiff(device: &Device) -> Device {
    device.clone().autodiff()
}

/// One function per optional device: the constructor where it is compiled in, else the error that
/// names the feature.
macro_rules! optional_device {
    ($name:ident, $feature:literal, $construct:expr) => {
        #[cfg(feature = $feature)]
        fn $name(_: &str, index: Option<usize>) -> Result<Device, DeviceError> {
            let construct: fn(Option<usize>) -> Device = $construct;
            Ok(construct(index))
        }

        #[cfg(not(feature = $feature))]
        fn $name(found: &str, _: Option<usize>) -> Result<Device, DeviceError> {
            Err(DeviceError::NotCompiled { found: found.into(), feature: $feature })
        }
    };
}

optional_device!(cuda, "cuda", |index| Device::cuda(index.unwrap_or(0)));
optional_device!(rocm, "rocm", |index| Device::rocm(index.unwrap_or(0)));
optional_device!(vulkan, "vulkan", |index| Device::vulkan(graphics_device(index)));
optional_device!(metal, "metal", |index| Device::metal(graphics_device(index)));
optional_device!(wgpu, "wgpu", |index| Device::wgpu(graphics_device(index)));

#[cfg(any(feature = "vulkan", feature = "metal", feature = "wgpu"))]
fn graphics_device(index: Option<usize>) -> burn::tensor::DeviceKind {
    use burn::tensor::DeviceKind;
    index.map_or(DeviceKind::DefaultDevice, DeviceKind::DiscreteGpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_always_there_and_autodiff_is_the_same_device() {
        let device = parse("cpu").expect("the CPU needs no feature");
        assert_eq!(parse("cpu:0"), Ok(device.clone()));
        assert!(!device.is_autodiff());
        assert!(autodiff(&device).is_autodiff());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_not_compiled_in_names_the_feature_to_build_with() {
        let error = parse("cuda:1").expect_err("built without cuda");
        assert_eq!(
            error.to_string(),
            "device \"cuda:1\" is not compiled into this program: build it with `--features cuda`"
        );
    }

    #[test]
    fn unknown_names_and_bad_indices_are_told_apart() {
        for name in ["", "gpu", "CPU", "cpu:1", "tpu:0"] {
            assert_eq!(parse(name), Err(DeviceError::Unknown { found: name.into() }));
        }
        for name in ["cuda:", "cuda:-1", "wgpu:one", "cuda:99999999999999999999"] {
            assert!(matches!(parse(name), Err(DeviceError::BadIndex { .. })), "{name}");
        }
    }
}
