//! t-SNE of a file of 32-bit floats, timed: `tsne_benchmark FEATURES WIDTH OUT [ITERATIONS]` writes
//! the coordinates and prints one JSON object. `bench/tsne/compare.py` runs it.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use ocelli_report::projection::{Points, Tsne};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [features, width, out, rest @ ..] = arguments.as_slice() else {
        return Err("expected FEATURES WIDTH OUT [ITERATIONS]".into());
    };
    let values: Vec<f32> = std::fs::read(features)?
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let mut tsne = Tsne::default();
    if let [iterations] = rest {
        tsne.iterations = iterations.parse()?;
    }
    let begun = Instant::now();
    let embedding = tsne.fit(Points::new(&values, width.parse()?)?)?;
    let seconds = begun.elapsed().as_secs_f64();
    let bytes: Vec<u8> =
        embedding.points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(out, bytes)?;
    println!(
        "{{\"points\":{},\"seconds\":{seconds:.3},\"kl_divergence\":{:.6},\"threads\":{}}}",
        embedding.points.len(),
        embedding.kl_divergence,
        rayon::current_num_threads(),
    );
    Ok(())
}
