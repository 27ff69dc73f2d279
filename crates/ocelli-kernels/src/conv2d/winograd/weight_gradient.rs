//! The gradient of the weight: with transformed patches `v` and transformed gradients `z` of the
//! tiles, at each of the 36 points the matrix product
//!
//! ```text
//! p[point, i, o] = Σ over tiles t:  v[point, t, i] · z[point, t, o],    dw = Gᵀ p G
//! ```
//!
//! where t runs over the tiles that have a product at the point: of those with 3 rows or columns,
//! not all do. Loops, outermost first, by the size of `p` and the number of tiles:
//!
//! - `p` stays in a second-level cache: parts of the tiles, in parallel, with a `p` each; blocks of
//!   tiles, transformed, then added to `p` point by point. At last the parts are added, in order.
//! - `p` is large, and the tiles make one block: all are transformed. Then a few rows and a panel of
//!   columns at a time, in parallel, the products of all points are formed and transformed back, so
//!   that no `p` goes to memory and comes back, which would be as much as all else together.
//! - `p` is large, and so is the batch: blocks of tiles, which stay in cache, are added to one `p`;
//!   points are what runs in parallel.
//!
//! Parts and blocks follow from the shape alone.

mod back;
mod tiles;

use std::ops::Range;

use super::grid::{BlockTiles, Grid};
use super::{PLANE_PAD, POINTS};
use crate::conv2d::Conv2dShape;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile, whole_vectors};
use back::TransformBack;
use tiles::TransformTiles;

/// Products of this many bytes are kept once a part; larger ones once.
const PART_BYTES: usize = 1 << 20;
const MOST_PARTS: usize = 8;
/// Tiles of a block: of a part that works alone in its cache, and of a block that threads share.
const PART_TILES: usize = 56;
const SHARED_TILES: usize = 128;
/// Tiles that make one block of their own, whose products are never kept. Beyond, reading the
/// transformed tiles again for each few rows takes longer than keeping the products does.
const ONE_BLOCK: usize = 256;
/// Tiles that one task transforms.
const TASK_TILES: usize = 16;

/// The gradient, in PyTorch's order. Lengths are checked by the caller.
pub(in crate::conv2d) fn weight_gradient(
    isa: Isa,
    shape: &Conv2dShape,
    x: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let origin = shape.padding.map(|pixels| -(pixels as isize));
    let grid = Grid::new(shape.batch, shape.size, shape.output_size(), origin, shape.dilation);
    let width = 2 * isa.lanes();
    let sizes = Sizes {
        rows: shape.in_channels,
        padded_rows: shape.in_channels.next_multiple_of(isa.lanes()) + PLANE_PAD,
        columns: shape.out_channels,
        panels: shape.out_channels.div_ceil(width),
        width,
    };
    let tiles = grid.len();
    let small = POINTS * sizes.sums() * size_of::<f32>() <= PART_BYTES;
    let mut dw = Output::new(shape.weight_len());
    let pass = Pass { isa, grid: &grid, sizes, x, dy, dw: Shared::new(dw.as_mut_ptr()) };
    if tiles == 0 || !small && tiles <= ONE_BLOCK {
        pass.in_one_block();
    } else if small {
        pass.in_parts(parallel::parts(tiles, 2 * PART_TILES, MOST_PARTS), PART_TILES);
    } else {
        pass.in_parts(1, SHARED_TILES);
    }
    // SAFETY: either way, every pair of channels is in one panel and one range of rows.
    unsafe { dw.finish() }
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Channels of the picture.
    rows: usize,
    /// Floats from one tile's transformed patch to the next.
    padded_rows: usize,
    /// Channels of the result.
    columns: usize,
    panels: usize,
    width: usize,
}

impl Sizes {
    /// Floats of one point's sums, `[panel, row, column]`.
    fn sums(&self) -> usize {
        self.panels * self.rows * self.width
    }
}

/// What is read, and where the gradient goes.
struct Pass<'a> {
    isa: Isa,
    grid: &'a Grid,
    sizes: Sizes,
    x: &'a [f32],
    dy: &'a [f32],
    dw: Shared<f32>,
}

