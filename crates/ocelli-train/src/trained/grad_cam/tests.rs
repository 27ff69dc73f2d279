use burn::module::Module;
use burn::tensor::Device;
use ocelli_data::random::{Purpose, generator};
use ocelli_models::{Classifier, ModelConfig, build};
use ocelli_nn::device;
use ocelli_testing::portable_state;

use super::*;

const CLASSES: usize = 4;

fn model(name: &str, device: &Device) -> Classifier {
    let mut random = generator(3, Purpose::Initialization, 0, 0);
    build(&ModelConfig::new(name, CLASSES), &mut random, device).unwrap()
}

/// A map as a rectified layer gives it: some of its values are 0.
fn map(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = portable_state("map", &shape).iter().map(|value| value.abs()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// What a class's score changes by, for a small change of a channel at all places, over the change.
fn slope(model: &Classifier, map: &Tensor<4>, row: usize, class: usize, channel: usize) -> f64 {
    const STEP: f32 = 1e-2;
    let [.., channels] = map.dims();
    let score = |step: f32| {
        let mut values = floats(map.clone());
        values.iter_mut().skip(channel).step_by(channels).for_each(|value| *value += step);
        let moved = Tensor::from_data(TensorData::new(values, map.dims()), &map.device());
        let scores = floats(model.forward_from_map(moved, &Pass::eval()));
        f64::from(scores[row * CLASSES + class])
    };
    (score(STEP) - score(-STEP)) / f64::from(2.0 * STEP)
}

/// Differences of 32-bit scores over a step of 0.01, of slopes of about 1.
const SLOPE_TOLERANCE: f64 = 2e-3;

#[test]
fn channels_weigh_as_much_as_the_score_moves_with_them() {
    let device = device::parse("cpu").unwrap();
    for (name, channels) in [("resnet18", 512), ("mobilenet_v3_large", 960), ("convnext_tiny", 768)]
    {
        let model = model(name, &device);
        let tracked = model.clone().train().no_grad();
        let wanted = [Some((1, 0.5)), None, Some((3, 0.25))];
        for channel in [0, channels - 1] {
            // A map of one channel alone is its weight wherever that is positive, and 0 elsewhere.
            let shape = [3, 2, 3, channels];
            let mut values = vec![0.0; shape.iter().product()];
            values.iter_mut().skip(channel).step_by(channels).for_each(|value| *value = 1.0);
            let alone = Tensor::from_data(TensorData::new(values, shape), &device);
            let found = class_maps(&tracked, &alone, &wanted);
            assert!(found[1].is_none());
            for (row, class) in [(0, 1), (2, 3)] {
                let found = found[row].as_ref().unwrap();
                assert_eq!((found.class, found.size), (class, [2, 3]));
                // The mean over six places of the gradient: the slope is their sum.
                let expected = (slope(&model, &alone, row, class, channel) / 6.0).max(0.0);
                for &value in &found.values {
                    let apart = (f64::from(value) - expected).abs();
                    assert!(apart < SLOPE_TOLERANCE, "{name}: {value}, expected {expected}");
                }
            }
        }
    }
}

#[test]
fn of_a_network_that_ends_with_a_mean_the_map_is_its_class_activation_map() {
    // Zhou et al. 2016: with a mean and a linear layer at the end, the gradient of a channel is its
    // weight in the class, over the number of places.
    let device = device::parse("cpu").unwrap();
    let model = model("resnet18", &device);
    let tracked = model.clone().train().no_grad();
    let map = map([2, 2, 3, 512], &device);
    let state = ocelli_nn::state::state_dict(&model);
    let weight = state.get("fc.weight").unwrap().as_f32().unwrap().to_vec();
    let found = class_maps(&tracked, &map, &[Some((2, 0.5)), Some((0, 0.5))]);
    let values = floats(map);
    let mut positive = 0;
    for (row, class) in [(0, 2), (1, 0)] {
        for place in 0..6 {
            let at = (row * 6 + place) * 512;
            let sum: f32 = (0..512).map(|k| values[at + k] * weight[class * 512 + k]).sum();
            let expected = sum.max(0.0) / 6.0;
            let value = found[row].as_ref().unwrap().values[place];
            assert!((value - expected).abs() < 1e-5, "{value}, expected {expected}");
            positive += usize::from(value > 0.0);
        }
    }
    assert!(positive > 0, "nothing speaks for any class");
}
