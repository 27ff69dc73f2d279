//! Times for the ignored tests that measure.

use std::time::Instant;

/// Prints the median and the least of fifteen times, after two runs to warm up.
pub(crate) fn report(name: &str, mut work: impl FnMut()) {
    let mut times: Vec<f64> = (0..17)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .skip(2)
        .collect();
    times.sort_by(f64::total_cmp);
    eprintln!("{name}: median {:.3} ms, least {:.3} ms", times[times.len() / 2], times[0]);
}
