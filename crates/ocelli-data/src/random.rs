//! Keyed randomness: every use of chance has its own generator, named by what it is for.
//!
//! A shared stream would make a picture's augmentation depend on how many draws came before it,
//! and so on the order in which threads work. Here the key *is* the position: the same
//! (seed, purpose, epoch, index) gives the same numbers on any machine, in any order.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator used throughout: specified, portable, and independent for different keys.
pub type Generator = ChaCha8Rng;

/// What a generator's numbers are used for. Two purposes never share numbers.
///
/// The discriminants are part of what a seed means: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Which samples go to validation.
    Split = 1,
    /// The order of samples within an epoch.
    Order = 2,
    /// A sample's augmentation.
    Augment = 3,
    /// MixUp and CutMix of a batch.
    BatchMix = 4,
    /// The embedded sample data.
    Synth = 5,
    /// A model's initial weights.
    Initialization = 6,
    /// Random subsets for statistics and figures.
    Subset = 7,
    /// What dropout and stochastic depth drop.
    Dropout = 8,
    /// A sample's augmentation in the views after the first.
    FurtherViews = 9,
}

/// A generator for one use of chance.
///
/// The four numbers fill ChaCha's 256-bit key directly, so different keys can't collide.
#[must_use]
pub fn generator(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> Generator {
    let mut key = [0u8; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, purpose as u64, epoch, index]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn the_same_key_gives_the_same_numbers_and_any_other_key_gives_others() {
        let first = |seed, purpose, epoch, index| generator(seed, purpose, epoch, index).next_u64();
        let reference = first(1, Purpose::Augment, 2, 3);
        assert_eq!(reference, first(1, Purpose::Augment, 2, 3));
        for other in [
            first(0, Purpose::Augment, 2, 3),
            first(1, Purpose::Order, 2, 3),
            first(1, Purpose::Augment, 3, 2),
            first(1, Purpose::Augment, 2, 4),
        ] {
            assert_ne!(reference, other);
        }
    }
}
