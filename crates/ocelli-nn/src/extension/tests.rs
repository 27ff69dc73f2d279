//! Kernels against the default bodies.
