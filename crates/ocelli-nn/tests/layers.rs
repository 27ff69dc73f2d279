//! Layers against PyTorch's numbers (`fixtures/layers/generate.py`) and against differences.

use ocelli_nn::{
    Pass, device,
    functional::{self, ConvGeometry, PoolGeometry, ResizeMode},
    layers::{BatchNorm2d, ConvTranspose2dConfig, StochasticDepth},
    state::{Array, StateDict, load_state_dict, state_dict},
    tensor::{Device, Gradients, Tensor},
};
use ocelli_testing::{
    Fixture, assert_close, assert_gradient, assert_tensors_close, device_name, values,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Relative to the largest value: single precision has 6e-8, and sums here have up to 150 terms.
const TOLERANCE: f64 = 2e-6;
/// A mean of a thousand deviations leaves 1e3 * 6e-8 of each value's deviation.
const OFFSET_TOLERANCE: f64 = 5e-4;
/// Central differences of single-precision functions.
const DIFFERENCE_TOLERANCE: f64 = 5e-3;

fn untracked() -> Device {
    device::parse(&device_name()).expect("OCELLI_TEST_DEVICE names a device")
}

fn tracked() -> Device {
    device::autodiff(&untracked())
}

fn backward<const D: usize>(y: Tensor<D>, grad_out: Tensor<D>) -> Gradients {
    (y * grad_out).sum().backward()
}

/// Compares the gradient of a leaf with the fixture's.
fn check_gradient<const D: usize>(
    fixture: &Fixture,
    name: &str,
    leaf: &Tensor<D>,
    gradients: &Gradients,
    tolerance: f64,
) {
    let found = leaf.grad(gradients).expect("a gradient arrives");
    let expected = fixture.tensor::<D>(name, &found.device());
    assert_tensors_close(name, &found, &expected, tolerance);
}

/// A convolution of a fixture.
struct Case {
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: ConvGeometry,
    /// The numbers that follow the geometry's.
    rest: Vec<usize>,
}

fn case_of(fixture: &Fixture, case: &str, device: &Device) -> Case {
    let name = |part: &str| format!("{case}.{part}");
    let numbers: Vec<usize> =
        fixture.values(&name("geometry")).iter().map(|&number| number as usize).collect();
    let bias = name("bias");
    Case {
        x: fixture.tensor::<4>(&name("x"), device).require_grad(),
        weight: fixture.tensor::<4>(&name("weight"), device).require_grad(),
        bias: fixture.has(&bias).then(|| fixture.tensor::<1>(&bias, device).require_grad()),
        geometry: ConvGeometry {
            stride: [numbers[0], numbers[1]],
            padding: [numbers[2], numbers[3]],
            dilation: [numbers[4], numbers[5]],
            groups: numbers[6],
        },
        rest: numbers[7..].to_vec(),
    }
}

/// Compares the gradients of picture, weight and bias with the fixture's.
fn check_gradients(
    fixture: &Fixture,
    case: &str,
    (x, weight, bias): (&Tensor<4>, &Tensor<4>, Option<&Tensor<1>>),
    gradients: &Gradients,
) {
    let name = |part: &str| format!("{case}.grad.{part}");
    check_gradient(fixture, &name("x"), x, gradients, TOLERANCE);
    check_gradient(fixture, &name("weight"), weight, gradients, TOLERANCE);
    if let Some(bias) = bias {
        check_gradient(fixture, &name("bias"), bias, gradients, TOLERANCE);
    }
}

#[test]
fn convolutions_of_every_geometry_match_pytorch() {
    let fixture = Fixture::load("layers/conv2d.safetensors");
    let device = tracked();
    let cases: Vec<&str> =
        fixture.names().filter_map(|name| name.strip_suffix(".geometry")).collect();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let name = |part: &str| format!("{case}.{part}");
        let Case { x, weight, bias, geometry, .. } = case_of(&fixture, case, &device);
        let pictures = x.clone().permute([0, 2, 3, 1]);
        let y = functional::conv2d(pictures, weight.clone(), bias.clone(), geometry);
        let expected = fixture.pictures(&name("y"), &device);
        assert_tensors_close(&name("y"), &y, &expected, TOLERANCE);

        let gradients = backward(y, fixture.pictures(&name("grad_out"), &device));
        check_gradients(&fixture, case, (&x, &weight, bias.as_ref()), &gradients);
    }
}

