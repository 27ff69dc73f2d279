use serde::Deserialize;

use super::*;

/// Both sides divide counts in double precision.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Reference {
    classes: usize,
    truth: Vec<usize>,
    logits: Vec<Vec<f32>>,
    accuracy: f64,
    top: std::collections::BTreeMap<usize, f64>,
    per_class: Vec<ClassScore>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../../fixtures/train/metrics.json")).unwrap()
}

fn confusion(reference: &Reference) -> ConfusionMatrix {
    let mut matrix = ConfusionMatrix::new(reference.classes);
    for (row, &truth) in reference.logits.iter().zip(&reference.truth) {
        matrix.add_prediction(prediction(row), truth);
    }
    matrix
}

fn close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= TOLERANCE,
        (found, expected) => found == expected,
    }
}

#[test]
fn scores_of_each_class_are_those_of_their_definitions() {
    let reference = reference();
    let matrix = confusion(&reference);
    assert!(close(matrix.accuracy(), Some(reference.accuracy)));
    for (found, expected) in matrix.per_class().iter().zip(&reference.per_class) {
        assert!(close(found.precision, expected.precision), "{found:?} {expected:?}");
        assert!(close(found.recall, expected.recall), "{found:?} {expected:?}");
        assert!(close(found.f1, expected.f1), "{found:?} {expected:?}");
        assert_eq!((found.support, found.predicted), (expected.support, expected.predicted));
    }
}

#[test]
fn top_k_counts_the_classes_ahead() {
    let reference = reference();
    let mut top = TopK::new(reference.classes, &[5, 1, 2]);
    for (rows, truth) in reference.logits.chunks(33).zip(reference.truth.chunks(33)) {
        top.add(&rows.concat(), truth).unwrap();
    }
    for (k, expected) in reference.top {
        assert!(close(top.accuracy(k), Some(expected)), "top-{k}");
    }
    assert_eq!(top.samples(), 400);
    assert_eq!(top.accuracy(3), None);
    assert!(close(top.accuracy(1), confusion(&self::reference()).accuracy()));
}

/// Three classes: 4 of class 0 (3 right, 1 taken for 1), 2 of class 1 (1 right, 1 taken for 0).
fn small() -> ConfusionMatrix {
    let mut matrix = ConfusionMatrix::new(3);
    for (predicted, truth) in [(0, 0), (0, 0), (0, 0), (1, 0), (1, 1), (0, 1)] {
        matrix.add(predicted, truth);
    }
    matrix
}

#[test]
fn a_class_that_is_absent_is_undefined_and_left_out_of_the_means() {
    let matrix = small();
    let absent = matrix.per_class()[2];
    assert_eq!((absent.precision, absent.recall, absent.f1), (None, None, None));
    let means = matrix.macro_averages();
    assert_eq!(means.classes, 2);
    assert!(close(means.precision, Some((0.75 + 0.5) / 2.0)));
    assert!(close(means.recall, Some((0.75 + 0.5) / 2.0)));
    assert_eq!(matrix.count(1, 0), 1);
    assert_eq!(matrix.count(9, 0), 0);
}

#[test]
fn a_class_that_is_never_predicted_has_no_precision_and_weighs_as_zero() {
    let mut matrix = ConfusionMatrix::new(2);
    matrix.add(0, 0);
    matrix.add(0, 1);
    let never = matrix.per_class()[1];
    assert_eq!((never.precision, never.recall, never.f1), (None, Some(0.0), Some(0.0)));
    assert!(close(matrix.macro_averages().precision, Some(0.25)));
}

#[test]
fn without_samples_nothing_is_defined() {
    for classes in [0, 1, 3] {
        let matrix = ConfusionMatrix::new(classes);
        assert_eq!(matrix.accuracy(), None);
        assert_eq!(matrix.macro_averages().f1, None);
        assert_eq!(TopK::new(classes, &[1, 5]).accuracy(1), None);
    }
    assert_eq!(Mean::new().value(), None);
}

#[test]
fn the_table_shows_a_dash_where_nothing_is_defined() {
    let names = ["robin".to_owned(), "wren".to_owned()];
    assert_eq!(
        small().table(&names),
        "\
class          precision  recall      f1  support
robin             0.7500  0.7500  0.7500        4
wren              0.5000  0.5000  0.5000        2
2                      -       -       -        0
macro average     0.6250  0.6250  0.6250        6
"
    );
}

#[test]
fn an_ignored_truth_is_counted_apart() {
    let mut matrix = small();
    matrix.add(1, 255);
    assert_eq!((matrix.total(), matrix.ignored()), (6, 1));
    assert!(close(matrix.accuracy(), Some(4.0 / 6.0)));
}

