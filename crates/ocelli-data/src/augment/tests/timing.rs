//! How long the usual training road takes: `cargo test -p ocelli-data --release timing -- --ignored
//! --nocapture`.

use std::time::{Duration, Instant};

use crate::augment::*;
use crate::picture::Picture;
use crate::random::{Purpose, generator};

#[test]
#[ignore = "prints times, which say nothing about right or wrong: cargo test --workspace --lib timing_of -- --ignored --nocapture"]
fn timing_of_crop_flip_and_normalize() {
    let picture = Picture::new(400, 533, (0..400 * 533 * 3).map(|at| (at * 7) as u8).collect());
    let crop = Transform::RandomResizedCrop(RandomResizedCrop::default());
    for (name, transforms) in [
        ("normalize only, 224", vec![Transform::CenterCrop(CenterCrop::default())]),
        ("crop", vec![crop.clone()]),
        ("crop, flip", vec![crop.clone(), Transform::RandomHorizontalFlip(RandomFlip { p: 0.5 })]),
        (
            "crop, always flip",
            vec![crop.clone(), Transform::RandomHorizontalFlip(RandomFlip { p: 1.0 })],
        ),
        ("crop, rand_augment", vec![crop.clone(), Transform::RandAugment(RandAugment::default())]),
        ("crop, blur", vec![crop, Transform::GaussianBlur(GaussianBlur::default())]),
    ] {
        let pipeline = Pipeline::new(&transforms, [224, 224]).unwrap();
        let mut output = vec![0.0; 224 * 224 * 3];
        let mut times: Vec<Duration> = (0..300)
            .map(|index| {
                let copy = picture.clone();
                let random = &mut generator(0, Purpose::Augment, 0, index);
                let start = Instant::now();
                pipeline.apply(copy, random, &mut output);
                start.elapsed()
            })
            .collect();
        times.sort();
        let microseconds = |at: usize| times[at].as_secs_f64() * 1e6;
        eprintln!(
            "{name}: median {:.0} µs, fastest {:.0}, 90 in 100 below {:.0}",
            microseconds(150),
            microseconds(0),
            microseconds(270)
        );
    }
}