#[test]
fn transposed_convolutions_of_every_geometry_match_pytorch() {
    let fixture = Fixture::load("layers/conv_transpose2d.safetensors");
    let device = tracked();
    let cases: Vec<&str> =
        fixture.names().filter_map(|name| name.strip_suffix(".geometry")).collect();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let name = |part: &str| format!("{case}.{part}");
        let Case { x, weight, bias, geometry, rest } = case_of(&fixture, case, &device);
        let pictures = x.clone().permute([0, 2, 3, 1]);
        let y = functional::conv_transpose2d(
            pictures,
            weight.clone(),
            bias.clone(),
            geometry,
            [rest[0], rest[1]],
        );
        assert_tensors_close(&name("y"), &y, &fixture.pictures(&name("y"), &device), TOLERANCE);

        let gradients = backward(y, fixture.pictures(&name("grad_out"), &device));
        check_gradients(&fixture, case, (&x, &weight, bias.as_ref()), &gradients);
    }
}

#[test]
fn pictures_are_joined_along_channels_as_by_pytorch() {
    let fixture = Fixture::load("layers/conv_transpose2d.safetensors");
    let device = tracked();
    let parts = ["a", "b", "c"]
        .map(|name| fixture.tensor::<4>(&format!("concat.{name}"), &device).require_grad());
    let y =
        functional::concat_channels(parts.iter().map(|part| part.clone().permute([0, 2, 3, 1])));
    assert_tensors_close("concat", &y, &fixture.pictures("concat.y", &device), 0.0);
    let gradients = backward(y, fixture.pictures("concat.grad_out", &device));
    for (name, part) in ["a", "b", "c"].into_iter().zip(&parts) {
        check_gradient(&fixture, &format!("concat.grad.{name}"), part, &gradients, 0.0);
    }
}

#[test]
fn transposed_convolutions_give_the_size_that_is_asked_for_as_pytorchs_output_size() {
    let device = untracked();
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let config = ConvTranspose2dConfig::new(3, 2, [2, 2]).with_stride([2, 2]);
    let layer = config.init(&mut generator, &device);
    let padded =
        config.with_output_padding([1, 0]).init(&mut ChaCha8Rng::seed_from_u64(0), &device);
    let x = Tensor::<1>::from_data([0.5_f32; 2 * 3 * 4 * 3].as_slice(), &device);
    let x = x.reshape([2, 3, 4, 3]);
    let own = layer.forward(x.clone());
    assert_eq!(own.dims(), [2, 6, 8, 2]);
    assert_eq!(values(&layer.forward_to(x.clone(), [6, 8])), values(&own));
    // A row more: output padding.
    assert_eq!(values(&layer.forward_to(x.clone(), [7, 8])), values(&padded.forward(x.clone())));
    // A row and a column less: cut off below and to the right.
    let cut = own.slice([0..2, 0..5, 0..7, 0..2]);
    assert_eq!(values(&layer.forward_to(x, [5, 7])), values(&cut));
}

#[test]
fn bilinear_weights_double_a_picture_as_bilinear_resizing_does() {
    let device = untracked();
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let layer = ConvTranspose2dConfig::new(3, 3, [4, 4])
        .with_stride([2, 2])
        .with_padding([1, 1])
        .without_bias()
        .with_bilinear_weights()
        .init(&mut generator, &device);
    let fixture = Fixture::load("layers/conv_transpose2d.safetensors");
    let x = fixture.pictures("doubling.y", &device);
    let [_, height, width, _] = x.dims();
    let mode = ResizeMode::Bilinear { align_corners: false };
    let expected = functional::resize2d(x.clone(), [2 * height, 2 * width], mode);
    let y = layer.forward(x);
    // At the rims the transposed convolution fades towards the zeros outside.
    let inside = |y: Tensor<4>| y.narrow(1, 1, 2 * height - 2).narrow(2, 1, 2 * width - 2);
    assert_tensors_close("inside", &inside(y), &inside(expected), TOLERANCE);
}

