//! Maximum pooling and its gradient.
//!
//! Forward keeps, beside the maximum, the number of the tap that it came from (in the window's
//! row-major order, the first one on a tie, as in PyTorch): a byte for windows up to 256 taps,
//! where PyTorch stores eight. The numbers run along as vectors of floats, chosen by the same
//! comparison as the values.
//!
//! A value that is not a number wins over all (the last of them, as in PyTorch), but no
//! comparison selects it. Testing for it in every step would double the work; instead each value
//! times zero is added up, and a row where that is not zero, which has an infinity or something
//! that is not a number, is done once more, one channel at a time.

use std::ops::Range;

use super::windows::Windows;
use super::{Pool2dShape, by_rows};
use crate::channels::{ByChannels, MAX_LANES, by_channels, load, store};
use crate::isa::{Isa, Kernel, Simd};
use crate::memory::Output;
use crate::parallel::Shared;
use crate::profile;

/// For each element of a result, the tap of its window that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taps(Numbers);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Numbers {
    Bytes(Vec<u8>),
    Words(Vec<u32>),
}

impl Taps {
    /// The tap numbers, in the order of the result.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let (bytes, words): (&[u8], &[u32]) = match &self.0 {
            Numbers::Bytes(bytes) => (bytes, &[]),
            Numbers::Words(words) => (&[], words),
        };
        bytes.iter().map(|&tap| usize::from(tap)).chain(words.iter().map(|&tap| tap as usize))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Numbers::Bytes(bytes) => bytes.len(),
            Numbers::Words(words) => words.len(),
        }
    }

    /// Whether the result was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A number of a tap as it is stored.
trait Tap: Copy + Send + Sync + PartialEq {
    /// From a float that holds a number of this type.
    fn from_float(number: f32) -> Self;
    fn from_number(number: usize) -> Self;
}

impl Tap for u8 {
    #[inline(always)]
    fn from_float(number: f32) -> Self {
        number as i32 as u8
    }

    #[inline(always)]
    fn from_number(number: usize) -> Self {
        number as u8
    }
}

impl Tap for u32 {
    #[inline(always)]
    fn from_float(number: f32) -> Self {
        number as u32
    }

    #[inline(always)]
    fn from_number(number: usize) -> Self {
        number as u32
    }
}

/// Taps that a float can count.
const MAX_TAPS: usize = 1 << 24;
/// Taps that a byte can number.
const BYTE_TAPS: usize = 1 << 8;

fn axis_windows(shape: &Pool2dShape) -> [Windows; 2] {
    let count = shape.output_size();
    [0, 1].map(|axis| {
        let (kernel, stride) = (shape.kernel[axis], shape.stride[axis]);
        Windows::sliding(shape.size[axis], count[axis], kernel, stride, shape.padding[axis])
    })
}

/// The largest value of each window, and its tap, which [`input_gradient`] wants.
///
/// # Panics
/// If `x` has not the length of the shape, or a window is empty or has more than 2^24 taps.
#[must_use]
pub fn forward_with_taps(isa: Isa, shape: &Pool2dShape, x: &[f32]) -> (Vec<f32>, Taps) {
    profile::record(
        || shape.describe("max pool", "forward"),
        || {
            if shape.taps() <= BYTE_TAPS {
                let (y, taps) = pool::<u8, true>(isa, shape, x);
                (y, Taps(Numbers::Bytes(taps)))
            } else {
                let (y, taps) = pool::<u32, true>(isa, shape, x);
                (y, Taps(Numbers::Words(taps)))
            }
        },
    )
}

/// The largest value of each window.
///
/// # Panics
/// As [`forward_with_taps`].
#[must_use]
pub fn forward(isa: Isa, shape: &Pool2dShape, x: &[f32]) -> Vec<f32> {
    profile::record(|| shape.describe("max pool", "forward"), || pool::<u8, false>(isa, shape, x).0)
}

fn pool<T: Tap, const TAPS: bool>(isa: Isa, shape: &Pool2dShape, x: &[f32]) -> (Vec<f32>, Vec<T>) {
    assert_eq!(x.len(), shape.x_len(), "length of a pooling's picture: {shape:?}");
    assert!(shape.taps() <= MAX_TAPS, "a pooling window of too many pixels: {shape:?}");
    let [down, across] = axis_windows(shape);
    assert!(
        down.pixels.iter().chain(&across.pixels).all(|window| !window.is_empty()),
        "a maximum needs a pixel in each window: {shape:?}"
    );
    let len = shape.y_len();
    let mut y = Output::new(len);
    let mut taps: Vec<T> = Vec::with_capacity(if TAPS { len } else { 0 });
    let (y_shared, taps_shared) = (Shared::new(y.as_mut_ptr()), Shared::new(taps.as_mut_ptr()));
    let (channels, width) = (shape.channels, across.count());
    by_rows(shape.batch * down.count(), x.len(), |rows| {
        isa.run(Forward::<T, TAPS> {
            x,
            y: y_shared,
            taps: taps_shared,
            down: &down,
            across: &across,
            channels,
            kernel_width: shape.kernel[1],
            rows,
        });
    });
    debug_assert_eq!(len, shape.batch * down.count() * width * channels);
    // SAFETY: the rows cover the result, and each writes all of its pixels' channels.
    unsafe {
        if TAPS {
            taps.set_len(len);
        }
        (y.finish(), taps)
    }
}

