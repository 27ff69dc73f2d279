//! The transforms along one axis, on vectors of channels, and their two-dimensional forms.
//!
//! ```text
//!      ⎡4  0 -5  0  1  0⎤        ⎡ 1/4    0     0  ⎤
//!      ⎢0 -4 -4  1  1  0⎥        ⎢-1/6  -1/6  -1/6 ⎥        ⎡1  1  1  1  1  0⎤
//! Bᵀ = ⎢0  4 -4 -1  1  0⎥    G = ⎢-1/6   1/6  -1/6 ⎥   Aᵀ = ⎢0  1 -1  2 -2  0⎥
//!      ⎢0 -2 -1  2  1  0⎥        ⎢1/24  1/12   1/6 ⎥        ⎢0  1  1  4  4  0⎥
//!      ⎢0  2 -1 -2  1  0⎥        ⎢1/24 -1/12   1/6 ⎥        ⎣0  1 -1  8 -8  1⎦
//!      ⎣0  4  0 -5  0  1⎦        ⎣  0     0     1  ⎦
//! ```

use super::{PATCH, TILE};
use crate::isa::Simd;

/// A transform along one axis. A type rather than a function: a function passed by value is
/// called through a shim that is not compiled for the instruction set.
pub(super) trait AxisTransform<const IN: usize, const OUT: usize> {
    /// The transformed vectors.
    fn apply<S: Simd>(simd: S, vectors: [S::Vector; IN]) -> [S::Vector; OUT];
}

/// `Bᵀ d`
pub(super) struct Patch;
/// `Aᵀ m`
pub(super) struct TileOf;
/// `A y`, the transpose of [`TileOf`], for gradients.
pub(super) struct TileTransposed;
/// `G g`
pub(super) struct Window;
/// `Gᵀ p`, the transpose of [`Window`], for gradients.
pub(super) struct WindowTransposed;

impl AxisTransform<PATCH, PATCH> for Patch {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, d: [S::Vector; PATCH]) -> [S::Vector; PATCH] {
        let (two, four, five) = (simd.splat(2.0), simd.splat(4.0), simd.splat(5.0));
        let even = simd.neg_mul_add(four, d[2], d[4]);
        let odd = simd.neg_mul_add(four, d[1], d[3]);
        let near = simd.sub(d[4], d[2]);
        let far = simd.sub(d[3], d[1]);
        [
            simd.mul_add(four, d[0], simd.neg_mul_add(five, d[2], d[4])),
            simd.add(even, odd),
            simd.sub(even, odd),
            simd.mul_add(two, far, near),
            simd.neg_mul_add(two, far, near),
            simd.mul_add(four, d[1], simd.neg_mul_add(five, d[3], d[5])),
        ]
    }
}

impl AxisTransform<PATCH, TILE> for TileOf {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, m: [S::Vector; PATCH]) -> [S::Vector; TILE] {
        let (two, four, eight) = (simd.splat(2.0), simd.splat(4.0), simd.splat(8.0));
        let sum1 = simd.add(m[1], m[2]);
        let difference1 = simd.sub(m[1], m[2]);
        let sum2 = simd.add(m[3], m[4]);
        let difference2 = simd.sub(m[3], m[4]);
        [
            simd.add(m[0], simd.add(sum1, sum2)),
            simd.mul_add(two, difference2, difference1),
            simd.mul_add(four, sum2, sum1),
            simd.add(m[5], simd.mul_add(eight, difference2, difference1)),
        ]
    }
}

impl AxisTransform<TILE, PATCH> for TileTransposed {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, y: [S::Vector; TILE]) -> [S::Vector; PATCH] {
        let (two, four) = (simd.splat(2.0), simd.splat(4.0));
        let even1 = simd.add(y[0], y[2]);
        let odd1 = simd.add(y[1], y[3]);
        let even2 = simd.mul_add(four, y[2], y[0]);
        let odd2 = simd.mul_add(four, y[3], y[1]);
        [
            y[0],
            simd.add(even1, odd1),
            simd.sub(even1, odd1),
            simd.mul_add(two, odd2, even2),
            simd.neg_mul_add(two, odd2, even2),
            y[3],
        ]
    }
}

impl AxisTransform<3, PATCH> for Window {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, g: [S::Vector; 3]) -> [S::Vector; PATCH] {
        let (sixth, twelfth) = (simd.splat(1.0 / 6.0), simd.splat(1.0 / 12.0));
        let ends = simd.mul(simd.add(g[0], g[2]), simd.splat(-1.0 / 6.0));
        let middle1 = simd.mul(g[1], sixth);
        let far = simd.mul_add(g[0], simd.splat(1.0 / 24.0), simd.mul(g[2], sixth));
        let middle2 = simd.mul(g[1], twelfth);
        [
            simd.mul(g[0], simd.splat(0.25)),
            simd.sub(ends, middle1),
            simd.add(ends, middle1),
            simd.add(far, middle2),
            simd.sub(far, middle2),
            g[2],
        ]
    }
}

impl AxisTransform<PATCH, 3> for WindowTransposed {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, p: [S::Vector; PATCH]) -> [S::Vector; 3] {
        let (sixth, twelfth) = (simd.splat(1.0 / 6.0), simd.splat(1.0 / 12.0));
        let sum1 = simd.mul(simd.add(p[1], p[2]), simd.splat(-1.0 / 6.0));
        let sum2 = simd.add(p[3], p[4]);
        [
            simd.mul_add(p[0], simd.splat(0.25), simd.mul_add(sum2, simd.splat(1.0 / 24.0), sum1)),
            simd.mul_add(simd.sub(p[2], p[1]), sixth, simd.mul(simd.sub(p[3], p[4]), twelfth)),
            simd.add(p[5], simd.mul_add(sum2, sixth, sum1)),
        ]
    }
}

/// Applies a transform to the columns, then to the rows, of `IN` x `IN` vectors. `load(row,
/// column)` gives them, `store(row, column, vector)` takes the `OUT` x `OUT` results.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "rows and columns of registers, unrolled")]
pub(super) fn both_axes<S: Simd, T: AxisTransform<IN, OUT>, const IN: usize, const OUT: usize>(
    simd: S,
    _transform: T,
    mut load: impl FnMut(usize, usize) -> S::Vector,
    mut store: impl FnMut(usize, usize, S::Vector),
) {
    let mut half = [[simd.zero(); IN]; OUT];
    for column in 0..IN {
        let mut vectors = [simd.zero(); IN];
        for row in 0..IN {
            vectors[row] = load(row, column);
        }
        let vectors = T::apply(simd, vectors);
        for row in 0..OUT {
            half[row][column] = vectors[row];
        }
    }
    for row in 0..OUT {
        let vectors = T::apply(simd, half[row]);
        for column in 0..OUT {
            store(row, column, vectors[column]);
        }
    }
}
