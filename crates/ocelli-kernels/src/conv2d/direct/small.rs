//! Direct convolution of small maps: a tile's rows are the pictures of the batch.
//!
//! Where a map has few pixels, tiles along its rows are short, and much of every window lies
//! outside: of a 3x3 window over a 2x2 map, five taps of nine. Here the source is first laid out
//! as `[pixel, picture, channel]`; then each target pixel is a matrix product with as many rows as
//! there are pictures, over just the taps that fall inside. Nothing is padded or multiplied by
//! zero.
//!
//! For the gradient of the weight, likewise, each tap is one long sum over the pairs of pixels
//! that it connects, written once.

use std::ops::Range;

use super::axis::Axis;
use super::correlation::{Correlation, Picture};
use super::pack::with_packed;
use crate::conv2d::Epilogue;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::with_scratch;
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile};

/// Pixels of a target's map beyond which bands are the faster way.
const MOST_PIXELS: usize = 64;
/// Pictures that fill a tile halfway.
const LEAST_PICTURES: usize = 8;
/// Pictures from which a tap is summed over pixels at once: fewer steps a pixel than this cost more
/// than writing the sums again for each picture.
const LEAST_SUMMED: usize = 4;
/// Floats between pixels beyond their channels, so that pictures do not fall on the same sets of
/// a cache.
const PAD: usize = 16;

/// Whether a correlation over these axes is faster this way.
pub(super) fn applies(axes: &[Axis; 2], batch: usize) -> bool {
    let taps = axes[0].taps.len() * axes[1].taps.len();
    taps > 1 && batch >= LEAST_PICTURES && axes[0].count * axes[1].count <= MOST_PIXELS
}

/// Pixels of a batch, and bytes of its gradient, up to which the gradient is copied whole.
const MOST_COPIED_PIXELS: usize = 8192;
const MOST_COPIED_BYTES: usize = 24 << 20;
/// Steps of a sum that are taken for all rows before the next ones: what both sides have of them
/// stays in the second-level cache.
const STEPS_AT_ONCE: usize = 512;
/// Rows of a sum in one task: enough tasks for several threads even where columns are few.
const TASK_ROWS: usize = 112;

/// Whether the gradient of the weight is faster this way.
pub(super) fn weight_gradient_applies(axes: &[Axis; 2], batch: usize, channels: usize) -> bool {
    let pixels = axes[0].count * axes[1].count;
    let all = batch * pixels;
    batch >= LEAST_SUMMED
        && pixels <= MOST_PIXELS
        && all <= MOST_COPIED_PIXELS
        && all.saturating_mul(channels) <= MOST_COPIED_BYTES / size_of::<f32>()
}

/// A tensor laid out as `[pixel, picture, channel]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByPixel<'a> {
    values: &'a [f32],
    batch: usize,
    /// Floats from one picture to the next.
    picture: usize,
}

impl ByPixel<'_> {
    /// Where a pixel of the first picture begins.
    fn at(&self, pixel: usize) -> usize {
        pixel * self.batch * self.picture
    }
}

