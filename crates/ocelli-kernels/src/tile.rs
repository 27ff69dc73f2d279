//! The matrix kernel under every convolution and matrix product: a tile of a few rows and two
//! vectors of columns, held in registers while it runs along the sum.
//!
//! ```text
//! out[r][j] (+)= Σ over parts p, k < depth:  left[p.left + r·row + k·step] · right[p.right + k·2·LANES + j]
//! ```
//!
//! `left` is read where it lies, one number at a time and broadcast, so it needs no packing: its
//! rows are pixels `row` floats apart (convolution), or channels next to each other (`row` = 1,
//! gradient of the weight). `parts` lists where the parts of the sum begin, e.g. the taps of a
//! window. `right` is packed in panels of two vectors a step.
//!
//! Of a panel with no more columns than a vector has, the second vector is left out.
//!
//! With AVX-512, 14 rows take 28 accumulators, 2 registers for `right` and 1 for the broadcast of
//! the 32 there are: 28 multiply-adds for 16 loads. AVX2 has half the registers: 6 rows.

use crate::isa::{Kernel, Simd};

/// What a tile is computed from, and where it goes. See the module for the formula.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile<'a> {
    /// First number of the left-hand side.
    pub(crate) left: *const f32,
    /// Floats from one row of the left-hand side to the next.
    pub(crate) row: usize,
    /// Floats from one step of the sum to the next on the left-hand side; 1, unless `row` is.
    pub(crate) step: usize,
    /// Where the parts of the sum begin.
    pub(crate) parts: &'a [Part],
    /// Steps of each part.
    pub(crate) depth: usize,
    /// Packed right-hand side, `[depth, 2 LANES]` for each part.
    pub(crate) right: *const f32,
    /// First number of the result.
    pub(crate) out: *mut f32,
    /// Floats from one row of the result to the next.
    pub(crate) out_row: usize,
    /// Columns written, at most `2 LANES`.
    pub(crate) columns: usize,
    /// What happens to the sums on their way out.
    pub(crate) finish: Finish,
}

/// Where a part of the sum begins on each side, in floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) left: usize,
    pub(crate) right: usize,
}

/// What happens to a tile's sums on their way out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Finish {
    /// They are written.
    Store,
    /// They are added to what is there.
    Accumulate,
    /// Bias and residual (where not null) are added, negative values set to zero (where `relu`).
    Epilogue {
        /// One number a column.
        bias: *const f32,
        /// Laid out as `out`.
        residual: *const f32,
        /// Whether negative values become zero.
        relu: bool,
    },
}

/// Computes a tile of `rows` rows.
///
/// # Safety
/// All that the formula reads must be readable, all that it writes writable and accessed by nobody
/// else: `rows` rows and `columns` columns of `out`, and `residual` likewise; `right` must hold
/// full panels. `bias` is read in `columns` places.
///
/// # Panics
/// If `rows` is not in `1..=S::TILE_ROWS`, or neither `row` nor `step` is 1.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd>(simd: S, rows: usize, tile: &Tile<'_>) {
    macro_rules! entry {
        ($($rows:literal)*) => {
            match rows {
                // SAFETY: the caller's promise.
                $($rows if $rows <= S::TILE_ROWS => unsafe { enter::<S, $rows>(simd, tile) },)*
                _ => panic!("a tile of {rows} rows; {} has up to {}", S::NAME, S::TILE_ROWS),
            }
        };
    }
    entry!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// One function for each number of rows, however many places call it.
#[inline(never)]
unsafe fn enter<S: Simd, const ROWS: usize>(simd: S, tile: &Tile<'_>) {
    let adjacent = tile.row == 1;
    assert!(adjacent || tile.step == 1, "rows or steps must be adjacent");
    match (tile.columns <= S::LANES, adjacent) {
        (true, true) => simd.vectorize(Rows::<ROWS, 1, true> { tile }),
        (true, false) => simd.vectorize(Rows::<ROWS, 1, false> { tile }),
        (false, true) => simd.vectorize(Rows::<ROWS, 2, true> { tile }),
        (false, false) => simd.vectorize(Rows::<ROWS, 2, false> { tile }),
    }
}

struct Rows<'a, const ROWS: usize, const VECTORS: usize, const ADJACENT: bool> {
    tile: &'a Tile<'a>,
}

impl<const ROWS: usize, const VECTORS: usize, const ADJACENT: bool>
    Rows<'_, ROWS, VECTORS, ADJACENT>
{
    /// Asks for what is written at the end, and for the residual, before the sum begins.
    #[inline(always)]
    fn prefetch<S: Simd>(&self, simd: S) {
        let Tile { out, out_row, finish, .. } = *self.tile;
        for row in 0..ROWS {
            for vector in 0..VECTORS {
                let offset = row * out_row + vector * S::LANES;
                simd.prefetch_write(out.wrapping_add(offset));
                if let Finish::Epilogue { residual, .. } = finish
                    && !residual.is_null()
                {
                    simd.prefetch(residual.wrapping_add(offset));
                }
            }
        }
    }
}

impl<const ROWS: usize, const VECTORS: usize, const ADJACENT: bool> Kernel
    for Rows<'_, ROWS, VECTORS, ADJACENT>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Tile { left, row, step, parts, depth, right, .. } = *self.tile;
        let mut sums = [[simd.zero(); VECTORS]; ROWS];
        self.prefetch(simd);
        for part in parts {
            // SAFETY: the caller of `tile` vouches for every address of the formula.
            unsafe {
                let (left, right) = (left.add(part.left), right.add(part.right));
                sums = if ADJACENT {
                    adjacent_rows(simd, sums, left, step, depth, right)
                } else {
                    apart_rows(simd, sums, left, row, depth, right)
                };
            }
        }
        // SAFETY: the caller of `tile` vouches for the result's memory.
        unsafe { write(simd, &sums, self.tile) }
    }
}

