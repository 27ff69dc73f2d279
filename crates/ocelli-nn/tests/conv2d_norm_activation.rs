//! The fused block against the same in Burn's operations, one by one, differentiated by Burn; and
//! against differences.

use ocelli_nn::{
    Pass, device,
    functional::{
        self, Activation, ConvGeometry, NormalizationOptions, NormalizedConvolution, ResizeMode,
    },
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Conv2dNormActivation},
    module::Module,
    state::{self, Array, StateDict, load_state_dict, state_dict},
    tensor::{Device, Tensor, TensorData, activation, module, ops::ConvOptions},
};
use ocelli_testing::{assert_gradient, assert_tensors_close, device_name, portable_uniform};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Relative to the largest value: two normalized sums in single precision, one of them by
/// Winograd's algorithm.
const TOLERANCE: f64 = 5e-5;
/// Central differences of single-precision functions.
const DIFFERENCE_TOLERANCE: f64 = 5e-3;

const CHANNELS: [usize; 2] = [6, 8];

fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

fn random<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values: Vec<f32> = portable_uniform(name, shape.iter().product())
        .into_iter()
        .map(|value| value as f32)
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A convolution and a normalization whose every number is something.
#[derive(Module, Debug)]
struct Block {
    conv: Conv2d,
    bn: BatchNorm2d,
}

fn block(config: Conv2dConfig, device: &Device) -> Block {
    let block = Block {
        conv: config.init(&mut ChaCha8Rng::seed_from_u64(1), device),
        bn: BatchNorm2d::new(CHANNELS[1], device),
    };
    let mut state: StateDict = state_dict(&block);
    for (key, offset) in
        [("bn.weight", 1.0), ("bn.bias", 0.2), ("bn.running_mean", 0.1), ("bn.running_var", 1.5)]
    {
        let values =
            portable_uniform(key, CHANNELS[1]).into_iter().map(|v| (v * 0.5 + offset) as f32);
        state.insert(key, Array::from_f32(vec![CHANNELS[1]], values.collect()));
    }
    load_state_dict(block, &state).expect("the keys are the block's own")
}

/// The block in Burn's operations. Parameters: convolution's weight and bias, normalization's.
fn reference(
    block: &Block,
    [weight, conv_bias, norm_weight, norm_bias]: [Tensor<4>; 4],
    x: Tensor<4>,
    residual: Option<Tensor<4>>,
    (last, pass): (Activation, &Pass),
) -> Tensor<4> {
    let ConvGeometry { stride, padding, dilation, groups } = block.conv.geometry();
    let options = ConvOptions::new(stride, padding, dilation, groups);
    let z = module::conv2d(x.permute([0, 3, 1, 2]), weight, None, options).permute([0, 2, 3, 1]);
    let z = z + conv_bias;
    let [n, h, w, c] = z.dims();
    let (mean, variance) = if pass.is_train() {
        let rows = z.clone().reshape([n * h * w, c]);
        let mean = rows.clone().mean_dim(0);
        let variance = (rows - mean.clone()).square().mean_dim(0);
        (mean.reshape([1, 1, 1, c]), variance.reshape([1, 1, 1, c]))
    } else {
        let state = state_dict(&block.bn);
        let [mean, variance] = ["running_mean", "running_var"].map(|key| {
            let values = state.get(key).and_then(Array::as_f32).expect("a statistic").to_vec();
            Tensor::<4>::from_data(TensorData::new(values, [1, 1, 1, c]), &z.device())
        });
        (mean, variance)
    };
    let y = (z - mean) / (variance + 1e-5).sqrt() * norm_weight + norm_bias;
    let y = match residual {
        Some(residual) => y + residual,
        None => y,
    };
    match last {
        Activation::Relu => activation::relu(y),
        Activation::Silu => activation::silu(y),
        _ => y,
    }
}