/// Some rows of the result, counted over the batch.
struct Forward<'a, T, const TAPS: bool> {
    x: &'a [f32],
    y: Shared<f32>,
    taps: Shared<T>,
    down: &'a Windows,
    across: &'a Windows,
    channels: usize,
    kernel_width: usize,
    rows: Range<usize>,
}

impl<T: Tap, const TAPS: bool> Kernel for Forward<'_, T, TAPS> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.across.size();
        let row_floats = width * self.channels;
        for row in self.rows.clone() {
            let (picture, oy) = (row / self.down.count(), row % self.down.count());
            let vertical = &self.down.pixels[oy];
            let mut doubt = simd.zero();
            for (ox, horizontal) in self.across.pixels.iter().enumerate() {
                let first = (picture * self.down.size() + vertical.start) * width;
                let skipped = self.down.skipped[oy] * self.kernel_width + self.across.skipped[ox];
                let to = (row * self.across.count() + ox) * self.channels;
                // SAFETY: the window lies within the picture, whose length was checked, and the
                // result's pixel within the result; no other task has this row.
                unsafe {
                    let mut window = Window::<S, T, TAPS> {
                        x: self.x.as_ptr().add((first + horizontal.start) * self.channels),
                        y: self.y.pointer().add(to),
                        taps: if TAPS { self.taps.pointer().add(to) } else { self.taps.pointer() },
                        rows: vertical.len(),
                        columns: horizontal.len(),
                        row_floats,
                        channels: self.channels,
                        first_tap: skipped as f32,
                        kernel_width: self.kernel_width as f32,
                        doubt,
                    };
                    by_channels(simd, self.channels, &mut window);
                    doubt = window.doubt;
                }
            }
            if simd.sum(doubt) != 0.0 {
                self.row_with_care(row);
            }
        }
    }
}

impl<T: Tap, const TAPS: bool> Forward<'_, T, TAPS> {
    /// One row by the definition, with PyTorch's rule for values that are not numbers.
    #[inline(never)]
    fn row_with_care(&self, row: usize) {
        let (picture, oy) = (row / self.down.count(), row % self.down.count());
        for (ox, horizontal) in self.across.pixels.iter().enumerate() {
            for channel in 0..self.channels {
                let (mut best, mut best_tap) = (f32::NEG_INFINITY, None);
                for (ky, iy) in self.down.pixels[oy].clone().enumerate() {
                    for (kx, ix) in horizontal.clone().enumerate() {
                        let pixel = (picture * self.down.size() + iy) * self.across.size() + ix;
                        let value = self.x[pixel * self.channels + channel];
                        if value > best || value.is_nan() || best_tap.is_none() {
                            let ky = ky + self.down.skipped[oy];
                            let kx = kx + self.across.skipped[ox];
                            best = value;
                            best_tap = Some(ky * self.kernel_width + kx);
                        }
                    }
                }
                let to = (row * self.across.count() + ox) * self.channels + channel;
                // SAFETY: within the result, in a row that no other task has.
                unsafe {
                    self.y.pointer().add(to).write(best);
                    if TAPS {
                        let tap = T::from_number(best_tap.unwrap_or(0));
                        self.taps.pointer().add(to).write(tap);
                    }
                }
            }
        }
    }
}

/// One pixel of the result.
struct Window<S: Simd, T, const TAPS: bool> {
    x: *const f32,
    y: *mut f32,
    taps: *mut T,
    rows: usize,
    columns: usize,
    row_floats: usize,
    channels: usize,
    first_tap: f32,
    kernel_width: f32,
    doubt: S::Vector,
}

impl<S: Simd, T: Tap, const TAPS: bool> ByChannels<S> for Window<S, T, TAPS> {
    #[inline(always)]
    unsafe fn block<const V: usize, const PARTIAL: bool>(
        &mut self,
        simd: S,
        at: usize,
        count: usize,
    ) {
        let one = simd.splat(1.0);
        let mut tap = simd.splat(self.first_tap);
        let mut best_tap = [tap; V];
        let mut doubt = [simd.zero(); V];
        // SAFETY: the caller vouches for the channels of every pixel of the window, which has at
        // least one, and of the result's pixel.
        unsafe {
            let mut best: [S::Vector; V] = std::array::from_fn(|v| {
                load::<S, PARTIAL>(simd, self.x.add(at + v * S::LANES), count)
            });
            for row in 0..self.rows {
                let mut pixel = self.x.add(row * self.row_floats + at);
                let mut number = tap;
                for _ in 0..self.columns {
                    for v in 0..V {
                        let value = load::<S, PARTIAL>(simd, pixel.add(v * S::LANES), count);
                        if TAPS {
                            best_tap[v] = simd.select_greater(value, best[v], number, best_tap[v]);
                        }
                        best[v] = simd.max(value, best[v]);
                        doubt[v] = simd.mul_add(value, simd.zero(), doubt[v]);
                    }
                    number = simd.add(number, one);
                    pixel = pixel.wrapping_add(self.channels);
                }
                tap = simd.add(tap, simd.splat(self.kernel_width));
            }
            for v in 0..V {
                let lane = at + v * S::LANES;
                store::<S, PARTIAL>(simd, self.y.add(lane), count, best[v]);
                self.doubt = simd.add(self.doubt, doubt[v]);
                if TAPS {
                    let mut numbers = [0.0; MAX_LANES];
                    simd.store(&mut numbers, best_tap[v]);
                    let lanes = if PARTIAL { count } else { S::LANES };
                    for (offset, &number) in numbers[..lanes].iter().enumerate() {
                        self.taps.add(lane + offset).write(T::from_float(number));
                    }
                }
            }
        }
    }
}

