use super::*;
use crate::testing::{error_relative_to, largest, numbers, same_for_any_number_of_threads};

/// Sums of up to a thousand terms in f32 and a few roundings, relative to the largest.
const TOLERANCE: f64 = 3e-6;

/// Rows and classes: none, one, vectors with and without rest, several tasks.
const SIZES: [[usize; 2]; 9] =
    [[0, 5], [1, 1], [5, 2], [37, 3], [13, 16], [11, 17], [29, 21], [701, 64], [7, 1009]];

/// The definition, with a target for each row that is scaled by nothing yet: loss sum, and the
/// gradient of the sum.
fn reference(
    logits: &[f32],
    classes: usize,
    weights: Option<&[f32]>,
    (smoothing, gamma): (f64, f64),
    target: impl Fn(usize) -> Option<Vec<f64>>,
) -> (f64, Vec<f64>) {
    let (mut sum, mut gradient) = (0.0, vec![]);
    for (row, x) in logits.chunks(classes.max(1)).enumerate() {
        let Some(target) = target(row) else {
            gradient.extend(vec![0.0; classes]);
            continue;
        };
        let wanted: Vec<f64> = (0..classes)
            .map(|class| {
                let target = target[class] * (1.0 - smoothing) + smoothing / classes as f64;
                target * weights.map_or(1.0, |weights| f64::from(weights[class]))
            })
            .collect();
        let total: f64 = wanted.iter().sum();
        let scale: f64 = x.iter().map(|&x| f64::from(x).exp()).sum();
        // Of the label, if there is a power: then all else is wanted with 0.
        let p: f64 = x.iter().zip(&target).map(|(&x, t)| t * f64::from(x).exp() / scale).sum();
        let factor = if gamma == 0.0 { 1.0 } else { (1.0 - p).powf(gamma) };
        let slope = match gamma {
            0.0 => 1.0,
            _ => factor - gamma * p * (1.0 - p).powf(gamma - 1.0) * p.ln(),
        };
        for (&x, wanted) in x.iter().zip(&wanted) {
            sum += wanted * factor * (scale.ln() - f64::from(x));
            gradient.push(slope * (f64::from(x).exp() / scale * total - wanted));
        }
    }
    (sum, gradient)
}

fn powers(loss: &CrossEntropy<'_>) -> (f64, f64) {
    (loss.label_smoothing, loss.gamma)
}

fn options(isa: Isa, classes: usize, weights: &[f32]) -> Vec<CrossEntropy<'_>> {
    let plain = CrossEntropy {
        isa,
        classes,
        class_weights: None,
        label_smoothing: 0.0,
        gamma: 0.0,
        ignore_index: None,
    };
    let weighted = CrossEntropy { class_weights: Some(weights), ..plain };
    vec![
        plain,
        weighted,
        CrossEntropy { label_smoothing: 0.1, ..plain },
        CrossEntropy { label_smoothing: 0.3, ..weighted },
        CrossEntropy { label_smoothing: 0.3, ignore_index: Some(255), ..weighted },
    ]
}

fn check(
    loss: &CrossEntropy<'_>,
    logits: &[f32],
    targets: Targets<'_>,
    weight: f64,
    (sum, gradient): (f64, Vec<f64>),
) {
    let what = format!("{loss:?}, {} logits", logits.len());
    let found = loss.loss(logits, targets);
    assert!((found.weight - weight).abs() <= 1e-9 * weight, "{what}: {found:?}, {weight}");
    let error_of_sum = (found.sum - sum).abs() / sum.abs().max(1e-3);
    assert!(error_of_sum < TOLERANCE, "{what}: {found:?}, {sum}");
    let scale = if weight == 0.0 { 0.0 } else { 2.0 / weight };
    let expected: Vec<f64> = gradient.iter().map(|gradient| gradient * scale).collect();
    let found = loss.gradient(Cow::Borrowed(logits), targets, scale as f32);
    // With a single class the gradient is nothing but rounding, in the size of the factor.
    let worst = error_relative_to(largest(&expected).max(scale * 1e-1), &found, &expected);
    assert!(worst < TOLERANCE, "{what}: {worst}");
    assert!(found == loss.gradient(Cow::Owned(logits.to_vec()), targets, scale as f32));
}