/// Runs `work` with the channels that `of` means laid out by pixel.
pub(super) fn with_pixels_outermost<R>(
    x: &[f32],
    of: &Picture,
    batch: usize,
    work: impl FnOnce(ByPixel<'_>) -> R,
) -> R {
    let pixels = of.size[0] * of.size[1];
    let picture = of.count + PAD;
    with_scratch(pixels * batch * picture, |values| {
        let target = Shared::new(values.as_mut_ptr());
        parallel::for_each(pixels, |pixel| {
            // SAFETY: pixels lie apart, within `values`, which outlives this.
            let rows =
                unsafe { target.slice(pixel * batch * picture..(pixel + 1) * batch * picture) };
            for (n, row) in rows.chunks_exact_mut(picture).enumerate() {
                let start = (n * pixels + pixel) * of.channels + of.first;
                row[..of.count].copy_from_slice(&x[start..start + of.count]);
            }
        });
        work(ByPixel { values, batch, picture })
    })
}

/// The taps of an axis that connect a target with a source pixel: (number of the tap, pixel).
fn inside(axis: &Axis, target: usize, size: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
    axis.taps.iter().enumerate().filter_map(move |(index, tap)| {
        let place = (target * axis.stride) as isize + tap.offset;
        (place >= 0 && place < size as isize).then_some((index, place as usize))
    })
}

/// As [`Correlation::run`].
pub(super) fn correlate(
    correlation: &Correlation,
    isa: Isa,
    source: ByPixel<'_>,
    weight: &[f32],
    target: Shared<f32>,
    epilogue: Epilogue<'_>,
) {
    let [vertical, horizontal] = &correlation.axes;
    let sizes = [correlation.source.count, correlation.target.count];
    let width = 2 * isa.lanes();
    let panels = correlation.target.count.div_ceil(width);
    with_packed(weight, correlation.weight, [vertical, horizontal], sizes, width, |packed| {
        // Rows of a panel together: they share its weights.
        let rows = vertical.count;
        parallel::for_each(panels * rows, |task| {
            isa.run(Row {
                correlation,
                source,
                packed,
                target,
                epilogue,
                panel: task / rows,
                row: task % rows,
            });
        });
    });
}

/// A row of targets, in the channels of a panel, over all pictures.
struct Row<'a> {
    correlation: &'a Correlation,
    source: ByPixel<'a>,
    packed: &'a [f32],
    target: Shared<f32>,
    epilogue: Epilogue<'a>,
    panel: usize,
    row: usize,
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Correlation { axes: [vertical, horizontal], source, target, .. } = self.correlation;
        let width = 2 * S::LANES;
        let channel = self.panel * width;
        let block = source.count * width;
        let panel = vertical.taps.len() * horizontal.taps.len() * block;
        let right = &self.packed[self.panel * panel..][..panel];
        let y = vertical.start + self.row * vertical.step;
        let mut parts = Vec::with_capacity(vertical.taps.len() * horizontal.taps.len());
        for column in 0..horizontal.count {
            parts.clear();
            for (tap_y, source_y) in inside(vertical, self.row, source.size[0]) {
                for (tap_x, source_x) in inside(horizontal, column, source.size[1]) {
                    parts.push(Part {
                        left: self.source.at(source_y * source.size[1] + source_x),
                        right: (tap_y * horizontal.taps.len() + tap_x) * block,
                    });
                }
            }
            let x = horizontal.start + column * horizontal.step;
            let pixel = y * target.size[1] + x;
            let picture = target.size[0] * target.size[1] * target.channels;
            for (start, rows) in pieces(self.source.batch, S::TILE_ROWS) {
                let offset = start * picture + pixel * target.channels + target.first + channel;
                // SAFETY: the parts lie inside the source and the packed weights; a target is
                // written by one task only, in the channels that there are.
                unsafe {
                    tile(
                        simd,
                        rows,
                        &Tile {
                            left: self.source.values.as_ptr().add(start * self.source.picture),
                            row: self.source.picture,
                            step: 1,
                            parts: &parts,
                            depth: source.count,
                            right: right.as_ptr(),
                            out: self.target.pointer().add(offset),
                            out_row: picture,
                            columns: width.min(target.count - channel),
                            finish: self.epilogue.finish(target.first + channel, offset),
                        },
                    );
                }
            }
        }
    }
}

/// Writes the gradient of the weight to `sums`, `[panel, tap, picture channel, panel column]`.
pub(super) fn weight_gradient(
    axes: &[Axis; 2],
    isa: Isa,
    [x, dy]: [&[f32]; 2],
    [picture, gradient]: [&Picture; 2],
    batch: usize,
    sums: &mut [f32],
) {
    let width = 2 * isa.lanes();
    let panels = gradient.count.div_ceil(width);
    let taps = axes[0].taps.len() * axes[1].taps.len();
    let len = picture.count * width;
    assert_eq!(sums.len(), panels * taps * len);
    let pixels = gradient.size[0] * gradient.size[1];
    with_pixels_outermost(x, picture, batch, |by_pixel| {
        with_scratch(panels * pixels * batch * width, |packed| {
            pack(dy, gradient, batch, width, packed);
            let packed = &*packed;
            let target = Shared::new(sums.as_mut_ptr());
            let stretches = picture.count.div_ceil(TASK_ROWS);
            parallel::for_each(panels * taps * stretches, |task| {
                let (block, stretch) = (task / stretches, task % stretches);
                let rows = parallel::part(picture.count, stretches, stretch);
                let range = block * len + rows.start * width..block * len + rows.end * width;
                // SAFETY: rows of taps of panels lie apart, within `sums`, which outlives this.
                let sums = unsafe { target.slice(range) };
                let (panel, tap) = (block / taps, block % taps);
                let right = &packed[panel * pixels * batch * width..][..pixels * batch * width];
                let tap = [tap / axes[1].taps.len(), tap % axes[1].taps.len()];
                isa.run(TapSum { axes, picture, gradient, by_pixel, right, tap, rows, sums });
            });
        });
    });
}

