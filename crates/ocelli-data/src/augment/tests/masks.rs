//! What augmentation does to masks.

use proptest::prelude::*;

use crate::augment::*;
use crate::picture::{Mask, Picture};
use crate::random::{Generator, Purpose, generator};

fn random(index: u64) -> Generator {
    generator(11, Purpose::Augment, 0, index)
}

fn pipeline(augment: &str, size: [u32; 2]) -> Pipeline {
    #[derive(serde::Deserialize)]
    struct Recipe {
        augment: Vec<Transform>,
    }
    let recipe: Recipe = toml::from_str(&format!("augment = [{augment}]")).unwrap();
    Pipeline::new(&recipe.augment, size).unwrap()
}

/// A mask of vertical stripes, three pixels wide, and a picture that shows it: class `c` is gray
/// `20 c + 10`. Stripes survive what geometry does here, so the two can be held together.
fn striped(width: u32, height: u32) -> (Picture, Mask) {
    let labels: Vec<u8> = (0..width * height).map(|at| ((at % width) / 3 % 12) as u8).collect();
    let pixels = labels.iter().flat_map(|&label| [label * 20 + 10; 3]).collect();
    (Picture::new(width, height, pixels), Mask::new(width, height, labels))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nearest_geometry_keeps_every_pixel_with_its_class(
        width in 9u32..60, height in 9u32..60, index: u64,
    ) {
        let pipeline = pipeline(
            r#"{ random_scale = { interpolation = "nearest" } },
               { random_horizontal_flip = {} },
               { random_vertical_flip = {} },
               { random_rotation = { degrees = 90, interpolation = "nearest" } },
               { pad = { size = 40 } },
               { random_crop = { size = [24, 28], max_class_share = 0.4 } }"#,
            [24, 28],
        );
        let (picture, mask) = striped(width, height);
        let (picture, mask) = pipeline.apply_to_pair(picture, mask, &mut random(index));
        prop_assert_eq!((mask.width(), mask.height()), (28, 24));
        for (pixel, &class) in picture.pixels().chunks_exact(3).zip(mask.labels()) {
            // Black is what padding and rotation fill with; the darkest stripe is 10.
            let expected = if class == Mask::IGNORE { 0 } else { class * 20 + 10 };
            prop_assert_eq!(pixel[0], expected);
        }
    }

    #[test]
    fn a_mask_never_gets_a_class_that_it_did_not_have(
        width in 1u32..50, height in 1u32..50, index: u64,
    ) {
        let pipeline = pipeline(
            r#"{ random_resized_crop = { size = 20 } }, { rand_augment = { magnitude = 20 } },
               { random_scale = {} }, { color_jitter = { brightness = 0.9, hue = 0.5 } }"#,
            [13, 17],
        );
        let labels: Vec<u8> = (0..width * height).map(|at| [3, 77, 254][at as usize % 3]).collect();
        let mask = Mask::new(width, height, labels);
        let (_, moved) = pipeline.sample_with_mask(mask, &mut random(index));
        prop_assert!(moved.labels().iter().all(|label| [3, 77, 254, Mask::IGNORE].contains(label)));
    }

    #[test]
    fn the_picture_is_the_same_with_and_without_its_mask(
        width in 1u32..50, height in 1u32..50, index: u64,
    ) {
        let pipeline = pipeline(
            r#"{ random_scale = {} }, { random_crop = { size = 20, pad_if_needed = true } },
               { random_horizontal_flip = {} }, { color_jitter = { hue = 0.2 } }, { normalize = {} },
               { random_erasing = { p = 1.0, value = "random" } }"#,
            [20, 20],
        );
        let (picture, mask) = striped(width, height);
        let (mut with, mut without) = (vec![0.0; 1200], vec![0.0; 1200]);
        let mut labels = vec![0; 400];
        pipeline.apply_with_mask(picture.clone(), mask, &mut random(index), &mut with, &mut labels);
        pipeline.apply(picture, &mut random(index), &mut without);
        prop_assert_eq!(with, without);
    }
}

#[test]
fn mirroring_a_pair_twice_changes_nothing() {
    let once = pipeline("{ random_horizontal_flip = { p = 1 } }", [9, 14]);
    let (picture, mask) = striped(14, 9);
    let (mirrored, moved) = once.apply_to_pair(picture.clone(), mask.clone(), &mut random(0));
    assert!(mirrored != picture && moved != mask);
    assert_eq!(moved.label(0, 0), mask.label(13, 0));
    let (again, back) = once.apply_to_pair(mirrored, moved, &mut random(1));
    assert!(again == picture && back == mask);
}

