use super::*;
use crate::testing::{Affine, assert_close, cpu};

/// A few float32 roundings.
const TOLERANCE: f32 = 1e-6;

fn model(value: f32) -> Affine {
    Affine::new(&[value, 2.0 * value], [2, 1], &[-value])
}

fn config(decay: f64, warmup: bool) -> EmaConfig {
    EmaConfig { decay: Some(decay), warmup: Some(warmup) }
}

#[test]
fn the_average_follows_its_recurrence() {
    let mut ema = Ema::new(&config(0.75, false), &model(1.0)).unwrap();
    let mut expected = 1.0;
    for value in [3.0, -1.0, 5.0] {
        ema.update(&model(value));
        expected = 0.75 * expected + 0.25 * value;
    }
    let averaged = ema.apply(model(100.0));
    let what = "after three updates";
    assert_close(&averaged.values("weight"), &[expected, 2.0 * expected], TOLERANCE, what);
    assert_close(&averaged.values("bias"), &[-expected], TOLERANCE, what);
    assert_eq!(ema.updates(), 3);
}

#[test]
fn with_warm_up_the_first_updates_count_more() {
    let mut ema = Ema::new(&config(0.2, true), &model(0.0)).unwrap();
    ema.update(&model(1.0));
    // Decay 1 / 10, then 2 / 11, then the 0.2 asked for.
    assert_close(&ema.apply(model(0.0)).values("bias"), &[-0.9], TOLERANCE, "first");
    ema.update(&model(0.0));
    assert_close(&ema.apply(model(0.0)).values("bias"), &[-0.9 * 2.0 / 11.0], TOLERANCE, "second");
    ema.update(&model(0.0));
    let third = -0.9 * 2.0 / 11.0 * 0.2;
    assert_close(&ema.apply(model(0.0)).values("bias"), &[third], TOLERANCE, "third");
}

#[test]
fn a_large_parameter_is_averaged_to_its_last_element() {
    let length = 2 * flat::CHUNK + 5;
    let large = |value: f32| Affine::new(&vec![value; length], [length, 1], &[0.0]);
    let mut ema = Ema::new(&config(0.5, false), &large(1.0)).unwrap();
    ema.update(&large(3.0));
    assert_eq!(ema.apply(large(0.0)).values("weight"), vec![2.0; length]);
}

#[test]
fn averages_and_model_never_share_their_values() {
    let mut trained = model(1.0);
    let mut ema = Ema::new(&config(0.5, false), &trained).unwrap();
    let places = |model: &Affine| {
        let mut places = Vec::new();
        for_each_parameter(model, |_, value| {
            places.push(Flat::new(value).values().as_ptr() as usize);
        });
        places
    };
    let of_averages: Vec<usize> = ["bias", "weight"]
        .map(|key| Flat::new(ema.averages[key].clone()).values().as_ptr() as usize)
        .to_vec();
    for place in places(&trained).into_iter().chain(places(&ema.apply(trained.clone()))) {
        assert!(!of_averages.contains(&place));
    }
    trained = nn_state::update_parameters(trained, |_: &str, value: Tensor<1>| value + 4.0);
    assert_eq!(ema.apply(trained.clone()).values("bias"), [-1.0]);
    ema.update(&trained);
    assert_eq!(trained.values("bias"), [3.0]);
    assert_eq!(ema.apply(trained).values("bias"), [1.0]);
}

#[test]
fn a_parameter_unfrozen_later_is_averaged_from_then_on() {
    let frozen = |value| nn_state::select_trainable(model(value), |key: &str| key == "weight");
    let mut ema = Ema::new(&config(0.5, false), &frozen(1.0)).unwrap();
    ema.update(&frozen(1.0));
    assert_eq!(ema.apply(frozen(7.0)).values("bias"), [-7.0], "frozen: the model's own");
    ema.update(&model(3.0));
    ema.update(&model(5.0));
    assert_eq!(ema.apply(model(0.0)).values("bias"), [-4.0]);
}

#[test]
fn averaging_resumes_bit_for_bit() {
    let config = config(0.9, true);
    let mut unbroken = Ema::new(&config, &model(1.0)).unwrap();
    unbroken.update(&model(2.0));
    let mut resumed = Ema::new(&config, &model(55.0)).unwrap();
    resumed.load_state(&unbroken.state(), &cpu()).unwrap();
    for ema in [&mut unbroken, &mut resumed] {
        ema.update(&model(0.3));
    }
    assert_eq!(unbroken.state(), resumed.state());
    let keys: Vec<_> = resumed.state().keys().map(str::to_owned).collect();
    assert_eq!(keys, ["average.bias", "average.weight", "updates"]);
}

#[test]
fn a_state_that_is_none_of_averages_is_refused_and_changes_nothing() {
    let mut ema = Ema::new(&EmaConfig::default(), &model(1.0)).unwrap();
    let before = ema.state();
    assert_eq!(ema.load_state(&StateDict::new(), &cpu()), Err(EmaStateError::Updates));
    let mut stray = before.clone();
    stray.insert("weight", Array::from_f32(vec![1], vec![0.0]));
    let error = ema.load_state(&stray, &cpu()).unwrap_err();
    assert_eq!(error, EmaStateError::Unexpected { key: "weight".into() });
    let mut short = before.clone();
    short.insert("average.bias", Array::from_f32(vec![2], vec![0.0; 2]));
    let error = ema.load_state(&short, &cpu()).unwrap_err();
    assert!(matches!(error, EmaStateError::Length { found: 2, .. }), "{error}");
    assert_eq!(ema.state(), before);
}

#[test]
fn defaults_are_written_out_and_the_decay_checked() {
    let text = toml::to_string(&EmaConfig::default().resolved().unwrap()).unwrap();
    assert_eq!(text, "decay = 0.999\nwarmup = true\n");
    for decay in [-0.1, 1.0, f64::NAN] {
        assert_eq!(config(decay, true).resolved().unwrap_err().key(), "decay");
    }
}
