//! Instruction sets: what the processor can do, and how a kernel written once is compiled for each.
//!
//! A kernel is generic over a [`Simd`] token and written in its vector operations. A token exists
//! only where the processor has the instructions ([`Avx512::new`] and its siblings probe), so safe
//! code cannot reach an instruction that would fault. [`Isa`] is the choice made at run time;
//! [`Isa::run`] compiles a [`Kernel`] for each token and enters the chosen one.
//!
//! ```
//! use ocelli_kernels::isa::{Isa, Kernel, Simd};
//!
//! struct Double<'a>(&'a mut [f32]);
//!
//! impl Kernel for Double<'_> {
//!     type Output = ();
//!     #[inline(always)]
//!     fn run<S: Simd>(self, simd: S) {
//!         let mut chunks = self.0.chunks_exact_mut(S::LANES);
//!         for chunk in &mut chunks {
//!             let value = simd.load(chunk);
//!             simd.store(chunk, simd.add(value, value));
//!         }
//!         for value in chunks.into_remainder() {
//!             *value *= 2.0;
//!         }
//!     }
//! }
//!
//! let mut values = vec![1.0; 37];
//! Isa::active().run(Double(&mut values));
//! assert!(values.iter().all(|&value| value == 2.0));
//! ```
//!
//! NEON would be one more file here, one more variant of [`Isa`], and nothing elsewhere.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use portable::Portable;

/// The environment variable that forces an instruction set: `avx512`, `avx2` or `scalar`.
pub const VARIABLE: &str = "OCELLI_ISA";

/// Vector operations on `LANES` 32-bit floats.
///
/// All methods are inlined into [`vectorize`](Self::vectorize), which enables the instructions.
/// Call them from there; elsewhere they work, slowly.
///
/// # Safety
/// A value may only exist where the processor has the instructions that its methods use.
pub unsafe trait Simd: Copy + Send + Sync + 'static {
    /// A vector of floats.
    type Vector: Copy;
    /// Floats in a vector.
    const LANES: usize;
    /// The name by which tests and records call it.
    const NAME: &'static str;
    /// Rows of the matrix kernels' tile: with two vectors a row, what the registers hold.
    const TILE_ROWS: usize;

    /// Runs `kernel`, compiled for these instructions.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output;

    /// All lanes `value`.
    fn splat(self, value: f32) -> Self::Vector;
    /// # Safety
    /// `from` must be valid for reads of [`Self::LANES`] floats.
    unsafe fn load_pointer(self, from: *const f32) -> Self::Vector;
    /// # Safety
    /// `to` must be valid for writes of [`Self::LANES`] floats.
    unsafe fn store_pointer(self, to: *mut f32, value: Self::Vector);
    /// The first `count` floats, and zeros in the other lanes, whose memory is not touched.
    ///
    /// # Safety
    /// `from` must be valid for reads of `count` floats; `count` is at most [`Self::LANES`].
    unsafe fn load_partial(self, from: *const f32, count: usize) -> Self::Vector;
    /// Writes the first `count` lanes, and no other memory.
    ///
    /// # Safety
    /// `to` must be valid for writes of `count` floats; `count` is at most [`Self::LANES`].
    unsafe fn store_partial(self, to: *mut f32, count: usize, value: Self::Vector);

    /// `a + b`
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b`
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a / b`
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `c - a * b`, rounded once where the processor can.
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The square root of each lane.
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// The larger of each pair; `b` where `a` is not a number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller of each pair; `b` where `a` is not a number.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `yes` where `a > b`, else `no` (also where one of them is not a number).
    fn select_greater(
        self,
        a: Self::Vector,
        b: Self::Vector,
        yes: Self::Vector,
        no: Self::Vector,
    ) -> Self::Vector;
    /// The nearest integer, halves to the even one.
    fn round(self, a: Self::Vector) -> Self::Vector;
    /// `2^n` for integral `n` in -126..=127.
    fn power_of_two(self, n: Self::Vector) -> Self::Vector;
    /// The sum of the lanes, in an order that depends on nothing but `LANES`.
    fn sum(self, a: Self::Vector) -> f32;

    /// All lanes zero.
    #[inline(always)]
    fn zero(self) -> Self::Vector {
        self.splat(0.0)
    }

    /// The first [`Self::LANES`] floats of a slice.
    ///
    /// # Panics
    /// If the slice is shorter.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::Vector {
        assert!(from.len() >= Self::LANES);
        // SAFETY: the slice is long enough.
        unsafe { self.load_pointer(from.as_ptr()) }
    }

    /// Writes the first [`Self::LANES`] floats of a slice.
    ///
    /// # Panics
    /// If the slice is shorter.
    #[inline(always)]
    fn store(self, to: &mut [f32], value: Self::Vector) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the slice is long enough.
        unsafe { self.store_pointer(to.as_mut_ptr(), value) }
    }

    /// Asks for the cache line at `at`, which need not be valid, to read it soon.
    fn prefetch(self, at: *const f32);

    /// Asks for the cache line at `at`, which need not be valid, to write it soon.
    fn prefetch_write(self, at: *const f32);
}

