//! How many pictures a second a loader delivers when nothing eats them.

use std::time::Instant;

use super::{Loader, LoaderError};

/// What [`Loader::measure`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throughput {
    /// Pictures delivered.
    pub images: usize,
    /// Pictures left out because they are broken.
    pub broken: usize,
    /// The time it took, in seconds.
    pub seconds: f64,
}

impl Throughput {
    /// Pictures delivered per second.
    #[must_use]
    pub fn images_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.images as f64 / self.seconds } else { 0.0 }
    }
}

impl Loader {
    /// Takes a whole epoch of batches and drops them.
    ///
    /// Measure a second epoch: a first one puts the files into the operating system's cache and
    /// fills the loader's own.
    ///
    /// # Errors
    /// The first error of the epoch.
    pub fn measure(&self, epoch: u64) -> Result<Throughput, LoaderError> {
        let start = Instant::now();
        let (mut images, mut broken) = (0, 0);
        for batch in self.epoch(epoch, 0) {
            let batch = batch?;
            images += batch.shape[0];
            broken += batch.broken.len();
        }
        Ok(Throughput { images, broken, seconds: start.elapsed().as_secs_f64() })
    }
}
