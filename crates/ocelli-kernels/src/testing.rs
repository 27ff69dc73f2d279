//! What the tests of this crate share.

/// Numbers in -1..1 that don't repeat.
pub(crate) fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

/// The largest error, relative to the largest value.
pub(crate) fn error(found: &[f32], expected: &[f64]) -> f64 {
    error_relative_to(largest(expected), found, expected)
}

/// The largest magnitude.
pub(crate) fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(1e-30, |largest: f64, number| largest.max(number.abs()))
}

/// The largest error, relative to a given size: for results that may cancel to nothing.
pub(crate) fn error_relative_to(size: f64, found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).fold(0.0, |worst, (&found, &expected)| {
        let error = (f64::from(found) - expected).abs();
        if error.is_nan() { f64::INFINITY } else { worst.max(error / size) }
    })
}

/// Runs `work` in pools of one, two, three and five threads, and asserts that nothing differs.
pub(crate) fn same_for_any_number_of_threads<T: PartialEq + Send>(work: impl Fn() -> T + Sync) {
    let [one, others @ ..] = [1, 2, 3, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of threads").install(&work)
    });
    assert!(
        others.iter().all(|other| *other == one),
        "the result depends on the number of threads"
    );
}
