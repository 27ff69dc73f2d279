use std::ops::Range;

use super::axis::Axis;
use super::correlation::Picture;

/// Bytes of a band that leave room in a second-level cache for a panel of weights.
const BAND_BYTES: usize = 320 << 10;

/// Bytes of a band that no second-level cache would hold anyway.
const LARGE_BAND_BYTES: usize = 8 << 20;

/// Targets that fill most of a tile.
const LEAST_WIDTH: usize = 8;

/// Strides at which the rows of a tile fall into the same few sets of a first-level cache.
const ALIASING_BYTES: usize = 2048;

/// A cache line, added to such strides.
pub(super) const LINE: usize = 16;

/// Whether so many floats are such a stride.
pub(super) fn aliases(floats: usize) -> bool {
    (floats * size_of::<f32>()).is_multiple_of(ALIASING_BYTES)
}

/// How a part of the source is laid out for the tiles: where it lies if it can be read there, else
/// copied with zeros around into a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Whether it is copied.
    pub(super) copied: bool,
    /// Floats from one pixel to the next.
    pub(super) pixel: usize,
    /// Source pixels from one target to the next in this layout, `[vertical, horizontal]`.
    pub(super) stride: [usize; 2],
}

impl Layout {
    /// The layout for a correlation over `axes` from `source`.
    pub(super) fn new(axes: &[Axis; 2], source: &Picture) -> Self {
        let [vertical, horizontal] = axes;
        let inside = [0, 1].iter().all(|&axis| axes[axis].stays_inside(source.size[axis]));
        if inside && !aliases(source.channels * horizontal.stride) {
            let stride = [vertical.stride, horizontal.stride];
            return Self { copied: false, pixel: source.channels, stride };
        }
        // With one tap along an axis, what lies between two targets is never read: not copied.
        let stride = axes.each_ref().map(|axis| if axis.taps.len() == 1 { 1 } else { axis.stride });
        let pad = if aliases(source.count * stride[1]) { LINE } else { 0 };
        Self { copied: true, pixel: source.count + pad, stride }
    }

    /// Pixels of a band along an axis for this many targets.
    pub(super) fn extent(&self, axis: &Axis, stride: usize, targets: usize) -> usize {
        let [first, last] = axis.offsets();
        (targets.max(1) - 1) * stride + (last - first) as usize + 1
    }

    /// The most targets `[vertical, horizontal]` whose band fits the cache, together with
    /// `beside` floats for each target: whole rows if one does. Where not even a tile's width does,
    /// the band lives in the third-level cache, and is as large as may be for the sake of the weights.
    pub(super) fn targets(&self, axes: &[Axis; 2], beside: usize) -> [usize; 2] {
        let [vertical, horizontal] = axes;
        let bytes = |height: usize, width: usize| {
            let pixels = self.extent(vertical, self.stride[0], height)
                * self.extent(horizontal, self.stride[1], width);
            (pixels * self.pixel + height * width * beside) * size_of::<f32>()
        };
        let small = bytes(1, horizontal.count.min(LEAST_WIDTH)) <= BAND_BYTES;
        let most = if small { BAND_BYTES } else { LARGE_BAND_BYTES };
        let fits = |height: usize, width: usize| bytes(height, width) <= most;
        let mut width = horizontal.count.max(1);
        while width > 1 && !fits(1, width) {
            width = width.div_ceil(2);
        }
        let mut height = 1;
        while height < vertical.count && fits(height + 1, width) {
            height += 1;
        }
        [height, width]
    }
}

/// Copies the part of picture `n` that the targets `ranges` (`[vertical, horizontal]`) see into
/// `band`, with zeros where there is no picture.
pub(super) fn copy(
    layout: &Layout,
    axes: &[Axis; 2],
    source: &Picture,
    x: &[f32],
    n: usize,
    ranges: &[Range<usize>; 2],
    band: &mut [f32],
) {
    let [height, width] = source.size;
    let extent =
        [0, 1].map(|axis| layout.extent(&axes[axis], layout.stride[axis], ranges[axis].len()));
    // The source pixel of a place in the band. Without gaps they are neighbours, else strided.
    let apart = [0, 1]
        .map(|axis| if layout.stride[axis] == axes[axis].stride { 1 } else { axes[axis].stride });
    let first = [0, 1]
        .map(|axis| (ranges[axis].start * axes[axis].stride) as isize + axes[axis].offsets()[0]);
    // Places of a row that lie in the picture: from `left` up to `right`.
    let before = |limit: isize| (limit - first[1]).max(0) as usize;
    let left = before(0).div_ceil(apart[1]).min(extent[1]);
    let right = before(width as isize).div_ceil(apart[1]).clamp(left, extent[1]);
    let whole = apart[1] == 1 && layout.pixel == source.channels && source.count == source.channels;
    let row_len = extent[1] * layout.pixel;
    for (line, row) in band.chunks_exact_mut(row_len).take(extent[0]).enumerate() {
        let y = first[0] + (line * apart[0]) as isize;
        if y < 0 || y >= height as isize {
            row.fill(0.0);
            continue;
        }
        row[..left * layout.pixel].fill(0.0);
        row[right * layout.pixel..].fill(0.0);
        if left == right {
            continue;
        }
        let start = (first[1] + (left * apart[1]) as isize) as usize;
        let start = ((n * height + y as usize) * width + start) * source.channels + source.first;
        let row = &mut row[left * layout.pixel..right * layout.pixel];
        if whole {
            row.copy_from_slice(&x[start..start + row.len()]);
            continue;
        }
        for (place, pixel) in row.chunks_exact_mut(layout.pixel).enumerate() {
            let start = start + place * apart[1] * source.channels;
            pixel[..source.count].copy_from_slice(&x[start..start + source.count]);
        }
    }
}
