//! How different two colours look.

use super::lab::lab_from_rgb8;

/// The 25th power of 7, at which the correction for chroma is halved.
const SEVEN_25: f64 = 6_103_515_625.0;

/// The CIEDE2000 difference of two colours in Lab: about 1 is just noticeable.
///
/// After Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes,
/// Supplementary Test Data, and Mathematical Observations", 2005, with all weights 1.
#[must_use]
pub fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let share_of_seven = |chroma: f64| {
        let power = chroma.powi(7);
        (power / (power + SEVEN_25)).sqrt()
    };
    let mean_chroma = (a1.hypot(b1) + a2.hypot(b2)) / 2.0;
    let g = 0.5 * (1.0 - share_of_seven(mean_chroma));
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| {
        if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) }
    };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let is_gray = c1 * c2 == 0.0;

    let turn = match h2 - h1 {
        _ if is_gray => 0.0,
        turn if turn > 180.0 => turn - 360.0,
        turn if turn < -180.0 => turn + 360.0,
        turn => turn,
    };
    let (delta_l, delta_c) = (l2 - l1, c2 - c1);
    let delta_h = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();

    let (mean_l, mean_c) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let mean_h = match h1 + h2 {
        sum if is_gray => sum,
        sum if (h1 - h2).abs() <= 180.0 => sum / 2.0,
        sum if sum < 360.0 => (sum + 360.0) / 2.0,
        sum => (sum - 360.0) / 2.0,
    };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t =
        1.0 - 0.17 * cos(mean_h - 30.0) + 0.24 * cos(2.0 * mean_h) + 0.32 * cos(3.0 * mean_h + 6.0)
            - 0.20 * cos(4.0 * mean_h - 63.0);
    let from_middle = (mean_l - 50.0).powi(2);
    let s_l = 1.0 + 0.015 * from_middle / (20.0 + from_middle).sqrt();
    let s_c = 1.0 + 0.045 * mean_c;
    let s_h = 1.0 + 0.015 * mean_c * t;
    let delta_theta = 30.0 * (-((mean_h - 275.0) / 25.0).powi(2)).exp();
    let r_t = -(2.0 * delta_theta).to_radians().sin() * 2.0 * share_of_seven(mean_c);

    let (l, c, h) = (delta_l / s_l, delta_c / s_c, delta_h / s_h);
    // Rounding can leave a negative zero's worth.
    (l * l + c * c + h * h + r_t * c * h).max(0.0).sqrt()
}

/// The mean [`ciede2000`] of two pictures' 8-bit sRGB pixels, `[n, 3]`; NaN for none.
///
/// # Panics
/// If the pictures differ in length, or there are not three values for each pixel.
#[must_use]
pub fn mean_ciede2000(first: &[u8], second: &[u8]) -> f64 {
    assert!(
        first.len() == second.len(),
        "the pictures have {} and {} values",
        first.len(),
        second.len()
    );
    let (first, second) = (lab_from_rgb8(first), lab_from_rgb8(second));
    let pairs = first.as_chunks::<3>().0.iter().zip(second.as_chunks::<3>().0);
    let differences = pairs.map(|(a, b)| ciede2000(a.map(f64::from), b.map(f64::from)));
    differences.sum::<f64>() / (first.len() / 3) as f64
}
