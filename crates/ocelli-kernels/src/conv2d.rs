//! Two-dimensional convolution (cross-correlation, as everywhere in deep learning): forward, and
//! both gradients, for any kernel, stride, padding, dilation and groups.
//!
//! [`Algorithm::choose`] decides by the shape and the settings which of these computes it:
//!
//! | algorithm | for |
//! |---|---|
//! | [`Winograd`](Algorithm::Winograd) | 3x3, stride 1, enough channels: a quarter of the multiplications |
//! | [`Direct`](Algorithm::Direct) | everything else: the products of the definition, from a padded band of the picture in cache; small maps with the batch as rows |
//! | [`Lattice`](Algorithm::Lattice) | taps far apart: pictures of every so many pixels, each by one of the others |
//! | [`Depthwise`](Algorithm::Depthwise) | as many groups as channels: no sum over channels, so vectors run along them |

mod depthwise;
mod direct;
mod lattice;
pub mod reference;
mod shape;
pub mod transposed;
mod winograd;

pub use shape::Conv2dShape;

use crate::isa::Isa;
use crate::profile;
use crate::tile::Finish;

/// How a kernel is to work, apart from what it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The instructions to use.
    pub isa: Isa,
    /// Never the Winograd algorithm: each product of the definition is formed, at up to a
    /// quarter of the speed. Winograd's largest error is about 1e-5 of the largest value.
    pub exact_convolution: bool,
}

impl Settings {
    /// The active instruction set, every algorithm.
    #[must_use]
    pub fn active() -> Self {
        Self { isa: Isa::active(), exact_convolution: false }
    }
}

/// A way to compute a convolution; the module says what each is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// F(4x4, 3x3), Lavin and Gray 2015.
    Winograd,
    /// One channel at a time, in vectors of channels.
    Depthwise,
    /// The products of the definition.
    Direct,
    /// Lattices of pixels that see each other, as pictures of their own.
    Lattice,
}

impl Algorithm {
    /// The fastest that computes the shape under these settings.
    #[must_use]
    pub fn choose(settings: Settings, shape: &Conv2dShape) -> Self {
        if depthwise::applies(shape) {
            Self::Depthwise
        } else if !settings.exact_convolution && winograd::applies(shape) {
            Self::Winograd
        } else if lattice::applies(shape) {
            Self::Lattice
        } else {
            Self::Direct
        }
    }

    /// The result. Lengths are checked by the caller.
    fn forward(
        self,
        settings: Settings,
        shape: &Conv2dShape,
        x: &[f32],
        weight: &[f32],
        epilogue: Epilogue<'_>,
    ) -> Vec<f32> {
        match self {
            Self::Winograd => winograd::forward(settings.isa, shape, x, weight, epilogue),
            Self::Depthwise => depthwise::forward(settings.isa, shape, x, weight, epilogue),
            Self::Direct => direct::forward(settings.isa, shape, x, weight, epilogue),
            Self::Lattice => lattice::forward(settings, shape, x, weight, epilogue),
        }
    }

    /// The gradient of the picture. Lengths are checked by the caller.
    fn input_gradient(
        self,
        settings: Settings,
        shape: &Conv2dShape,
        weight: &[f32],
        dy: &[f32],
    ) -> Vec<f32> {
        match self {
            Self::Winograd => winograd::input_gradient(settings.isa, shape, weight, dy),
            Self::Depthwise => depthwise::input_gradient(settings.isa, shape, weight, dy),
            Self::Direct => direct::input_gradient(settings.isa, shape, weight, dy),
            Self::Lattice => lattice::input_gradient(settings, shape, weight, dy),
        }
    }

    /// The gradient of the weight. Lengths are checked by the caller.
    fn weight_gradient(
        self,
        settings: Settings,
        shape: &Conv2dShape,
        x: &[f32],
        dy: &[f32],
    ) -> Vec<f32> {
        match self {
            Self::Winograd => winograd::weight_gradient(settings.isa, shape, x, dy),
            Self::Depthwise => depthwise::weight_gradient(settings.isa, shape, x, dy),
            Self::Direct => direct::weight_gradient(settings.isa, shape, x, dy),
            Self::Lattice => lattice::weight_gradient(settings, shape, x, dy),
        }
    }
}

/// What is applied to a result before it is written, in this order; for inference.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added to each channel, `[out_channels]`.
    pub bias: Option<&'a [f32]>,
    /// Added element by element, in the result's shape.
    pub residual: Option<&'a [f32]>,
    /// Negative values become zero.
    pub relu: bool,
}

impl Epilogue<'_> {
    /// Whether sums are written as they are.
    fn is_none(&self) -> bool {
        self.bias.is_none() && self.residual.is_none() && !self.relu
    }

    /// What it is for a tile whose first result is `channel`'s, `offset` floats into the tensor.
    fn finish(&self, channel: usize, offset: usize) -> Finish {
        if self.is_none() {
            return Finish::Store;
        }
        let Self { bias, residual, relu } = *self;
        let bias = bias.map(|bias| bias[channel..].as_ptr());
        let residual = residual.map(|residual| residual[offset..].as_ptr());
        Finish::Epilogue {
            bias: bias.unwrap_or_default(),
            residual: residual.unwrap_or_default(),
            relu,
        }
    }

    fn check(&self, shape: &Conv2dShape) {
        if let Some(bias) = self.bias {
            assert_eq!(bias.len(), shape.out_channels, "length of a convolution's bias");
        }
        if let Some(residual) = self.residual {
            assert_eq!(residual.len(), shape.y_len(), "length of a convolution's residual");
        }
    }
}

/// The result.
///
/// # Panics
/// If a length is not that of the shape, or the shape is none: see [`Conv2dShape::output_size`].
#[must_use]
pub fn forward(
    settings: Settings,
    shape: &Conv2dShape,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    shape.check(Some(x.len()), Some(weight.len()), None);
    epilogue.check(shape);
    if shape.y_len() == 0 {
        return Vec::new();
    }
    let algorithm = Algorithm::choose(settings, shape);
    profile::record(
        || shape.describe(algorithm, "forward"),
        || algorithm.forward(settings, shape, x, weight, epilogue),
    )
}

/// The gradient of the picture, given that of the result.
///
/// # Panics
/// If a length is not that of the shape.
#[must_use]
pub fn input_gradient(
    settings: Settings,
    shape: &Conv2dShape,
    weight: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    shape.check(None, Some(weight.len()), Some(dy.len()));
    if shape.x_len() == 0 {
        return Vec::new();
    }
    let algorithm = Algorithm::choose(settings, shape);
    profile::record(
        || shape.describe(algorithm, "input gradient"),
        || algorithm.input_gradient(settings, shape, weight, dy),
    )
}

/// The gradient of the weight, given that of the result.
///
/// # Panics
/// If a length is not that of the shape.
#[must_use]
pub fn weight_gradient(settings: Settings, shape: &Conv2dShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    shape.check(Some(x.len()), None, Some(dy.len()));
    if shape.weight_len() == 0 {
        return Vec::new();
    }
    let algorithm = Algorithm::choose(settings, shape);
    profile::record(
        || shape.describe(algorithm, "weight gradient"),
        || algorithm.weight_gradient(settings, shape, x, dy),
    )
}

#[cfg(test)]
mod tests;
