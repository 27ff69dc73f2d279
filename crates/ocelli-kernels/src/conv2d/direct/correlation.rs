//! One pass of products from a source to a target, both pictures.
//!
//! Loops, outermost first: target channels whose weights are packed at a time; tasks (pictures and
//! bands of targets, in parallel); panels of target channels, whose weights stream through the
//! second-level cache; stretches of taps, where those of a panel are too many for it; rows of
//! targets; tiles of a row. The source band of a task stays in the second-level cache over all
//! panels. Where all weights fit there too, panels are innermost.

use std::ops::Range;

use super::axis::Axis;
use super::band::{self, Layout};
use super::pack::{WeightOrder, channels_at_once, with_packed};
use super::small;
use crate::conv2d::Epilogue;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::with_scratch;
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile};

/// Weights of a panel that stay in cache from one row of targets to the next; of more, some taps at a
/// time are gone through with all rows.
const PARTS_BYTES: usize = 2 << 20;

/// Weights that stay in a second-level cache beside all else. With these, all channels of some
/// targets are computed before the next targets: they are neighbours in memory, and so is what is
/// added to them.
const STAYING_BYTES: usize = 256 << 10;

/// A tensor `[batch, height, width, channels]`, of whose channels some are meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    pub(super) size: [usize; 2],
    /// All channels of a pixel.
    pub(super) channels: usize,
    /// The first one meant.
    pub(super) first: usize,
    /// How many are meant.
    pub(super) count: usize,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    pub(super) axes: [Axis; 2],
    pub(super) batch: usize,
    pub(super) source: Picture,
    pub(super) target: Picture,
    pub(super) weight: WeightOrder,
}

impl Correlation {
    /// Writes all targets of the axes, in the channels meant: as many at a time as may be packed.
    pub(super) fn run(
        &self,
        isa: Isa,
        x: &[f32],
        weight: &[f32],
        target: Shared<f32>,
        epilogue: Epilogue<'_>,
    ) {
        let taps = self.axes[0].taps.len() * self.axes[1].taps.len();
        let at_once = channels_at_once(taps * self.source.count, 2 * isa.lanes());
        for start in (0..self.target.count).step_by(at_once) {
            let count = at_once.min(self.target.count - start);
            let mut some = self.clone();
            some.target = Picture { first: self.target.first + start, count, ..self.target };
            some.weight = self.weight.skipping_columns(start);
            some.run_at_once(isa, x, weight, target, epilogue);
        }
    }

    fn run_at_once(
        self,
        isa: Isa,
        x: &[f32],
        weight: &[f32],
        target: Shared<f32>,
        epilogue: Epilogue<'_>,
    ) {
        if small::applies(&self.axes, self.batch) {
            small::with_pixels_outermost(x, &self.source, self.batch, |source| {
                small::correlate(&self, isa, source, weight, target, epilogue);
            });
        } else {
            self.run_by_bands(isa, x, weight, target, epilogue);
        }
    }

    fn run_by_bands(
        mut self,
        isa: Isa,
        x: &[f32],
        weight: &[f32],
        target: Shared<f32>,
        epilogue: Epilogue<'_>,
    ) {
        self.flatten();
        let layout = Layout::new(&self.axes, &self.source);
        let panel_width = 2 * isa.lanes();
        let [vertical, horizontal] = &self.axes;
        let sizes = [self.source.count, self.target.count];
        let taps = self.taps(&layout);
        with_packed(weight, self.weight, [vertical, horizontal], sizes, panel_width, |packed| {
            let [height, width] = layout.targets(&self.axes, 0);
            let bands = [vertical.count.div_ceil(height), horizontal.count.div_ceil(width)];
            let per_picture = bands[0] * bands[1];
            parallel::for_each(self.batch * per_picture, |task| {
                let (n, band) = (task / per_picture, task % per_picture);
                let range = |axis: usize, index: usize| {
                    parallel::part(self.axes[axis].count, bands[axis], index)
                };
                let ranges = [range(0, band / bands[1]), range(1, band % bands[1])];
                let job = Band {
                    correlation: &self,
                    layout,
                    taps: &taps,
                    packed,
                    target,
                    epilogue,
                    n,
                    ranges,
                };
                if layout.copied {
                    let extent = [0, 1].map(|axis| {
                        let targets = job.ranges[axis].len();
                        layout.extent(&self.axes[axis], layout.stride[axis], targets)
                    });
                    with_scratch(extent[0] * extent[1] * layout.pixel, |copy| {
                        band::copy(&layout, &self.axes, &self.source, x, n, &job.ranges, copy);
                        isa.run(Tiles { left: copy.as_ptr(), row: extent[1] * layout.pixel, job });
                    });
                } else {
                    let place = |axis: usize| {
                        let [first, _] = self.axes[axis].offsets();
                        job.ranges[axis].start * layout.stride[axis] + first as usize
                    };
                    let [height, width] = self.source.size;
                    let start = ((n * height + place(0)) * width + place(1)) * self.source.channels;
                    let left = x[start + self.source.first..].as_ptr();
                    isa.run(Tiles { left, row: width * self.source.channels, job });
                }
            });
        });
    }

