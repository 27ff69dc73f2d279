//! The pass from a source to a target: transform patches, multiply, transform back.
//!
//! Loops, outermost first: blocks of tiles, in parallel; for each, all patches are transformed
//! (every channel), then point by point the products with the transformed weights are formed for
//! all target channels, then all tiles are transformed back. Between the three steps a block lives
//! in the second-level cache; the weights stream by once a block.
//!
//! Transformed patches are `[point, channel block, tile, lane]`, so that a tile row of the matrix
//! kernel is `LANES` floats from the next; the products `[point, panel, tile, column]`.

use std::ops::Range;

use super::grid::Grid;
use super::weight::WeightView;
use super::{PATCH, PLANE_PAD, POINTS, TILE, transform};
use crate::conv2d::Epilogue;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile};

/// Tiles of a block: a block and the weights of a point should fit the second-level cache, but
/// the more bytes the weights of all points have, the more tiles should share their journey there.
fn block_tiles(transformed_len: usize) -> usize {
    match transformed_len * size_of::<f32>() {
        0..=0x10_0000 => 14,
        0x10_0001..=0x40_0000 => 28,
        _ => 56,
    }
}

/// Convolves the grid's sources with `weight`.
pub(super) fn run(
    isa: Isa,
    grid: &Grid,
    x: &[f32],
    weight: &WeightView<'_>,
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    let pixels = |size: [usize; 2]| size[0] * size[1];
    let tiles = grid.len();
    let mut y = Output::new(grid.batch * pixels(grid.target) * weight.columns);
    let target = Shared::new(y.as_mut_ptr());
    with_scratch(weight.transformed_len(isa), |transformed| {
        weight.transform(isa, transformed);
        let transformed = &*transformed;
        let blocks = tiles.div_ceil(block_tiles(transformed.len()));
        parallel::for_each(blocks, |block| {
            let tiles = parallel::part(tiles, blocks, block);
            let rows = weight.padded_rows(isa);
            let columns = weight.panels(isa) * 2 * isa.lanes();
            let patches = POINTS * (tiles.len() * rows + PLANE_PAD);
            let products = POINTS * (tiles.len() * columns + PLANE_PAD);
            // A page of zeros to read where there is no picture, another to write what is cut off.
            let page = rows.max(columns);
            with_scratch(patches + products + 2 * page, |scratch| {
                let (patches, scratch) = scratch.split_at_mut(patches);
                let (products, pages) = scratch.split_at_mut(products);
                let (zeros, trash) = pages.split_at_mut(page);
                zeros.fill(0.0);
                isa.run(Block {
                    grid,
                    weight,
                    epilogue,
                    x,
                    transformed,
                    target,
                    tiles,
                    patches,
                    products,
                    zeros,
                    trash,
                });
            });
        });
    });
    // SAFETY: every pixel of the target is in one tile, and a tile is written in all channels.
    unsafe { y.finish() }
}

struct Block<'a> {
    grid: &'a Grid,
    weight: &'a WeightView<'a>,
    epilogue: Epilogue<'a>,
    x: &'a [f32],
    transformed: &'a [f32],
    target: Shared<f32>,
    tiles: Range<usize>,
    patches: &'a mut [f32],
    products: &'a mut [f32],
    zeros: &'a [f32],
    trash: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.transform_patches(simd);
        self.multiply(simd);
        self.transform_back(simd);
    }
}

