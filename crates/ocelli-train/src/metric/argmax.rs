use burn::tensor::Tensor;
use rayon::prelude::*;

use super::segmentation::IGNORED;

/// Rows that one task looks through.
const TASK: usize = 1 << 12;

/// The class with the highest score of each pixel; of equal ones the first. A pixel that has a
/// score which is not a number has no class, and gets 255, which counts as a miss in
/// [`SegmentationMatrix`](super::SegmentationMatrix).
///
/// # Shapes
///
/// `scores`: `[n, h, w, classes]`; the result has `n h w` values, row-major.
///
/// # Panics
///
/// If there are no classes or more than 255, or the device fails to hand the scores over.
pub fn argmax_classes(scores: Tensor<4>) -> Vec<u8> {
    let [.., classes] = scores.dims();
    let scores = scores.without_autodiff().into_data();
    argmax_rows(scores.as_slice::<f32>().expect("scores are 32-bit floats"), classes)
}

/// [`argmax_classes`] of scores that lie in memory, `classes` of them for each pixel.
///
/// # Panics
///
/// If there are no classes or more than 255, or the scores are no multiple of them.
pub fn argmax_rows(scores: &[f32], classes: usize) -> Vec<u8> {
    assert!((1..=255).contains(&classes), "found {classes} classes, expected 1 to 255");
    let (rows, rest) = (scores.len() / classes, scores.len() % classes);
    assert_eq!(rest, 0, "found {} scores, expected {classes} for each pixel", scores.len());
    let mut found = vec![0; rows];
    let tasks = found.par_chunks_mut(TASK).zip(scores.par_chunks(TASK * classes));
    tasks.for_each(|(found, scores)| {
        for (found, row) in found.iter_mut().zip(scores.chunks_exact(classes)) {
            *found = highest(row);
        }
    });
    found
}

/// The first of the highest, if all are numbers.
fn highest(row: &[f32]) -> u8 {
    let (mut best, mut class, mut numbers) = (f32::NEG_INFINITY, 0, true);
    for (index, &score) in row.iter().enumerate() {
        numbers &= !score.is_nan();
        if score > best {
            (best, class) = (score, index as u8);
        }
    }
    if numbers { class } else { IGNORED }
}
