//! The policies' tables against torchvision's.

use serde_json::Value;

use super::reference::fixture;
use crate::augment::policy::{IMAGENET, Operation, Space};
use crate::augment::*;
use crate::random::{Purpose, generator};

/// torchvision's `linspace` adds up steps in single precision.
const MAGNITUDE_TOLERANCE: f64 = 1e-4;

fn tables() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("policies.json")).unwrap()).unwrap()
}

/// The magnitudes at every bin, the signs, and that no operation is missing or spare.
fn compare(space: Space, operations: &[Operation], theirs: &Value) {
    let theirs = theirs.as_object().unwrap();
    assert_eq!(theirs.len(), operations.len());
    for operation in operations {
        let name = format!("{operation:?}");
        let row = &theirs[&name];
        assert_eq!(operation.is_signed(), row["signed"].as_bool().unwrap(), "{name}");
        for (bin, magnitude) in row["magnitudes"].as_array().unwrap().iter().enumerate() {
            let (ours, theirs) =
                (space.magnitude(*operation, bin as u32), magnitude.as_f64().unwrap());
            assert!((ours - theirs).abs() <= MAGNITUDE_TOLERANCE, "{name}[{bin}]: {ours} {theirs}");
            assert_eq!(ours.trunc(), theirs.trunc(), "{name}[{bin}] in whole pixels");
        }
    }
}

#[test]
fn magnitudes_are_torchvisions() {
    let tables = tables();
    for (bins, theirs) in tables["rand_augment"].as_object().unwrap() {
        let space = Space::rand_augment(bins.parse().unwrap(), [333, 224]);
        compare(space, &Operation::RAND_AUGMENT, theirs);
    }
    let space = Space::trivial_augment_wide(31);
    compare(space, &Operation::RAND_AUGMENT, &tables["trivial_augment_wide"]);
    let mut operations = Operation::RAND_AUGMENT.to_vec();
    operations[0] = Operation::Invert;
    let space = Space::rand_augment(10, [333, 224]);
    compare(space, &operations, &tables["auto_augment"]["space"]);
}

#[test]
fn the_imagenet_policy_is_torchvisions() {
    let tables = tables();
    let theirs = tables["auto_augment"]["imagenet"].as_array().unwrap();
    let shown = |(operation, p, bin): (Operation, f64, Option<u32>)| {
        serde_json::json!([format!("{operation:?}"), p, bin])
    };
    let ours: Vec<Value> = IMAGENET.iter().map(|pair| pair.map(shown).to_vec().into()).collect();
    assert_eq!(&ours, theirs);
}

#[test]
fn rand_augment_draws_every_operation_equally_often() {
    const DRAWS: usize = 14_000;
    let transform = Transform::RandAugment(RandAugment { num_ops: 1, ..RandAugment::default() });
    let random = &mut generator(3, Purpose::Augment, 0, 0);
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..DRAWS {
        let mut plan = Plan::new([50, 50]);
        transform.sample(&mut plan, random);
        let name = plan.steps().first().map_or("Identity".into(), |step| {
            let shown = format!("{step:?}");
            let horizontal = shown.contains("top: 0,");
            let name: String = shown.chars().filter(|c| c.is_alphabetic()).collect();
            let name = name.split("degrees").next().unwrap_or_default();
            format!("{}{horizontal}", &name[..name.len().min(20)])
        });
        *counts.entry(name).or_default() += 1;
    }
    assert_eq!(counts.len(), 14, "{counts:?}");
    // Binomial: standard deviation 30; five of them.
    assert!(counts.values().all(|&count| count.abs_diff(1000) < 150), "{counts:?}");
}
