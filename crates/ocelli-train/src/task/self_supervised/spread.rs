//! How projections spread over the sphere: whether all pictures have come to the same.

/// A relative spread below this is a collapse: projections differ by less than a tenth of what even
/// spread would give.
pub const COLLAPSED: f64 = 0.1;

/// Sums over pictures of the numbers of their projections, each of length 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    sums: Vec<f64>,
    squares: Vec<f64>,
    pictures: u64,
}

impl Spread {
    /// Counts `pictures` projections, row by row.
    pub(super) fn add(&mut self, projections: &[f32], pictures: usize) {
        let width = projections.len() / pictures.max(1);
        self.sums.resize(width, 0.0);
        self.squares.resize(width, 0.0);
        for row in projections.chunks_exact(width.max(1)) {
            let length = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
            let sums = self.sums.iter_mut().zip(&mut self.squares);
            for ((sum, square), &value) in sums.zip(row) {
                let value = f64::from(value) / length.max(1e-12);
                *sum += value;
                *square += value * value;
            }
            self.pictures += 1;
        }
    }

    /// The mean over numbers of their standard deviation over pictures, times the root of their count:
    /// near 1 for an even spread, 0 for a collapse. `None` for less than two pictures.
    pub(super) fn relative(&self) -> Option<f64> {
        if self.pictures < 2 || self.sums.is_empty() {
            return None;
        }
        let (count, width) = (self.pictures as f64, self.sums.len() as f64);
        let deviation = |(sum, square): (&f64, &f64)| {
            ((square - sum * sum / count).max(0.0) / (count - 1.0)).sqrt()
        };
        let total: f64 = self.sums.iter().zip(&self.squares).map(deviation).sum();
        Some(total / width * width.sqrt())
    }
}
