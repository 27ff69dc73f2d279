//! The gradient of the weight: with transformed patches `v` and transformed gradients `z` of the
//! tiles, at each of the 36 points the matrix product
//!
//! ```text
//! p[point, i, o] = Σ over tiles t:  v[point, t, i] · z[point, t, o],    dw = Gᵀ p G
//! ```
//!
//! where t runs over the tiles that have a product at the point: of those with 3 rows or columns, not
//! all do. Blocks of tiles are transformed, then added to `p` point by point. Where `p` is small enough
//! to stay in a second-level cache, the blocks are dealt to parts that have a `p` each and work in
//! parallel; where it is large there is one `p`, and points are what runs in parallel. Parts
//! follow from the shape alone and are added in order.

use std::ops::Range;

use super::grid::{BlockTiles, Grid};
use super::{PATCH, PLANE_PAD, POINTS, TILE, transform};
use crate::conv2d::Conv2dShape;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile};

/// Products of this many bytes are kept once a part; larger ones once.
const PART_BYTES: usize = 1 << 20;
const MOST_PARTS: usize = 8;
/// Tiles of a block: of a part that works alone in its cache, and of a block that threads share.
const PART_TILES: usize = 56;
const SHARED_TILES: usize = 128;
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
    let sums_len = POINTS * sizes.sums();
    let tiles = grid.len();
    let small = sums_len * size_of::<f32>() <= PART_BYTES;
    let (parts, block) = if small {
        (parallel::parts(tiles, 2 * PART_TILES, MOST_PARTS), PART_TILES)
    } else {
        (1, SHARED_TILES)
    };
    let mut dw = Output::new(shape.weight_len());
    let target = Shared::new(dw.as_mut_ptr());
    with_scratch(parts * sums_len, |sums| {
        if tiles == 0 {
            sums.fill(0.0);
        }
        let shared = Shared::new(sums.as_mut_ptr());
        parallel::for_each(if tiles == 0 { 0 } else { parts }, |part| {
            // SAFETY: parts lie apart, within `sums`, which outlives this.
            let sums = unsafe { shared.slice(part * sums_len..(part + 1) * sums_len) };
            let tiles = parallel::part(tiles, parts, part);
            let blocks = tiles.len().div_ceil(block);
            for index in 0..blocks {
                let range = parallel::part(tiles.len(), blocks, index);
                let range = tiles.start + range.start..tiles.start + range.end;
                add_block(isa, &grid, &sizes, x, dy, range, sums, index > 0);
            }
        });
        let sums = &*sums;
        let pieces = parallel::parts(sizes.rows, 8, 16);
        parallel::for_each(sizes.panels * pieces, |task| {
            let rows = parallel::part(sizes.rows, pieces, task % pieces);
            isa.run(TransformBack { sizes, sums, parts, panel: task / pieces, rows, dw: target });
        });
    });
    // SAFETY: every pair of channels is in one panel and one range of rows.
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

/// Adds the tiles' products to `sums`, `[point, panel, row, column]`, or begins them.
#[expect(clippy::too_many_arguments, reason = "one call, of a function that exists to be read")]
fn add_block(
    isa: Isa,
    grid: &Grid,
    sizes: &Sizes,
    x: &[f32],
    dy: &[f32],
    tiles: Range<usize>,
    sums: &mut [f32],
    accumulate: bool,
) {
    let tiles = grid.block(tiles);
    let count = tiles.len();
    let patches = POINTS * (count * sizes.padded_rows + PLANE_PAD);
    let gradients = POINTS * (count * sizes.panels * sizes.width + PLANE_PAD);
    let page = sizes.rows.max(sizes.columns);
    with_scratch(patches + gradients + page, |scratch| {
        let (patches, scratch) = scratch.split_at_mut(patches);
        let (gradients, zeros) = scratch.split_at_mut(gradients);
        zeros.fill(0.0);
        let (shared_patches, shared_gradients) =
            (Shared::new(patches.as_mut_ptr()), Shared::new(gradients.as_mut_ptr()));
        let zeros = &*zeros;
        parallel::for_each(count.div_ceil(TASK_TILES), |task| {
            let range = task * TASK_TILES..count.min((task + 1) * TASK_TILES);
            isa.run(TransformTiles {
                grid,
                sizes: *sizes,
                x,
                dy,
                tiles: &tiles,
                range,
                patches: shared_patches,
                gradients: shared_gradients,
                zeros,
            });
        });
        let (patches, gradients) = (&*patches, &*gradients);
        let shared = Shared::new(sums.as_mut_ptr());
        let len = sizes.sums();
        parallel::for_each(POINTS, |point| {
            // SAFETY: points lie apart, within `sums`, which outlives this.
            let sums = unsafe { shared.slice(point * len..(point + 1) * len) };
            let finish = if accumulate { Finish::Accumulate } else { Finish::Store };
            isa.run(AddPoint {
                sizes: *sizes,
                tiles: &tiles,
                point,
                patches,
                gradients,
                sums,
                finish,
            });
        });
    });
}

