//! The pass from a source to a target: transform patches, multiply, transform back.
//!
//! Loops, outermost first: blocks of tiles, in parallel; for each, all patches are transformed
//! (every channel), then point by point the products with the transformed weights are formed for
//! all target channels, then all tiles are transformed back. Between the three steps a block lives
//! in the second-level cache; the weights stream by once a block.
//!
//! A tile of 3 rows or columns has no products at ∞. Its transforms there are stored, and loaded
//! back, all the same: whatever that is, it goes into results that are not written, and asking made
//! all tiles 1 to 3 % slower.
//!
//! Where the tiles make only a block or two, threads share a block, step by step.
//!
//! Transformed patches are `[point, channel block, tile, lane]`, so that a tile row of the matrix
//! kernel is `LANES` floats from the next; the products `[point, panel, tile, column]`.

use std::ops::Range;

use super::grid::{BlockTiles, Grid};
use super::weight::WeightView;
use super::{PATCH, PLANE_PAD, POINTS, TILE, transform};
use crate::conv2d::Epilogue;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile, whole_vectors};

/// How the tiles of a batch are dealt with.
struct Plan {
    blocks: usize,
    /// Whether the blocks are too few to keep threads busy, and each is worked on by all.
    shared: bool,
}

impl Plan {
    /// Tiles in whose favour a block is shared rather than cut: the weights are read once.
    const SHARED_TILES: usize = 160;
    /// Tiles of a task within a shared block.
    const TASK_TILES: usize = 4;

