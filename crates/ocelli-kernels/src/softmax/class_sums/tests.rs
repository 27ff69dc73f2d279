use super::*;
use crate::testing::{error, error_relative_to, largest, numbers, same_for_any_number_of_threads};

/// Sums of up to a thousand terms in f32 and a few roundings, relative to the largest.
const TOLERANCE: f64 = 3e-6;

/// Rows and classes: none, one, vectors with and without rest, several blocks and tasks.
const SIZES: [[usize; 2]; 9] =
    [[0, 5], [1, 2], [5, 2], [37, 3], [13, 16], [63, 17], [129, 21], [1701, 64], [7, 1009]];

fn labels(rows: usize, classes: usize) -> Vec<i64> {
    (0..rows).map(|row| if row % 3 == 1 { -1 } else { (row * 7 % classes) as i64 }).collect()
}

/// The sums, and the gradient.
fn reference(
    logits: &[f32],
    classes: usize,
    labels: &[i64],
    of_sums: &[f32],
) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut gradient) = (vec![0.0; 2 * classes], vec![]);
    for (x, &label) in logits.chunks(classes).zip(labels) {
        if label < 0 {
            gradient.extend(vec![0.0; classes]);
            continue;
        }
        let total: f64 = x.iter().map(|&x| f64::from(x).exp()).sum();
        let y: Vec<f64> = x.iter().map(|&x| f64::from(x).exp() / total).collect();
        let mut dy: Vec<f64> = of_sums[classes..].iter().map(|&dy| f64::from(dy)).collect();
        dy[label as usize] += f64::from(of_sums[label as usize]);
        let product: f64 = y.iter().zip(&dy).map(|(y, dy)| y * dy).sum();
        gradient.extend(y.iter().zip(&dy).map(|(y, dy)| y * (dy - product)));
        sums[label as usize] += y[label as usize];
        sums[classes..].iter_mut().zip(&y).for_each(|(sum, y)| *sum += y);
    }
    (sums, gradient)
}

#[test]
fn every_shape_and_instruction_set_agrees_with_the_definition() {
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for [rows, classes] in SIZES {
            let logits: Vec<f32> = numbers(rows * classes, 1).iter().map(|x| x * 9.0).collect();
            let labels = labels(rows, classes);
            let of_sums = numbers(2 * classes, 2);
            let (sums, gradient) = reference(&logits, classes, &labels, &of_sums);
            let of = ClassSums { isa, classes, labels: &labels, ignore_index: Some(-1) };
            let what = format!("{} {rows}x{classes}", isa.name());
            let worst = error(&of.sums(&logits), &sums);
            assert!(worst < TOLERANCE, "{what}: {worst}");
            let found = of.gradient(Cow::Borrowed(&logits), &of_sums);
            // Where one class is certain, the gradient is a difference of numbers in its own size.
            let worst = error_relative_to(largest(&gradient).max(0.3), &found, &gradient);
            assert!(worst < TOLERANCE, "gradient of {what}: {worst}");
            assert!(found == of.gradient(Cow::Owned(logits), &of_sums));
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn what_is_ignored_may_be_anything_and_what_is_not_a_number_stays_so() {
    for isa in Isa::available() {
        let of = ClassSums { isa, classes: 2, labels: &[-1, 1], ignore_index: Some(-1) };
        let logits = [f32::NAN, f32::INFINITY, 1e4, -1e4];
        assert_eq!(of.sums(&logits), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(of.gradient(Cow::Borrowed(&logits), &[1.0; 4]), [0.0; 4]);
        let of = ClassSums { labels: &[0, -1], ..of };
        assert!(of.sums(&logits)[0].is_nan());
    }
}

#[test]
#[should_panic(expected = "label 2 in row 1: there are 2 classes")]
fn a_label_that_is_no_class_is_told() {
    let of = ClassSums { isa: Isa::active(), classes: 2, labels: &[1, 2], ignore_index: None };
    let _ = of.sums(&[0.0; 4]);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let logits = numbers(3001 * 21, 1);
    let labels = labels(3001, 21);
    let of_sums = numbers(42, 2);
    same_for_any_number_of_threads(|| {
        let isa = Isa::active();
        let of = ClassSums { isa, classes: 21, labels: &labels, ignore_index: Some(-1) };
        (of.sums(&logits), of.gradient(Cow::Borrowed(&logits), &of_sums))
    });
}

#[test]
#[ignore = "prints times, for a quiet machine: cargo test --workspace --lib time_of_the_sums_of_a_segmentation -- --ignored --nocapture"]
fn time_of_the_sums_of_a_segmentation() {
    let rows = 4 * 256 * 256;
    let logits = numbers(rows * 21, 1);
    let labels = labels(rows, 21);
    let isa = Isa::active();
    let of = ClassSums { isa, classes: 21, labels: &labels, ignore_index: Some(-1) };
    let of_sums = numbers(42, 2);
    crate::timing::report("forward", || {
        std::hint::black_box(of.sums(&logits));
    });
    crate::timing::report("backward", || {
        std::hint::black_box(of.gradient(Cow::Borrowed(&logits), &of_sums));
    });
}
