//! How alike two pictures are, value by value and window by window.

/// The peak signal-to-noise ratio in decibels of values in [0, 1]; infinite for equal pictures,
/// NaN for empty ones.
///
/// # Panics
/// If the pictures differ in length.
#[must_use]
pub fn psnr(first: &[f32], second: &[f32]) -> f64 {
    assert!(
        first.len() == second.len(),
        "the pictures have {} and {} values",
        first.len(),
        second.len()
    );
    let squares = first.iter().zip(second).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    -10.0 * (squares.sum::<f64>() / first.len() as f64).log10()
}

/// The window's side: what a standard deviation of 1.5 covers, cut off at 3.5 of them.
const SIDE: usize = 11;
const SIGMA: f64 = 1.5;
/// The constants that keep the quotient finite, for values in [0, 1].
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// The mean structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004) of two pictures
/// `[height, width, channels]` with values in [0, 1]: 1 for equal ones. `None` where a side is
/// shorter than the window of 11 pixels.
///
/// Gaussian windows with a standard deviation of 1.5 that lie wholly inside the picture, population
/// covariances, the channels' mean: scikit-image's `structural_similarity` with
/// `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1`.
///
/// # Panics
/// If a picture doesn't hold `height × width × channels` values.
#[must_use]
pub fn ssim(first: &[f32], second: &[f32], [height, width, channels]: [usize; 3]) -> Option<f64> {
    let expected = height * width * channels;
    assert!(
        first.len() == expected && second.len() == expected,
        "pictures of {height}x{width}x{channels} have {expected} values, found {} and {}",
        first.len(),
        second.len()
    );
    if height < SIDE || width < SIDE || channels == 0 {
        return None;
    }
    let kernel = gaussian();
    let mut sum = 0.0;
    for channel in 0..channels {
        let plane = |values: &[f32]| -> Vec<f64> {
            values.iter().skip(channel).step_by(channels).copied().map(f64::from).collect()
        };
        let (x, y) = (plane(first), plane(second));
        let product =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
        let blurred = |values: &[f64]| blur(values, [height, width], &kernel);
        let (mean_x, mean_y) = (blurred(&x), blurred(&y));
        let (xx, yy, xy) =
            (blurred(&product(&x, &x)), blurred(&product(&y, &y)), blurred(&product(&x, &y)));
        let mut of_channel = 0.0;
        for at in 0..mean_x.len() {
            let (mx, my) = (mean_x[at], mean_y[at]);
            let (var_x, var_y) = (xx[at] - mx * mx, yy[at] - my * my);
            let covariance = xy[at] - mx * my;
            of_channel += (2.0 * mx * my + C1) * (2.0 * covariance + C2)
                / ((mx * mx + my * my + C1) * (var_x + var_y + C2));
        }
        sum += of_channel / mean_x.len() as f64;
    }
    Some(sum / channels as f64)
}

fn gaussian() -> [f64; SIDE] {
    let middle = (SIDE / 2) as f64;
    let weights: [f64; SIDE] =
        std::array::from_fn(|at| (-0.5 * ((at as f64 - middle) / SIGMA).powi(2)).exp());
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// Blurs `[height, width]`, first along rows, then along columns; only where the window lies
/// inside, so that both sides lose ten pixels.
fn blur(values: &[f64], [height, width]: [usize; 2], kernel: &[f64; SIDE]) -> Vec<f64> {
    let inner = width - (SIDE - 1);
    let weighted = |window: &[f64]| window.iter().zip(kernel).map(|(a, b)| a * b).sum::<f64>();
    let rows: Vec<f64> =
        values.chunks_exact(width).flat_map(|row| row.windows(SIDE).map(weighted)).collect();
    let mut blurred = vec![0.0; (height - (SIDE - 1)) * inner];
    for (top, output) in blurred.chunks_exact_mut(inner).enumerate() {
        for (offset, &weight) in kernel.iter().enumerate() {
            let row = &rows[(top + offset) * inner..][..inner];
            for (output, value) in output.iter_mut().zip(row) {
                *output += weight * value;
            }
        }
    }
    blurred
}
