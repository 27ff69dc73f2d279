//! Which source pixels a target pixel is a sum of, along one axis.

use std::ops::Range;

use super::Mode;
use crate::memory::tensor_len;

/// A source pixel and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tap {
    pub(super) pixel: usize,
    pub(super) weight: f32,
}

/// The taps of every target pixel.
#[derive(Debug)]
pub(super) struct Table {
    taps: Vec<Tap>,
    /// Where each target's taps lie.
    ranges: Vec<Range<usize>>,
}

impl Table {
    /// From a picture of `size` pixels to one of `count`, in PyTorch's single-precision steps.
    pub(super) fn forward(mode: Mode, size: usize, count: usize) -> Self {
        let (mut taps, mut ranges) = (Vec::new(), Vec::new());
        let scale = match mode {
            Mode::Bilinear { align_corners: true } if count > 1 => {
                (size - 1) as f32 / (count - 1) as f32
            }
            Mode::Bilinear { align_corners: true } => 0.0,
            _ => size as f32 / count as f32,
        };
        for target in 0..count {
            let start = taps.len();
            let place = match mode {
                Mode::Bilinear { align_corners: false } => {
                    (scale * (target as f32 + 0.5) - 0.5).max(0.0)
                }
                _ => scale * target as f32,
            };
            let pixel = (place as usize).min(size - 1);
            let beyond = match mode {
                Mode::Nearest => 0.0,
                Mode::Bilinear { .. } if pixel == size - 1 => 0.0,
                Mode::Bilinear { .. } => (place - pixel as f32).clamp(0.0, 1.0),
            };
            // Taps of weight zero are left out: whole steps read one pixel, not two.
            if beyond < 1.0 {
                taps.push(Tap { pixel, weight: 1.0 - beyond });
            }
            if beyond > 0.0 {
                taps.push(Tap { pixel: pixel + 1, weight: beyond });
            }
            ranges.push(start..taps.len());
        }
        Self { taps, ranges }
    }

    /// The same taps, for each of `size` source pixels, by growing target.
    pub(super) fn transposed(&self, size: usize) -> Self {
        let mut of_source = vec![Vec::new(); size];
        for (target, range) in self.ranges.iter().enumerate() {
            for tap in &self.taps[range.clone()] {
                of_source[tap.pixel].push(Tap { pixel: target, weight: tap.weight });
            }
        }
        let (mut taps, mut ranges) = (Vec::with_capacity(self.taps.len()), Vec::new());
        for of_source in of_source {
            let start = taps.len();
            taps.extend(of_source);
            ranges.push(start..taps.len());
        }
        Self { taps, ranges }
    }

    /// The weights of `size` source pixels in each target, `[targets, size]`, mostly zeros.
    pub(super) fn dense(&self, size: usize) -> Vec<f32> {
        let mut weights = vec![0.0; tensor_len(&[self.ranges.len(), size])];
        for (target, range) in self.ranges.iter().enumerate() {
            for tap in &self.taps[range.clone()] {
                weights[target * size + tap.pixel] = tap.weight;
            }
        }
        weights
    }

    pub(super) fn taps(&self, target: usize) -> &[Tap] {
        &self.taps[self.ranges[target].clone()]
    }

    /// Whether there are `count` targets, of sources below `size`.
    pub(super) fn fits(&self, size: usize, count: usize) -> bool {
        self.ranges.len() == count && self.taps.iter().all(|tap| tap.pixel < size)
    }
}