#[test]
fn values_and_gradients_are_those_of_the_operations_one_by_one() {
    let device = device::autodiff(&untracked());
    let plain = Conv2dConfig::new(CHANNELS[0], CHANNELS[1], [3, 3]).with_padding([1, 1]);
    for (config, has_bias) in [
        (plain.without_bias(), false),
        (plain.with_stride([2, 2]).without_bias(), false),
        (plain.with_groups(2), true),
    ] {
        let block = block(config, &device);
        let shape = [2, 7, 9, CHANNELS[0]];
        let [_, h, w, _] = block.conv.forward(random("x", shape, &device)).dims();
        for last in [Activation::None, Activation::Relu, Activation::Silu] {
            for with_residual in [false, true] {
                for pass in [Pass::train(), Pass::eval()] {
                    let what = format!("{config:?} {last:?} {with_residual} {pass:?}");
                    let dy = random("dy", [2, h, w, CHANNELS[1]], &device);
                    let leaf = |name: &str, shape| random::<4>(name, shape, &device).require_grad();
                    let residual = || leaf("residual", [2, h, w, CHANNELS[1]]);
                    let x = leaf("x", shape);
                    let added = with_residual.then(residual);
                    // The statistics of an evaluation pass, before a training pass moves them.
                    let block = block.clone();
                    let expected_parameters = parameters(&block, has_bias, &device);
                    let expected_x = leaf("x", shape);
                    let expected_added = with_residual.then(residual);
                    let expected = reference(
                        &block,
                        expected_parameters.clone(),
                        expected_x.clone(),
                        expected_added.clone(),
                        (last, &pass),
                    );
                    let mut fused =
                        Conv2dNormActivation::new(&block.conv, &block.bn).with_activation(last);
                    if let Some(added) = &added {
                        fused = fused.with_residual(added.clone());
                    }
                    let y = fused.forward(x.clone(), &pass);
                    assert_tensors_close(&what, &y, &expected, TOLERANCE);

                    let mut found = (y * dy.clone()).sum().backward();
                    let expected = (expected * dy).sum().backward();
                    let same = |name: &str, leaf: &Tensor<4>, reference: &Tensor<4>| {
                        let gradient = leaf.grad(&found).expect("a gradient arrives");
                        let reference = reference.grad(&expected).expect("a gradient arrives");
                        let what = format!("gradient by {name} of {what}");
                        assert_tensors_close(&what, &gradient, &reference, TOLERANCE);
                    };
                    same("x", &x, &expected_x);
                    if let (Some(added), Some(expected_added)) = (&added, &expected_added) {
                        same("residual", added, expected_added);
                    }
                    let gradients = state::gradients(&block, &mut found);
                    for (key, leaf) in ["conv.weight", "conv.bias", "bn.weight", "bn.bias"]
                        .into_iter()
                        .zip(&expected_parameters)
                    {
                        let Some(gradient) = gradients.get(key) else {
                            assert!(key == "conv.bias" && !has_bias, "no gradient for {key}");
                            continue;
                        };
                        let reference = leaf.grad(&expected).expect("a gradient arrives");
                        let reference = reference.reshape(gradient.dims());
                        if key == "conv.bias" && pass.is_train() {
                            // Normalization takes it out again: what is left is rounding.
                            let largest = gradient.clone().abs().max().into_scalar::<f32>();
                            assert!(largest < 1e-4, "{what}: {largest}");
                            continue;
                        }
                        let what = format!("gradient by {key} of {what}");
                        assert_tensors_close(&what, gradient, &reference, TOLERANCE);
                    }
                }
            }
        }
    }
}

/// The block's parameters as leaves of their own, `[1, 1, 1, c]` but the weight.
fn parameters(block: &Block, has_bias: bool, device: &Device) -> [Tensor<4>; 4] {
    let state = state_dict(block);
    let read = |key: &str, shape: [usize; 4]| {
        let values = match state.get(key).and_then(Array::as_f32) {
            Some(values) => values.to_vec(),
            None => vec![0.0; shape.iter().product()],
        };
        Tensor::<4>::from_data(TensorData::new(values, shape), device).require_grad()
    };
    assert_eq!(state.get("conv.bias").is_some(), has_bias);
    let channels = [1, 1, 1, CHANNELS[1]];
    [
        read("conv.weight", block.conv.weight_shape()),
        read("conv.bias", channels),
        read("bn.weight", channels),
        read("bn.bias", channels),
    ]
}

#[test]
fn an_evaluation_is_the_same_with_and_without_gradients() {
    let config = Conv2dConfig::new(CHANNELS[0], CHANNELS[1], [3, 3]).with_padding([1, 1]);
    let tracked = block(config.without_bias(), &device::autodiff(&untracked()));
    let plain = tracked.valid();
    let evaluate = |block: &Block, device: &Device| {
        Conv2dNormActivation::new(&block.conv, &block.bn)
            .with_residual(random("residual", [2, 5, 7, CHANNELS[1]], device))
            .with_activation(Activation::Relu)
            .forward(random("x", [2, 5, 7, CHANNELS[0]], device), &Pass::eval())
    };
    let with = evaluate(&tracked, &device::autodiff(&untracked()));
    assert_tensors_close("evaluation", &evaluate(&plain, &untracked()), &with, TOLERANCE);
}

#[test]
fn a_frozen_convolution_gets_no_gradient_and_passes_one_on() {
    let device = device::autodiff(&untracked());
    let config = Conv2dConfig::new(CHANNELS[0], CHANNELS[1], [3, 3]).without_bias();
    let block = block(config, &device);
    let block = state::select_trainable(block, |key| key != "conv.weight");
    let x = random("x", [2, 5, 7, CHANNELS[0]], &device).require_grad();
    let y = Conv2dNormActivation::new(&block.conv, &block.bn).forward(x.clone(), &Pass::train());
    let dy = random("dy", y.dims(), &device);
    let mut gradients = (y * dy).sum().backward();
    assert!(x.grad(&gradients).is_some());
    let keys: Vec<String> = state::gradients(&block, &mut gradients).into_keys().collect();
    assert_eq!(keys, ["bn.bias", "bn.weight"]);
}

