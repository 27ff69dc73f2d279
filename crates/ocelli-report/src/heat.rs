//! How much each place of a picture counts, as colours over the picture.

/// From nothing to everything: dark blue over red to light yellow, each lighter than the one before,
/// as those who see few colours can tell them apart. Points of matplotlib's “inferno” (Smith and van
/// der Walt 2015), 8-bit sRGB.
const COLORS: [[f32; 3]; 6] = [
    [0.0, 0.0, 4.0],
    [66.0, 10.0, 104.0],
    [147.0, 38.0, 103.0],
    [221.0, 81.0, 58.0],
    [252.0, 165.0, 10.0],
    [252.0, 255.0, 164.0],
];

/// How much of the colour covers the picture where nothing counts, and where most does.
const OPACITY: [f32; 2] = [0.35, 0.75];

/// The picture, gray, under colours that say how much each of its places counts: `rgb` is `[height,
/// width, 3]` of the `size` `[height, width]`, `values` `[map_height, map_width]` cover the whole
/// picture, and are shown between 0 and their largest. None if a length is not that of its size, or
/// there are no pixels or values.
#[must_use]
pub fn heat_over(
    rgb: &[u8],
    size: [usize; 2],
    values: &[f32],
    map_size: [usize; 2],
) -> Option<Vec<u8>> {
    let area = |[height, width]: [usize; 2]| height.checked_mul(width).filter(|area| *area > 0);
    if area(size)?.checked_mul(3)? != rgb.len() || area(map_size)? != values.len() {
        return None;
    }
    let largest = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f32::max);
    let share = |row: usize, column: usize| {
        let value = values[row * map_size[1] + column];
        if largest > 0.0 && value.is_finite() { (value / largest).clamp(0.0, 1.0) } else { 0.0 }
    };
    let rows: Vec<_> = (0..size[0]).map(|row| between(row, size[0], map_size[0])).collect();
    let columns: Vec<_> =
        (0..size[1]).map(|column| between(column, size[1], map_size[1])).collect();
    let mut out = Vec::with_capacity(rgb.len());
    let mut pixels = rgb.chunks_exact(3);
    for &(top, bottom, down) in &rows {
        for &(left, right, along) in &columns {
            let across = |row| share(row, left) * (1.0 - along) + share(row, right) * along;
            let value = across(top) * (1.0 - down) + across(bottom) * down;
            let pixel = pixels.next().unwrap_or(&[0; 3]);
            let gray = luma(pixel);
            let opacity = OPACITY[0] + (OPACITY[1] - OPACITY[0]) * value;
            out.extend(color(value).map(|over| (gray * (1.0 - opacity) + over * opacity) as u8));
        }
    }
    Some(out)
}

/// The two values between whose middles a pixel's middle lies, and how far it is from the first to the
/// second; beyond the outermost middles, the outermost value.
fn between(pixel: usize, pixels: usize, values: usize) -> (usize, usize, f32) {
    let at = (pixel as f32 + 0.5) * values as f32 / pixels as f32 - 0.5;
    let at = at.clamp(0.0, (values - 1) as f32);
    let first = at.floor() as usize;
    (first, (first + 1).min(values - 1), at - at.floor())
}

/// How light a pixel is: ITU-R BT.601.
fn luma(pixel: &[u8]) -> f32 {
    pixel.iter().zip([0.299, 0.587, 0.114]).map(|(value, weight)| f32::from(*value) * weight).sum()
}

fn color(share: f32) -> [f32; 3] {
    let at = share.clamp(0.0, 1.0) * (COLORS.len() - 1) as f32;
    let first = (at.floor() as usize).min(COLORS.len() - 2);
    let [from, to] = [COLORS[first], COLORS[first + 1]];
    std::array::from_fn(|channel| {
        from[channel] + (to[channel] - from[channel]) * (at - first as f32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(rgb: &[u8], pixel: usize) -> f32 {
        luma(&rgb[pixel * 3..pixel * 3 + 3])
    }

    #[test]
    fn what_counts_most_is_lightest_and_its_place_is_kept() {
        let gray = vec![100; 6 * 9 * 3];
        // The largest value lies in the last row, first column of a 2 x 3 map.
        let shown = heat_over(&gray, [6, 9], &[0.0, 0.0, 0.0, 4.0, 1.0, 0.0], [2, 3]).unwrap();
        let at = |row: usize, column: usize| light(&shown, row * 9 + column);
        let lightest = (0..54).max_by(|a, b| light(&shown, *a).total_cmp(&light(&shown, *b)));
        assert!(matches!(lightest, Some(place) if place / 9 >= 4 && place % 9 <= 1));
        assert!(at(5, 0) > at(5, 4) && at(5, 4) > at(5, 8), "values fall from left to right");
        assert!(at(0, 0) < at(5, 0), "the first row counts for nothing");
    }

    #[test]
    fn a_map_that_says_nothing_and_wild_values_are_drawn_as_nothing() {
        let gray = vec![200; 2 * 2 * 3];
        let nothing = heat_over(&gray, [2, 2], &[0.0], [1, 1]).unwrap();
        assert_eq!(nothing, heat_over(&gray, [2, 2], &[f32::NAN], [1, 1]).unwrap());
        assert_eq!(nothing, heat_over(&gray, [2, 2], &[-3.0], [1, 1]).unwrap());
        assert!(nothing.iter().all(|value| (100..=140).contains(value)), "{nothing:?}");
    }

    #[test]
    fn wrong_lengths_have_no_picture() {
        assert_eq!(heat_over(&[0; 12], [2, 2], &[1.0; 3], [2, 2]), None);
        assert_eq!(heat_over(&[0; 11], [2, 2], &[1.0; 4], [2, 2]), None);
        assert_eq!(heat_over(&[], [0, 2], &[1.0; 4], [2, 2]), None);
        assert_eq!(heat_over(&[0; 12], [2, 2], &[], [0, 2]), None);
        assert_eq!(heat_over(&[0; 12], [usize::MAX, 2], &[1.0], [1, 1]), None);
    }
}
