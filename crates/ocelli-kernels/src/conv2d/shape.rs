use super::Algorithm;
use crate::profile::Cost;

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
    /// If the window is larger than the padded picture, or a stride, dilation or kernel is zero.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let reach = self.reach(axis);
            let padded = self.size[axis] + 2 * self.padding[axis];
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
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
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
    #[must_use]
    pub fn output_pixels(&self) -> usize {
        let [height, width] = self.output_size();
        self.batch * height * width
    }

    /// Floats of the picture.
    #[must_use]
    pub fn x_len(&self) -> usize {
        self.batch * self.size[0] * self.size[1] * self.in_channels
    }

    /// Floats of the weight.
    #[must_use]
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.group_in() * self.taps()
    }

    /// Floats of the result.
    #[must_use]
    pub fn y_len(&self) -> usize {
        self.output_pixels() * self.out_channels
    }

    /// A pass of this shape, for the profile.
    pub(crate) fn describe(&self, algorithm: Algorithm, pass: &str) -> (String, Cost) {
        let algorithm = match algorithm {
            Algorithm::Winograd => "winograd",
            Algorithm::Depthwise => "depthwise",
            Algorithm::Direct => "direct",
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

    /// Panics, with what was found and expected, unless the lengths given are those of the shape
    /// and the groups divide the channels. What unchecked accesses rely on.
    pub(crate) fn check(&self, x: Option<usize>, weight: Option<usize>, y: Option<usize>) {
        assert!(
            self.groups > 0
                && self.in_channels.is_multiple_of(self.groups)
                && self.out_channels.is_multiple_of(self.groups),
            "channels must be a multiple of the groups: {self:?}"
        );
        for (name, found, expected) in [
            ("picture", x, self.x_len()),
            ("weight", weight, self.weight_len()),
            ("result", y, self.y_len()),
        ] {
            if let Some(found) = found {
                assert_eq!(found, expected, "length of a convolution's {name}: {self:?}");
            }
        }
    }
}
