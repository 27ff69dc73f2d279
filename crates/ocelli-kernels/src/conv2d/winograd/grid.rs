use std::ops::Range;

use super::{INFINITY, PATCH, TILE};

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

/// Cuts `pixels` into the fewest tiles, none of them shorter than need be: first whole ones, then
/// ones that are a pixel short. Only where there are 1, 2 or 5 pixels is the last still shorter.
fn stretches(pixels: usize) -> impl Iterator<Item = Range<usize>> {
    let tiles = pixels.div_ceil(TILE);
    let whole = pixels.saturating_sub(tiles * (TILE - 1));
    (0..tiles).map(move |tile| {
        let start = tile * TILE - tile.saturating_sub(whole);
        let end = start + if tile < whole { TILE } else { TILE - 1 };
        start..end.min(pixels)
    })
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
                stretches(pixels).map(move |pixels| Stretch {
                    start: first + pixels.start * apart,
                    count: pixels.len(),
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

    /// Some of the batch's tiles, ordered by kind.
    pub(super) fn block(&self, tiles: Range<usize>) -> BlockTiles {
        let kind = |&tile: &usize| match self.place(tile).1.map(|along| along.count == TILE) {
            [false, false] => 0,
            [true, false] => 1,
            [true, true] => 2,
            [false, true] => 3,
        };
        let mut tiles: Vec<usize> = tiles.collect();
        tiles.sort_by_key(kind);
        let begin = [1, 2, 3].map(|second| tiles.partition_point(|tile| kind(tile) < second));
        BlockTiles { tiles, begin }
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

/// Tiles that are computed together, ordered so that those with products at a point, whichever it
/// is, are neighbours: a tile that is short along an axis has none at ∞ of that axis.
#[derive(Clone, Debug)]
pub(super) struct BlockTiles {
    /// Numbers in the grid: tiles that are short along both axes, that have all rows, that have all
    /// rows and columns, that have all columns.
    tiles: Vec<usize>,
    /// Where the second, third and fourth kind begin.
    begin: [usize; 3],
}

impl BlockTiles {
    pub(super) fn len(&self) -> usize {
        self.tiles.len()
    }

    /// A tile's number in the grid.
    #[inline(always)]
    pub(super) fn number(&self, index: usize) -> usize {
        self.tiles[index]
    }

    /// The tiles with a product at a point.
    pub(super) fn at(&self, point: usize) -> Range<usize> {
        let [second, third, fourth] = self.begin;
        match [point / PATCH, point % PATCH].map(|place| place == INFINITY) {
            [false, false] => 0..self.len(),
            [true, false] => second..fourth,
            [false, true] => third..self.len(),
            [true, true] => third..fourth,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_an_axis_and_miss_at_most_a_pixel_each() {
        for pixels in 0..60 {
            let tiles: Vec<_> = stretches(pixels).collect();
            assert_eq!(tiles.len(), pixels.div_ceil(TILE));
            let mut next = 0;
            for tile in &tiles {
                assert_eq!(tile.start, next, "{pixels} pixels");
                assert!(tile.len() + 1 >= TILE || [1, 2, 5].contains(&pixels), "{pixels} pixels");
                next = tile.end;
            }
            assert_eq!(next, pixels);
        }
        assert_eq!(stretches(14).map(|tile| tile.len()).collect::<Vec<_>>(), [4, 4, 3, 3]);
        assert_eq!(stretches(5).map(|tile| tile.len()).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn a_block_has_every_tile_at_the_points_it_has_products_at() {
        let grid = Grid::new(3, [13, 10], [13, 10], [-1, -1], [2, 1]);
        let block = grid.block(2..grid.len() - 3);
        let mut numbers: Vec<usize> = (0..block.len()).map(|index| block.number(index)).collect();
        for point in 0..PATCH * PATCH {
            for (index, &number) in numbers.iter().enumerate() {
                let (_, along) = grid.place(number);
                let [rows, columns] = along.map(|along| along.count == TILE);
                let expected =
                    (rows || point / PATCH < PATCH - 1) && (columns || point % PATCH < PATCH - 1);
                assert_eq!(block.at(point).contains(&index), expected, "point {point}");
            }
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(2..grid.len() - 3));
    }
}
