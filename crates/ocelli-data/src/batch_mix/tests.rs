//! Mixtures against torchvision's, and what is left to chance.

use super::*;
use crate::random::{Purpose, generator};
use safetensors::SafeTensors;

/// One rounding of numbers up to 1.
const TOLERANCE: f32 = 1e-7;

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/augment");
    std::fs::read(format!("{folder}/{name}")).unwrap()
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).unwrap();
    tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn random(index: u64) -> Generator {
    generator(5, Purpose::BatchMix, 0, index)
}

#[track_caller]
fn assert_close(ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len());
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE;
    assert!(ours.iter().zip(theirs).all(close), "{ours:?}\n{theirs:?}");
}

#[test]
fn mixtures_are_torchvisions() {
    let file = fixture("numbers.safetensors");
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let batch = floats(&tensors, "batch");
    let labels = [2, 0, 1, 2];

    let mut mixed = batch.clone();
    mix_up(&mut mixed, 6 * 5 * 3, 0.3);
    assert_close(&mixed, &floats(&tensors, "mixup.0.3"));
    assert_close(&soft_targets(&labels, 3, 0.3), &floats(&tensors, "mixup.0.3.targets"));

    let mut mixed = batch;
    let part = Rectangle { left: 1, top: 2, right: 4, bottom: 6 };
    cut_mix(&mut mixed, [6, 5, 3], part);
    assert_close(&mixed, &floats(&tensors, "cutmix.1.2.4.6"));
    let targets = soft_targets(&labels, 3, part.share_left([6, 5]));
    assert_close(&targets, &floats(&tensors, "cutmix.1.2.4.6.targets"));
}

#[test]
fn rectangles_are_torchvisions() {
    let policies: serde_json::Value = serde_json::from_slice(&fixture("policies.json")).unwrap();
    let cases = policies["cutmix_boxes"].as_array().unwrap();
    assert_eq!(cases.len(), 20);
    for case in cases {
        let whole = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
        let center = [whole(&case["centre"][0]), whole(&case["centre"][1])];
        let part = Rectangle::around(center, case["lambda"].as_f64().unwrap(), [20, 31]);
        let theirs = [0, 1, 2, 3].map(|at| whole(&case["box"][at]));
        assert_eq!([part.left, part.top, part.right, part.bottom], theirs, "{case}");
        let adjusted = case["adjusted"].as_f64().unwrap();
        assert!((part.share_left([20, 31]) - adjusted).abs() < 1e-12, "{case}");
    }
}

/// A batch in which every value names its picture.
fn batch() -> Vec<f32> {
    (0..4).flat_map(|picture| [picture as f32; 6 * 6 * 3]).collect()
}

#[test]
fn targets_weigh_what_the_pictures_show() {
    let both = BatchMix { mixup_alpha: 0.8, cutmix_alpha: 1.0, ..BatchMix::default() };
    for index in 0..200 {
        let mut images = batch();
        let targets = both.mix(&mut images, [4, 6, 6, 3], &[0, 1, 2, 3], 4, &mut random(index));
        for (picture, (values, targets)) in images.chunks(108).zip(targets.chunks(4)).enumerate() {
            // The mean value of a picture is its labels' mean, weighted by the targets.
            let mean = values.iter().sum::<f32>() / 108.0;
            let expected: f32 = targets.iter().enumerate().map(|(c, t)| c as f32 * t).sum();
            assert!((mean - expected).abs() < 1e-5, "{index} {picture}: {mean} {expected}");
            assert!((targets.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}

#[test]
fn nothing_is_mixed_unless_asked_for() {
    let off = BatchMix::default();
    assert!(!off.is_active());
    let never = BatchMix { mixup_alpha: 1.0, probability: 0.0, ..BatchMix::default() };
    assert!(!never.is_active());
    for mix in [off, never] {
        let mut images = batch();
        let targets = mix.mix(&mut images, [4, 6, 6, 3], &[1, 0, 1, 1], 2, &mut random(0));
        assert_eq!(images, batch());
        assert_eq!(targets, [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    }
}

#[test]
fn a_lone_picture_and_an_empty_batch_stay_as_they_are() {
    let mix = BatchMix { mixup_alpha: 1.0, cutmix_alpha: 1.0, ..BatchMix::default() };
    for index in 0..10 {
        let mut image = vec![0.5; 12];
        assert_eq!(mix.mix(&mut image, [1, 2, 2, 3], &[1], 2, &mut random(index)), [0.0, 1.0]);
        assert_eq!(image, [0.5; 12]);
        assert!(mix.mix(&mut [], [0, 2, 2, 3], &[], 2, &mut random(index)).is_empty());
    }
}

#[test]
fn kinds_and_shares_come_as_often_as_asked_for() {
    const DRAWS: u64 = 10_000;
    let mix = BatchMix {
        mixup_alpha: 0.2,
        cutmix_alpha: 1.0,
        probability: 0.8,
        switch_probability: 0.25,
    };
    let draws: Vec<_> = (0..DRAWS).filter_map(|index| mix.draw(&mut random(index))).collect();
    let share = |count: usize, of: usize| count as f64 / of as f64;
    assert!((share(draws.len(), DRAWS as usize) - 0.8).abs() < 0.02);
    let shares = |kind| -> Vec<f64> {
        draws.iter().filter(|draw| draw.0 == kind).map(|draw| draw.1).collect()
    };
    let (mixup, cutmix) = (shares(Kind::MixUp), shares(Kind::CutMix));
    assert!((share(cutmix.len(), draws.len()) - 0.25).abs() < 0.025);
    // Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)).
    for (shares, alpha) in [(mixup, 0.2), (cutmix, 1.0)] {
        let count = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / count;
        let variance = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / count;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
        assert!((variance - 0.25 / (2.0 * alpha + 1.0)).abs() < 0.01, "{variance}");
    }
}

#[test]
fn settings_out_of_range_are_refused_by_key() {
    let refused = |mix: BatchMix| mix.validate().unwrap_err().to_string();
    assert_eq!(
        refused(BatchMix { mixup_alpha: -1.0, ..BatchMix::default() }),
        "mixup_alpha: found -1, expected 0 for off, or a number from 0.001 to 1000"
    );
    assert_eq!(
        refused(BatchMix { switch_probability: 2.0, ..BatchMix::default() }),
        "switch_probability: found 2, expected a probability from 0 to 1"
    );
    assert!(refused(BatchMix { cutmix_alpha: f64::NAN, ..BatchMix::default() }).contains("NaN"));
    assert!(toml::from_str::<BatchMix>("mixup = 0.2").is_err());
    assert_eq!(toml::from_str::<BatchMix>("").unwrap(), BatchMix::default());
    assert!(BatchMix::default().validate().is_ok());
}
