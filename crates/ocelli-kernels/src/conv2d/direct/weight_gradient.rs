//! The gradient of the weight: for each tap, the picture's channels times the result's channels,
//! summed over all pixels.
//!
//! ```text
//! dw[tap, i, o] = Σ over pixels p:  x[p · stride + tap, i] · dy[p, o]
//! ```
//!
//! The sum runs over pixels, so a tile's rows are channels of the picture, next to each other in
//! memory, and its right-hand side is the gradient, packed in panels. The bands of the batch are
//! dealt to a few parts, each of which adds up its own gradient (in parallel); the parts are
//! added in order. Parts follow from the shape alone, so the result does not depend on threads.

use std::ops::Range;

use super::axis::Axis;
use super::band::{self, Layout};
use super::correlation::Picture;
use super::pack::channels_at_once;
use super::small;
use crate::conv2d::Conv2dShape;
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, with_scratch};
use crate::parallel::{self, Shared};
use crate::tile::{Finish, Part, Tile, pieces, tile, whole_vectors};

/// The parts of a batch that add up gradients of their own, and the bytes that these may take.
const MOST_PARTS: usize = 16;
const PARTS_BYTES: usize = 16 << 20;

/// Rows of the sums that are written at a time, for all columns: their lines stay in cache.
const ROWS_AT_ONCE: usize = 16;

/// The gradient, in PyTorch's order. Lengths are checked by the caller.
pub(in crate::conv2d) fn weight_gradient(
    isa: Isa,
    shape: &Conv2dShape,
    x: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let mut dw = Output::new(shape.weight_len());
    let target = Shared::new(dw.as_mut_ptr());
    for group in 0..shape.groups {
        let mut job = Job {
            axes: [0, 1].map(|axis| Axis::forward(shape, axis)),
            batch: shape.batch,
            picture: Picture {
                size: shape.size,
                channels: shape.in_channels,
                first: group * shape.group_in(),
                count: shape.group_in(),
            },
            gradient: Picture {
                size: shape.output_size(),
                channels: shape.out_channels,
                first: group * shape.group_out(),
                count: shape.group_out(),
            },
        };
        job.flatten();
        // As many channels at a time as sums may be kept of.
        let weights = shape.group_in() * shape.taps();
        let at_once = channels_at_once(weights, 2 * isa.lanes());
        let channels = job.gradient.first..job.gradient.first + job.gradient.count;
        for first in channels.clone().step_by(at_once) {
            job.gradient.first = first;
            job.gradient.count = at_once.min(channels.end - first);
            job.run(isa, x, dy, target, first * weights);
        }
    }
    // SAFETY: every channel of every group is written.
    unsafe { dw.finish() }
}

/// One group of channels.
struct Job {
    axes: [Axis; 2],
    batch: usize,
    picture: Picture,
    gradient: Picture,
}

impl Job {
    /// A window of one pixel that visits every pixel doesn't care where rows and pictures end: all
    /// pixels of the batch become one row.
    fn flatten(&mut self) {
        if self.axes.iter().zip(self.picture.size).all(|(axis, size)| axis.is_identity(size)) {
            let pixels = self.batch * self.axes[0].count * self.axes[1].count;
            self.axes[0].count = usize::from(pixels > 0);
            self.axes[1].count = pixels;
            self.picture.size = [1, pixels];
            self.gradient.size = [1, pixels];
            self.batch = 1;
        }
    }

