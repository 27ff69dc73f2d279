//! Embedded sample data.

/// The imaginary birds.
#[derive(Clone, Debug)]
pub struct Birds {}
