//! Rotations and shears.

use super::{Interpolation, is_reasonable};

/// `[a, b, c, d, e, f]`: the output's point (x, y) shows the input's point
/// (a·x + b·y + c, d·x + e·y + f). Pixel centres lie at halves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Matrix(pub(crate) [f64; 6]);

impl Matrix {
    /// The point of the input that the output shows at (x, y).
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + b * y + c, d * x + e * y + f)
    }

    /// A counter-clockwise turn about the centre of a picture of `[height, width]`.
    pub(crate) fn rotation(degrees: f64, [height, width]: [u32; 2]) -> Self {
        let (sin, cos) = (-degrees.rem_euclid(360.0).to_radians()).sin_cos();
        // Pillow rounds to 15 digits, so that right angles have exact zeros; so do we.
        let [sin, cos] = [sin, cos].map(|value| (value * 1e15).round_ties_even() / 1e15);
        let (x, y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
        let (c, f) = Self([cos, sin, 0.0, -sin, cos, 0.0]).at(-x, -y);
        Self([cos, sin, c + x, -sin, cos, f + y])
    }

    /// The same turn onto a picture that is large enough for every corner, and its
    /// `[height, width]`. Where that would be excessively large, the size stays.
    pub(crate) fn expanded(degrees: f64, size: [u32; 2]) -> (Self, [u32; 2]) {
        let matrix = Self::rotation(degrees, size);
        let [height, width] = size.map(f64::from);
        let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)];
        let corners = corners.map(|(x, y)| matrix.at(x, y));
        let span = |values: [f64; 4]| {
            let most = values.into_iter().fold(f64::NEG_INFINITY, f64::max).ceil();
            let least = values.into_iter().fold(f64::INFINITY, f64::min).floor();
            (most - least) as u32
        };
        let grown = [span(corners.map(|(_, y)| y)), span(corners.map(|(x, _)| x))];
        if !is_reasonable(grown) {
            return (matrix, size);
        }
        let [a, b, _, d, e, _] = matrix.0;
        let [new_height, new_width] = grown.map(f64::from);
        let (c, f) = matrix.at(-(new_width - width) / 2.0, -(new_height - height) / 2.0);
        (Self([a, b, c, d, e, f]), grown)
    }
}

/// Redraws `pixels`, `[from_height, from_width, C]`, through `matrix` into `output`, which becomes
/// `[to_height, to_width, C]`.
pub(super) fn warp<const C: usize>(
    pixels: &[u8],
    from: [u32; 2],
    to: [u32; 2],
    matrix: Matrix,
    fill: [u8; C],
    interpolation: Interpolation,
    output: &mut Vec<u8>,
) {
    output.clear();
    output.reserve(to[0] as usize * to[1] as usize * C);
    if interpolation == Interpolation::Nearest {
        nearest(pixels, from, to, matrix, fill, output);
    } else {
        bilinear(pixels, from, to, matrix, fill, output);
    }
}

/// Positions as 16.16 fixed point, as in Pillow: the rounding decides which pixel is nearest.
fn nearest<const C: usize>(
    pixels: &[u8],
    [from_height, from_width]: [u32; 2],
    [to_height, to_width]: [u32; 2],
    matrix: Matrix,
    fill: [u8; C],
    output: &mut Vec<u8>,
) {
    let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
    let [a, b, _, d, e, _] = matrix.0.map(fixed);
    let (start_x, start_y) = matrix.at(0.5, 0.5);
    let (mut row_x, mut row_y) = (fixed(start_x), fixed(start_y));
    let (source, _) = pixels.as_chunks::<C>();
    for _ in 0..to_height {
        let (mut x, mut y) = (row_x, row_y);
        for _ in 0..to_width {
            let (column, row) = (x >> 16, y >> 16);
            let inside = (0..i64::from(from_width)).contains(&column)
                && (0..i64::from(from_height)).contains(&row);
            let color = if inside {
                source[row as usize * from_width as usize + column as usize]
            } else {
                fill
            };
            output.extend_from_slice(&color);
            x += a;
            y += d;
        }
        row_x += b;
        row_y += e;
    }
}

fn bilinear<const C: usize>(
    pixels: &[u8],
    [from_height, from_width]: [u32; 2],
    [to_height, to_width]: [u32; 2],
    matrix: Matrix,
    fill: [u8; C],
    output: &mut Vec<u8>,
) {
    let (source, _) = pixels.as_chunks::<C>();
    let (last_row, last_column) = (i64::from(from_height) - 1, i64::from(from_width) - 1);
    let at = |row: i64, column: i64| {
        let (row, column) = (row.clamp(0, last_row), column.clamp(0, last_column));
        source[row as usize * from_width as usize + column as usize]
    };
    for row in 0..to_height {
        for column in 0..to_width {
            let (x, y) = matrix.at(f64::from(column) + 0.5, f64::from(row) + 0.5);
            let inside = (0.0..f64::from(from_width)).contains(&x)
                && (0.0..f64::from(from_height)).contains(&y);
            if !inside {
                output.extend_from_slice(&fill);
                continue;
            }
            let (x, y) = (x - 0.5, y - 0.5);
            let (left, top) = (x.floor(), y.floor());
            let (right_share, lower_share) = (x - left, y - top);
            let (left, top) = (left as i64, top as i64);
            let between = |row| {
                let (a, b): ([u8; C], [u8; C]) = (at(row, left), at(row, left + 1));
                std::array::from_fn::<f64, C, _>(|c| {
                    f64::from(a[c]) + (f64::from(b[c]) - f64::from(a[c])) * right_share
                })
            };
            let (upper, lower) = (between(top), between(top + 1));
            for c in 0..C {
                output.push((upper[c] + (lower[c] - upper[c]) * lower_share) as u8);
            }
        }
    }
}
