//! What holds for every picture and every draw.

use proptest::prelude::*;

use crate::augment::*;
use crate::picture::{Mask, Picture};
use crate::random::{Generator, Purpose, generator};

fn random(index: u64) -> Generator {
    generator(7, Purpose::Augment, 0, index)
}

/// A picture without symmetry, so that every wrong move shows.
fn picture(width: u32, height: u32) -> Picture {
    let value = |at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8;
    Picture::new(width, height, (0..width * height * 3).map(value).collect())
}

/// Every transform, each with settings that make it do something.
fn every_transform() -> Vec<Transform> {
    let list: Recipe = toml::from_str(
        r#"augment = [
            { resize = { size = 20, max_size = 40 } },
            { center_crop = { size = [18, 25] } },
            { random_crop = { size = 16, padding = [3, 5], padding_mode = "reflect" } },
            { random_scale = { scale = [0.3, 1.7] } },
            { pad = { size = [17, 30], position = "top_left", fill = 9 } },
            { random_crop = { size = 21, max_class_share = 0.5 } },
            { random_crop = { size = 19, pad_if_needed = true, fill = [1, 2, 3] } },
            { random_resized_crop = { interpolation = "bicubic" } },
            { random_horizontal_flip = {} },
            { random_vertical_flip = { p = 1 } },
            { random_rotation = { degrees = [-180, 180], expand = true, interpolation = "bilinear" } },
            { color_jitter = { brightness = 0.8, contrast = [0.2, 3.0], saturation = 0.8, hue = 0.5 } },
            { random_grayscale = { p = 0.5 } },
            { random_solarize = {} },
            { gaussian_blur = { kernel_size = [3, 7], sigma = 1.5 } },
            { rand_augment = { num_ops = 3, magnitude = 30 } },
            { trivial_augment_wide = {} },
            { auto_augment = { interpolation = "bilinear" } },
            { random_apply = { p = 0.9, transforms = [{ resize = { size = 9, interpolation = "lanczos" } }] } },
            { normalize = { mean = [0.5, 0.5, 0.5], std = [0.25, 0.25, 0.25] } },
            { random_erasing = { p = 1.0, value = "random" } },
            { random_erasing = { value = [0.5, 0.25, 0.125] } },
        ]"#,
    )
    .unwrap();
    list.augment
}

#[derive(serde::Deserialize)]
struct Recipe {
    augment: Vec<Transform>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mirroring_twice_changes_nothing(width in 1u32..40, height in 1u32..40) {
        for flip in [Geometry::FlipHorizontal, Geometry::FlipVertical] {
            let twice = flip.apply(flip.apply(picture(width, height)));
            prop_assert!(twice == picture(width, height));
        }
    }

    #[test]
    fn cropping_and_resizing_to_the_same_size_changes_nothing(
        width in 1u32..40, height in 1u32..40,
    ) {
        let (interpolation, border) = (Interpolation::Bilinear, Border::Edge);
        let region = Region { top: 0, left: 0, height, width };
        for geometry in [
            Geometry::ResizedCrop { region, height, width, interpolation },
            Geometry::Resize { height, width, interpolation },
            Geometry::Window { left: 0, top: 0, height, width, border },
        ] {
            prop_assert!(geometry.apply(picture(width, height)) == picture(width, height));
        }
    }

