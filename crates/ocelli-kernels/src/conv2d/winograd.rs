//! Convolution 3x3 of stride 1 by the minimal filtering of Winograd, F(4x4, 3x3): a tile of 4x4
//! results from a patch of 6x6 pixels takes 36 multiplications per pair of channels, not 144.
//!
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), with the points
//! 0, ±1, ±2 and ∞. Along one axis, with patch `d`, window `g` and result `y`:
//!
//! ```text
//! y = Aᵀ [(G g) ⊙ (Bᵀ d)]
//! ```
//!
//! In two dimensions each [transform](transform) is applied to the columns, then to the rows. The
//! products of all 36 transform points are sums over channels: 36 matrix products of
//! `[tiles, channels in]` with `[channels in, channels out]`, which is where the time goes.
//!
//! The gradient of the picture is the same with the window turned around and the channels
//! exchanged; that of the weight is a sum over tiles, in the transform domain.
//!
//! **Numerics.** The transforms add and subtract numbers of unequal size; the largest error is about 1e-5
//! of the largest value, ten times that of direct sums. [`Settings`](super::Settings) can turn it off.
//!
//! **Edges.** The last column of Aᵀ is zero but for its last number: a product at ∞ is part of the
//! last result and of no other. A tile of 3 results needs none, along one axis or both: 30 or 25
//! products instead of 36, and all else stays as it is. So a side that is not a multiple of 4 is cut
//! into tiles of 4 and of 3 (14 = 4 + 4 + 3 + 3, 484 products instead of 576).
//!
//! **Dilation.** Pixels `dilation` apart never meet those between them: the picture falls into
//! lattices, each of which is convolved without dilation. A tile is one of a lattice.

mod correlation;
mod grid;
mod transform;
mod weight;
mod weight_gradient;

use grid::Grid;
use weight::WeightView;

use super::{Conv2dShape, Epilogue};
use crate::isa::Isa;

pub(super) use weight_gradient::weight_gradient;

/// Results along a side of a tile.
const TILE: usize = 4;
/// Pixels along a side of a patch.
const PATCH: usize = 6;
/// The last of the points along an axis, which only the last result of a tile has a part of.
const INFINITY: usize = PATCH - 1;
/// Points of the transform domain.
const POINTS: usize = PATCH * PATCH;
/// Floats between the planes of two points beyond their size, so that planes do not fall on the
/// same sets of a cache.
const PLANE_PAD: usize = 16;

/// Fewer channels than this don't repay the transforms.
const LEAST_CHANNELS: usize = 12;

/// Whether this algorithm computes the shape, and is the faster one.
pub(super) fn applies(shape: &Conv2dShape) -> bool {
    shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.groups == 1
        && shape.in_channels.min(shape.out_channels) >= LEAST_CHANNELS
        // Tiles of a lattice that has fewer pixels than a tile are mostly empty.
        && [0, 1].iter().all(|&axis| shape.output_size()[axis] >= 3 * shape.dilation[axis])
}

/// The result. Lengths are checked by the caller.
pub(super) fn forward(
    isa: Isa,
    shape: &Conv2dShape,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    let grid = Grid::new(
        shape.batch,
        shape.size,
        shape.output_size(),
        shape.padding.map(|pixels| -(pixels as isize)),
        shape.dilation,
    );
    let weight = WeightView::forward(weight, shape);
    correlation::run(isa, &grid, x, &weight, epilogue)
}

/// The gradient of the picture. Lengths are checked by the caller.
pub(super) fn input_gradient(
    isa: Isa,
    shape: &Conv2dShape,
    weight: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    // Pixel i was seen by results i + padding - tap · dilation: the first tap of the turned
    // window lies 2 · dilation before i + padding.
    let origin =
        [0, 1].map(|axis| shape.padding[axis] as isize - 2 * shape.dilation[axis] as isize);
    let grid = Grid::new(shape.batch, shape.output_size(), shape.size, origin, shape.dilation);
    let weight = WeightView::backward(weight, shape);
    correlation::run(isa, &grid, dy, &weight, Epilogue::default())
}
