use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use ocelli_data::random::{Purpose, generator};
use ocelli_nn::state;
use serde::Deserialize;

use super::*;
use crate::testing::{assert_close, cpu};

/// Float32 rounding of a few sums over 60 numbers, relative to 1 plus the value.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Fixture {
    shape: [usize; 2],
    projections: [Vec<f32>; 2],
    predictions: [Vec<f32>; 2],
    targets: [Vec<f32>; 2],
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    temperature: Option<f64>,
    redundancy_weight: Option<f64>,
    loss: f32,
    gradients: [Vec<f32>; 2],
}

fn recipe(task: &str) -> Recipe {
    let text = format!(
        "task = \"{task}\"\n[model]\nname = \"resnet18\"\n[data]\nsize = 32\n[self_supervised]\nhidden = 16\nprojection = 8\n"
    );
    let (recipe, text) =
        crate::recipe::read::RecipeText::new("test".into(), text).parse(&[]).unwrap();
    crate::recipe::resolve::resolve(recipe, &text).unwrap()
}

#[test]
fn losses_and_gradients_are_those_of_pytorch() {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../../../../../fixtures/train/self_supervised.json"))
            .unwrap();
    let leaf = |values: &Vec<f32>| {
        let data = TensorData::new(values.clone(), fixture.shape);
        Tensor::<2>::from_data(data, &cpu()).autodiff().require_grad()
    };
    for case in &fixture.cases {
        let projections = fixture.projections.each_ref().map(leaf);
        let predictions = fixture.predictions.each_ref().map(leaf);
        let targets = fixture.targets.each_ref().map(leaf);
        let recipe = recipe(&case.name);
        let method = recipe.task.method().unwrap();
        let mut objective = SelfSupervised::plain(method, &recipe, 2, &cpu());
        objective.section.temperature = case.temperature;
        objective.section.redundancy_weight = case.redundancy_weight;
        let view = |index: usize| View {
            projection: projections[index].clone(),
            prediction: predictions[index].clone(),
        };
        let loss = objective.loss([view(0), view(1)], Some(targets.clone()));
        let gradients = loss.backward();
        let name = &case.name;
        assert_close(&[loss.into_scalar::<f32>()], &[case.loss], TOLERANCE, name);
        let leaves = match method {
            Method::Byol | Method::SimSiam => &predictions,
            Method::SimClr | Method::BarlowTwins => &projections,
        };
        for (leaf, expected) in leaves.iter().zip(&case.gradients) {
            let gradient = leaf.grad(&gradients).expect("the loss reaches every view");
            let gradient: Vec<f32> = gradient.into_data().iter().collect();
            assert_close(&gradient, expected, TOLERANCE, name);
        }
        let stopped = match method {
            Method::Byol => targets.iter().chain(&projections).collect(),
            Method::SimSiam => projections.iter().collect::<Vec<_>>(),
            Method::SimClr | Method::BarlowTwins => Vec::new(),
        };
        for leaf in stopped {
            assert!(leaf.grad(&gradients).is_none(), "{name}: no gradient flows into targets");
        }
    }
}

#[test]
fn the_targets_share_of_itself_rises_by_half_a_cosine() {
    assert!((byol::momentum(0.99, 1.0, 0.0) - 0.99).abs() < 1e-12);
    assert!((byol::momentum(0.99, 1.0, 0.5) - 0.995).abs() < 1e-12);
    assert!((byol::momentum(0.99, 1.0, 1.0) - 1.0).abs() < 1e-12);
    assert_eq!(byol::momentum(0.99, 0.99, 0.3), 0.99);
}

/// Where the numbers of a state are in memory, by key.
fn addresses(network: &Network) -> BTreeMap<String, usize> {
    let mut addresses = BTreeMap::new();
    crate::ema::for_each_parameter(network, |key, value| {
        let flat = crate::flat::Flat::new(value);
        addresses.insert(key.to_owned(), flat.values().as_ptr() as usize);
    });
    addresses
}

#[test]
fn the_target_begins_as_a_copy_shares_no_storage_and_follows_by_its_share() {
    let recipe = recipe("byol");
    let online = Network::new(&recipe, 3, &cpu().autodiff()).unwrap();
    let mut objective = SelfSupervised::plain(Method::Byol, &recipe, 3, &cpu());
    objective.begin(&online).unwrap();
    let before = state::state_dict(&online);
    let target = |objective: &SelfSupervised| objective.state().expect("BYOL has a target");
    assert_eq!(target(&objective), before);

    let own = addresses(&online);
    assert_eq!(own, addresses(&online), "these are addresses of the network's own numbers");
    let mut theirs = Vec::new();
    let network = objective.target.as_mut().unwrap();
    network.each_address(|key, address| theirs.push((key.to_owned(), address)));
    assert_eq!(theirs.len(), own.len());
    for (key, address) in theirs {
        assert_ne!(own[&key], address, "{key} is shared");
    }

    // The network moves by 1 everywhere; the target stays, then follows by a hundredth.
    let online = state::update_parameters(online, |_, value| value + 1.0);
    assert_eq!(target(&objective), before, "the target moved with the network");
    objective.stepped(&online, 0.0);
    let moved = state::state_dict(&online);
    for (key, array) in target(&objective).iter() {
        let (Some(values), Some(old)) = (array.as_f32(), before.get(key).unwrap().as_f32()) else {
            continue;
        };
        let by = if key.contains("running") { 0.0 } else { 0.01 };
        let expected: Vec<f32> = old.iter().map(|value| value + by).collect();
        assert_close(values, &expected, 1e-6, key);
    }
    assert_eq!(state::state_dict(&online), moved, "the network moved with the target");
}