#[test]
fn a_row_with_nan_is_a_miss_and_not_a_panic() {
    let rows = [f32::NAN, 0.0, 1.0, f32::INFINITY, f32::NEG_INFINITY, 0.0];
    let mut matrix = ConfusionMatrix::new(3);
    let mut top = TopK::new(3, &[1, 5]);
    top.add(&rows, &[0, 0]).unwrap();
    for row in rows.chunks(3) {
        matrix.add_prediction(prediction(row), 0);
    }
    assert!(close(matrix.accuracy(), Some(0.5)));
    assert_eq!(matrix.per_class()[0].support, 2);
    assert!(close(top.accuracy(1), Some(0.5)));
    assert!(close(top.accuracy(5), Some(0.5)));
}

#[test]
fn equal_logits_rank_by_class_index() {
    assert_eq!(prediction(&[1.0, 3.0, 3.0]), Some(1));
    assert_eq!(prediction(&[]), None);
    assert_eq!(prediction(&[f32::NEG_INFINITY; 3]), Some(0));
    let mut top = TopK::new(4, &[1, 2]);
    top.add(&[0.0; 16], &[0, 1, 2, 3]).unwrap();
    assert!(close(top.accuracy(1), Some(0.25)));
    assert!(close(top.accuracy(2), Some(0.5)));
}

#[test]
fn top_five_of_three_classes_is_top_three() {
    let mut top = TopK::new(3, &[1, 5]);
    top.add(&[0.1, 0.2, 0.3], &[0]).unwrap();
    assert_eq!(top.ks().collect::<Vec<_>>(), [1, 3]);
    assert!(close(top.accuracy(5), Some(1.0)));
    assert!(close(top.accuracy(1), Some(0.0)));
}

#[test]
fn logits_that_do_not_fit_the_labels_are_refused() {
    let mut top = TopK::new(3, &[1]);
    let error = top.add(&[0.0; 7], &[0, 1]).unwrap_err();
    let expected = MetricError::Shape { found: 7, expected: 6, samples: 2, classes: 3 };
    assert_eq!(error, expected);
    assert_eq!(top.samples(), 0);
}

#[test]
fn merged_counts_are_the_counts_of_the_whole() {
    let reference = reference();
    let whole = confusion(&reference);
    let mut merged = ConfusionMatrix::new(reference.classes);
    let mut top = TopK::new(reference.classes, &[1, 5]);
    let mut whole_top = top.clone();
    for (rows, truth) in reference.logits.chunks(150).zip(reference.truth.chunks(150)) {
        let mut part = ConfusionMatrix::new(reference.classes);
        for (row, &truth) in rows.iter().zip(truth) {
            part.add_prediction(prediction(row), truth);
        }
        merged.merge(&part).unwrap();
        let mut part = TopK::new(reference.classes, &[1, 5]);
        part.add(&rows.concat(), truth).unwrap();
        top.merge(&part).unwrap();
        whole_top.add(&rows.concat(), truth).unwrap();
    }
    assert_eq!(merged, whole);
    assert_eq!(top, whole_top);
    assert!(merged.merge(&ConfusionMatrix::new(2)).is_err());
    assert!(top.merge(&TopK::new(2, &[1, 5])).is_err());
}

#[test]
fn a_matrix_survives_being_written_and_read() {
    let mut matrix = small();
    matrix.add_prediction(None, 1);
    matrix.add(0, 99);
    let text = serde_json::to_string(&matrix).unwrap();
    assert_eq!(
        text,
        "{\"classes\":3,\"cells\":[[0,0,3],[0,1,1],[1,0,1],[1,1,1]],\
         \"unpredicted\":[[1,1]],\"ignored\":1}"
    );
    assert_eq!(serde_json::from_str::<ConfusionMatrix>(&text).unwrap(), matrix);
    let outside = "{\"classes\":2,\"cells\":[[0,2,1]],\"unpredicted\":[],\"ignored\":0}";
    let error = serde_json::from_str::<ConfusionMatrix>(outside).unwrap_err();
    assert!(error.to_string().contains("expected both below 2"), "{error}");
}

#[test]
fn a_matrix_of_very_many_classes_holds_only_what_occurs() {
    let mut matrix = ConfusionMatrix::new(200_000);
    matrix.add(199_999, 199_999);
    matrix.add(7, 199_999);
    assert!(close(matrix.accuracy(), Some(0.5)));
    assert_eq!(matrix.count(7, 199_999), 1);
    assert_eq!(matrix.macro_averages().classes, 1);
}

#[test]
fn a_mean_weighs_each_sample_alike_whatever_the_batches() {
    let mut mean = Mean::new();
    mean.add(6.0, 3.0);
    mean.add_mean(10.0, 1.0);
    assert_eq!(mean.value(), Some(4.0));
    assert_eq!(mean.weight(), 4.0);
    mean.add(f64::NAN, 1.0);
    assert!(mean.value().unwrap().is_nan());
}
