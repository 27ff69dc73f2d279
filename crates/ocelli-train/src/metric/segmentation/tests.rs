use super::*;
use crate::metric::{argmax_classes, argmax_rows};
use crate::testing::cpu;
use burn::tensor::{Tensor, TensorData};

/// torchmetrics divides in float32.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Fixture {
    classes: usize,
    truth: Vec<Vec<u8>>,
    predicted: Vec<Vec<u8>>,
    iou: Vec<Option<f64>>,
    mean_iou: f64,
    frequency_weighted_iou: f64,
    pixel_accuracy: f64,
    dice: Vec<Option<f64>>,
    mean_dice: f64,
}

#[track_caller]
fn assert_close(what: &str, found: Option<f64>, expected: Option<f64>) {
    match (found, expected) {
        (Some(found), Some(expected)) => {
            assert!((found - expected).abs() < TOLERANCE, "{what}: {found}, expected {expected}");
        }
        _ => assert_eq!(found, expected, "{what}"),
    }
}

#[test]
fn scores_are_those_of_torchmetrics() {
    let text = include_str!("../../../../../fixtures/train/segmentation.json");
    let fixture: Fixture = serde_json::from_str(text).unwrap();
    let mut matrix = SegmentationMatrix::new(fixture.classes);
    // Each picture on its own: the scores are of the whole.
    for (predicted, truth) in fixture.predicted.iter().zip(&fixture.truth) {
        let mut picture = SegmentationMatrix::new(fixture.classes);
        picture.add(predicted, truth).unwrap();
        matrix.merge(&picture).unwrap();
    }
    let scores = matrix.scores();
    assert_close("mean IoU", scores.mean_iou, Some(fixture.mean_iou));
    assert_close("mean IoU", matrix.mean_iou(), Some(fixture.mean_iou));
    let weighted = Some(fixture.frequency_weighted_iou);
    assert_close("frequency-weighted IoU", scores.frequency_weighted_iou, weighted);
    assert_close("pixel accuracy", scores.pixel_accuracy, Some(fixture.pixel_accuracy));
    assert_close("mean Dice", scores.mean_dice, Some(fixture.mean_dice));
    for (class, score) in scores.classes.iter().enumerate() {
        assert_close("IoU", score.iou, fixture.iou[class]);
        assert_close("Dice", score.dice, fixture.dice[class]);
    }
    assert!(fixture.iou[4].is_none() && fixture.iou[5] == Some(0.0));
    let all: usize = fixture.truth.iter().map(Vec::len).sum();
    assert_eq!(scores.pixels + scores.ignored, all as u64);
    let text = serde_json::to_string(&scores).unwrap();
    assert_eq!(serde_json::from_str::<SegmentationScores>(&text).unwrap(), scores);
    let text = serde_json::to_string(&matrix).unwrap();
    assert_eq!(serde_json::from_str::<SegmentationMatrix>(&text).unwrap(), matrix);
}

#[test]
fn a_small_case_by_hand() {
    let mut matrix = SegmentationMatrix::new(4);
    matrix.add(&[0, 0, 1, 1, 2, 255], &[0, 1, 1, 255, 0, 1]).unwrap();
    // Class 0: hit 1 of truth 2, predicted 2. Class 1: hit 1 of truth 3 (one not predicted).
    assert_eq!(matrix.iou(), [Some(1.0 / 3.0), Some(1.0 / 3.0), Some(0.0), None]);
    let scores = matrix.scores();
    assert_eq!(scores.mean_iou, Some(2.0 / 9.0));
    assert_eq!(scores.pixel_accuracy, Some(0.4));
    assert_eq!(scores.frequency_weighted_iou, Some(1.0 / 3.0));
    assert_eq!((scores.pixels, scores.ignored), (5, 1));
    assert_eq!(scores.classes[0].accuracy, Some(0.5));
    assert_eq!(scores.classes[2].accuracy, None);
    assert_eq!(scores.classes[1].dice, Some(0.5));
}

#[test]
fn nothing_has_no_score() {
    let mut matrix = SegmentationMatrix::new(3);
    matrix.add(&[], &[]).unwrap();
    matrix.add(&[1], &[255]).unwrap();
    let scores = matrix.scores();
    assert_eq!((scores.mean_iou, scores.pixel_accuracy, scores.mean_dice), (None, None, None));
    assert_eq!((scores.frequency_weighted_iou, scores.pixels, scores.ignored), (None, 0, 1));
}

#[test]
fn many_pixels_are_counted_as_few_are() {
    let count = 3 * TASK + 7;
    let truth: Vec<u8> = (0..count).map(|at| (at % 5) as u8).collect();
    let predicted: Vec<u8> = (0..count).map(|at| (at % 7) as u8).collect();
    let mut whole = SegmentationMatrix::new(5);
    whole.add(&predicted, &truth).unwrap();
    let mut parts = SegmentationMatrix::new(5);
    for (predicted, truth) in predicted.chunks(1000).zip(truth.chunks(1000)) {
        parts.add(predicted, truth).unwrap();
    }
    assert_eq!(whole, parts);
    let mut matrix = ConfusionMatrix::new(5);
    truth.iter().zip(&predicted).for_each(|(&t, &p)| matrix.add(p.into(), t.into()));
    assert_eq!(whole.matrix(), &matrix);
}

#[test]
fn masks_that_do_not_fit_are_refused_and_not_counted() {
    let mut matrix = SegmentationMatrix::new(2);
    let error = matrix.add(&[0], &[0, 1]).unwrap_err();
    assert_eq!(error, MetricError::Pixels { found: 1, expected: 2 });
    let error = matrix.add(&[0, 0, 0], &[255, 1, 2]).unwrap_err();
    assert_eq!(error, MetricError::Truth { found: 2, at: 2, classes: 2 });
    assert_eq!(matrix, SegmentationMatrix::new(2));
    let error = matrix.merge(&SegmentationMatrix::new(3)).unwrap_err();
    assert_eq!(error, MetricError::Classes { found: 3, expected: 2 });
}

#[test]
fn the_highest_score_wins_and_of_equal_ones_the_first() {
    let (nan, infinite) = (f32::NAN, f32::INFINITY);
    let rows = [[0.0, 1.0, 1.0], [-2.0, -3.0, -1.0], [-infinite; 3], [0.0, infinite, infinite]];
    assert_eq!(argmax_rows(rows.as_flattened(), 3), [1, 2, 0, 1]);
    assert_eq!(argmax_rows(&[1.0, nan, nan, 1.0, 0.0, 0.0], 2), [255, 255, 0]);
    assert_eq!(argmax_rows(&[], 3), [0u8; 0]);
    assert_eq!(argmax_rows(&[5.0, nan], 1), [0, 255]);
    let values: Vec<f32> = (0..2 * 97 * 61 * 5).map(|at| (at * 31 % 101) as f32).collect();
    let scores = Tensor::<4>::from_data(TensorData::new(values.clone(), [2, 97, 61, 5]), &cpu());
    let expected: Vec<u8> = values
        .chunks(5)
        .map(|row| (0..5).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as u8)
        .collect();
    assert_eq!(argmax_classes(scores), expected);
}
