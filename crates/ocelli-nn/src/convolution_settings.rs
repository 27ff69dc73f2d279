//! How convolutions are computed on the CPU device, for the whole process.

use std::sync::atomic::{AtomicBool, Ordering};

static EXACT: AtomicBool = AtomicBool::new(false);

/// Whether every product of a convolution's definition is formed: Winograd's algorithm, which gets
/// by with a quarter of the multiplications at an error of up to 1e-5 of the largest value, is
/// then never used. Set it before a model runs; results change from then on.
pub fn set_exact(exact: bool) {
    EXACT.store(exact, Ordering::Relaxed);
}

/// What [`set_exact`] was last told; false at first.
#[must_use]
pub fn is_exact() -> bool {
    EXACT.load(Ordering::Relaxed)
}
