//! How the embedded CPU device computes, for the whole process.

use std::sync::atomic::{AtomicBool, Ordering};

use ocelli_kernels::Isa;
pub use ocelli_kernels::isa::UnknownIsa;
/// Optimizer steps on slices, in place, for [`active_isa`].
pub use ocelli_kernels::optimizer;
pub use ocelli_kernels::profile;

static EXACT_CONVOLUTION: AtomicBool = AtomicBool::new(false);

/// Whether every product of a convolution's definition is formed: Winograd's algorithm, which gets
/// by with a quarter of the multiplications at an error of up to 1e-5 of the largest value, is
/// then never used. Set it before a model runs; results change from then on.
pub fn set_exact_convolution(exact: bool) {
    EXACT_CONVOLUTION.store(exact, Ordering::Relaxed);
}

/// What [`set_exact_convolution`] was last told; false at first.
#[must_use]
pub fn exact_convolution() -> bool {
    EXACT_CONVOLUTION.load(Ordering::Relaxed)
}

/// The instruction set that kernels use.
#[must_use]
pub fn active_isa() -> Isa {
    Isa::active()
}

/// The name of the instruction set that kernels use: `avx512`, `avx2` or `scalar`. The environment variable
/// `OCELLI_ISA` chooses one, else it is the widest of this processor.
///
/// # Errors
/// If the variable names none of this processor's; kernels would use the widest then.
pub fn instruction_set() -> Result<&'static str, UnknownIsa> {
    Ok(Isa::requested()?.unwrap_or_else(Isa::active).name())
}