    /// A window of one pixel that visits every pixel doesn't care where rows end: all pixels of
    /// the batch become one row, and tiles are full height.
    fn flatten(&mut self) {
        if self.axes.iter().zip(self.source.size).all(|(axis, size)| axis.is_identity(size)) {
            let pixels = self.batch * self.axes[0].count * self.axes[1].count;
            self.axes[0].count = usize::from(pixels > 0);
            self.axes[1].count = pixels;
            self.source.size = [1, pixels];
            self.target.size = [1, pixels];
            self.batch = 1;
        }
    }

    /// Offsets of the parts of a target's sum, and the length of each: pixels that are neighbours
    /// in a band are one part.
    fn taps(&self, layout: &Layout) -> Vec<[usize; 2]> {
        let [vertical, horizontal] = &self.axes;
        let merged = layout.pixel == self.source.count && horizontal.is_dense();
        let first = [vertical.offsets()[0], horizontal.offsets()[0]];
        let mut taps = Vec::new();
        for tap_y in &vertical.taps {
            let row = (tap_y.offset - first[0]) as usize;
            if merged && !horizontal.taps.is_empty() {
                taps.push([row, 0]);
            } else {
                for tap_x in &horizontal.taps {
                    let column = (tap_x.offset - first[1]) as usize;
                    taps.push([row, column * layout.pixel]);
                }
            }
        }
        taps
    }
}

/// The targets of one task.
struct Band<'a> {
    correlation: &'a Correlation,
    layout: Layout,
    taps: &'a [[usize; 2]],
    packed: &'a [f32],
    target: Shared<f32>,
    epilogue: Epilogue<'a>,
    n: usize,
    ranges: [Range<usize>; 2],
}

struct Tiles<'a> {
    /// The source pixel of the first tap of the first target.
    left: *const f32,
    /// Floats of a row of the source.
    row: usize,
    job: Band<'a>,
}

impl Kernel for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Band { correlation, layout, packed, target, epilogue, n, ref ranges, .. } = self.job;
        let Correlation { axes: [vertical, horizontal], source, target: picture, .. } = correlation;
        let products = vertical.taps.len() * horizontal.taps.len() * source.count;
        let panel_width = 2 * S::LANES;
        let depth = products.checked_div(self.job.taps.len()).unwrap_or(0);
        let parts: Vec<Part> = (self.job.taps.iter().enumerate())
            .map(|(index, &[row, column])| Part {
                left: row * self.row + column,
                right: index * depth * panel_width,
            })
            .collect();
        // A sum that goes on later has its epilogue once, at its end, which a tile can't tell.
        let at_once = match epilogue.is_none() {
            true => (PARTS_BYTES / (depth * panel_width * size_of::<f32>()).max(1)).max(1),
            false => parts.len().max(1),
        };
        let panels = picture.count.div_ceil(panel_width);
        let compute = |panel: usize,
                       line: usize,
                       start: usize,
                       rows: usize,
                       parts: &[Part],
                       goes_on: bool| {
            let channel = panel * panel_width;
            let y = vertical.start + (ranges[0].start + line) * vertical.step;
            let x = horizontal.start + (ranges[1].start + start) * horizontal.step;
            let pixel = (n * picture.size[0] + y) * picture.size[1] + x;
            let offset = pixel * picture.channels + picture.first + channel;
            let finish = match goes_on {
                true => Finish::Accumulate,
                false => epilogue.finish(picture.first + channel, offset),
            };
            // SAFETY: the band holds every pixel that the taps of these targets reach
            // (`Layout::extent`), or they lie inside the picture (`stays_inside`);
            // `packed` holds whole panels; a target is written by one task only.
            unsafe {
                let left = self.left.add(
                    line * layout.stride[0] * self.row + start * layout.stride[1] * layout.pixel,
                );
                tile(
                    simd,
                    rows,
                    &Tile {
                        left,
                        row: layout.stride[1] * layout.pixel,
                        step: 1,
                        parts,
                        depth,
                        right: packed[panel * products * panel_width..].as_ptr(),
                        out: target.pointer().add(offset),
                        out_row: horizontal.step * picture.channels,
                        columns: panel_width.min(picture.count - channel),
                        finish,
                    },
                );
            }
        };
        // Also a window without taps, which writes zeros.
        if panels * products * panel_width * size_of::<f32>() <= STAYING_BYTES {
            for line in 0..ranges[0].len() {
                for (start, rows) in pieces(ranges[1].len(), S::TILE_ROWS) {
                    for panel in 0..panels {
                        compute(panel, line, start, rows, &parts, false);
                    }
                }
            }
            return;
        }
        for panel in 0..panels {
            let mut stretches = parts.chunks(at_once);
            let first = stretches.next().unwrap_or_default();
            let later = stretches.map(|parts| (parts, true));
            for (parts, goes_on) in std::iter::once((first, false)).chain(later) {
                for line in 0..ranges[0].len() {
                    for (start, rows) in pieces(ranges[1].len(), S::TILE_ROWS) {
                        compute(panel, line, start, rows, parts, goes_on);
                    }
                }
            }
        }
    }
}
