//! The mean of windows and its gradient, for sliding and for adaptive windows.
//!
//! A window's sum is taken row by row, each row in its own accumulators: the error grows with the
//! window's height and width, not with their product.

use std::ops::Range;

use super::by_rows;
use super::windows::Windows;
use crate::channels::{ByChannels, by_channels, load, store};
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::{Output, tensor_len};
use crate::parallel::Shared;

/// Windows along both axes, and what their sums are multiplied by.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) batch: usize,
    pub(super) channels: usize,
    pub(super) windows: [Windows; 2],
    /// Pixels to divide by; none, the window's own.
    pub(super) divisor: Option<usize>,
}

impl Means {
    fn x_len(&self) -> usize {
        let [height, width] = self.windows.each_ref().map(Windows::size);
        tensor_len(&[self.batch, height, width, self.channels])
    }

    fn y_len(&self) -> usize {
        let [height, width] = self.windows.each_ref().map(Windows::count);
        tensor_len(&[self.batch, height, width, self.channels])
    }

    #[inline(always)]
    fn scale(&self, oy: usize, ox: usize) -> f32 {
        let own = self.windows[0].pixels[oy].len() * self.windows[1].pixels[ox].len();
        1.0 / self.divisor.unwrap_or(own).max(1) as f32
    }

    pub(super) fn forward(&self, isa: Isa, x: &[f32]) -> Vec<f32> {
        assert_eq!(x.len(), self.x_len(), "length of a pooling's picture");
        let mut y = Output::new(self.y_len());
        let to = Shared::new(y.as_mut_ptr());
        by_rows(self.batch * self.windows[0].count(), x.len().max(self.y_len()), |rows| {
            isa.run(Forward { means: self, x, to, rows });
        });
        // SAFETY: the rows cover the result, and each writes all of its pixels' channels.
        unsafe { y.finish() }
    }

    pub(super) fn input_gradient(&self, isa: Isa, dy: &[f32]) -> Vec<f32> {
        assert_eq!(dy.len(), self.y_len(), "length of a pooling's result");
        let mut dx = Output::new(self.x_len());
        let to = Shared::new(dx.as_mut_ptr());
        by_rows(self.batch * self.windows[0].size(), self.x_len(), |rows| {
            isa.run(Gather { means: self, dy, to, rows });
        });
        // SAFETY: the rows cover the picture, and each writes all of its pixels' channels.
        unsafe { dx.finish() }
    }
}

/// Some rows of the result, counted over the batch.
struct Forward<'a> {
    means: &'a Means,
    x: &'a [f32],
    to: Shared<f32>,
    rows: Range<usize>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.means.channels;
        let [down, across] = &self.means.windows;
        for row in self.rows {
            let (picture, oy) = (row / down.count(), row % down.count());
            let vertical = &down.pixels[oy];
            for (ox, horizontal) in across.pixels.iter().enumerate() {
                let first = (picture * down.size() + vertical.start) * across.size();
                let from = (first + horizontal.start) * channels;
                // SAFETY: the window lies within the picture, whose length was checked, and the
                // result's pixel within the result; no other task has this row.
                unsafe {
                    let mut window = Window {
                        from: self.x.as_ptr().wrapping_add(from),
                        to: self.to.pointer().add((row * across.count() + ox) * channels),
                        rows: vertical.len(),
                        columns: horizontal.len(),
                        row_floats: across.size() * channels,
                        channels,
                        scale: self.means.scale(oy, ox),
                    };
                    by_channels(simd, channels, &mut window);
                }
            }
        }
    }
}

/// One pixel of the result.
struct Window {
    from: *const f32,
    to: *mut f32,
    rows: usize,
    columns: usize,
    row_floats: usize,
    channels: usize,
    scale: f32,
}

impl<S: Simd> ByChannels<S> for Window {
    #[inline(always)]
    unsafe fn block<const V: usize, const PARTIAL: bool>(
        &mut self,
        simd: S,
        at: usize,
        count: usize,
    ) {
        // SAFETY: the caller vouches for the channels of every pixel of the window and of the
        // result's pixel.
        unsafe {
            let mut sum = [simd.zero(); V];
            for row in 0..self.rows {
                let mut pixel = self.from.wrapping_add(row * self.row_floats + at);
                let mut row_sum = [simd.zero(); V];
                for _ in 0..self.columns {
                    for (v, sum) in row_sum.iter_mut().enumerate() {
                        let value = load::<S, PARTIAL>(simd, pixel.add(v * S::LANES), count);
                        *sum = simd.add(*sum, value);
                    }
                    pixel = pixel.wrapping_add(self.channels);
                }
                for v in 0..V {
                    sum[v] = simd.add(sum[v], row_sum[v]);
                }
            }
            let scale = simd.splat(self.scale);
            for (v, &sum) in sum.iter().enumerate() {
                let to = self.to.add(at + v * S::LANES);
                store::<S, PARTIAL>(simd, to, count, simd.mul(sum, scale));
            }
        }
    }
}

/// Some rows of the picture, counted over the batch.
struct Gather<'a> {
    means: &'a Means,
    dy: &'a [f32],
    to: Shared<f32>,
    rows: Range<usize>,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.means.channels;
        let [down, across] = &self.means.windows;
        for row in self.rows.clone() {
            let (picture, iy) = (row / down.size(), row % down.size());
            for ix in 0..across.size() {
                // SAFETY: the windows that cover a pixel lie within the result, whose length was
                // checked, and the pixel within the picture; no other task has this row.
                unsafe {
                    let mut pixel = Pixel {
                        gather: &self,
                        first_row: picture * down.count(),
                        iy,
                        ix,
                        to: self.to.pointer().add((row * across.size() + ix) * channels),
                    };
                    by_channels(simd, channels, &mut pixel);
                }
            }
        }
    }
}

/// One pixel of the picture.
struct Pixel<'a> {
    gather: &'a Gather<'a>,
    first_row: usize,
    iy: usize,
    ix: usize,
    to: *mut f32,
}

impl<S: Simd> ByChannels<S> for Pixel<'_> {
    #[inline(always)]
    unsafe fn block<const V: usize, const PARTIAL: bool>(
        &mut self,
        simd: S,
        at: usize,
        count: usize,
    ) {
        let means = self.gather.means;
        let [down, across] = &means.windows;
        // SAFETY: the caller vouches for the channels of every pixel.
        unsafe {
            let mut sum = [simd.zero(); V];
            for oy in down.covering[self.iy].clone() {
                for ox in across.covering[self.ix].clone() {
                    let scale = simd.splat(means.scale(oy, ox));
                    let pixel = (self.first_row + oy) * across.count() + ox;
                    let from = self.gather.dy.as_ptr().add(pixel * means.channels + at);
                    for (v, sum) in sum.iter_mut().enumerate() {
                        let value = load::<S, PARTIAL>(simd, from.add(v * S::LANES), count);
                        *sum = simd.mul_add(value, scale, *sum);
                    }
                }
            }
            for (v, &sum) in sum.iter().enumerate() {
                store::<S, PARTIAL>(simd, self.to.add(at + v * S::LANES), count, sum);
            }
        }
    }
}
