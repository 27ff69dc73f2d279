//! What is left to chance has torchvision's distributions.

use crate::augment::*;
use crate::random::{Generator, Purpose, generator};

const DRAWS: usize = 20_000;

fn random() -> Generator {
    generator(11, Purpose::Augment, 0, 0)
}

/// The largest distance of the values' distribution from the uniform one on `[low, high]`
/// (Kolmogorov-Smirnov).
fn distance_from_uniform(mut values: Vec<f64>, [low, high]: [f64; 2]) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let distance = |(index, value): (usize, &f64)| {
        let share = (value - low) / (high - low);
        (share - index as f64 / count).abs().max((share - (index + 1) as f64 / count).abs())
    };
    values.iter().enumerate().map(distance).fold(0.0, f64::max)
}

/// A uniform sample exceeds 1.95 / sqrt(n) once in a thousand seeds; the seed is fixed.
fn most_distance(count: usize) -> f64 {
    1.95 / (count as f64).sqrt()
}

#[test]
fn crops_have_uniform_area_and_uniform_logarithm_of_the_ratio() {
    // A square so large that every draw fits, and rounding does not show.
    let size = [40_000, 40_000];
    let crop = RandomResizedCrop { scale: [0.2, 0.6], ..RandomResizedCrop::default() };
    let (mut areas, mut ratios, mut tops) = (Vec::new(), Vec::new(), Vec::new());
    let random = &mut random();
    for _ in 0..DRAWS {
        let Region { top, height, width, .. } = crop.region(size, random);
        let (height, width) = (f64::from(height), f64::from(width));
        areas.push(height * width / 1.6e9);
        ratios.push((width / height).ln());
        tops.push(f64::from(top) / (40_000.0 - height));
    }
    let edge = (4.0f64 / 3.0).ln();
    let most = most_distance(DRAWS);
    assert!(distance_from_uniform(areas, [0.2, 0.6]) < most);
    assert!(distance_from_uniform(ratios, [-edge, edge]) < most);
    assert!(distance_from_uniform(tops, [0.0, 1.0]) < most);
}

#[test]
fn crops_of_a_strip_fall_back_to_its_middle() {
    let crop = RandomResizedCrop::default();
    let middle = Region { top: 0, left: 493, height: 10, width: 13 };
    assert_eq!(crop.region([10, 1000], &mut random()), middle);
    let middle = Region { top: 493, left: 0, height: 13, width: 10 };
    assert_eq!(crop.region([1000, 10], &mut random()), middle);
}

#[test]
fn crops_of_fixed_size_reach_every_position_of_the_padded_picture() {
    let transform = Transform::RandomCrop(RandomCrop {
        size: Some(Size::One(8)),
        padding: Padding { left: 1, top: 0, right: 2, bottom: 0 },
        ..RandomCrop::default()
    });
    let random = &mut random();
    let mut lefts = [0; 6];
    for _ in 0..6000 {
        let mut plan = Plan::new([8, 10]);
        transform.sample(&mut plan, random);
        let [Step::Geometry(Geometry::Window { left, top: 0, .. })] = *plan.steps() else {
            panic!("{plan:?}")
        };
        lefts[(left + 1) as usize] += 1;
    }
    // Binomial: standard deviation 29; five of them.
    assert!(lefts.iter().all(|&count: &i32| (count - 1000).abs() < 145), "{lefts:?}");
}

#[test]
fn flips_come_as_often_as_their_probability_says() {
    for p in [0.0, 0.25, 0.5, 1.0] {
        let flip = Transform::RandomHorizontalFlip(RandomFlip { p });
        let random = &mut random();
        let flips = (0..DRAWS).filter(|_| {
            let mut plan = Plan::new([4, 4]);
            flip.sample(&mut plan, random);
            !plan.steps().is_empty()
        });
        let share = flips.count() as f64 / DRAWS as f64;
        let deviation = (p * (1.0 - p) / DRAWS as f64).sqrt();
        assert!((share - p).abs() <= 5.0 * deviation, "{p}: {share}");
    }
}

#[test]
fn jitter_comes_in_every_order_with_uniform_factors() {
    let jitter = Transform::ColorJitter(ColorJitter {
        brightness: Amount::One(0.4),
        contrast: Amount::Between([0.5, 2.0]),
        saturation: Amount::One(3.0),
        hue: Amount::One(0.1),
    });
    let random = &mut random();
    let mut orders = std::collections::BTreeMap::<Vec<usize>, usize>::new();
    let mut factors = [const { Vec::new() }; 4];
    for _ in 0..DRAWS {
        let mut plan = Plan::new([4, 4]);
        jitter.sample(&mut plan, random);
        let order = plan.steps().iter().map(|step| {
            let (kind, factor) = match *step {
                Step::Tone(Tone::Brightness(factor)) => (0, factor),
                Step::Tone(Tone::Contrast(factor)) => (1, factor),
                Step::Tone(Tone::Saturation(factor)) => (2, factor),
                Step::Tone(Tone::Hue(factor)) => (3, factor),
                _ => panic!("{step:?}"),
            };
            factors[kind].push(factor);
            kind
        });
        *orders.entry(order.collect()).or_default() += 1;
    }
    assert_eq!(orders.len(), 24);
    // Binomial: expected 833, standard deviation 28; five of them.
    assert!(orders.values().all(|&count| count.abs_diff(833) < 141), "{orders:?}");
    let ranges = [[0.6, 1.4], [0.5, 2.0], [0.0, 4.0], [-0.1, 0.1]];
    for (values, range) in factors.into_iter().zip(ranges) {
        assert!(distance_from_uniform(values, range) < most_distance(DRAWS), "{range:?}");
    }
}

#[test]
fn neutral_jitter_does_nothing() {
    let jitter = Transform::ColorJitter(ColorJitter {
        contrast: Amount::Between([1.0, 1.0]),
        ..ColorJitter::default()
    });
    let mut plan = Plan::new([4, 4]);
    jitter.sample(&mut plan, &mut random());
    assert!(plan.steps().is_empty(), "{plan:?}");
}

#[test]
fn erasures_have_the_area_and_ratio_asked_for() {
    let erasing = RandomErasing { p: 0.75, ..RandomErasing::default() };
    let random = &mut random();
    let size = [3000, 3000];
    let parts: Vec<Region> = (0..DRAWS).filter_map(|_| erasing.region(size, random)).collect();
    let share = parts.len() as f64 / DRAWS as f64;
    assert!((share - 0.75).abs() < 0.016, "{share}");
    for Region { height, width, top, left } in &parts {
        let area = f64::from(height * width) / 9e6;
        let ratio = f64::from(*height) / f64::from(*width);
        assert!((0.0199..=0.3301).contains(&area), "{area}");
        assert!((0.299..=3.31).contains(&ratio), "{ratio}");
        assert!(top + height <= 3000 && left + width <= 3000);
    }
}
