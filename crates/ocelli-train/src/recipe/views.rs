//! What the two views of a picture are made by where a recipe doesn't say: those of BYOL's paper, as
//! lightly has them.

use ocelli_data::augment::{
    Amount, ColorJitter, GaussianBlur, RandomApply, RandomFlip, RandomGrayscale, RandomResizedCrop,
    RandomSolarize, Transform,
};

/// Pictures up to this side are small: colours change half as much, and nothing is blurred.
const SMALL: u32 = 64;

/// The paper's views of pictures of `[height, width]`: both crop, flip and change colours; the first
/// is always blurred, the second seldom, and sometimes solarized.
#[must_use]
pub fn asymmetric(size: [u32; 2]) -> [Vec<Transform>; 2] {
    let small = size[0].min(size[1]) <= SMALL;
    [view(small, 1.0, 0.0), view(small, 0.1, 0.2)]
}

fn view(small: bool, blur: f64, solarize: f64) -> Vec<Transform> {
    let strength = if small { 0.5 } else { 1.0 };
    let amount = |value: f64| Amount::One(value * strength);
    let jitter = ColorJitter {
        brightness: amount(0.4),
        contrast: amount(0.4),
        saturation: amount(0.2),
        hue: amount(0.1),
    };
    let sometimes =
        |p, transform| Transform::RandomApply(RandomApply { p, transforms: vec![transform] });
    let mut transforms = vec![
        Transform::RandomResizedCrop(RandomResizedCrop::default()),
        Transform::RandomHorizontalFlip(RandomFlip::default()),
        sometimes(0.8, Transform::ColorJitter(jitter)),
        Transform::RandomGrayscale(RandomGrayscale { p: 0.2 }),
    ];
    if !small {
        transforms.push(sometimes(blur, Transform::GaussianBlur(GaussianBlur::default())));
    }
    if solarize > 0.0 {
        let solarize = RandomSolarize { p: solarize, ..RandomSolarize::default() };
        transforms.push(Transform::RandomSolarize(solarize));
    }
    transforms
}