    /// A block and the weights of a point should fit the second-level cache, but the more bytes the
    /// weights of all points have, the more tiles should share their journey there.
    fn new(tiles: usize, transformed_len: usize) -> Self {
        let bytes = transformed_len * size_of::<f32>();
        let large = bytes > 4 << 20;
        if large && tiles <= Self::SHARED_TILES {
            return Self { blocks: tiles.min(1), shared: true };
        }
        let block_tiles = match bytes {
            0..=0x10_0000 => 14,
            0x10_0001..=0x40_0000 => 28,
            _ => 56,
        };
        // As many for each thread.
        let blocks = tiles.div_ceil(block_tiles).next_multiple_of(rayon::current_num_threads());
        Self { blocks: blocks.min(tiles), shared: false }
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
        let plan = Plan::new(tiles, transformed.len());
        parallel::for_each(plan.blocks, |block| {
            let tiles = grid.block(parallel::part(tiles, plan.blocks, block));
            let count = tiles.len();
            let rows = weight.padded_rows(isa);
            let columns = weight.panels(isa) * 2 * isa.lanes();
            let patches = POINTS * (count * rows + PLANE_PAD);
            let products = POINTS * (count * columns + PLANE_PAD);
            // After these, zeros to read where there is no picture.
            with_scratch(patches + products + rows, |scratch| {
                let (patches, scratch) = scratch.split_at_mut(patches);
                let (products, zeros) = scratch.split_at_mut(products);
                zeros.fill(0.0);
                let block = Block {
                    grid,
                    weight,
                    epilogue,
                    x,
                    transformed,
                    target,
                    tiles: &tiles,
                    patches: Shared::new(patches.as_mut_ptr()),
                    products: Shared::new(products.as_mut_ptr()),
                    zeros,
                };
                let run = |step: Step, total: usize, at_once: usize| {
                    if plan.shared {
                        parallel::for_each(total.div_ceil(at_once), |task| {
                            let range = task * at_once..total.min((task + 1) * at_once);
                            isa.run(Work { block: &block, step, range });
                        });
                    } else {
                        isa.run(Work { block: &block, step, range: 0..total });
                    }
                };
                run(Step::TransformPatches, count, Plan::TASK_TILES);
                run(Step::Multiply, POINTS, 1);
                run(Step::TransformBack, count, Plan::TASK_TILES);
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
    tiles: &'a BlockTiles,
    /// `[point, channel block, tile, lane]`, planes padded.
    patches: Shared<f32>,
    /// `[point, panel, tile, column]`, planes padded.
    products: Shared<f32>,
    zeros: &'a [f32],
}

/// What is done to a block, one after the other.
#[derive(Clone, Copy)]
enum Step {
    /// The range is of tiles.
    TransformPatches,
    /// The range is of points.
    Multiply,
    /// The range is of tiles.
    TransformBack,
}

/// A part of a step.
struct Work<'a> {
    block: &'a Block<'a>,
    step: Step,
    range: Range<usize>,
}

impl Kernel for Work<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.step {
            Step::TransformPatches => self.block.transform_patches(simd, self.range),
            Step::Multiply => self.block.multiply(simd, self.range),
            Step::TransformBack => self.block.transform_back(simd, self.range),
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    fn transform_patches<S: Simd>(&self, simd: S, tiles: Range<usize>) {
        let channels = self.weight.rows;
        let count = self.tiles.len();
        let plane = count * channels.next_multiple_of(S::LANES) + PLANE_PAD;
        for index in tiles {
            let tile = self.tiles.number(index);
            let pixels = self.grid.patch(tile);
            let pixels = pixels
                .map(self.zeros.as_ptr(), |pixel| self.x[pixel * channels..][..channels].as_ptr());
            for first in (0..channels).step_by(S::LANES) {
                let to = self.patches.pointer().wrapping_add(first * count + index * S::LANES);
                let whole = channels - first >= S::LANES;
                // What the next tile needs beyond what this one has.
                for row in &pixels {
                    for pixel in &row[2..] {
                        simd.prefetch(pixel.wrapping_add(TILE * channels + first));
                    }
                }
                // SAFETY: each pixel has `channels` floats (and the page of zeros as many); a
                // partial load reads no more than are left. `patches` has a plane for each point,
                // with a vector for each tile of each channel block, which one task writes.
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
    fn multiply<S: Simd>(&self, simd: S, points: Range<usize>) {
        let count = self.tiles.len();
        let rows = self.weight.rows.next_multiple_of(S::LANES);
        let width = 2 * S::LANES;
        let panels = self.weight.columns.div_ceil(width);
        let parts: Vec<Part> = (0..rows / S::LANES)
            .map(|block| Part { left: block * count * S::LANES, right: block * S::LANES * width })
            .collect();
        for point in points {
            let left = point * (count * rows + PLANE_PAD);
            let left = self.patches.pointer().wrapping_add(left).cast_const();
            let out = point * (count * panels * width + PLANE_PAD);
            let out = self.products.pointer().wrapping_add(out);
            let right = &self.transformed[point * panels * rows * width..][..panels * rows * width];
            let tiles = self.tiles.at(point);
            for panel in 0..panels {
                let right = right[panel * rows * width..].as_ptr();
                for (start, height) in pieces(tiles.len(), S::TILE_ROWS) {
                    let start = tiles.start + start;
                    // SAFETY: `patches` and `products` have a plane for each point, of as many
                    // channels as are read and written here and of all tiles of the block, which
                    // `tiles` is some of; a point is one task's.
                    unsafe {
                        tile(
                            simd,
                            height,
                            &Tile {
                                left: left.add(start * S::LANES),
                                row: S::LANES,
                                step: 1,
                                parts: &parts,
                                depth: S::LANES,
                                right,
                                out: out.add((panel * count + start) * width),
                                out_row: width,
                                columns: whole_vectors::<S>(self.weight.columns, panel * width),
                                finish: Finish::Store,
                            },
                        );
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn transform_back<S: Simd>(&self, simd: S, tiles: Range<usize>) {
        let channels = self.weight.columns;
        let count = self.tiles.len();
        let width = 2 * S::LANES;
        let plane = count * channels.div_ceil(width) * width + PLANE_PAD;
        let Epilogue { bias, residual, relu } = self.epilogue;
        for index in tiles {
            let tile = self.tiles.number(index);
            let pixels = self.grid.tile(tile).map(None, |pixel| Some(pixel * channels));
            for first in (0..channels).step_by(S::LANES) {
                let (panel, half) = (first / width, first % width);
                let from = (panel * count + index) * width + half;
                let from = self.products.pointer().wrapping_add(from).cast_const();
                let left = (channels - first).min(S::LANES);
                let target = self.target.pointer();
                for offset in pixels.iter().flatten().flatten() {
                    simd.prefetch_write(target.wrapping_add(offset + TILE * channels + first));
                }
                // SAFETY: `products` has a plane for each point, of as many tiles and columns as
                // are read here. A pixel of the target is in one tile only, and its `channels`
                // floats are written up to the last. Bias and residual have as many floats as
                // channels and target.
                unsafe {
                    let bias = bias.map(|bias| simd.load_partial(bias.as_ptr().add(first), left));
                    let finish = |vector: S::Vector, offset: usize| {
                        let mut vector = vector;
                        if let Some(bias) = bias {
                            vector = simd.add(vector, bias);
                        }
                        if let Some(residual) = residual {
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
                                if let Some(offset) = pixels[row][column] {
                                    let vector = finish(vector, offset);
                                    simd.store_pointer(target.add(offset + first), vector);
                                }
                            },
                        );
                    } else {
                        transform::both_axes(
                            simd,
                            transform::TileOf,
                            load,
                            |row, column, vector| {
                                if let Some(offset) = pixels[row][column] {
                                    let vector = finish(vector, offset);
                                    simd.store_partial(target.add(offset + first), left, vector);
                                }
                            },
                        );
                    }
                }
            }
        }
    }
}