impl Pass<'_> {
    /// All tiles at once: pieces of the gradient are finished one by one.
    fn in_one_block(&self) {
        let sizes = self.sizes;
        let pieces: Vec<_> = pieces(sizes.rows, self.isa.tile_rows()).collect();
        self.with_block(0..self.grid.len(), |block| {
            // The panels of some rows one after the other: the patches of these rows stay in
            // cache, and the gradients, which lie in a row, are fetched ahead.
            parallel::for_each(pieces.len() * sizes.panels, |task| {
                let (start, height) = pieces[task / sizes.panels];
                let (rows, panel) = (start..start + height, task % sizes.panels);
                with_scratch(POINTS * height * sizes.width, |sums| {
                    self.isa.run(FinishPiece { block, panel, rows, sums, dw: self.dw });
                });
            });
        });
    }

    /// Each part of the tiles in blocks of about `block_tiles`, added to the part's sums, `[point,
    /// panel, row, column]`; then the sums of all parts.
    fn in_parts(&self, parts: usize, block_tiles: usize) {
        let Self { isa, sizes, dw, .. } = *self;
        let sums_len = POINTS * sizes.sums();
        with_scratch(parts * sums_len, |sums| {
            let shared = Shared::new(sums.as_mut_ptr());
            parallel::for_each(parts, |part| {
                let tiles = parallel::part(self.grid.len(), parts, part);
                let blocks = tiles.len().div_ceil(block_tiles);
                for index in 0..blocks {
                    let range = parallel::part(tiles.len(), blocks, index);
                    let range = tiles.start + range.start..tiles.start + range.end;
                    self.with_block(range, |block| {
                        parallel::for_each(POINTS, |point| {
                            let start = part * sums_len + point * sizes.sums();
                            let finish = if index > 0 { Finish::Accumulate } else { Finish::Store };
                            // SAFETY: parts and their points lie apart, within `sums`, which
                            // outlives this.
                            let sums = unsafe { shared.slice(start..start + sizes.sums()) };
                            isa.run(AddPoint { block, point, sums, finish });
                        });
                    });
                }
            });
            let sums = &*sums;
            let pieces = parallel::parts(sizes.rows, 8, 16);
            parallel::for_each(sizes.panels * pieces, |task| {
                let (panel, rows) = (task / pieces, task % pieces);
                let rows = parallel::part(sizes.rows, pieces, rows);
                let at = (panel * sizes.rows + rows.start) * sizes.width;
                isa.run(TransformBack { sizes, sums, parts, at, panel, rows, dw });
            });
        });
    }

    /// Transforms some tiles, for `work` to use.
    fn with_block(&self, tiles: Range<usize>, work: impl FnOnce(&Block<'_>)) {
        let Self { isa, grid, sizes, x, dy, .. } = *self;
        let tiles = grid.block(tiles);
        let count = tiles.len();
        let patches = POINTS * (count * sizes.padded_rows + PLANE_PAD);
        let gradients = POINTS * (count * sizes.panels * sizes.width + PLANE_PAD);
        let page = sizes.rows.max(sizes.columns);
        with_scratch(patches + gradients + page, |scratch| {
            let (patches, scratch) = scratch.split_at_mut(patches);
            let (gradients, zeros) = scratch.split_at_mut(gradients);
            zeros.fill(0.0);
            let zeros = &*zeros;
            let (to_patches, to_gradients) =
                (Shared::new(patches.as_mut_ptr()), Shared::new(gradients.as_mut_ptr()));
            parallel::for_each(count.div_ceil(TASK_TILES), |task| {
                let range = task * TASK_TILES..count.min((task + 1) * TASK_TILES);
                isa.run(TransformTiles {
                    grid,
                    sizes,
                    x,
                    dy,
                    tiles: &tiles,
                    range,
                    patches: to_patches,
                    gradients: to_gradients,
                    zeros,
                });
            });
            work(&Block { sizes, tiles: &tiles, patches, gradients });
        });
    }
}

/// Tiles in the transform domain.
struct Block<'a> {
    sizes: Sizes,
    tiles: &'a BlockTiles,
    /// `[point, tile, channel]`, tiles and planes padded.
    patches: &'a [f32],
    /// `[point, panel, tile, column]`, planes padded.
    gradients: &'a [f32],
}

impl Block<'_> {
    /// The products of a point in some rows, from `start` on, and a panel of columns: `[row,
    /// column]`.
    #[inline(always)]
    fn product<S: Simd>(
        &self,
        simd: S,
        point: usize,
        start: usize,
        panel: usize,
        out: &mut [f32],
        finish: Finish,
    ) {
        let Sizes { rows, padded_rows, columns, panels, width } = self.sizes;
        let count = self.tiles.len();
        let tiles = self.tiles.at(point);
        let height = out.len() / width;
        assert!(start + height <= rows && width == 2 * S::LANES);
        let patches = &self.patches[point * (count * padded_rows + PLANE_PAD)..];
        let patches = &patches[tiles.start * padded_rows..tiles.end * padded_rows];
        let gradients = &self.gradients[point * (count * panels * width + PLANE_PAD)..];
        let gradients = &gradients[(panel * count + tiles.start) * width..][..tiles.len() * width];
        // SAFETY: these slices have what the formula reads and writes. Where no tile has a product,
        // nothing is read, and `left` may lie beyond its slice.
        unsafe {
            tile(
                simd,
                height,
                &Tile {
                    left: patches.as_ptr().wrapping_add(start),
                    row: 1,
                    step: padded_rows,
                    parts: &[Part { left: 0, right: 0 }],
                    depth: tiles.len(),
                    right: gradients.as_ptr(),
                    out: out.as_mut_ptr(),
                    out_row: width,
                    columns: whole_vectors::<S>(columns, panel * width),
                    finish,
                },
            );
        }
    }
}

/// The matrix product of one point.
struct AddPoint<'a> {
    block: &'a Block<'a>,
    point: usize,
    /// `[panel, row, column]`
    sums: &'a mut [f32],
    finish: Finish,
}

impl Kernel for AddPoint<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { block, point, sums, finish } = self;
        let Sizes { rows, panels, width, .. } = block.sizes;
        for (start, height) in pieces(rows, S::TILE_ROWS) {
            for panel in 0..panels {
                let out = &mut sums[(panel * rows + start) * width..][..height * width];
                block.product(simd, point, start, panel, out, finish);
            }
        }
    }
}

/// The products of all points in some rows and a panel, and the gradient that they make.
struct FinishPiece<'a> {
    block: &'a Block<'a>,
    panel: usize,
    rows: Range<usize>,
    /// `[point, row, column]`
    sums: &'a mut [f32],
    dw: Shared<f32>,
}

impl Kernel for FinishPiece<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { block, panel, rows, sums, dw } = self;
        let sizes = block.sizes;
        for (point, sums) in sums.chunks_exact_mut(rows.len() * sizes.width).enumerate() {
            block.product(simd, point, rows.start, panel, sums, Finish::Store);
        }
        TransformBack { sizes, sums, parts: 1, at: 0, panel, rows, dw }.run(simd);
    }
}