/// The gradient as `[panel, pixel, picture, panel column]`, missing columns zero.
fn pack(dy: &[f32], gradient: &Picture, batch: usize, width: usize, packed: &mut [f32]) {
    let pixels = gradient.size[0] * gradient.size[1];
    let len = pixels * batch * width;
    let target = Shared::new(packed.as_mut_ptr());
    parallel::for_each(gradient.count.div_ceil(width), |panel| {
        // SAFETY: panels lie apart, within `packed`, which outlives this.
        let packed = unsafe { target.slice(panel * len..(panel + 1) * len) };
        let first = gradient.first + panel * width;
        let filled = width.min(gradient.count - panel * width);
        for (row, line) in packed.chunks_exact_mut(width).enumerate() {
            let (pixel, n) = (row / batch, row % batch);
            let start = (n * pixels + pixel) * gradient.channels + first;
            line[..filled].copy_from_slice(&dy[start..start + filled]);
            line[filled..].fill(0.0);
        }
    });
}

/// Some rows of the sum of one tap, in the columns of a panel.
struct TapSum<'a> {
    axes: &'a [Axis; 2],
    picture: &'a Picture,
    gradient: &'a Picture,
    by_pixel: ByPixel<'a>,
    right: &'a [f32],
    tap: [usize; 2],
    rows: Range<usize>,
    sums: &'a mut [f32],
}

impl Kernel for TapSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = 2 * S::LANES;
        let batch = self.by_pixel.batch;
        let connected = |axis: usize, target: usize| {
            inside(&self.axes[axis], target, self.picture.size[axis])
                .find(|&(tap, _)| tap == self.tap[axis])
                .map(|(_, pixel)| pixel)
        };
        let mut parts = Vec::new();
        for y in 0..self.axes[0].count {
            let Some(source_y) = connected(0, y) else { continue };
            for x in 0..self.axes[1].count {
                let Some(source_x) = connected(1, x) else { continue };
                parts.push(Part {
                    left: self.by_pixel.at(source_y * self.picture.size[1] + source_x),
                    right: (y * self.gradient.size[1] + x) * batch * width,
                });
            }
        }
        if parts.is_empty() {
            self.sums.fill(0.0);
            return;
        }
        // Whole parts at a time, or stretches of one that is long.
        let at_once = (STEPS_AT_ONCE / batch.max(1)).max(1);
        let depth = batch.min(STEPS_AT_ONCE);
        let mut finish = Finish::Store;
        for parts in parts.chunks(at_once) {
            for first in (0..batch).step_by(depth) {
                let depth = depth.min(batch - first);
                let left = self.rows.start + first * self.by_pixel.picture;
                for (start, rows) in pieces(self.rows.len(), S::TILE_ROWS) {
                    // SAFETY: the parts lie inside both sides, and `sums` has a line for each row.
                    unsafe {
                        tile(
                            simd,
                            rows,
                            &Tile {
                                left: self.by_pixel.values.as_ptr().add(left + start),
                                row: 1,
                                step: self.by_pixel.picture,
                                parts,
                                depth,
                                right: self.right.as_ptr().add(first * width),
                                out: self.sums[start * width..].as_mut_ptr(),
                                out_row: width,
                                columns: width,
                                finish,
                            },
                        );
                    }
                }
                finish = Finish::Accumulate;
            }
        }
    }
}
