use std::env;

/// The environment variable that names the device to test on.
const VARIABLE: &str = "OCELLI_TEST_DEVICE";
const CPU: &str = "cpu";

/// The name of the device that tests of layers and models run on, for `ocelli_nn::device::parse`:
/// what the environment variable `OCELLI_TEST_DEVICE` says, else `cpu`.
///
/// # Panics
/// If the variable is no text.
#[must_use]
pub fn device_name() -> String {
    match env::var(VARIABLE) {
        Ok(name) if !name.is_empty() => name,
        Ok(_) | Err(env::VarError::NotPresent) => CPU.into(),
        Err(error) => panic!("{VARIABLE}: {error}"),
    }
}