/// Adds a part of the sum whose rows are neighbours in memory.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "numbers of registers, unrolled")]
unsafe fn adjacent_rows<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    mut sums: [[S::Vector; VECTORS]; ROWS],
    mut left: *const f32,
    step: usize,
    depth: usize,
    mut right: *const f32,
) -> [[S::Vector; VECTORS]; ROWS] {
    for _ in 0..depth {
        // SAFETY: within the operands that the caller of `tile` vouches for.
        unsafe {
            let vectors: [_; VECTORS] =
                std::array::from_fn(|vector| simd.load_pointer(right.add(vector * S::LANES)));
            for row in 0..ROWS {
                let value = simd.splat(left.add(row).read());
                for vector in 0..VECTORS {
                    sums[row][vector] = simd.mul_add(value, vectors[vector], sums[row][vector]);
                }
            }
            left = left.wrapping_add(step);
            right = right.add(2 * S::LANES);
        }
    }
    sums
}

/// Adds a part of the sum whose rows are `row` floats apart.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "numbers of registers, unrolled")]
unsafe fn apart_rows<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    mut sums: [[S::Vector; VECTORS]; ROWS],
    left: *const f32,
    row: usize,
    depth: usize,
    mut right: *const f32,
) -> [[S::Vector; VECTORS]; ROWS] {
    // Fourteen pointers would not fit into the registers. Two, and the multiples of `row` that an
    // address can be made of (base + 1, 2 or 4 times an index), do.
    let half = if ROWS > 7 { 7 } else { ROWS };
    let (row3, row5) = (3 * row, 5 * row);
    let (mut near, mut far) = (left, left.wrapping_add(half * row));
    for _ in 0..depth {
        // SAFETY: within the operands that the caller of `tile` vouches for.
        unsafe {
            let vectors: [_; VECTORS] =
                std::array::from_fn(|vector| simd.load_pointer(right.add(vector * S::LANES)));
            for index in 0..ROWS {
                let (base, place) = if index < half { (near, index) } else { (far, index - half) };
                let at = match place {
                    0 => base,
                    1 => base.add(row),
                    2 => base.add(2 * row),
                    3 => base.add(row3),
                    4 => base.add(4 * row),
                    5 => base.add(row5),
                    _ => base.add(2 * row3),
                };
                let value = simd.splat(at.read());
                for vector in 0..VECTORS {
                    sums[index][vector] = simd.mul_add(value, vectors[vector], sums[index][vector]);
                }
            }
            near = near.wrapping_add(1);
            far = far.wrapping_add(1);
            right = right.add(2 * S::LANES);
        }
    }
    sums
}

#[inline(always)]
unsafe fn write<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    sums: &[[S::Vector; VECTORS]; ROWS],
    tile: &Tile<'_>,
) {
    if tile.columns == VECTORS * S::LANES {
        // SAFETY: whole vectors of `out`, and of what `finish` names, are the caller's promise.
        unsafe {
            for (row, sums) in sums.iter().enumerate() {
                for (half, &sum) in sums.iter().enumerate() {
                    let offset = row * tile.out_row + half * S::LANES;
                    let load = |from: *const f32| simd.load_pointer(from);
                    let value = finished(simd, tile, sum, half * S::LANES, offset, load);
                    simd.store_pointer(tile.out.add(offset), value);
                }
            }
        }
    } else {
        // SAFETY: only the columns promised are touched.
        unsafe {
            for (row, sums) in sums.iter().enumerate() {
                for (half, &sum) in sums.iter().enumerate() {
                    let columns = (tile.columns - half * S::LANES).min(S::LANES);
                    let offset = row * tile.out_row + half * S::LANES;
                    let load = |from: *const f32| simd.load_partial(from, columns);
                    let value = finished(simd, tile, sum, half * S::LANES, offset, load);
                    simd.store_partial(tile.out.add(offset), columns, value);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn finished<S: Simd>(
    simd: S,
    tile: &Tile<'_>,
    sum: S::Vector,
    column: usize,
    offset: usize,
    load: impl Fn(*const f32) -> S::Vector,
) -> S::Vector {
    match tile.finish {
        Finish::Store => sum,
        // SAFETY: `out` is readable at what is about to be written.
        Finish::Accumulate => simd.add(sum, load(unsafe { tile.out.add(offset) })),
        Finish::Epilogue { bias, residual, relu } => {
            let mut value = sum;
            if !bias.is_null() {
                // SAFETY: one bias a column, the caller's promise.
                value = simd.add(value, load(unsafe { bias.add(column) }));
            }
            if !residual.is_null() {
                // SAFETY: laid out as `out`, the caller's promise.
                value = simd.add(value, load(unsafe { residual.add(offset) }));
            }
            // In this order, what is not a number stays so.
            if relu { simd.max(simd.zero(), value) } else { value }
        }
    }
}

/// The columns to compute of a panel that begins at column `first` of `columns`: whole vectors,
/// which are written faster than parts of one where there is room.
pub(crate) fn whole_vectors<S: Simd>(columns: usize, first: usize) -> usize {
    (columns - first).next_multiple_of(S::LANES).min(2 * S::LANES)
}

/// `total` in the fewest pieces of at most `most`, as equal as can be: (start, length) of each.
/// Tiles of nearly one height run at nearly the same speed; a last tile of one row would not.
pub(crate) fn pieces(total: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = total.div_ceil(most);
    (0..count).map(move |index| {
        let range = crate::parallel::part(total, count, index);
        (range.start, range.len())
    })
}

#[cfg(test)]
mod tests;
