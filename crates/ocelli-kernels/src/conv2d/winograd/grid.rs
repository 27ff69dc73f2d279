use super::{PATCH, TILE};

/// Where the tiles of a batch lie.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) batch: usize,
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
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, [Stretch; 2]) {
        let [rows, columns] = self.axes.each_ref().map(Vec::len);
        let n = tile / (rows * columns);
        (n, [self.axes[0][tile / columns % rows], self.axes[1][tile % columns]])
    }

    /// The pixels of a tile's patch, `[row, column]`, numbered over the batch of sources; none
    /// where there is no picture.
    #[inline(always)]
    pub(super) fn patch(&self, tile: usize) -> Pixels<PATCH> {
        let (n, stretches) = self.place(tile);
        let [height, width] = self.source;
        let at = |axis: usize, index: usize| {
            let place = stretches[axis].start as isize + self.origin[axis];
            let place = place + (index * self.dilation[axis]) as isize;
            (place >= 0 && place < self.source[axis] as isize).then_some(place as usize)
        };
        Pixels {
            rows: std::array::from_fn(|row| at(0, row).map(|y| (n * height + y) * width)),
            columns: std::array::from_fn(|column| at(1, column)),
        }
    }

    /// The pixels of a tile, `[row, column]`, numbered over the batch of targets; none where it
    /// reaches beyond the picture.
    #[inline(always)]
    pub(super) fn tile(&self, tile: usize) -> Pixels<TILE> {
        let (n, stretches) = self.place(tile);
        let [height, width] = self.target;
        let at = |axis: usize, index: usize| {
            let Stretch { start, count } = stretches[axis];
            (index < count).then_some(start + index * self.dilation[axis])
        };
        Pixels {
            rows: std::array::from_fn(|row| at(0, row).map(|y| (n * height + y) * width)),
            columns: std::array::from_fn(|column| at(1, column)),
        }
    }
}

/// The pixels of a square, as a sum of what its rows and its columns add to their number.
pub(super) struct Pixels<const SIDE: usize> {
    rows: [Option<usize>; SIDE],
    columns: [Option<usize>; SIDE],
}

impl<const SIDE: usize> Pixels<SIDE> {
    /// What `of` makes of each pixel, and `none` where there is none.
    #[inline(always)]
    pub(super) fn map<T: Copy>(&self, none: T, of: impl Fn(usize) -> T) -> [[T; SIDE]; SIDE] {
        let mut all = [[none; SIDE]; SIDE];
        for (row, all) in self.rows.iter().zip(&mut all) {
            let Some(row) = row else { continue };
            for (column, value) in self.columns.iter().zip(all) {
                if let Some(column) = column {
                    *value = of(row + column);
                }
            }
        }
        all
    }
}
