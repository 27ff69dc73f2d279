//! Into the transform domain: patches of the picture, and the gradients of tiles of the result.

use std::ops::Range;

use super::super::grid::{BlockTiles, Grid};
use super::super::{PATCH, PLANE_PAD, TILE, transform};
use super::Sizes;
use crate::isa::{Kernel, Simd};
use crate::parallel::Shared;

/// Transforms some tiles of a block: patches to `[point, tile, channel]`, gradients to
/// `[point, panel, tile, column]`.
pub(super) struct TransformTiles<'a> {
    pub(super) grid: &'a Grid,
    pub(super) sizes: Sizes,
    pub(super) x: &'a [f32],
    pub(super) dy: &'a [f32],
    pub(super) tiles: &'a BlockTiles,
    /// The tiles of this task, counted from the block's first.
    pub(super) range: Range<usize>,
    pub(super) patches: Shared<f32>,
    pub(super) gradients: Shared<f32>,
    pub(super) zeros: &'a [f32],
}

impl Kernel for TransformTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Sizes { rows, padded_rows, columns, panels, width } = self.sizes;
        let count = self.tiles.len();
        let patch_plane = count * padded_rows + PLANE_PAD;
        let gradient_plane = count * panels * width + PLANE_PAD;
        for index in self.range.clone() {
            let tile = self.tiles.number(index);
            let pixels = self.grid.patch(tile);
            let pixels =
                pixels.map(self.zeros.as_ptr(), |pixel| self.x[pixel * rows..][..rows].as_ptr());
            for first in (0..rows).step_by(S::LANES) {
                // What the next tile needs beyond what this one has.
                for row in &pixels {
                    for pixel in &row[2..] {
                        simd.prefetch(pixel.wrapping_add(TILE * rows + first));
                    }
                }
                let left = (rows - first).min(S::LANES);
                // SAFETY: a pixel and the page of zeros have `rows` floats; the planes have
                // `padded_rows` floats for each tile, which one task writes.
                unsafe {
                    let to = self.patches.pointer().add(index * padded_rows + first);
                    let store = |row: usize, column: usize, vector| {
                        simd.store_pointer(to.add((row * PATCH + column) * patch_plane), vector);
                    };
                    if left == S::LANES {
                        let load = |row: usize, column: usize| {
                            simd.load_pointer(pixels[row][column].add(first))
                        };
                        transform::both_axes(simd, transform::Patch, load, store);
                    } else {
                        let load = |row: usize, column: usize| {
                            simd.load_partial(pixels[row][column].add(first), left)
                        };
                        transform::both_axes(simd, transform::Patch, load, store);
                    }
                }
            }
            let pixels = self.grid.tile(tile);
            let pixels = pixels
                .map(self.zeros.as_ptr(), |pixel| self.dy[pixel * columns..][..columns].as_ptr());
            for first in (0..panels * width).step_by(S::LANES) {
                for row in &pixels {
                    for pixel in row {
                        simd.prefetch(pixel.wrapping_add(TILE * columns + first));
                    }
                }
                let left = columns.saturating_sub(first).min(S::LANES);
                let (panel, half) = (first / width, first % width);
                // SAFETY: a pixel and the page of zeros have `columns` floats; the planes have
                // `width` floats for each tile of each panel, which one task writes.
                unsafe {
                    let to = (panel * count + index) * width + half;
                    let to = self.gradients.pointer().add(to);
                    let store = |row: usize, column: usize, vector| {
                        simd.store_pointer(to.add((row * PATCH + column) * gradient_plane), vector);
                    };
                    if left == S::LANES {
                        let load = |row: usize, column: usize| {
                            simd.load_pointer(pixels[row][column].add(first))
                        };
                        transform::both_axes(simd, transform::TileTransposed, load, store);
                    } else {
                        let load = |row: usize, column: usize| {
                            simd.load_partial(pixels[row][column].wrapping_add(first), left)
                        };
                        transform::both_axes(simd, transform::TileTransposed, load, store);
                    }
                }
            }
        }
    }
}