impl Block<'_> {
    #[inline(always)]
    fn transform_patches<S: Simd>(&mut self, simd: S) {
        let channels = self.weight.rows;
        let count = self.tiles.len();
        let plane = count * channels.next_multiple_of(S::LANES) + PLANE_PAD;
        for (index, tile) in self.tiles.clone().enumerate() {
            let pixels = self.grid.patch(tile);
            let pixels = pixels
                .map(self.zeros.as_ptr(), |pixel| self.x[pixel * channels..][..channels].as_ptr());
            for first in (0..channels).step_by(S::LANES) {
                let to = &mut self.patches[(first * count) + index * S::LANES..];
                assert!(to.len() >= (POINTS - 1) * plane + S::LANES);
                let to = to.as_mut_ptr();
                let whole = channels - first >= S::LANES;
                // What the next tile needs beyond what this one has.
                for row in &pixels {
                    for pixel in &row[2..] {
                        simd.prefetch(pixel.wrapping_add(TILE * channels + first));
                    }
                }
                // SAFETY: each pixel has `channels` floats (and the page of zeros as many); a
                // partial load reads no more than are left. The planes were checked above.
                unsafe {
                    let store = |row: usize, column: usize, vector| {
                        simd.store_pointer(to.add((row * PATCH + column) * plane), vector);
                    };
                    if whole {
                        let load = |row: usize, column: usize| {
                            simd.load_pointer(pixels[row][column].add(first))
                        };
                        transform::both_axes(simd, transform::Patch, load, store);
                    } else {
                        let load = |row: usize, column: usize| {
                            simd.load_partial(pixels[row][column].add(first), channels - first)
                        };
                        transform::both_axes(simd, transform::Patch, load, store);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S) {
        let count = self.tiles.len();
        let rows = self.weight.rows.next_multiple_of(S::LANES);
        let width = 2 * S::LANES;
        let panels = self.weight.columns.div_ceil(width);
        let parts: Vec<Part> = (0..rows / S::LANES)
            .map(|block| Part { left: block * count * S::LANES, right: block * S::LANES * width })
            .collect();
        for point in 0..POINTS {
            let left = &self.patches[point * (count * rows + PLANE_PAD)..][..count * rows];
            let out = point * (count * panels * width + PLANE_PAD);
            let out = &mut self.products[out..][..count * panels * width];
            let right = &self.transformed[point * panels * rows * width..][..panels * rows * width];
            for panel in 0..panels {
                let right = right[panel * rows * width..].as_ptr();
                for (start, height) in pieces(count, S::TILE_ROWS) {
                    // SAFETY: the slices above are exactly what the formula reads and writes.
                    unsafe {
                        tile(
                            simd,
                            height,
                            &Tile {
                                left: left.as_ptr().add(start * S::LANES),
                                row: S::LANES,
                                step: 1,
                                parts: &parts,
                                depth: S::LANES,
                                right,
                                out: out.as_mut_ptr().add((panel * count + start) * width),
                                out_row: width,
                                columns: width,
                                finish: Finish::Store,
                            },
                        );
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn transform_back<S: Simd>(&mut self, simd: S) {
        let channels = self.weight.columns;
        let count = self.tiles.len();
        let width = 2 * S::LANES;
        let plane = count * channels.div_ceil(width) * width + PLANE_PAD;
        let Epilogue { bias, residual, relu } = self.epilogue;
        for (index, tile) in self.tiles.clone().enumerate() {
            let pixels = self.grid.tile(tile).map(None, |pixel| Some(pixel * channels));
            for first in (0..channels).step_by(S::LANES) {
                let (panel, half) = (first / width, first % width);
                let from = &self.products[(panel * count + index) * width + half..];
                assert!(from.len() >= (POINTS - 1) * plane + S::LANES);
                let from = from.as_ptr();
                let left = (channels - first).min(S::LANES);
                let trash = self.trash.as_mut_ptr();
                let target = self.target.pointer();
                for offset in pixels.iter().flatten().flatten() {
                    simd.prefetch_write(target.wrapping_add(offset + TILE * channels + first));
                }
                // SAFETY: the planes were checked above. A pixel of the target is in one tile
                // only, and its `channels` floats are written up to the last; what a tile has
                // beyond the picture goes to the page of trash. Bias and residual have as many
                // floats as channels and target.
                unsafe {
                    let bias = bias.map(|bias| simd.load_partial(bias.as_ptr().add(first), left));
                    let finish = |vector: S::Vector, offset: Option<usize>| {
                        let mut vector = vector;
                        if let Some(bias) = bias {
                            vector = simd.add(vector, bias);
                        }
                        if let (Some(residual), Some(offset)) = (residual, offset) {
                            let residual = residual.as_ptr().add(offset + first);
                            vector = simd.add(vector, simd.load_partial(residual, left));
                        }
                        // In this order, what is not a number stays so.
                        if relu { simd.max(simd.zero(), vector) } else { vector }
                    };
                    let load = |row: usize, column: usize| {
                        simd.load_pointer(from.add((row * PATCH + column) * plane))
                    };
                    if left == S::LANES {
                        transform::both_axes(
                            simd,
                            transform::TileOf,
                            load,
                            |row, column, vector| {
                                let offset = pixels[row][column];
                                let to = offset.map_or(trash, |offset| target.add(offset + first));
                                simd.store_pointer(to, finish(vector, offset));
                            },
                        );
                    } else {
                        transform::both_axes(
                            simd,
                            transform::TileOf,
                            load,
                            |row, column, vector| {
                                let offset = pixels[row][column];
                                let to = offset.map_or(trash, |offset| target.add(offset + first));
                                simd.store_partial(to, left, finish(vector, offset));
                            },
                        );
                    }
                }
            }
        }
    }
}
