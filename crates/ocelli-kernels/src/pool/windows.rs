//! Which pixels a window has, and which windows a pixel has, along one axis.

use std::ops::Range;

/// The windows of an axis: neither their starts nor their ends ever step back, so those that
/// cover a pixel follow each other.
#[derive(Debug)]
pub(super) struct Windows {
    /// Pixels of each window, without padding.
    pub(super) pixels: Vec<Range<usize>>,
    /// Taps of each window that lie in the padding before the first pixel.
    pub(super) skipped: Vec<usize>,
    /// The windows that cover each pixel.
    pub(super) covering: Vec<Range<usize>>,
}

impl Windows {
    /// Windows of `kernel` pixels, `stride` apart, from `padding` before the first pixel on.
    pub(super) fn sliding(
        size: usize,
        count: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Self {
        let skipped: Vec<_> = (0..count).map(|o| padding.saturating_sub(o * stride)).collect();
        let pixels = (0..count).map(|o| {
            let start = (o * stride).saturating_sub(padding);
            start.min(size)..(o * stride + kernel).saturating_sub(padding).min(size)
        });
        Self::new(size, pixels.collect(), skipped)
    }

    /// PyTorch's adaptive bins: `floor(o * size / count)` to `ceil((o + 1) * size / count)`.
    pub(super) fn adaptive(size: usize, count: usize) -> Self {
        let pixels = (0..count).map(|o| o * size / count..((o + 1) * size).div_ceil(count));
        Self::new(size, pixels.collect(), vec![0; count])
    }

    fn new(size: usize, pixels: Vec<Range<usize>>, skipped: Vec<usize>) -> Self {
        let (mut first, mut last) = (0, 0);
        let covering = (0..size).map(|pixel| {
            while first < pixels.len() && pixels[first].end <= pixel {
                first += 1;
            }
            while last < pixels.len() && pixels[last].start <= pixel {
                last += 1;
            }
            first..last.max(first)
        });
        let covering = covering.collect();
        Self { pixels, skipped, covering }
    }

    /// Windows.
    pub(super) fn count(&self) -> usize {
        self.pixels.len()
    }

    /// Pixels.
    pub(super) fn size(&self) -> usize {
        self.covering.len()
    }
}
