/// What a forward pass is for: handed down from the caller through every layer.
///
/// PyTorch keeps this in each module (`model.train()`), where a forgotten call changes results in
/// silence and a frozen backbone's statistics still move. Here the caller says it, and may give a
/// part of a model another `Pass` than the rest.
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

    /// Whether this is a training pass.
    #[must_use]
    pub const fn is_train(&self) -> bool {
        matches!(self.mode, Mode::Train)
    }
}
