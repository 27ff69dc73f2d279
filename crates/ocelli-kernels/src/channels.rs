//! Walks along the channels of a pixel: blocks of four vectors, then single ones, then a tail.
//!
//! Kernels without a sum over channels (pooling, resampling, depthwise convolution) do the same
//! to every channel, so their inner function works on a block of `V` vectors kept in registers:
//! four give enough independent chains of additions to hide their latency, one takes what four
//! leave over, and one with `PARTIAL` touches no more than the last channels.

use crate::isa::Simd;

/// The widest vector in lanes, over all instruction sets.
pub(crate) const MAX_LANES: usize = 16;

/// Work on the channels from `at` on.
pub(crate) trait ByChannels<S: Simd> {
    /// `V` vectors of channels; with `PARTIAL`, only the first `count` lanes of the one there is.
    ///
    /// # Safety
    /// `at` and the vectors (or lanes) that follow must lie within the channels that the caller
    /// of [`by_channels`] vouched for.
    unsafe fn block<const V: usize, const PARTIAL: bool>(
        &mut self,
        simd: S,
        at: usize,
        count: usize,
    );
}

/// Runs `work` on all blocks of `channels` channels.
///
/// # Safety
/// `work` must be allowed to access that many channels.
#[inline(always)]
pub(crate) unsafe fn by_channels<S: Simd>(simd: S, channels: usize, work: &mut impl ByChannels<S>) {
    let mut at = 0;
    // SAFETY: each block ends at or before `channels`.
    unsafe {
        while at + 4 * S::LANES <= channels {
            work.block::<4, false>(simd, at, S::LANES);
            at += 4 * S::LANES;
        }
        while at + S::LANES <= channels {
            work.block::<1, false>(simd, at, S::LANES);
            at += S::LANES;
        }
        if at < channels {
            work.block::<1, true>(simd, at, channels - at);
        }
    }
}

/// A vector, or its first `count` lanes.
///
/// # Safety
/// `from` must be valid for reads of that many floats.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd, const PARTIAL: bool>(
    simd: S,
    from: *const f32,
    count: usize,
) -> S::Vector {
    // SAFETY: the caller's promise.
    unsafe { if PARTIAL { simd.load_partial(from, count) } else { simd.load_pointer(from) } }
}

/// Writes a vector, or its first `count` lanes.
///
/// # Safety
/// `to` must be valid for writes of that many floats.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd, const PARTIAL: bool>(
    simd: S,
    to: *mut f32,
    count: usize,
    value: S::Vector,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if PARTIAL {
            simd.store_partial(to, count, value);
        } else {
            simd.store_pointer(to, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Kernel};

    struct Count<'a>(&'a mut [u8], usize);

    impl<S: Simd> ByChannels<S> for Count<'_> {
        unsafe fn block<const V: usize, const PARTIAL: bool>(
            &mut self,
            _simd: S,
            at: usize,
            count: usize,
        ) {
            assert!(V == 1 || !PARTIAL);
            assert_eq!(PARTIAL, count < S::LANES);
            for seen in &mut self.0[at..at + (V - 1) * S::LANES + count] {
                *seen += 1;
            }
        }
    }

    impl Kernel for Count<'_> {
        type Output = ();
        fn run<S: Simd>(mut self, simd: S) {
            const { assert!(S::LANES <= MAX_LANES) };
            // SAFETY: the work indexes with checks.
            unsafe { by_channels(simd, self.1, &mut self) };
        }
    }

    #[test]
    fn no_vector_is_wider_than_the_widest() {
        assert!(Isa::available().iter().all(|isa| isa.lanes() <= MAX_LANES));
    }

    #[test]
    fn every_channel_belongs_to_one_block() {
        for isa in Isa::available() {
            for channels in [0, 1, 3, 8, 17, 64, 100, 131] {
                let mut seen = vec![0; channels];
                isa.run(Count(&mut seen, channels));
                assert!(seen.iter().all(|&seen| seen == 1), "{} {channels}", isa.name());
            }
        }
    }
}