#[test]
fn labels_agree_with_the_definition() {
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for [rows, classes] in SIZES {
            let logits: Vec<f32> = numbers(rows * classes, 1).iter().map(|x| x * 9.0).collect();
            let weights: Vec<f32> = numbers(classes, 2).iter().map(|weight| weight + 1.2).collect();
            // A power, but of `1 - p` that is zero with a single class.
            let gammas = if classes > 1 { vec![0.0, 0.5, 1.0, 2.0, 3.5] } else { vec![0.0] };
            let focal = gammas.into_iter().map(|gamma| CrossEntropy {
                gamma,
                ignore_index: Some(255),
                ..options(isa, classes, &weights)[1]
            });
            for loss in options(isa, classes, &weights).into_iter().chain(focal) {
                let ignores = loss.ignore_index.is_some();
                let labels: Vec<i64> = (0..rows)
                    .map(
                        |row| {
                            if ignores && row % 3 == 1 { 255 } else { (row * 7 % classes) as i64 }
                        },
                    )
                    .collect();
                let expected =
                    reference(&logits, classes, loss.class_weights, powers(&loss), |row| {
                        let mut target = vec![0.0; classes];
                        *target.get_mut(usize::try_from(labels[row]).expect("a class"))? = 1.0;
                        (labels[row] != 255 || !ignores).then_some(target)
                    });
                // 255 is a class where there are so many, and is ignored all the same.
                let weight = labels.iter().filter(|&&label| !ignores || label != 255);
                let weight = weight
                    .map(|&label| loss.class_weights.map_or(1.0, |w| w[label as usize].into()));
                let weight = weight.sum();
                check(&loss, &logits, Targets::Labels(&labels), weight, expected.clone());
                let short: Vec<u32> = labels.iter().map(|&label| label as u32).collect();
                check(&loss, &logits, Targets::ShortLabels(&short), weight, expected);
            }
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn probabilities_agree_with_the_definition() {
    for isa in Isa::available() {
        for [rows, classes] in SIZES {
            let logits: Vec<f32> = numbers(rows * classes, 1).iter().map(|x| x * 9.0).collect();
            let weights: Vec<f32> = numbers(classes, 2).iter().map(|weight| weight + 1.2).collect();
            // Not normalized: PyTorch does not ask for it.
            let targets: Vec<f32> =
                numbers(rows * classes, 3).iter().map(|target| target + 1.0).collect();
            for loss in options(isa, classes, &weights) {
                let expected =
                    reference(&logits, classes, loss.class_weights, powers(&loss), |row| {
                        let row = &targets[row * classes..][..classes];
                        Some(row.iter().map(|&target| f64::from(target)).collect())
                    });
                check(&loss, &logits, Targets::Probabilities(&targets), rows as f64, expected);
            }
        }
    }
}

/// Of `torch.nn.functional.cross_entropy`, version 2.15.0.
#[test]
fn small_cases_agree_with_pytorch() {
    let weights = [1.0, 2.0, 3.0];
    let loss = CrossEntropy {
        isa: Isa::active(),
        classes: 3,
        class_weights: Some(&weights),
        label_smoothing: 0.1,
        gamma: 0.0,
        ignore_index: Some(1),
    };
    let logits = [1.0, 2.0, 3.0, 1.0, 1.0, 1.0, 0.0, 5.0, 0.0];
    let found = loss.loss(&logits, Targets::Labels(&[0, 2, 1]));
    assert!((found.mean() - 1.391_918_8).abs() < 1e-6, "{found:?}");
    let targets = Targets::Probabilities(&[0.2, 0.5, 0.9]);
    let found = loss.loss(&[1.0, 2.0, 3.0], targets);
    assert!((found.mean() - 2.905_551_4).abs() < 1e-6, "{found:?}");
}

#[test]
fn where_nothing_counts_loss_and_gradient_are_zero() {
    for isa in Isa::available() {
        let loss = CrossEntropy {
            isa,
            classes: 2,
            class_weights: None,
            label_smoothing: 0.1,
            gamma: 0.0,
            ignore_index: Some(-100),
        };
        let logits = [1.0, f32::INFINITY, 3.0, f32::NAN];
        let targets = Targets::Labels(&[-100, -100]);
        assert_eq!(loss.loss(&logits, targets).mean(), 0.0);
        assert_eq!(loss.gradient(Cow::Borrowed(&logits), targets, 1.0), [0.0; 4]);
    }
}

#[test]
fn focal_loss_is_finite_at_its_ends() {
    for isa in Isa::available() {
        for gamma in [0.5, 1.0, 2.0] {
            let loss = CrossEntropy { gamma, ..options(isa, 2, &[])[0] };
            let logits = [1e4, -1e4, 1e4, -1e4];
            let targets = Targets::Labels(&[0, 1]);
            assert_eq!(loss.loss(&logits, targets).sum, 2e4);
            let gradient = loss.gradient(Cow::Borrowed(&logits), targets, 1.0);
            assert_eq!(gradient, [0.0, 0.0, 1.0, -1.0]);
        }
    }
}

#[test]
#[should_panic(expected = "a gamma of 2, which wants labels, and these not smoothed")]
fn a_power_with_smoothing_is_refused() {
    let loss = CrossEntropy { gamma: 2.0, ..options(Isa::active(), 2, &[])[2] };
    let _ = loss.loss(&[0.0; 4], Targets::Labels(&[1, 0]));
}

#[test]
#[should_panic(expected = "label 2 in row 1: there are 2 classes")]
fn a_label_that_is_no_class_is_told() {
    let loss = CrossEntropy {
        isa: Isa::active(),
        classes: 2,
        class_weights: None,
        label_smoothing: 0.0,
        gamma: 0.0,
        ignore_index: None,
    };
    let _ = loss.loss(&[0.0; 4], Targets::Labels(&[1, 2]));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let logits = numbers(3001 * 21, 1);
    let labels: Vec<u32> = (0..3001).map(|row| row % 21).collect();
    same_for_any_number_of_threads(|| {
        let loss = CrossEntropy {
            isa: Isa::active(),
            classes: 21,
            class_weights: None,
            label_smoothing: 0.1,
            gamma: 0.0,
            ignore_index: Some(20),
        };
        let targets = Targets::ShortLabels(&labels);
        (loss.loss(&logits, targets), loss.gradient(Cow::Borrowed(&logits), targets, 1.0))
    });
    same_for_any_number_of_threads(|| {
        let loss = CrossEntropy { gamma: 2.0, ..options(Isa::active(), 21, &[])[0] };
        let targets = Targets::ShortLabels(&labels);
        (loss.loss(&logits, targets), loss.gradient(Cow::Borrowed(&logits), targets, 1.0))
    });
}

#[test]
#[ignore = "prints times, for a quiet machine: cargo test --workspace --lib time_of_a_segmentations_loss -- --ignored --nocapture"]
fn time_of_a_segmentations_loss() {
    let rows = 4 * 256 * 256;
    let logits = numbers(rows * 21, 1);
    let labels: Vec<i64> = (0..rows).map(|row| (row * 7 % 21) as i64).collect();
    let targets = Targets::Labels(&labels);
    for gamma in [0.0, 2.0, 1.5] {
        let loss = CrossEntropy { gamma, ..options(Isa::active(), 21, &[])[0] };
        crate::timing::report(&format!("gamma {gamma} forward"), || {
            std::hint::black_box(loss.loss(&logits, targets));
        });
        crate::timing::report(&format!("gamma {gamma} backward"), || {
            std::hint::black_box(loss.gradient(Cow::Borrowed(&logits), targets, 1.0));
        });
    }
}