#[test]
fn a_frozen_block_stands_still_in_a_training_pass_and_lets_gradients_by() {
    let device = device::autodiff(&untracked());
    let config = Conv2dConfig::new(CHANNELS[0], CHANNELS[1], [3, 3]).without_bias();
    let block = state::select_trainable(block(config, &device), |_| false);
    let before = state_dict(&block);
    let plain = random("x", [2, 5, 7, CHANNELS[0]], &device);
    let residual = random("residual", [2, 3, 5, CHANNELS[1]], &device);
    let forward = |x: Tensor<4>, pass: &Pass| {
        Conv2dNormActivation::new(&block.conv, &block.bn)
            .with_residual(residual.clone())
            .with_activation(Activation::Relu)
            .forward(x, pass)
    };
    let expected = forward(plain.clone(), &Pass::eval());
    let y = forward(plain.clone(), &Pass::train());
    assert_tensors_close("without a gradient", &y, &expected, 0.0);
    let x = plain.require_grad();
    let y = forward(x.clone(), &Pass::train());
    // One by one, since a gradient goes through.
    assert_tensors_close("with a gradient", &y, &expected, TOLERANCE);
    assert!(x.grad(&y.sum().backward()).is_some());
    assert_eq!(state_dict(&block), before);

    let block = state::select_trainable(block, |_| true);
    let _ = Conv2dNormActivation::new(&block.conv, &block.bn).forward(x, &Pass::train());
    assert_ne!(state_dict(&block), before, "it learns again");
}

#[test]
fn the_shortcut_may_be_the_input_itself() {
    let device = device::autodiff(&untracked());
    let channels = CHANNELS[1];
    let config = Conv2dConfig::new(channels, channels, [3, 3]).with_padding([1, 1]).without_bias();
    let block = block(config, &device);
    let gradient = |apart: bool| {
        let x = random("x", [2, 5, 7, channels], &device).require_grad();
        let shortcut = if apart { x.clone() * 1.0 } else { x.clone() };
        let y = Conv2dNormActivation::new(&block.conv, &block.bn)
            .with_residual(shortcut)
            .with_activation(Activation::Relu)
            .forward(x.clone(), &Pass::train());
        let dy = random("dy", y.dims(), &device);
        x.grad(&(y * dy).sum().backward()).expect("a gradient arrives")
    };
    assert_tensors_close("gradient", &gradient(false), &gradient(true), 1e-6);
}

#[test]
fn gradients_agree_with_differences() {
    let device = untracked();
    let x = random("x", [2, 4, 5, CHANNELS[0]], &device);
    let weight = random("weight", [CHANNELS[1], CHANNELS[0], 3, 3], &device);
    let residual = random("residual", [2, 4, 5, CHANNELS[1]], &device);
    let geometry = ConvGeometry { padding: [1, 1], ..ConvGeometry::default() };
    let block = |x: Tensor<4>, weight: Tensor<4>, residual: Tensor<4>| {
        let device = if [&x, &weight, &residual].iter().any(|tensor| tensor.is_autodiff()) {
            device::autodiff(&device)
        } else {
            device.clone()
        };
        let on = |tensor: Tensor<4>| {
            if device.is_autodiff() && !tensor.is_autodiff() { tensor.autodiff() } else { tensor }
        };
        let affine = ["scale", "shift"].map(|name| random(name, [CHANNELS[1]], &device) + 1.0);
        let convolution = NormalizedConvolution { weight: on(weight), geometry, affine };
        let options = NormalizationOptions { epsilon: 1e-5, activation: Activation::Silu };
        functional::conv2d_batch_norm_train(on(x), convolution, Some(on(residual)), options).0
    };
    assert_gradient(
        "by picture",
        &x,
        |x| block(x, weight.clone(), residual.clone()),
        DIFFERENCE_TOLERANCE,
    );
    assert_gradient(
        "by weight",
        &weight,
        |weight| block(x.clone(), weight, residual.clone()),
        DIFFERENCE_TOLERANCE,
    );
    assert_gradient(
        "by residual",
        &residual,
        |residual| block(x.clone(), weight.clone(), residual),
        DIFFERENCE_TOLERANCE,
    );
    for last in Activation::ALL {
        // 1.5 keeps clear of every kink: 0 and ±3 for arguments within 0.5 and 2.5.
        assert_gradient(
            &format!("{last:?}"),
            &(x.clone() + 1.5),
            |x| functional::activation(x, last),
            DIFFERENCE_TOLERANCE,
        );
    }
    assert_gradient("dropout", &x, |x| functional::dropout(x, 0.4, 7), DIFFERENCE_TOLERANCE);
    for mode in [ResizeMode::Nearest, ResizeMode::Bilinear { align_corners: true }] {
        assert_gradient(
            &format!("{mode:?}"),
            &x,
            |x| functional::resize2d(x, [7, 3], mode),
            DIFFERENCE_TOLERANCE,
        );
    }
    // Scaled by its own means: both gradients at once, as in a squeeze-and-excitation block.
    assert_gradient(
        "channel scale",
        &x,
        |x| functional::scale_channels(x.clone(), functional::global_average_pool(x)),
        DIFFERENCE_TOLERANCE,
    );
    assert_gradient(
        "adaptive average pooling",
        &x,
        |x| functional::adaptive_average_pool2d(x, [2, 3]),
        DIFFERENCE_TOLERANCE,
    );
}
