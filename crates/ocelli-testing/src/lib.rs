//! References, tolerances, gradient checks and fixtures for Ocelli's own tests.
//!
//! Functions here panic with what differs: they are assertions.
#![forbid(unsafe_code)]

mod close;
mod device;
mod fixture;
mod gradient;
mod locate;
mod portable;

pub use close::{assert_close, assert_tensors_close, relative_difference, values};
pub use device::device_name;
pub use fixture::Fixture;
pub use gradient::assert_gradient;
pub use locate::{fixtures, shared_data};
pub use portable::{portable_state, portable_uniform, summary};
