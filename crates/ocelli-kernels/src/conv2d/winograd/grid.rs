use super::{PATCH, TILE};

/// Where the tiles of a batch lie.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    batch: usize,
    /// Height and width of the pictures that patches are read from.
    pub(super) source: [usize; 2],
    /// Height and width of the pictures that tiles are written to.
    pub(super) target: [usize; 2],
    /// From a tile's first pixel to its patch's first pixel.
    origin: [isize; 2],
    /// Pixels between neighbours of a tile.
    dilation: [usize; 2],
    /// Tiles along each axis.
    axes: [Vec<Stretch>; 2],
}

/// A tile along one axis.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Its first pixel in the target.
    start: usize,
    /// Its pixels that exist, at most [`TILE`].
    count: usize,
}

impl Grid {
    pub(super) fn new(
        batch: usize,
        source: [usize; 2],
        target: [usize; 2],
        origin: [isize; 2],
        dilation: [usize; 2],
    ) -> Self {
        let axes = [0, 1].map(|axis| {
            let apart = dilation[axis];
            let lattices = 0..apart.min(target[axis]);
            let tiles = lattices.flat_map(|first| {
                let pixels = (target[axis] - first).div_ceil(apart);
                (0..pixels.div_ceil(TILE)).map(move |tile| Stretch {
                    start: first + tile * TILE * apart,
                    count: TILE.min(pixels - tile * TILE),
                })
            });
            tiles.collect()
        });
        Self { batch, source, target, origin, dilation, axes }
    }

    /// Tiles of the batch.
    pub(super) fn len(&self) -> usize {
        self.batch * self.axes[0].len() * self.axes[1].len()
    }

    /// Picture, and stretches along both axes, of a tile.
    fn place(&self, tile: usize) -> (usize, [Stretch; 2]) {
        let [rows, columns] = self.axes.each_ref().map(Vec::len);
        let n = tile / (rows * columns);
        (n, [self.axes[0][tile / columns % rows], self.axes[1][tile % columns]])
    }

    /// Calls `visit(row, column, pixel)` for each pixel of a tile's patch: its number in the batch
    /// of sources, or none where there is no picture.
    #[inline(always)]
    pub(super) fn patch(&self, tile: usize, mut visit: impl FnMut(usize, usize, Option<usize>)) {
        let (n, stretches) = self.place(tile);
        let [height, width] = self.source;
        let at = |axis: usize, index: usize| {
            let place = stretches[axis].start as isize + self.origin[axis];
            place + (index * self.dilation[axis]) as isize
        };
        for row in 0..PATCH {
            let y = at(0, row);
            let inside = y >= 0 && y < height as isize;
            for column in 0..PATCH {
                let x = at(1, column);
                let pixel = (inside && x >= 0 && x < width as isize)
                    .then(|| (n * height + y as usize) * width + x as usize);
                visit(row, column, pixel);
            }
        }
    }

    /// Calls `visit(row, column, pixel)` for each pixel of a tile: its number in the batch of
    /// targets, or none where it reaches beyond the picture.
    #[inline(always)]
    pub(super) fn tile(&self, tile: usize, mut visit: impl FnMut(usize, usize, Option<usize>)) {
        let (n, [vertical, horizontal]) = self.place(tile);
        let [height, width] = self.target;
        for row in 0..TILE {
            let y = vertical.start + row * self.dilation[0];
            for column in 0..TILE {
                let x = horizontal.start + column * self.dilation[1];
                let exists = row < vertical.count && column < horizontal.count;
                visit(row, column, exists.then(|| (n * height + y) * width + x));
            }
        }
    }
}
