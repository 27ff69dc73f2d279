use burn::module::Module;

use crate::state::is_frozen;

/// What a forward pass is for: handed down from the caller through every layer.
///
/// PyTorch keeps this in each module (`model.train()`), where a forgotten call changes results in
/// silence and a frozen backbone's statistics still move. Here the caller says it, and may give a
/// part of a model another `Pass` than the rest; a frozen part takes its own, [`Pass::of_part`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// What is drawn in it follows from the key.
    Train {
        key: u64,
    },
    Eval,
}

impl Pass {
    /// A training pass: batch normalization uses the batch's statistics and updates its running
    /// ones; dropout drops, the same every time: see [`Self::train_with_key`].
    #[must_use]
    pub const fn train() -> Self {
        Self::train_with_key(0)
    }

    /// A training pass in which what is dropped follows from `key`: drawn anew for every batch, and
    /// the same when a batch is done again.
    #[must_use]
    pub const fn train_with_key(key: u64) -> Self {
        Self { mode: Mode::Train { key } }
    }

    /// The pass of the part number `index` of a model or of a part of it, in which other things are
    /// dropped than in its neighbours.
    #[must_use]
    pub const fn child(&self, index: usize) -> Self {
        match self.mode {
            Mode::Train { key } => Self::train_with_key(mixed(key, index as u64)),
            Mode::Eval => *self,
        }
    }

    /// The key of what is to be dropped in a training pass; none in an evaluation.
    #[must_use]
    pub const fn drop_key(&self) -> Option<u64> {
        match self.mode {
            Mode::Train { key } => Some(key),
            Mode::Eval => None,
        }
    }

    /// An evaluation pass: the result for a picture depends on no other picture, and the model is
    /// left as it was.
    #[must_use]
    pub const fn eval() -> Self {
        Self { mode: Mode::Eval }
    }

    /// The pass that a part of a model makes: a part whose parameters are all frozen stands still,
    /// so that it evaluates whatever the model does. Its batch statistics don't move, nothing in it
    /// is dropped, and its normalizations are folded into its convolutions.
    ///
    /// A part without parameters, or on a device without autodiff, makes the model's own pass.
    #[must_use]
    pub fn of_part<M: Module>(&self, part: &M) -> Self {
        if self.is_train() && is_frozen(part) { Self::eval() } else { *self }
    }

    /// Whether this is a training pass.
    #[must_use]
    pub const fn is_train(&self) -> bool {
        matches!(self.mode, Mode::Train { .. })
    }
}

/// One key of two numbers: the finalizer of SplitMix64 (Steele et al. 2014), in which every bit of
/// either moves half the bits of the result.
const fn mixed(key: u64, index: u64) -> u64 {
    let mut z = key ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_draw_from_keys_of_their_own_and_the_same_every_time() {
        let pass = Pass::train_with_key(7);
        let keys: std::collections::BTreeSet<_> = (0..100)
            .flat_map(|i| (0..10).map(move |j| pass.child(i).child(j).drop_key()))
            .collect();
        assert_eq!(keys.len(), 1000);
        assert_eq!(pass.child(3).drop_key(), Pass::train_with_key(7).child(3).drop_key());
        assert_ne!(pass.child(3), Pass::train_with_key(8).child(3));
        assert_eq!(Pass::eval().child(1).drop_key(), None);
    }
}
