//! Wrong settings are refused, and the message says where and why.

use crate::augment::*;

#[derive(Debug, serde::Deserialize)]
struct Recipe {
    augment: Vec<Transform>,
}

/// What is wrong with a recipe's list.
fn complaint(augment: &str) -> String {
    match toml::from_str::<Recipe>(&format!("augment = [{augment}]")) {
        Err(error) => error.message().to_owned(),
        Ok(recipe) => match Pipeline::new(&recipe.augment, [32, 32]) {
            Err(error) => error.to_string(),
            Ok(pipeline) => panic!("accepted {:?}", pipeline.transforms()),
        },
    }
}

#[test]
fn settings_out_of_range_are_refused_by_position_and_key() {
    for (augment, expected) in [
        (
            "{ resize = {} }, { random_horizontal_flip = { p = 1.5 } }",
            "augment[1].random_horizontal_flip.p: found 1.5, expected a probability from 0 to 1",
        ),
        (
            "{ random_resized_crop = { scale = [0.5, 0.2] } }",
            "augment[0].random_resized_crop.scale: found [0.5, 0.2], expected [min, max] with 0 < min <= max <= 1",
        ),
        (
            "{ random_resized_crop = { ratio = [0, 1] } }",
            "augment[0].random_resized_crop.ratio: found [0, 1], expected [min, max] with 0 < min <= max",
        ),
        (
            "{ center_crop = { size = 0 } }",
            "augment[0].center_crop.size: found [0, 0], expected sides of at least 1 pixel, and at most 67108864 pixels in all",
        ),
        (
            "{ random_scale = { scale = [0, 1] } }",
            "augment[0].random_scale.scale: found [0, 1], expected [min, max] with 0 < min <= max <= 100",
        ),
        (
            "{ random_crop = { max_class_share = 1.5 } }",
            "augment[0].random_crop.max_class_share: found 1.5, expected a share above 0, at most 1",
        ),
        (
            "{ pad = { size = [0, 3] } }",
            "augment[0].pad.size: found [0, 3], expected sides of at least 1 pixel, and at most 67108864 pixels in all",
        ),
        (
            "{ resize = { size = 20, max_size = 20 } }",
            "augment[0].resize.max_size: found 20, expected more than the shorter side, 20",
        ),
        (
            "{ color_jitter = { hue = 0.6 } }",
            "augment[0].color_jitter.hue: found [-0.6, 0.6], expected a number from 0 to 0.5, or [min, max] with -0.5 <= min <= max <= 0.5",
        ),
        (
            "{ color_jitter = { brightness = -1 } }",
            "augment[0].color_jitter.brightness: found -1, expected a number that isn't negative",
        ),
        (
            "{ gaussian_blur = { kernel_size = 4 } }",
            "augment[0].gaussian_blur.kernel_size: found [4, 4], expected odd sides of at most 255 pixels",
        ),
        (
            "{ rand_augment = { magnitude = 31 } }",
            "augment[0].rand_augment.magnitude: found 31, expected less than num_magnitude_bins, 31",
        ),
        (
            "{ random_rotation = { interpolation = \"lanczos\" } }",
            "augment[0].random_rotation.interpolation: found lanczos, expected nearest or bilinear",
        ),
        (
            "{ random_rotation = { degrees = 1e308, expand = true } }",
            "augment[0].random_rotation.degrees: found [-100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000, 100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000], expected a number from 0 to 36000, or [min, max] with min <= max and neither beyond it",
        ),
        (
            "{ normalize = { std = [1, 0, 1] } }",
            "augment[0].normalize.std: found [1.0, 0.0, 1.0], expected three positive numbers for values from 0 to 1",
        ),
        (
            "{ random_apply = { transforms = [{ random_grayscale = { p = nan } }] } }",
            "augment[0].random_apply.transforms[0].random_grayscale.p: found NaN, expected a probability from 0 to 1",
        ),
        (
            "{ random_apply = {} }",
            "augment[0].random_apply.transforms: found an empty list, expected at least one transform",
        ),
    ] {
        assert_eq!(complaint(augment), expected);
    }
}

#[test]
fn transforms_out_of_order_are_refused() {
    let order =
        "expected picture transforms first, then at most one normalize, then random_erasing";
    for (augment, found) in [
        ("{ normalize = {} }, { resize = {} }", "augment[1]: found resize after normalize"),
        ("{ normalize = {} }, { normalize = {} }", "augment[1]: found normalize after normalize"),
        (
            "{ random_erasing = {} }, { normalize = {} }",
            "augment[1]: found normalize after random_erasing",
        ),
    ] {
        assert_eq!(complaint(augment), format!("{found}, {order}"));
    }
    assert_eq!(
        complaint("{ random_apply = { transforms = [{ random_erasing = {} }] } }"),
        "augment[0].random_apply.transforms[0]: found random_erasing, expected a transform that works on pictures",
    );
}

#[test]
fn unknown_keys_and_values_of_the_wrong_kind_are_refused() {
    for (augment, expected) in [
        ("{ random_resized_crop = { scales = [0.1, 1] } }", "unknown field `scales`"),
        ("{ random_resize_crop = {} }", "unknown variant `random_resize_crop`"),
        (
            "{ resize = { size = \"big\" } }",
            "found \"big\", expected pixels as one whole number or [height, width]",
        ),
        ("{ resize = { size = 22.5 } }", "found 22.5, expected pixels"),
        ("{ random_crop = { padding = [1, 2, 3] } }", "found [1.0, 2.0, 3.0], expected pixels"),
        ("{ random_crop = { fill = 256 } }", "found 256, expected a whole number from 0 to 255"),
        ("{ color_jitter = { hue = [0.1] } }", "found [0.1], expected a number or [min, max]"),
        ("{ random_erasing = { value = \"noise\" } }", "found \"noise\", expected a number"),
        ("{ random_crop = { padding = [1, 2, 3, 4, 5] } }", "invalid length 5"),
    ] {
        let complaint = complaint(augment);
        assert!(complaint.contains(expected), "{complaint}\nlacks\n{expected}");
    }
}

#[test]
fn normalization_by_imagenets_statistics_is_added_before_erasing() {
    let list = [Transform::RandomErasing(RandomErasing::default())];
    let pipeline = Pipeline::new(&list, [8, 8]).unwrap();
    assert_eq!(
        pipeline.transforms(),
        [Transform::Normalize(Normalize::default()), list[0].clone()]
    );
}

#[test]
fn evaluation_looks_at_the_middle_after_training_on_crops() {
    let normalize = Transform::Normalize(Normalize { mean: [0.5; 3], std: [0.5; 3] });
    let crop = Transform::RandomResizedCrop(RandomResizedCrop::default());
    let flip = Transform::RandomHorizontalFlip(RandomFlip::default());
    let resize = |size| Transform::Resize(Resize { size: Some(size), ..Resize::default() });
    let center = Transform::CenterCrop(CenterCrop { size: Some(Size::Both([224, 224])) });
    assert_eq!(
        default_evaluation(&[crop, flip.clone(), normalize.clone()], [224, 224]),
        [resize(Size::One(256)), center, normalize]
    );
    assert_eq!(default_evaluation(&[flip], [64, 96]), [resize(Size::Both([64, 96]))]);
}
