use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use crate::{Pass, functional};

/// Drops numbers in training passes (Srivastava et al., "Dropout", 2014). No state.
#[derive(Module, Debug)]
pub struct Dropout {
    #[module(skip)]
    probability: f64,
}

impl Dropout {
    /// A layer that drops each number with `probability`.
    ///
    /// # Panics
    /// If `probability` is not in 0..1.
    #[must_use]
    pub fn new(probability: f64) -> Self {
        assert_probability(probability);
        Self { probability }
    }

    /// In a training pass, `x` with some numbers dropped and the others scaled up to match; else
    /// `x`. What is dropped follows from the pass's key: siblings need children of it.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>, pass: &Pass) -> Tensor<D> {
        match pass.drop_key() {
            Some(key) if self.probability > 0.0 => functional::dropout(x, self.probability, key),
            _ => x,
        }
    }
}

/// Drops whole pictures of a residual branch in training passes (Huang et al., "Deep Networks with
/// Stochastic Depth", 2016): torchvision's `StochasticDepth` in mode `"row"`. No state.
#[derive(Module, Debug)]
pub struct StochasticDepth {
    #[module(skip)]
    probability: f64,
}

impl StochasticDepth {
    /// A layer that drops the branch of a picture with `probability`.
    ///
    /// # Panics
    /// If `probability` is not in 0..1.
    #[must_use]
    pub fn new(probability: f64) -> Self {
        assert_probability(probability);
        Self { probability }
    }

    /// Whether the pass drops anything: else the branch is as it is.
    #[must_use]
    pub fn drops(&self, pass: &Pass) -> bool {
        pass.drop_key().is_some() && self.probability > 0.0
    }

    /// What the branches of `pictures` pictures are multiplied with, where the pass
    /// [drops](Self::drops) some: zero, or what makes up for the others. It follows from the pass's
    /// key: siblings need children of it.
    ///
    /// # Shapes
    /// `[pictures, 1]`
    #[must_use]
    pub fn factors(&self, pictures: usize, device: &Device, pass: &Pass) -> Option<Tensor<2>> {
        let key = pass.drop_key().filter(|_| self.probability > 0.0)?;
        Some(functional::dropout(Tensor::ones([pictures, 1], device), self.probability, key))
    }

    /// The sum of a residual branch, some of whose pictures are dropped, and its shortcut.
    ///
    /// # Shapes
    /// `[n, h, w, c]` all
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    pub fn add(&self, branch: Tensor<4>, shortcut: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let [n, _, _, c] = branch.dims();
        match self.factors(n, &branch.device(), pass) {
            Some(factors) => {
                functional::scale_channels_add(branch, factors.expand([n, c]), shortcut)
            }
            None => branch + shortcut,
        }
    }
}

fn assert_probability(probability: f64) {
    assert!((0.0..1.0).contains(&probability), "{probability} is no probability below 1");
}
