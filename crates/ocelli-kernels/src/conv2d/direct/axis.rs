use crate::conv2d::Conv2dShape;

/// A tap of the window along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conv2d) struct Tap {
    /// Pixels from the place in the source that belongs to a target to this tap.
    pub(in crate::conv2d) offset: isize,
    /// Its number in the kernel.
    pub(in crate::conv2d) index: usize,
}

/// How targets and sources lie to each other along one axis: target `j`, at pixel
/// `start + j · step`, sums over the source pixels `j · stride + offset` of the taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::conv2d) struct Axis {
    /// Targets.
    pub(in crate::conv2d) count: usize,
    /// First target's pixel.
    pub(in crate::conv2d) start: usize,
    /// Pixels from one target to the next.
    pub(in crate::conv2d) step: usize,
    /// Source pixels from one target to the next.
    pub(in crate::conv2d) stride: usize,
    /// By growing offset.
    pub(in crate::conv2d) taps: Vec<Tap>,
}

impl Axis {
    /// The forward pass.
    pub(in crate::conv2d) fn forward(shape: &Conv2dShape, axis: usize) -> Self {
        let offset = |index| (index * shape.dilation[axis]) as isize - shape.padding[axis] as isize;
        Self {
            count: shape.output_size()[axis],
            start: 0,
            step: 1,
            stride: shape.stride[axis],
            taps: (0..shape.kernel[axis])
                .map(|index| Tap { offset: offset(index), index })
                .collect(),
        }
    }

    /// The gradient of the picture: picture pixel `i` got result `o` through tap `k` where
    /// `i + padding = o · stride + k · dilation`.
    pub(in crate::conv2d) fn phases(shape: &Conv2dShape, axis: usize) -> Vec<Self> {
        let stride = shape.stride[axis];
        let size = shape.size[axis];
        (0..stride.min(size))
            .map(|phase| {
                let place = (phase + shape.padding[axis]) as isize;
                let mut taps: Vec<Tap> = (0..shape.kernel[axis])
                    .filter_map(|index| {
                        let distance = place - (index * shape.dilation[axis]) as isize;
                        let whole = distance.rem_euclid(stride as isize) == 0;
                        whole.then(|| Tap { offset: distance.div_euclid(stride as isize), index })
                    })
                    .collect();
                taps.sort_by_key(|tap| tap.offset);
                Self {
                    count: (size - phase).div_ceil(stride),
                    start: phase,
                    step: stride,
                    stride: 1,
                    taps,
                }
            })
            .collect()
    }

    /// First and last offset of a tap; zero where there is none.
    pub(in crate::conv2d) fn offsets(&self) -> [isize; 2] {
        [self.taps.first(), self.taps.last()].map(|tap| tap.map_or(0, |tap| tap.offset))
    }

    /// Whether every source pixel asked for is one of `size` that there are.
    pub(in crate::conv2d) fn stays_inside(&self, size: usize) -> bool {
        let [first, last] = self.offsets();
        let reach = (self.count.saturating_sub(1) * self.stride) as isize;
        self.taps.is_empty() || (first >= 0 && reach + last < size as isize)
    }

    /// Whether each target is the source pixel of the same number, of `size`.
    pub(in crate::conv2d) fn is_identity(&self, size: usize) -> bool {
        self.taps.len() == 1
            && self.taps[0].offset == 0
            && [self.stride, self.step, self.start] == [1, 1, 0]
            && self.count == size
    }

    /// Whether the taps are neighbours.
    pub(in crate::conv2d) fn is_dense(&self) -> bool {
        self.taps.windows(2).all(|pair| pair[1].offset == pair[0].offset + 1)
    }
}
