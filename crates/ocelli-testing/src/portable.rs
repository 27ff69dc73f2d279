//! Numbers that Rust and Python compute alike, so that fixtures need not store weights.
//! `fixtures/models/generate.py` has the other half: change both or neither.

/// Numbers in [-1, 1): the top 24 bits of SplitMix64 of the key's FNV-1a hash plus the index.
#[must_use]
pub fn portable_uniform(key: &str, count: usize) -> Vec<f64> {
    let seed = key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let number = |index: u64| {
        let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        (z >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (1..=count as u64).map(number).collect()
}

/// A weight or statistic of the given key and shape, scaled so that activations keep their size.
///
/// `x` and `grad_out` name inputs: uniform within ±1.
#[must_use]
pub fn portable_state(key: &str, shape: &[usize]) -> Vec<f32> {
    let (scale, offset) = match *shape {
        _ if key == "x" || key == "grad_out" => (1.0, 0.0),
        _ if key.ends_with("running_var") => (0.5, 1.0),
        _ if key.ends_with("running_mean") => (0.1, 0.0),
        // A depthwise window sees one channel.
        [_, 1, height, width] => ((6.0 / (height * width) as f64).sqrt(), 0.0),
        [out, _, height, width] => ((6.0 / (out * height * width) as f64).sqrt(), 0.0),
        [_, features] => (1.0 / (features as f64).sqrt(), 0.0),
        // Small residual branches: the Python half says why.
        _ if SMALL_BRANCHES.iter().any(|&branch| key.ends_with(branch)) => (0.02, 0.1),
        _ if key.ends_with("weight") => (0.2, 1.0),
        _ => (0.2, 0.0),
    };
    let uniform = portable_uniform(key, shape.iter().product());
    uniform.into_iter().map(|number| (offset + scale * number) as f32).collect()
}

/// Weights of normalizations whose branches are to be small.
const SMALL_BRANCHES: [&str; 3] = ["bn3.weight", ".block.1.1.weight", ".block.3.1.weight"];

/// What a fixture keeps of a large tensor: the Euclidean norm, and eight values evenly spread.
#[must_use]
pub fn summary(values: &[f32]) -> Vec<f32> {
    const SAMPLES: usize = 8;
    let norm = values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let place = |index: usize| index * (values.len() - 1) / (SAMPLES - 1);
    std::iter::once(norm as f32).chain((0..SAMPLES).map(|index| values[place(index)])).collect()
}