/// The layer as the fixture has it before anything ran.
fn normalization(fixture: &Fixture, case: &str, device: &Device) -> BatchNorm2d {
    let mut state: StateDict = ["weight", "bias", "running_mean", "running_var"]
        .into_iter()
        .map(|name| {
            let values = fixture.values(&format!("{case}.before.{name}")).to_vec();
            (name.to_owned(), Array::from_f32(vec![values.len()], values))
        })
        .collect();
    state.insert("num_batches_tracked", Array::from_i64(vec![], vec![0]));
    load_state_dict(BatchNorm2d::new(5, device), &state).expect("the keys are PyTorch's")
}

#[test]
fn batch_normalization_matches_pytorch_in_both_passes() {
    let fixture = Fixture::load("layers/batch_norm2d.safetensors");
    let device = tracked();
    for (case, tolerance) in [("plain", TOLERANCE), ("offset", OFFSET_TOLERANCE), ("tiny", 1e-5)] {
        for (mode, pass) in [("eval", Pass::eval()), ("train", Pass::train())] {
            let name = |part: &str| format!("{case}.{mode}.{part}");
            let layer = normalization(&fixture, case, &device);
            let x = fixture.tensor::<4>(&name("x"), &device).require_grad();
            let y = layer.forward(x.clone().permute([0, 2, 3, 1]), &pass);
            let expected = fixture.pictures(&name("y"), &device);
            assert_tensors_close(&name("y"), &y, &expected, tolerance);

            let mut gradients = backward(y, fixture.pictures(&name("grad_out"), &device));
            check_gradient(&fixture, &name("grad.x"), &x, &gradients, tolerance);
            let of_parameters = ocelli_nn::state::gradients(&layer, &mut gradients);
            for (key, gradient) in of_parameters {
                let name = name(&format!("grad.{key}"));
                let found = ocelli_testing::values(&gradient);
                assert_close(&name, &found, fixture.values(&name), tolerance);
            }
        }
    }
}

#[test]
fn running_statistics_take_the_unbiased_variance_and_a_tenth_of_each_batch() {
    let fixture = Fixture::load("layers/batch_norm2d.safetensors");
    let device = tracked();
    for case in ["plain", "offset", "tiny"] {
        let layer = normalization(&fixture, case, &device);
        let x = fixture.pictures(&format!("{case}.train.x"), &device);
        for _ in 0..2 {
            let _ = layer.forward(x.clone(), &Pass::train());
        }
        let state = state_dict(&layer);
        for key in ["running_mean", "running_var"] {
            let name = format!("{case}.after_two.{key}");
            let found = state.get(key).and_then(Array::as_f32).expect("a statistic");
            assert_close(&name, found, fixture.values(&name), 1e-6);
        }
        let count = state.get("num_batches_tracked").expect("a counter");
        assert_eq!((count.shape(), count.as_i64()), (&[][..], Some(&[2][..])));
    }
}

#[test]
fn an_evaluation_pass_changes_no_statistics() {
    let device = tracked();
    let layer = BatchNorm2d::new(3, &device);
    let before = state_dict(&layer);
    let _ = layer.forward(Tensor::ones([2, 3, 3, 3], &device) * 5.0, &Pass::eval());
    assert_eq!(state_dict(&layer), before);
}

#[test]
fn a_clone_has_its_own_statistics() {
    let device = tracked();
    let original = BatchNorm2d::new(2, &device);
    let copy = original.clone();
    let valid = ocelli_nn::module::Module::valid(&original);
    let before = state_dict(&copy);
    let x = Tensor::<4>::from_data([[[[1.0, 2.0], [3.0, 5.0]]]], &device);
    let _ = original.forward(x.clone(), &Pass::train());
    assert_ne!(state_dict(&original), before, "training moves the original's statistics");
    assert_eq!(state_dict(&copy), before, "and not the copy's");
    assert_eq!(state_dict(&valid), before);

    let _ = copy.forward(x * 100.0, &Pass::train());
    assert_ne!(state_dict(&copy), state_dict(&original));
}