    fn run(&self, isa: Isa, x: &[f32], dy: &[f32], dw: Shared<f32>, first: usize) {
        let panel_width = 2 * isa.lanes();
        let panels = self.gradient.count.div_ceil(panel_width);
        let taps = self.axes[0].taps.len() * self.axes[1].taps.len();
        let sums_len = panels * taps * self.picture.count * panel_width;
        if small::weight_gradient_applies(&self.axes, self.batch, self.gradient.count) {
            with_scratch(sums_len, |sums| {
                let pictures = [&self.picture, &self.gradient];
                small::weight_gradient(&self.axes, isa, [x, dy], pictures, self.batch, sums);
                self.write(panel_width, sums, 1, dw, first);
            });
            return;
        }
        let layout = Layout::new(&self.axes, &self.picture);
        let [height, width] = layout.targets(&self.axes, self.gradient.count);
        let bands = [self.axes[0].count.div_ceil(height), self.axes[1].count.div_ceil(width)];
        let count = self.batch * bands[0] * bands[1];
        let affordable = PARTS_BYTES / size_of::<f32>() / sums_len.max(1);
        let parts = parallel::parts(count, 1, affordable.clamp(2, MOST_PARTS));
        with_scratch(parts * sums_len, |sums| {
            if count == 0 {
                sums.fill(0.0);
            }
            let shared = Shared::new(sums.as_mut_ptr());
            parallel::for_each(if count == 0 { 0 } else { parts }, |part| {
                // SAFETY: parts lie apart, within `sums`, which outlives this.
                let sums = unsafe { shared.slice(part * sums_len..(part + 1) * sums_len) };
                for (index, band) in parallel::part(count, parts, part).enumerate() {
                    let n = band / (bands[0] * bands[1]);
                    let at = [band / bands[1] % bands[0], band % bands[1]];
                    let ranges = [0, 1]
                        .map(|axis| parallel::part(self.axes[axis].count, bands[axis], at[axis]));
                    self.add_band(isa, &layout, x, dy, n, &ranges, sums, index > 0);
                }
            });
            self.write(panel_width, sums, parts, dw, first);
        });
    }

    /// Adds the parts of `sums`, `[part, panel, tap, picture channel, panel column]`, and writes
    /// them in PyTorch's order.
    fn write(
        &self,
        panel_width: usize,
        sums: &mut [f32],
        parts: usize,
        dw: Shared<f32>,
        first: usize,
    ) {
        let channels = self.picture.count;
        let taps = self.axes[0].taps.len() * self.axes[1].taps.len();
        let panel_len = taps * channels * panel_width;
        let panels = self.gradient.count.div_ceil(panel_width);
        let shared = Shared::new(sums.as_mut_ptr());
        parallel::for_each(panels, |panel| {
            let panel_sums = |part: usize| {
                let start = (part * panels + panel) * panel_len;
                // SAFETY: each panel of each part is touched by one task.
                unsafe { shared.slice(start..start + panel_len) }
            };
            let total = panel_sums(0);
            for part in 1..parts {
                for (total, &value) in total.iter_mut().zip(panel_sums(part).iter()) {
                    *total += value;
                }
            }
            let columns = panel_width.min(self.gradient.count - panel * panel_width);
            for rows in (0..channels).step_by(ROWS_AT_ONCE) {
                let count = ROWS_AT_ONCE.min(channels - rows);
                for column in 0..columns {
                    let channel = panel * panel_width + column;
                    let start = first + (channel * channels + rows) * taps;
                    // SAFETY: each channel of the result is written by one task, in bounds.
                    let dw = unsafe { dw.slice(start..start + count * taps) };
                    for (row, dw) in dw.chunks_exact_mut(taps).enumerate() {
                        for (tap, dw) in dw.iter_mut().enumerate() {
                            *dw = total[(tap * channels + rows + row) * panel_width + column];
                        }
                    }
                }
            }
        });
    }

    /// Adds the pixels of a band to `sums`, `[panel, tap, picture channel, panel column]`, or
    /// begins them.
    #[expect(clippy::too_many_arguments, reason = "one call, of a method that exists to be read")]
    fn add_band(
        &self,
        isa: Isa,
        layout: &Layout,
        x: &[f32],
        dy: &[f32],
        n: usize,
        ranges: &[Range<usize>; 2],
        sums: &mut [f32],
        accumulate: bool,
    ) {
        let panel_width = 2 * isa.lanes();
        let panels = self.gradient.count.div_ceil(panel_width);
        let pixels = ranges[0].len() * ranges[1].len();
        with_scratch(panels * pixels * panel_width, |packed| {
            self.pack(dy, n, ranges, panel_width, packed);
            let mut run = |left: *const f32, row: usize| {
                let finish = if accumulate { Finish::Accumulate } else { Finish::Store };
                let outer = Outer { job: self, layout, ranges, packed, left, row, finish };
                isa.run(OuterTiles { outer, sums: &mut *sums });
            };
            if layout.copied {
                let extent = [0, 1].map(|axis| {
                    layout.extent(&self.axes[axis], layout.stride[axis], ranges[axis].len())
                });
                with_scratch(extent[0] * extent[1] * layout.pixel, |copy| {
                    band::copy(layout, &self.axes, &self.picture, x, n, ranges, copy);
                    run(copy.as_ptr(), extent[1] * layout.pixel);
                });
            } else {
                let place = |axis: usize| {
                    let [first, _] = self.axes[axis].offsets();
                    ranges[axis].start * layout.stride[axis] + first as usize
                };
                let [height, width] = self.picture.size;
                let start = ((n * height + place(0)) * width + place(1)) * self.picture.channels;
                run(x[start + self.picture.first..].as_ptr(), width * self.picture.channels);
            }
        });
    }

