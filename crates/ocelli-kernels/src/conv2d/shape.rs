use super::Algorithm;
use crate::memory::tensor_len;
use crate::profile::Cost;

/// Pixels along an axis at most, padding included: sums of a few such numbers don't overflow, with
/// sign or without.
pub(super) const MOST_PIXELS: usize = isize::MAX as usize / 8;
/// By how much, at most, channels are filled up in working memory, to whole panels of columns.
const MOST_FILLED: usize = 32;
/// Parts that add up a gradient of the weight of their own, at most.
const MOST_PARTS: usize = 16;

/// Sizes of a two-dimensional convolution. Pairs are `[vertical, horizontal]`.
///
/// # Shapes
/// - picture `x`: `[batch, height, width, in_channels]`
/// - weight: `[out_channels, in_channels / groups, kernel height, kernel width]`, PyTorch's order
/// - result `y`: `[batch, output height, output width, out_channels]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    /// Pictures.
    pub batch: usize,
    /// Height and width of a picture.
    pub size: [usize; 2],
    /// Channels of the picture.
    pub in_channels: usize,
    /// Channels of the result.
    pub out_channels: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Pixels between neighbouring windows.
    pub stride: [usize; 2],
    /// Zeros on each side of the picture.
    pub padding: [usize; 2],
    /// Pixels between neighbouring taps of the window.
    pub dilation: [usize; 2],
    /// Groups of channels that don't see each other.
    pub groups: usize,
}

impl Conv2dShape {
    /// Height and width of the result.
    ///
    /// # Panics
    /// If the window is larger than the padded picture, a stride, dilation or kernel is zero, or
    /// the padded picture or a stride is larger than memory can be.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let reach = self.reach(axis);
            let padded = self.padded(axis);
            assert!(
                padded.max(self.stride[axis]) <= MOST_PIXELS,
                "a convolution's picture or stride is larger than memory can be: {self:?}"
            );
            assert!(
                self.stride[axis] > 0 && padded >= reach,
                "a convolution's window of {reach} does not fit {padded} pixels: {self:?}"
            );
            (padded - reach) / self.stride[axis] + 1
        })
    }

    /// Pixels from the first to the last tap of the window along an axis.
    pub(crate) fn reach(&self, axis: usize) -> usize {
        assert!(self.kernel[axis] > 0 && self.dilation[axis] > 0, "an empty window: {self:?}");
        (self.kernel[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1)
    }

    /// Pixels of the padded picture along an axis.
    fn padded(&self, axis: usize) -> usize {
        self.size[axis].saturating_add(self.padding[axis].saturating_mul(2))
    }

    /// Channels of the picture that a group sees.
    pub(crate) fn group_in(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Channels of the result that a group makes.
    pub(crate) fn group_out(&self) -> usize {
        self.out_channels / self.groups
    }

    /// Taps of the window.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Pixels of the result, over the batch.
    ///
    /// # Panics
    /// As [`output_size`](Self::output_size), or if they are more than memory can be.
    #[must_use]
    pub fn output_pixels(&self) -> usize {
        let [height, width] = self.output_size();
        tensor_len(&[self.batch, height, width])
    }

    /// Floats of the picture.
    ///
    /// # Panics
    /// If they are more than memory can be.
    #[must_use]
    pub fn x_len(&self) -> usize {
        tensor_len(&[self.batch, self.size[0], self.size[1], self.in_channels])
    }

    /// Floats of the weight.
    ///
    /// # Panics
    /// If they are more than memory can be, or the groups don't divide the channels.
    #[must_use]
    pub fn weight_len(&self) -> usize {
        self.check_groups();
        tensor_len(&[self.out_channels, self.group_in(), self.kernel[0], self.kernel[1]])
    }

    /// Floats of the result.
    ///
    /// # Panics
    /// As [`output_pixels`](Self::output_pixels).
    #[must_use]
    pub fn y_len(&self) -> usize {
        let [height, width] = self.output_size();
        tensor_len(&[self.batch, height, width, self.out_channels])
    }

    /// A pass of this shape, for the profile.
    pub(crate) fn describe(&self, algorithm: Algorithm, pass: &str) -> (String, Cost) {
        let algorithm = match algorithm {
            Algorithm::Winograd => "winograd",
            Algorithm::Depthwise => "depthwise",
            Algorithm::Direct => "direct",
            Algorithm::Lattice => "lattices",
        };
        let [kernel_height, kernel_width] = self.kernel;
        let [height, width] = self.size;
        let stride = match self.stride {
            [1, 1] => String::new(),
            [vertical, horizontal] if vertical == horizontal => format!("/{vertical}"),
            [vertical, horizontal] => format!("/{vertical}x{horizontal}"),
        };
        let name = format!(
            "conv {kernel_height}x{kernel_width}{stride} {}-{} @{height}x{width} {pass} ({algorithm})",
            self.in_channels, self.out_channels
        );
        let operations = 2 * self.y_len() * self.group_in() * self.taps();
        (name, Cost { operations, floats: self.x_len() + self.weight_len() + self.y_len() })
    }

    fn check_groups(&self) {
        assert!(
            self.groups > 0
                && self.in_channels.is_multiple_of(self.groups)
                && self.out_channels.is_multiple_of(self.groups),
            "channels must be a multiple of the groups: {self:?}"
        );
    }

    /// Panics unless the sizes of the memory that any algorithm works in can be computed: a band
    /// of the padded picture, the picture or the result laid out by pixel, and the weights or
    /// their gradients in panels, transformed, and in parts. A shape whose tensors are small can
    /// still have a large band: two taps far apart.
    fn check_working_memory(&self) {
        let extent = [0, 1].map(|axis| self.padded(axis).max(self.stride[axis]));
        let [rows, columns] = [self.in_channels, self.out_channels]
            .map(|channels| channels.saturating_add(MOST_FILLED));
        let channels = rows.max(columns);
        tensor_len(&[2 * extent[0], 2 * extent[1], channels]);
        tensor_len(&[self.batch, extent[0], extent[1], channels]);
        tensor_len(&[rows, columns, self.kernel[0], self.kernel[1], MOST_PARTS]);
    }

    /// Panics, with what was found and expected, unless the lengths given are those of the shape
    /// and the groups divide the channels. What unchecked accesses rely on: after it, no length
    /// or index that is computed from the shape overflows.
    pub(crate) fn check(&self, x: Option<usize>, weight: Option<usize>, y: Option<usize>) {
        self.check_groups();
        for (name, found, expected) in [
            ("picture", x, self.x_len()),
            ("weight", weight, self.weight_len()),
            ("result", y, self.y_len()),
        ] {
            if let Some(found) = found {
                assert_eq!(found, expected, "length of a convolution's {name}: {self:?}");
            }
        }
        self.check_working_memory();
    }
}

#[cfg(test)]
mod tests;