#[test]
#[should_panic(expected = "one value per channel")]
fn training_on_one_value_per_channel_is_refused() {
    let device = tracked();
    let _ =
        BatchNorm2d::new(3, &device).forward(Tensor::ones([1, 1, 1, 3], &device), &Pass::train());
}

#[test]
fn max_pooling_matches_pytorch_and_padding_never_wins() {
    let fixture = Fixture::load("layers/others.safetensors");
    let device = tracked();
    let geometry = PoolGeometry { kernel: [3, 3], stride: [2, 2], padding: [1, 1] };
    for case in ["even", "odd", "one_pixel", "negative"] {
        let name = |part: &str| format!("max_pool.{case}.{part}");
        let x = fixture.tensor::<4>(&name("x"), &device).require_grad();
        let y = functional::max_pool2d(x.clone().permute([0, 2, 3, 1]), geometry);
        assert_tensors_close(&name("y"), &y, &fixture.pictures(&name("y"), &device), 0.0);
        let gradients = backward(y, fixture.pictures(&name("grad_out"), &device));
        check_gradient(&fixture, &name("grad.x"), &x, &gradients, TOLERANCE);
    }
}

#[test]
fn layer_normalization_matches_pytorch() {
    let fixture = Fixture::load("layers/layer_norm.safetensors");
    let device = tracked();
    for (case, tolerance) in
        [("plain", TOLERANCE), ("offset", OFFSET_TOLERANCE), ("tiny", TOLERANCE)]
    {
        let name = |what: &str| format!("{case}.{what}");
        let x = fixture.tensor::<4>(&name("x"), &device).require_grad();
        let [weight, bias] =
            ["weight", "bias"].map(|what| fixture.tensor::<1>(&name(what), &device).require_grad());
        let y = functional::layer_norm(x.clone(), [weight.clone(), bias.clone()], 1e-6);
        assert_tensors_close(case, &y, &fixture.tensor(&name("y"), &device), tolerance);
        let gradients = backward(y, fixture.tensor(&name("grad_out"), &device));
        check_gradient(&fixture, &name("grad.x"), &x, &gradients, tolerance);
        check_gradient(&fixture, &name("grad.weight"), &weight, &gradients, tolerance);
        check_gradient(&fixture, &name("grad.bias"), &bias, &gradients, tolerance);
    }
}

#[test]
fn stochastic_depth_drops_whole_pictures_at_its_rate_and_makes_up_for_them() {
    let device = tracked();
    let (pictures, probability) = (2000, 0.3);
    let layer = StochasticDepth::new(probability);
    let branch = Tensor::<4>::ones([pictures, 1, 2, 3], &device).require_grad();
    let shortcut = Tensor::<4>::ones([pictures, 1, 2, 3], &device) * 5.0;
    let sum = |pass: &Pass| layer.add(branch.clone(), shortcut.clone(), pass);
    let y = sum(&Pass::train_with_key(3));
    let values = ocelli_testing::values(&y);
    let kept = 5.0 + 1.0 / 0.7;
    for picture in values.chunks(6) {
        assert!(picture.iter().all(|value| *value == picture[0]), "a picture is dropped in part");
        assert!(picture[0] == 5.0 || (picture[0] - kept).abs() < 1e-6, "{}", picture[0]);
    }
    let dropped = values.chunks(6).filter(|picture| picture[0] == 5.0).count() as f64;
    // Five deviations of the binomial distribution.
    let deviation = (pictures as f64 * probability * (1.0 - probability)).sqrt();
    assert!((dropped - pictures as f64 * probability).abs() < 5.0 * deviation, "{dropped}");

    let gradients = y.clone().sum().backward();
    let gradient = branch.grad(&gradients).expect("a gradient arrives");
    assert_tensors_close("branch", &gradient, &(y - shortcut.clone()).inner(), TOLERANCE);

    let values = |pass: &Pass| ocelli_testing::values(&sum(pass));
    assert_eq!(values(&Pass::train_with_key(3)), values(&Pass::train_with_key(3)));
    assert_ne!(values(&Pass::train_with_key(3)), values(&Pass::train_with_key(4)));
    assert!(values(&Pass::eval()).iter().all(|value| *value == 6.0));
}