/// The gradient of the picture: each element of `dy` goes to the tap that won.
///
/// # Panics
/// If `taps` or `dy` has not the length of the shape's result.
#[must_use]
pub fn input_gradient(isa: Isa, shape: &Pool2dShape, taps: &Taps, dy: &[f32]) -> Vec<f32> {
    profile::record(
        || shape.describe("max pool", "backward"),
        || match &taps.0 {
            Numbers::Bytes(taps) => gather(isa, shape, taps, dy),
            Numbers::Words(taps) => gather(isa, shape, taps, dy),
        },
    )
}

fn gather<T: Tap>(isa: Isa, shape: &Pool2dShape, taps: &[T], dy: &[f32]) -> Vec<f32> {
    assert_eq!(dy.len(), shape.y_len(), "length of a pooling's result: {shape:?}");
    assert_eq!(taps.len(), dy.len(), "length of a pooling's taps: {shape:?}");
    let [down, across] = axis_windows(shape);
    let mut dx = Output::new(shape.x_len());
    let to = Shared::new(dx.as_mut_ptr());
    by_rows(shape.batch * shape.size[0], shape.x_len(), |rows| {
        let (down, across) = (&down, &across);
        isa.run(Gather { shape, taps, dy, to, down, across, rows });
    });
    // SAFETY: the rows cover the picture, and each writes all of its pixels' channels.
    unsafe { dx.finish() }
}

/// Some rows of the picture, counted over the batch.
struct Gather<'a, T> {
    shape: &'a Pool2dShape,
    taps: &'a [T],
    dy: &'a [f32],
    to: Shared<f32>,
    down: &'a Windows,
    across: &'a Windows,
    rows: Range<usize>,
}

impl<T: Tap> Kernel for Gather<'_, T> {
    type Output = ();

    /// Arrays for the compiler to vectorize: tokens have no vectors of bytes.
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Pool2dShape { channels, size: [height, width], .. } = *self.shape;
        for row in self.rows.clone() {
            for ix in 0..width {
                // SAFETY: within the picture, in a row that no other task has; floats that are
                // only written.
                let to = unsafe { self.to.pointer().add((row * width + ix) * channels) };
                let place = [row / height, row % height, ix];
                let mut at = 0;
                while at + BLOCK <= channels {
                    // SAFETY: the block ends at or before the last channel.
                    unsafe { self.block(place, at, to.add(at).cast::<[f32; BLOCK]>()) };
                    at += BLOCK;
                }
                while at + SMALL_BLOCK <= channels {
                    // SAFETY: as above.
                    unsafe { self.block(place, at, to.add(at).cast::<[f32; SMALL_BLOCK]>()) };
                    at += SMALL_BLOCK;
                }
                for at in at..channels {
                    // SAFETY: as above.
                    unsafe { self.block(place, at, to.add(at).cast::<[f32; 1]>()) };
                }
            }
        }
    }
}

/// Channels that the gradient takes at once.
const BLOCK: usize = 32;
/// And those left over.
const SMALL_BLOCK: usize = 8;

impl<T: Tap> Gather<'_, T> {
    /// The gradient of `N` channels of the pixel at `[picture, row, column]`.
    ///
    /// # Safety
    /// `to` must be valid for writes.
    #[inline(always)]
    unsafe fn block<const N: usize>(&self, place: [usize; 3], at: usize, to: *mut [f32; N]) {
        let Pool2dShape { channels, kernel, stride, padding, .. } = *self.shape;
        let [picture, iy, ix] = place;
        let mut sum = [0.0; N];
        for oy in self.down.covering[iy].clone() {
            let ky = iy + padding[0] - oy * stride[0];
            let row = (picture * self.down.count() + oy) * self.across.count();
            for ox in self.across.covering[ix].clone() {
                let kx = ix + padding[1] - ox * stride[1];
                let tap = T::from_number(ky * kernel[1] + kx);
                let from = (row + ox) * channels + at;
                let (dy, taps) = (&self.dy[from..from + N], &self.taps[from..from + N]);
                for lane in 0..N {
                    sum[lane] += if taps[lane] == tap { dy[lane] } else { 0.0 };
                }
            }
        }
        // SAFETY: the caller's promise.
        unsafe { to.write(sum) };
    }
}