    /// The band's gradient as `[panel, pixel, panel column]`, missing columns zero.
    fn pack(
        &self,
        dy: &[f32],
        n: usize,
        ranges: &[Range<usize>; 2],
        panel_width: usize,
        packed: &mut [f32],
    ) {
        let Picture { size: [height, width], channels, first, count } = self.gradient;
        let pixels = ranges[0].len() * ranges[1].len();
        for (panel, packed) in packed.chunks_exact_mut(pixels * panel_width).enumerate() {
            let channel = first + panel * panel_width;
            let filled = panel_width.min(count - panel * panel_width);
            let mut lines = packed.chunks_exact_mut(panel_width);
            for y in ranges[0].clone() {
                let row = (n * height + y) * width;
                for (x, line) in ranges[1].clone().zip(&mut lines) {
                    let start = (row + x) * channels + channel;
                    line[..filled].copy_from_slice(&dy[start..start + filled]);
                    line[filled..].fill(0.0);
                }
            }
        }
    }
}

/// The operands of a band.
struct Outer<'a> {
    job: &'a Job,
    layout: &'a Layout,
    ranges: &'a [Range<usize>; 2],
    packed: &'a [f32],
    left: *const f32,
    /// Floats of a row of the source.
    row: usize,
    finish: Finish,
}

struct OuterTiles<'a> {
    outer: Outer<'a>,
    sums: &'a mut [f32],
}

impl Kernel for OuterTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Outer { job, layout, ranges, packed, left, row, finish } = self.outer;
        let [vertical, horizontal] = &job.axes;
        let panel_width = 2 * S::LANES;
        let lines: Vec<Part> = (0..ranges[0].len())
            .map(|line| Part {
                left: line * layout.stride[0] * row,
                right: line * ranges[1].len() * panel_width,
            })
            .collect();
        let pixels = ranges[0].len() * ranges[1].len();
        let channels = job.picture.count;
        // Taps that are neighbours in the band make one run of rows.
        let merged = layout.pixel == channels && horizontal.is_dense();
        let run = if merged { horizontal.taps.len() * channels } else { channels };
        let runs = vertical.taps.len() * horizontal.taps.len() * channels / run;
        let first = [vertical.offsets()[0], horizontal.offsets()[0]];
        for panel in 0..job.gradient.count.div_ceil(panel_width) {
            let right = packed[panel * pixels * panel_width..].as_ptr();
            let columns = whole_vectors::<S>(job.gradient.count, panel * panel_width);
            let sums =
                &mut self.sums[panel * runs * run * panel_width..][..runs * run * panel_width];
            for (index, sums) in sums.chunks_exact_mut(run * panel_width).enumerate() {
                let (tap_y, tap_x) = if merged {
                    (index, 0)
                } else {
                    (index / horizontal.taps.len(), index % horizontal.taps.len())
                };
                let offset = (vertical.taps[tap_y].offset - first[0]) as usize * row
                    + (horizontal.taps[tap_x].offset - first[1]) as usize * layout.pixel;
                for (start, rows) in pieces(run, S::TILE_ROWS) {
                    // SAFETY: the band holds every pixel that these taps reach, `packed` whole
                    // panels, and `sums` a line for each row.
                    unsafe {
                        tile(
                            simd,
                            rows,
                            &Tile {
                                left: left.add(offset + start),
                                row: 1,
                                step: layout.stride[1] * layout.pixel,
                                parts: &lines,
                                depth: ranges[1].len(),
                                right,
                                out: sums[start * panel_width..].as_mut_ptr(),
                                out_row: panel_width,
                                columns,
                                finish,
                            },
                        );
                    }
                }
            }
        }
    }
}
