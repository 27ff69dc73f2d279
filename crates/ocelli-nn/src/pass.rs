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
    Train,
    Eval,
}

impl Pass {
    /// A training pass: batch normalization uses the batch's statistics and updates its running
    /// ones; dropout drops.
    #[must_use]
    pub const fn train() -> Self {
        Self { mode: Mode::Train }
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
        matches!(self.mode, Mode::Train)
    }
}
