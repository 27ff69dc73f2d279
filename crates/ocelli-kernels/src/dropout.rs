//! Dropout (Srivastava et al. 2014): each number becomes zero with a probability, and the others
//! grow, so that the mean stays.
//!
//! Whether a number is dropped is a function of the key and of the number's index: no state, no
//! order, so threads change nothing, and the backward pass asks again instead of storing a mask.
//! The function is a hash of 32-bit integers (two rounds of Wellons' `lowbias32`, each salted for
//! the task), which the compiler vectorizes. One pass: read, hash, write.

use std::borrow::Cow;

use crate::isa::{Isa, Kernel, Simd};
use crate::parallel::{self, Shared};
use crate::pass::Room;

/// Numbers that share a salt, and a task.
const TASK: usize = 16 * 1024;
/// Numbers whose factors are computed together: they stay in the first cache.
const BLOCK: usize = 256;

/// `x` with each number dropped with `probability`, the others divided by `1 - probability`. An
/// `x` that is given away becomes the result.
///
/// The gradient is the same function of the gradient, with the same key.
///
/// # Panics
/// If `probability` is not in 0..=1.
#[must_use]
pub fn dropout(isa: Isa, x: Cow<'_, [f32]>, probability: f64, key: u64) -> Vec<f32> {
    assert!((0.0..=1.0).contains(&probability), "dropout with probability {probability}");
    if probability == 0.0 {
        return x.into_owned();
    }
    let length = x.len();
    let mut room = Room::of(x);
    let (from, to) = room.pointers();
    let (from, to) = (Shared::new(from.cast_mut()), Shared::new(to));
    let kept = if probability < 1.0 { (1.0 / (1.0 - probability)) as f32 } else { 0.0 };
    // Casting saturates: all ones at most, which drops all but one of 2^32.
    let threshold = (probability * 2f64.powi(32)) as u32;
    parallel::for_each(length.div_ceil(TASK), |task| {
        let first = task * TASK;
        let salt = mix_64(key ^ mix_64(task as u64));
        isa.run(Drop {
            from: from.pointer().wrapping_add(first),
            to: to.pointer().wrapping_add(first),
            len: TASK.min(length - first),
            salts: [salt as u32, (salt >> 32) as u32],
            threshold,
            kept,
        });
    });
    // SAFETY: the tasks wrote all of it.
    unsafe { room.finish() }
}

/// The finalizer of `splitmix64` (Steele et al. 2014), which spreads keys that are near each other.
fn mix_64(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// `lowbias32`: each bit of the result depends on all of the argument's.
#[inline(always)]
fn mix_32(value: u32) -> u32 {
    let value = (value ^ (value >> 16)).wrapping_mul(0x7feb_352d);
    let value = (value ^ (value >> 15)).wrapping_mul(0x846c_a68b);
    value ^ (value >> 16)
}

struct Drop {
    from: *const f32,
    to: *mut f32,
    len: usize,
    salts: [u32; 2],
    threshold: u32,
    kept: f32,
}

impl Kernel for Drop {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut factors = [0.0; BLOCK];
        let mut start = 0;
        while start < self.len {
            // In a buffer of its own: `from` and `to` may be the same memory, and what may alias
            // isn't vectorized.
            for (index, factor) in factors.iter_mut().enumerate() {
                let index = (start + index) as u32;
                let hash = mix_32(mix_32(index ^ self.salts[0]) ^ self.salts[1]);
                *factor = if hash >= self.threshold { self.kept } else { 0.0 };
            }
            let count = BLOCK.min(self.len - start);
            let mut at = 0;
            while at < count {
                let lanes = S::LANES.min(count - at);
                // SAFETY: `start + at + lanes <= len`, which `dropout` took from the slice; the
                // block is a whole number of vectors.
                unsafe {
                    let x = simd.load_partial(self.from.add(start + at), lanes);
                    let factor = simd.load_pointer(factors.as_ptr().add(at));
                    simd.store_partial(self.to.add(start + at), lanes, simd.mul(x, factor));
                }
                at += lanes;
            }
            start += BLOCK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::same_for_any_number_of_threads;

    /// Standard deviations that a count may be off: once in half a million runs, were it random.
    const DEVIATIONS: f64 = 5.0;

    #[test]
    fn as_many_are_dropped_as_asked_and_the_others_grow() {
        for isa in Isa::available() {
            for (length, probability) in [(0, 0.5), (1, 0.5), (100_003, 0.2), (100_003, 0.75)] {
                let y = dropout(isa, Cow::Owned(vec![3.0; length]), probability, 7);
                let dropped = y.iter().filter(|&&y| y == 0.0).count();
                let grown = (3.0 / (1.0 - probability)) as f32;
                let expected = length as f64 * probability;
                let deviation = (expected * (1.0 - probability)).sqrt();
                assert!((dropped as f64 - expected).abs() <= DEVIATIONS * deviation.max(1.0));
                assert!(y.iter().all(|&y| y == 0.0 || (y - grown).abs() < 1e-6));
            }
            eprintln!("ran {}", isa.name());
        }
        eprintln!("absent here: {:?}", Isa::absent());
    }

    #[test]
    fn neighbours_are_dropped_independently() {
        let y = dropout(Isa::active(), Cow::Owned(vec![1.0; 200_000]), 0.5, 1);
        let other = dropout(Isa::active(), Cow::Owned(vec![1.0; 200_000]), 0.5, 2);
        let both = |pairs: &mut dyn Iterator<Item = (&f32, &f32)>| {
            pairs.filter(|(a, b)| (**a == 0.0) == (**b == 0.0)).count() as f64
        };
        let deviation = (200_000.0f64 / 4.0).sqrt();
        for distance in [1, 2, 3, 16, 64, 4096, TASK] {
            let found = both(&mut y.iter().zip(&y[distance..]));
            let expected = (200_000 - distance) as f64 / 2.0;
            assert!((found - expected).abs() < DEVIATIONS * deviation, "{distance}: {found}");
        }
        let found = both(&mut y.iter().zip(&other));
        assert!((found - 100_000.0).abs() < DEVIATIONS * deviation, "of another key: {found}");
    }

    #[test]
    fn the_mask_depends_on_the_key_alone() {
        let x: Vec<f32> = (0..50_001).map(|index| index as f32 + 1.0).collect();
        let expected = dropout(Isa::active(), Cow::Borrowed(&x), 0.3, 11);
        assert!(expected != dropout(Isa::active(), Cow::Borrowed(&x), 0.3, 12));
        for isa in Isa::available() {
            assert!(expected == dropout(isa, Cow::Owned(x.clone()), 0.3, 11), "{}", isa.name());
        }
        same_for_any_number_of_threads(|| dropout(Isa::active(), Cow::Borrowed(&x), 0.3, 11));
    }

    #[test]
    fn the_ends_of_the_scale_drop_nothing_and_all() {
        let x = vec![1.0; 1000];
        assert_eq!(dropout(Isa::active(), Cow::Borrowed(&x), 0.0, 3), x);
        assert_eq!(dropout(Isa::active(), Cow::Borrowed(&x), 1.0, 3), vec![0.0; 1000]);
    }
}
