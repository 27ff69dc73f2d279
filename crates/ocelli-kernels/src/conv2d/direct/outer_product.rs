//! The gradient of the weight of 1x1 windows, as a product of two matrices.
//!
//! ```text
//! dw[o, i] = Σ over pixels p:  dy[p, o] · x[p, i]
//! ```
//!
//! A tile's rows are channels of the result and its columns channels of the picture, so it is
//! written in PyTorch's order at once. Loops, outermost first: stretches of pixels, of which the
//! picture is copied in panels, and the gradient too if it can't be read where it lies; blocks of
//! the weight (in parallel); pixels whose share of a block's operands stays in the second-level
//! cache; panels; tiles. How the weight is cut into blocks changes no sum, so it may follow the
//! number of threads.

use std::ops::Range;

use super::band::{LINE, aliases};
use crate::conv2d::Conv2dShape;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile};

/// Weights of a group from which this is the faster way: of fewer, each number that is read from
/// memory takes part in too few products, and bands, which each thread reads for itself, are.
const LEAST_WEIGHTS: usize = 1 << 17;
/// Bytes of both sides of a stretch of pixels: a share of the third-level cache. Tests have fewer,
/// for several stretches.
const STRETCH_BYTES: usize = if cfg!(test) { 1 << 20 } else { 16 << 20 };
/// Pixels that are summed over for a whole block before the next ones.
const STEPS_AT_ONCE: usize = 512;
/// Rows and panels of the largest block.
const BLOCK: [usize; 2] = [112, 8];
/// Blocks for each thread, where there are that many tiles: they take turns unevenly.
const BLOCKS_PER_THREAD: usize = 4;
/// Pixels copied in one task.
const COPIED_AT_ONCE: usize = 32;

/// Whether the gradient is this product, and faster this way.
pub(super) fn applies(shape: &Conv2dShape) -> bool {
    shape.kernel == [1, 1]
        && shape.padding == [0, 0]
        && shape.group_in() * shape.group_out() >= LEAST_WEIGHTS
        && shape.y_len() > 0
}

/// The gradient, in PyTorch's order. Lengths are checked by the caller.
pub(super) fn weight_gradient(isa: Isa, shape: &Conv2dShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dw = Output::new(shape.weight_len());
    let target = Shared::new(dw.as_mut_ptr());
    let [height, width] = shape.output_size();
    let pixels = shape.batch * height * width;
    let panel_width = 2 * isa.lanes();
    let panels = shape.group_in().div_ceil(panel_width);
    let in_place = !aliases(shape.out_channels);
    let pad = if aliases(shape.group_out()) { LINE } else { 0 };
    let row = if in_place { shape.out_channels } else { shape.group_out() + pad };
    let bytes = (panels * panel_width + shape.group_out()) * size_of::<f32>();
    let stretches = pixels.div_ceil((STRETCH_BYTES / bytes).max(STEPS_AT_ONCE));
    let most = pixels.div_ceil(stretches);
    with_scratch(most * panels * panel_width, |right| {
        with_scratch(if in_place { 0 } else { most * row }, |left| {
            for group in 0..shape.groups {
                for stretch in 0..stretches {
                    let range = parallel::part(pixels, stretches, stretch);
                    let stretch = Stretch { shape, group, panel_width, panels, row, range };
                    stretch.copy_picture(x, right);
                    if in_place {
                        let first = stretch.range.start * row + group * shape.group_out();
                        stretch.multiply(isa, &dy[first..], right, target);
                    } else {
                        stretch.copy_gradient(dy, left);
                        stretch.multiply(isa, left, right, target);
                    }
                }
            }
        });
    });
    // SAFETY: the blocks of each group cover its channels.
    unsafe { dw.finish() }
}

/// Some pixels of the batch, and the channels of a group.
struct Stretch<'a> {
    shape: &'a Conv2dShape,
    group: usize,
    panel_width: usize,
    panels: usize,
    /// Floats from one pixel to the next of the gradient, where it is read.
    row: usize,
    range: Range<usize>,
}