#[test]
fn a_resumed_target_goes_on_where_it_was() {
    let recipe = recipe("byol");
    let online = Network::new(&recipe, 3, &cpu().autodiff()).unwrap();
    let begun = || {
        let mut objective = SelfSupervised::plain(Method::Byol, &recipe, 3, &cpu());
        objective.begin(&online).unwrap();
        objective
    };
    let moved = state::update_parameters(online.clone(), |_, value| value * 1.5);
    let mut unbroken = begun();
    unbroken.stepped(&moved, 0.25);
    let mut resumed = begun();
    resumed.load_state(&unbroken.state().unwrap()).unwrap();
    for objective in [&mut unbroken, &mut resumed] {
        objective.stepped(&moved, 0.5);
    }
    assert_eq!(unbroken.state(), resumed.state());
    let other = StateDict::new();
    assert!(resumed.load_state(&other).is_err(), "a state without weights is refused");
    assert_eq!(unbroken.state(), resumed.state(), "and changes nothing");
}

#[test]
fn even_spread_is_near_one_and_a_collapse_near_zero() {
    use rand::Rng;
    let mut random = generator(0, Purpose::Subset, 0, 0);
    let mut normal =
        || (0..12).map(|_| random.next_u32() as f32 / u32::MAX as f32).sum::<f32>() - 6.0;
    let even: Vec<f32> = (0..500 * 32).map(|_| normal()).collect();
    let mut spread = Spread::default();
    spread.add(&even[..200 * 32], 200);
    spread.add(&even[200 * 32..], 300);
    let relative = spread.relative().unwrap();
    assert!((relative - 1.0).abs() < 0.02, "{relative}");

    let mut spread = Spread::default();
    let collapsed: Vec<f32> = even.iter().map(|value| 5.0 + value * 0.1).collect();
    spread.add(&collapsed, 500);
    assert!(spread.relative().unwrap() < COLLAPSED);
    let mut one = Spread::default();
    one.add(&even[..32], 1);
    assert_eq!(one.relative(), None);
}

/// Features whose direction is that of their class, with some noise.
fn clusters(count: usize, classes: i64, noise: f32, seed: u64) -> Features {
    use rand::Rng;
    let mut random = generator(seed, Purpose::Subset, 0, 0);
    let mut features = Features { width: classes as usize, ..Features::default() };
    for index in 0..count as i64 {
        let label = index % classes;
        for number in 0..classes {
            let direction = if number == label { 3.0 } else { 0.0 };
            let wobble = random.next_u32() as f32 / u32::MAX as f32 - 0.5;
            features.values.push(direction + noise * wobble);
        }
        features.labels.push(label);
    }
    features
}

#[test]
fn neighbours_answer_with_the_class_of_those_that_are_most_like() {
    let section = KnnSection { k: 20, ..KnnSection::default() };
    let bank = clusters(300, 5, 1.0, 1);
    let neighbours = Neighbours::new(&bank, 5, &section);
    assert_eq!(neighbours.accuracy(&clusters(100, 5, 1.0, 2)), Some(1.0));
    // Nothing but noise: a guess.
    let mut noise = clusters(1000, 5, 1.0, 3);
    noise
        .values
        .iter_mut()
        .enumerate()
        .for_each(|(at, value)| *value = ((at * 7919) % 101) as f32 - 50.0);
    let accuracy = neighbours.accuracy(&noise).unwrap();
    assert!((0.1..0.35).contains(&accuracy), "{accuracy}");
    assert_eq!(neighbours.accuracy(&Features { width: 5, ..Features::default() }), None);
}

#[test]
fn a_nearer_neighbour_weighs_more_than_several_far_ones() {
    let bank = Features {
        values: vec![1.0, 0.0, 0.0, 1.0, 0.1, 1.0],
        width: 2,
        labels: vec![0, 1, 1],
        ..Features::default()
    };
    let asked =
        Features { values: vec![2.0, 0.1], width: 2, labels: vec![0], ..Features::default() };
    for (temperature, right) in [(0.1, 1.0), (10.0, 0.0)] {
        let section = KnnSection { temperature, k: 3, ..KnnSection::default() };
        assert_eq!(Neighbours::new(&bank, 2, &section).accuracy(&asked), Some(right));
    }
}