#[test]
fn scaling_and_adding_is_what_it_says_with_gradients_by_all_three() {
    let device = untracked();
    let fixture = Fixture::load("layers/conv2d.safetensors");
    let x = fixture.pictures("strided.x", &device);
    let [n, _, _, c] = x.dims();
    let scale = x.clone().mean_dim(1).mean_dim(2).reshape([n, c]);
    let residual = x.clone().flip([1]);
    let y = functional::scale_channels_add(x.clone(), scale.clone(), residual.clone());
    let expected = x.clone() * scale.clone().reshape([n, 1, 1, c]) + residual.clone();
    assert_tensors_close("sum", &y, &expected, TOLERANCE);
    assert_gradient(
        "all three at once",
        &x,
        |x| {
            let scale = functional::global_average_pool(x.clone());
            functional::scale_channels_add(x.clone(), scale, x.flip([1]))
        },
        DIFFERENCE_TOLERANCE,
    );
}

#[test]
fn the_remaining_operations_match_pytorch() {
    let fixture = Fixture::load("layers/others.safetensors");
    let device = tracked();
    let x = fixture.tensor::<4>("average_pool.x", &device).require_grad();
    let y = functional::global_average_pool(x.clone().permute([0, 2, 3, 1]));
    assert_tensors_close("average", &y, &fixture.tensor("average_pool.y", &device), TOLERANCE);
    let gradients = backward(y, fixture.tensor("average_pool.grad_out", &device));
    check_gradient(&fixture, "average_pool.grad.x", &x, &gradients, TOLERANCE);

    let [x, weight] = ["x", "weight"]
        .map(|name| fixture.tensor::<2>(&format!("linear.{name}"), &device).require_grad());
    let bias = fixture.tensor::<1>("linear.bias", &device).require_grad();
    let y = functional::linear(x.clone(), weight.clone(), Some(bias.clone()));
    assert_tensors_close("linear", &y, &fixture.tensor("linear.y", &device), TOLERANCE);
    let gradients = backward(y, fixture.tensor("linear.grad_out", &device));
    check_gradient(&fixture, "linear.grad.x", &x, &gradients, TOLERANCE);
    check_gradient(&fixture, "linear.grad.weight", &weight, &gradients, TOLERANCE);
    check_gradient(&fixture, "linear.grad.bias", &bias, &gradients, TOLERANCE);

    let x = fixture.tensor::<2>("log_softmax.x", &device).require_grad();
    let y = functional::log_softmax(x.clone(), 1);
    assert_tensors_close("log_softmax", &y, &fixture.tensor("log_softmax.y", &device), TOLERANCE);
    let gradients = backward(y, fixture.tensor("log_softmax.grad_out", &device));
    check_gradient(&fixture, "log_softmax.grad.x", &x, &gradients, TOLERANCE);
}

#[test]
fn gradients_agree_with_differences() {
    let fixture = Fixture::load("layers/conv2d.safetensors");
    let device = untracked();
    let x = fixture.pictures("strided.x", &device);
    let weight = fixture.tensor::<4>("strided.weight", &device);
    let geometry = ConvGeometry { stride: [2, 2], padding: [1, 1], ..ConvGeometry::default() };
    let convolve = |x, weight| functional::conv2d(x, weight, None, geometry);
    let tracked = |tensor: &Tensor<4>, like: &Tensor<4>| {
        if like.is_autodiff() { tensor.clone().autodiff() } else { tensor.clone() }
    };
    assert_gradient(
        "convolution by x",
        &x,
        |x| convolve(x.clone(), tracked(&weight, &x)),
        DIFFERENCE_TOLERANCE,
    );
    assert_gradient(
        "convolution by weight",
        &weight,
        |weight| convolve(tracked(&x, &weight), weight),
        DIFFERENCE_TOLERANCE,
    );
    let normalize = |x: Tensor<4>| {
        let channels = x.dims()[3];
        BatchNorm2d::new(channels, &x.device()).forward(x, &Pass::train())
    };
    assert_gradient("batch normalization", &x, normalize, DIFFERENCE_TOLERANCE);
}