impl Stretch<'_> {
    /// Copies the picture to `right`, `[panel, pixel, panel column]`, missing columns zero.
    fn copy_picture(&self, x: &[f32], right: &mut [f32]) {
        let Self { shape, group, panel_width, panels, ref range, .. } = *self;
        let [height, width] = shape.output_size();
        let columns = shape.group_in();
        assert!(right.len() >= panels * range.len() * panel_width);
        let right = Shared::new(right.as_mut_ptr());
        self.for_each_pixel(|index| {
            let pixel = range.start + index;
            let (n, y, at) = (pixel / (height * width), pixel / width % height, pixel % width);
            let place = [y * shape.stride[0], at * shape.stride[1]];
            let pixel = (n * shape.size[0] + place[0]) * shape.size[1] + place[1];
            let pixel = &x[pixel * shape.in_channels + group * columns..][..columns];
            for (panel, pixel) in pixel.chunks(panel_width).enumerate() {
                let start = (panel * range.len() + index) * panel_width;
                // SAFETY: each pixel of each panel is written by one task, in bounds.
                let line = unsafe { right.slice(start..start + panel_width) };
                line[..pixel.len()].copy_from_slice(pixel);
                line[pixel.len()..].fill(0.0);
            }
        });
    }

    /// Copies the gradient to `left`, `[pixel, row]`.
    fn copy_gradient(&self, dy: &[f32], left: &mut [f32]) {
        let Self { shape, group, row, ref range, .. } = *self;
        let rows = shape.group_out();
        assert!(left.len() >= range.len() * row && rows <= row);
        let left = Shared::new(left.as_mut_ptr());
        self.for_each_pixel(|index| {
            let start = (range.start + index) * shape.out_channels + group * rows;
            // SAFETY: each pixel is written by one task, in bounds.
            let line = unsafe { left.slice(index * row..index * row + rows) };
            line.copy_from_slice(&dy[start..start + rows]);
        });
    }

    /// Calls `copy` with the number in the stretch of each of its pixels.
    fn for_each_pixel(&self, copy: impl Fn(usize) + Send + Sync) {
        let tasks = self.range.len().div_ceil(COPIED_AT_ONCE);
        parallel::for_each(tasks, |task| {
            parallel::part(self.range.len(), tasks, task).for_each(&copy);
        });
    }

    /// Adds the products of the stretch to `dw`, or begins it.
    fn multiply(&self, isa: Isa, left: &[f32], right: &[f32], dw: Shared<f32>) {
        let rows = self.shape.group_out();
        let wanted = BLOCKS_PER_THREAD * rayon::current_num_threads();
        let [mut block_rows, mut block_panels] = BLOCK;
        while rows.div_ceil(block_rows) * self.panels.div_ceil(block_panels) < wanted
            && (block_rows >= 2 * isa.tile_rows() || block_panels > 1)
        {
            if block_panels * self.panel_width > block_rows && block_panels > 1 {
                block_panels /= 2;
            } else {
                block_rows = block_rows.div_ceil(2);
            }
        }
        let blocks = [rows.div_ceil(block_rows), self.panels.div_ceil(block_panels)];
        parallel::for_each(blocks[0] * blocks[1], |task| {
            let rows = parallel::part(rows, blocks[0], task % blocks[0]);
            let panels = parallel::part(self.panels, blocks[1], task / blocks[0]);
            isa.run(Block { stretch: self, left, right, dw, rows, panels });
        });
    }
}

/// A block of the weight's gradient: some of its rows, in some panels.
struct Block<'a> {
    stretch: &'a Stretch<'a>,
    left: &'a [f32],
    right: &'a [f32],
    dw: Shared<f32>,
    rows: Range<usize>,
    panels: Range<usize>,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Stretch { shape, group, panel_width, row, ref range, .. } = *self.stretch;
        let columns = shape.group_in();
        let count = range.len();
        for first in (0..count).step_by(STEPS_AT_ONCE) {
            let begins = range.start == 0 && first == 0;
            let finish = if begins { Finish::Store } else { Finish::Accumulate };
            for panel in self.panels.clone() {
                for (start, rows) in pieces(self.rows.len(), S::TILE_ROWS) {
                    let channel = self.rows.start + start;
                    let out = (group * shape.group_out() + channel) * columns + panel * panel_width;
                    // SAFETY: the copies hold the pixels of the stretch, in whole panels, and each
                    // block of the weight is written by one task, in the columns that there are.
                    unsafe {
                        tile(
                            simd,
                            rows,
                            &Tile {
                                left: self.left.as_ptr().add(first * row + channel),
                                row: 1,
                                step: row,
                                parts: &[Part { left: 0, right: 0 }],
                                depth: STEPS_AT_ONCE.min(count - first),
                                right: self.right[(panel * count + first) * panel_width..].as_ptr(),
                                out: self.dw.pointer().add(out),
                                out_row: columns,
                                columns: panel_width.min(columns - panel * panel_width),
                                finish,
                            },
                        );
                    }
                }
            }
        }
    }
}
