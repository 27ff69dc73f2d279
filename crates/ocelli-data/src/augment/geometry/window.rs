//! Crops, padding and flips.

/// What lies beyond the edges, with `C` values a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beyond<const C: usize> {
    Fill([u8; C]),
    Edge,
    Reflect,
    Symmetric,
}

impl<const C: usize> Beyond<C> {
    /// Where position `at` of a side of `length` pixels is read; nowhere means the fill.
    fn source(self, at: i64, length: u32) -> Option<usize> {
        let length = i64::from(length);
        if (0..length).contains(&at) {
            return Some(at as usize);
        }
        let inside = match self {
            Self::Fill(_) => return None,
            Self::Edge => at.clamp(0, length - 1),
            Self::Reflect if length == 1 => 0,
            Self::Reflect => {
                let at = at.rem_euclid(2 * (length - 1));
                at.min(2 * (length - 1) - at)
            }
            Self::Symmetric => {
                let at = at.rem_euclid(2 * length);
                at.min(2 * length - 1 - at)
            }
        };
        Some(inside as usize)
    }
}

/// Copies the window of `[height, width]` that begins at row `top`, column `left` of `pixels`,
/// `[from_height, from_width, C]`, into `output`, which becomes `[height, width, C]`.
pub(super) fn window<const C: usize>(
    pixels: &[u8],
    [from_height, from_width]: [u32; 2],
    [top, left]: [i64; 2],
    [height, width]: [u32; 2],
    beyond: Beyond<C>,
    output: &mut Vec<u8>,
) {
    output.clear();
    output.reserve(height as usize * width as usize * C);
    let row_values = from_width as usize * C;
    let columns = left..left + i64::from(width);
    // The columns that lie inside are one copy; only the margins go pixel by pixel.
    let first_inside = columns.start.max(0);
    let past_inside = columns.end.min(i64::from(from_width));
    let inside =
        (first_inside < past_inside).then(|| first_inside as usize * C..past_inside as usize * C);
    for row in top..top + i64::from(height) {
        let row = beyond.source(row, from_height);
        let row = row.map(|row| &pixels[row * row_values..][..row_values]);
        let margin = |output: &mut Vec<u8>, columns: std::ops::Range<i64>| {
            for column in columns {
                match (row, beyond.source(column, from_width), beyond) {
                    (Some(row), Some(column), _) => {
                        output.extend_from_slice(&row[column * C..][..C]);
                    }
                    (_, _, Beyond::Fill(color)) => output.extend_from_slice(&color),
                    _ => unreachable!("every border but a constant one shows the picture"),
                }
            }
        };
        match (row, &inside) {
            (Some(pixels), Some(inside)) => {
                margin(output, columns.start..first_inside);
                output.extend_from_slice(&pixels[inside.clone()]);
                margin(output, past_inside..columns.end);
            }
            _ => margin(output, columns.clone()),
        }
    }
}

/// Exchanges left and right in `[height, width, C]`.
pub(super) fn flip_horizontal<const C: usize>(pixels: &mut [u8], width: u32) {
    for row in pixels.chunks_exact_mut(width as usize * C) {
        row.as_chunks_mut::<C>().0.reverse();
    }
}

/// Exchanges top and bottom in `[height, width, C]`.
pub(super) fn flip_vertical<const C: usize>(pixels: &mut [u8], width: u32) {
    let mut rows = pixels.chunks_exact_mut(width as usize * C);
    while let (Some(upper), Some(lower)) = (rows.next(), rows.next_back()) {
        upper.swap_with_slice(lower);
    }
}