/// Work that is compiled for every instruction set.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The work. Must be `#[inline(always)]`, and so must all that it calls in its inner loops.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The instruction sets there are, each with its proof that this processor has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 F, with 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// AVX2 and FMA, with 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// What every processor of the target has, through the compiler's own vectors.
    Portable(Portable),
}

impl Isa {
    /// Every instruction set of this processor, the widest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx512::new().map(Self::Avx512));
            all.extend(Avx2::new().map(Self::Avx2));
        }
        all.push(Self::Portable(Portable));
        all
    }

    /// The names of the instruction sets that were written for this target but that this
    /// processor lacks: for tests to say what they did not run.
    #[must_use]
    pub fn absent() -> Vec<&'static str> {
        let available: Vec<_> = Self::available().iter().map(|isa| isa.name()).collect();
        #[cfg(target_arch = "x86_64")]
        let known = [Avx512::NAME, Avx2::NAME, Portable::NAME];
        #[cfg(not(target_arch = "x86_64"))]
        let known = [Portable::NAME];
        known.into_iter().filter(|name| !available.contains(name)).collect()
    }

    /// The one that kernels use unless told otherwise: [`VARIABLE`] if set, else the widest.
    ///
    /// A value of the variable that names no instruction set of this processor is reported by
    /// [`Self::requested`]; here the widest is used then.
    #[must_use]
    pub fn active() -> Self {
        static ACTIVE: OnceLock<Isa> = OnceLock::new();
        *ACTIVE.get_or_init(|| match Self::requested() {
            Ok(Some(isa)) => isa,
            Ok(None) | Err(_) => Self::available()[0],
        })
    }

    /// What [`VARIABLE`] asks for, if anything.
    ///
    /// # Errors
    /// If it names nothing that this processor has.
    pub fn requested() -> Result<Option<Self>, UnknownIsa> {
        let Some(found) = std::env::var_os(VARIABLE) else { return Ok(None) };
        let found = found.to_string_lossy().into_owned();
        let available = Self::available();
        match available.iter().find(|isa| isa.name() == found) {
            Some(&isa) => Ok(Some(isa)),
            None => Err(UnknownIsa {
                found,
                available: available.iter().map(|isa| isa.name()).collect(),
            }),
        }
    }

    /// `avx512`, `avx2` or `scalar`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Avx512::NAME,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Avx2::NAME,
            Self::Portable(_) => Portable::NAME,
        }
    }

    /// Floats in a vector.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Avx2::LANES,
            Self::Portable(_) => Portable::LANES,
        }
    }

    /// Rows of the matrix kernels' tile.
    #[must_use]
    pub fn tile_rows(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Avx512::TILE_ROWS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Avx2::TILE_ROWS,
            Self::Portable(_) => Portable::TILE_ROWS,
        }
    }

    /// Runs a kernel with these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => simd.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.vectorize(kernel),
            Self::Portable(simd) => simd.vectorize(kernel),
        }
    }
}

/// [`VARIABLE`] names no instruction set of this processor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE}={found} is no instruction set of this processor: it has {}", available.join(", "))]
pub struct UnknownIsa {
    /// The variable's value.
    pub found: String,
    /// What could be asked for.
    pub available: Vec<&'static str>,
}

#[cfg(test)]
mod tests;