/// Transforms some tiles of a block: patches to `[point, tile, channel]`, gradients to
/// `[point, panel, tile, column]`.
struct TransformTiles<'a> {
    grid: &'a Grid,
    sizes: Sizes,
    x: &'a [f32],
    dy: &'a [f32],
    tiles: &'a BlockTiles,
    /// The tiles of this task, counted from the block's first.
    range: Range<usize>,
    patches: Shared<f32>,
    gradients: Shared<f32>,
    zeros: &'a [f32],
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

/// The matrix product of one point.
struct AddPoint<'a> {
    sizes: Sizes,
    tiles: &'a BlockTiles,
    point: usize,
    patches: &'a [f32],
    gradients: &'a [f32],
    sums: &'a mut [f32],
    finish: Finish,
}

impl Kernel for AddPoint<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Sizes { rows, padded_rows, panels, width, .. } = self.sizes;
        let count = self.tiles.len();
        let tiles = self.tiles.at(self.point);
        let patches = self.point * (count * padded_rows + PLANE_PAD);
        let patches = &self.patches[patches..][..count * padded_rows];
        let patches = &patches[tiles.start * padded_rows..tiles.end * padded_rows];
        let gradients = self.point * (count * panels * width + PLANE_PAD);
        let gradients = &self.gradients[gradients..][..count * panels * width];
        assert_eq!(self.sums.len(), panels * rows * width);
        for (start, height) in pieces(rows, S::TILE_ROWS) {
            for panel in 0..panels {
                // SAFETY: the slices above have what the formula reads and writes: each panel of
                // `gradients` has all tiles of the block, which `tiles` is some of. Where it is
                // none, nothing is read, and `left` may lie beyond the slice.
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
                            right: gradients.as_ptr().add((panel * count + tiles.start) * width),
                            out: self.sums.as_mut_ptr().add((panel * rows + start) * width),
                            out_row: width,
                            columns: width,
                            finish: self.finish,
                        },
                    );
                }
            }
        }
    }
}

/// Adds the parts, transforms back, and writes the gradient of some rows of a panel.
struct TransformBack<'a> {
    sizes: Sizes,
    sums: &'a [f32],
    parts: usize,
    panel: usize,
    rows: Range<usize>,
    dw: Shared<f32>,
}

impl Kernel for TransformBack<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "a column of every tap's window at once")]
    fn run<S: Simd>(self, simd: S) {
        let Sizes { rows, columns, width, .. } = self.sizes;
        let plane = self.sizes.sums();
        assert_eq!(self.sums.len(), self.parts * POINTS * plane);
        let first = self.panel * width;
        let filled = width.min(columns - first);
        let mut windows = [[0.0f32; 32]; 9];
        for row in self.rows {
            for half in 0..2 {
                let at = (self.panel * rows + row) * width + half * S::LANES;
                let load = |y: usize, x: usize| {
                    let mut sum = simd.zero();
                    for part in 0..self.parts {
                        let from = (part * POINTS + y * PATCH + x) * plane + at;
                        sum = simd.add(sum, simd.load(&self.sums[from..]));
                    }
                    sum
                };
                transform::both_axes(simd, transform::WindowTransposed, load, |y, x, vector| {
                    simd.store(&mut windows[y * 3 + x][half * S::LANES..], vector);
                });
            }
            for column in 0..filled {
                let start = ((first + column) * rows + row) * 9;
                // SAFETY: a pair of channels is written by one task, within the gradient.
                let window = unsafe { self.dw.slice(start..start + 9) };
                for (tap, value) in window.iter_mut().enumerate() {
                    *value = windows[tap][column];
                }
            }
        }
    }
}
