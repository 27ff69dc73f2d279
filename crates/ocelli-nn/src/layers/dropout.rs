use burn::{module::Module, tensor::Tensor};

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

    /// In a training pass, `x` with some pictures zero and the others scaled up to match; else
    /// `x`. What is dropped follows from the pass's key: siblings need children of it.
    ///
    /// # Shapes
    /// `[n, h, w, c]` → the same
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        match pass.drop_key() {
            Some(key) if self.probability > 0.0 => {
                let [n, _, _, c] = x.dims();
                let kept = Tensor::<2>::ones([n, 1], &x.device());
                let kept = functional::dropout(kept, self.probability, key);
                functional::scale_channels(x, kept.expand([n, c]))
            }
            _ => x,
        }
    }
}

fn assert_probability(probability: f64) {
    assert!((0.0..1.0).contains(&probability), "{probability} is no probability below 1");
}