#[test]
fn colours_change_in_the_picture_only() {
    let colors = pipeline(
        "{ color_jitter = { brightness = [0.2, 0.3] } }, { random_grayscale = { p = 1 } }, { gaussian_blur = {} }",
        [9, 14],
    );
    let (picture, mask) = striped(14, 9);
    let (changed, same) = colors.apply_to_pair(picture.clone(), mask.clone(), &mut random(0));
    assert!(changed != picture && same == mask);
}

#[test]
fn padding_is_ignored_in_the_mask_and_lies_where_it_is_asked_for() {
    let (picture, mask) = (Picture::filled(2, 1, [50; 3]), Mask::new(2, 1, vec![0, 1]));
    let ignore = Mask::IGNORE;
    for (position, expected) in [
        ("center", [ignore, 0, 1, ignore, ignore, ignore, ignore, ignore]),
        ("top_left", [0, 1, ignore, ignore, ignore, ignore, ignore, ignore]),
    ] {
        let pad =
            pipeline(&format!("{{ pad = {{ position = \"{position}\", fill = 7 }} }}"), [2, 4]);
        let (padded, moved) = pad.apply_to_pair(picture.clone(), mask.clone(), &mut random(0));
        assert_eq!(moved.labels(), expected, "{position}");
        for (pixel, &class) in padded.pixels().chunks_exact(3).zip(moved.labels()) {
            assert_eq!(pixel, if class == ignore { [7; 3] } else { [50; 3] });
        }
    }
    let large = pipeline("{ pad = { size = 1 } }", [1, 2]);
    assert!(large.apply_to_pair(picture.clone(), mask, &mut random(0)).0 == picture);
}

#[test]
fn a_crop_avoids_windows_of_one_class_where_it_can() {
    // A tenth of the mask is of class 1, in one corner.
    let labels = (0..100 * 100).map(|at| u8::from(at % 100 >= 70 && at / 100 >= 70)).collect();
    let mask = Mask::new(100, 100, labels);
    let share = |augment: &str| {
        let crop = pipeline(augment, [30, 30]);
        let mixed = (0..300).filter(|&index| {
            let (_, moved) = crop.sample_with_mask(mask.clone(), &mut random(index));
            let ones = moved.labels().iter().filter(|&&label| label == 1).count();
            (225..=675).contains(&ones)
        });
        mixed.count()
    };
    let plain = share("{ random_crop = {} }");
    let limited = share("{ random_crop = { max_class_share = 0.75 } }");
    assert!(plain < 60 && limited > 150 && limited > 3 * plain, "{plain}, {limited} of 300");
    // Where no window will do, there is one all the same; ignored pixels count for no class.
    let crop = pipeline("{ random_crop = { max_class_share = 0.5 } }", [30, 30]);
    for labels in [vec![Mask::IGNORE; 10_000], vec![4; 10_000]] {
        let (plan, _) = crop.sample_with_mask(Mask::new(100, 100, labels), &mut random(0));
        assert_eq!(plan.size(), [30, 30]);
    }
}

#[test]
fn scaling_covers_its_range_and_keeps_proportions() {
    let scale = pipeline("{ random_scale = { scale = [0.5, 2] } }", [8, 8]);
    let mut heights = Vec::new();
    for index in 0..200 {
        let plan = scale.sample([100, 50], &mut random(index));
        let Some(Step::Geometry(first)) = plan.steps().first() else { panic!("{plan:?}") };
        let [height, width] = first.output_size([100, 50]);
        assert!(height.abs_diff(2 * width) <= 1, "{height}x{width}");
        heights.push(height);
    }
    let (least, most) = (heights.iter().min().unwrap(), heights.iter().max().unwrap());
    assert!((50..60).contains(least) && (190..=200).contains(most), "{least} to {most}");
    // A strip is not made a picture that fills the memory.
    let plan =
        pipeline("{ random_scale = { scale = [100, 100] } }, { pad = { size = 3000 } }", [8, 8])
            .sample([1, 60_000_000], &mut random(0));
    for step in plan.steps() {
        let Step::Geometry(geometry) = step else { continue };
        let [height, width] = geometry.output_size([1, 60_000_000]).map(u64::from);
        assert!(height * width <= 1 << 26);
    }
}

#[test]
fn masks_are_evaluated_on_the_whole_picture() {
    let normalize = Transform::Normalize(Normalize { mean: [0.5; 3], std: [0.5; 3] });
    let crop = Transform::RandomResizedCrop(RandomResizedCrop::default());
    let resize =
        Transform::Resize(Resize { size: Some(Size::Both([48, 64])), ..Resize::default() });
    assert_eq!(default_mask_evaluation(&[crop, normalize.clone()], [48, 64]), [resize, normalize]);
}