    #[test]
    fn every_transform_copes_with_every_size(
        width in 1u32..=300, height in 1u32..=7, turned: bool, index: u64,
    ) {
        let (width, height) = if turned { (height, width) } else { (width, height) };
        for transform in every_transform() {
            let pipeline = Pipeline::new(std::slice::from_ref(&transform), [11, 13]).unwrap();
            let mut output = vec![f32::NAN; 11 * 13 * 3];
            pipeline.apply(picture(width, height), &mut random(index), &mut output);
            prop_assert!(output.iter().all(|value| value.is_finite()), "{transform:?}");
        }
        let pipeline = Pipeline::new(&every_transform(), [11, 13]).unwrap();
        let mut output = vec![f32::NAN; 11 * 13 * 3];
        pipeline.apply(picture(width, height), &mut random(index), &mut output);
        prop_assert!(output.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn the_same_key_gives_the_same_numbers(width in 1u32..60, height in 1u32..60, index: u64) {
        let pipeline = Pipeline::new(&every_transform(), [11, 13]).unwrap();
        let run = || {
            let mut output = vec![0.0; 11 * 13 * 3];
            pipeline.apply(picture(width, height), &mut random(index), &mut output);
            output
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_picture_and_its_mask_move_together(width in 2u32..60, height in 2u32..60, index: u64) {
        let all: Vec<_> = every_transform()
            .into_iter()
            .filter(|transform| !matches!(transform, Transform::Resize(_)))
            .collect();
        let pipeline = Pipeline::new(&all, [11, 13]).unwrap();
        let plan = pipeline.sample([height, width], &mut random(index));
        let labels: Vec<u8> = (0..width * height).map(|at| at as u8).collect();
        let mask = Mask::new(width, height, labels.clone());
        let gray = labels.iter().flat_map(|&label| [label; 3]).collect();
        let moved = plan.apply_to_mask(mask, 0);
        prop_assert_eq!([moved.height(), moved.width()], [11, 13]);
        // The same moves, nearest, on a picture that shows the mask.
        let mut shown = Picture::new(width, height, gray);
        for step in plan.steps() {
            if let Step::Geometry(geometry) = step {
                shown = nearest(*geometry).apply(shown);
            }
        }
        let red: Vec<u8> = shown.pixels().iter().copied().step_by(3).collect();
        prop_assert_eq!(red, moved.labels());
    }
}

/// The same move with the interpolation that masks use, and black where there was nothing.
fn nearest(mut geometry: Geometry) -> Geometry {
    match &mut geometry {
        Geometry::Resize { interpolation, .. } | Geometry::ResizedCrop { interpolation, .. } => {
            *interpolation = Interpolation::Nearest;
        }
        Geometry::Rotate { interpolation, fill, .. }
        | Geometry::ShearX { interpolation, fill, .. }
        | Geometry::ShearY { interpolation, fill, .. } => {
            (*interpolation, *fill) = (Interpolation::Nearest, Color::default());
        }
        Geometry::Window { border: Border::Constant(fill), .. } => *fill = Color::default(),
        _ => {}
    }
    geometry
}

#[test]
fn a_written_out_pipeline_reads_back_as_itself() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Recipe {
        augment: Vec<Transform>,
    }
    let pipeline = Pipeline::new(&every_transform(), [32, 48]).unwrap();
    let written = Recipe { augment: pipeline.transforms().to_vec() };
    let text = toml::to_string(&written).unwrap();
    assert_eq!(written, toml::from_str(&text).unwrap(), "{text}");
    let again = Pipeline::new(&written.augment, [32, 48]).unwrap();
    assert_eq!(again.transforms(), pipeline.transforms());
}

#[test]
fn a_strip_of_a_picture_does_not_become_a_huge_one() {
    let resize = Transform::Resize(Resize { size: Some(Size::One(224)), ..Resize::default() });
    let rotate = Transform::RandomRotation(RandomRotation {
        degrees: Amount::Between([45.0, 45.0]),
        expand: true,
        ..RandomRotation::default()
    });
    for transform in [resize, rotate] {
        let pipeline = Pipeline::new(&[transform], [8, 8]).unwrap();
        let plan = pipeline.sample([1, 50_000_000], &mut random(0));
        let Some(Step::Geometry(first)) = plan.steps().first() else { panic!("{plan:?}") };
        let [height, width] = first.output_size([1, 50_000_000]).map(u64::from);
        assert!(height * width <= 1 << 26, "{height} x {width}");
    }
}

#[test]
fn an_empty_picture_counts_as_a_black_pixel() {
    let pipeline = Pipeline::new(&[], [2, 3]).unwrap();
    let mut output = vec![0.0; 18];
    pipeline.apply(Picture::new(0, 5, Vec::new()), &mut random(0), &mut output);
    let black = [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225];
    for (value, expected) in output.iter().zip(black.iter().cycle()) {
        assert!((value - expected).abs() < 1e-6, "{value} {expected}");
    }
}
