//! The transforms that a recipe can list, with their settings.
//!
//! Names, settings and defaults are those of torchvision's transforms on PIL pictures, so that a
//! recipe from the literature means here what it means there. Where torchvision has no default,
//! the setting says which one we took. `random_scale`, `pad` and `random_crop`'s `max_class_share`
//! are not torchvision's; they are what segmentation tools call so, or nearly so.

mod framing;
mod geometric;
mod photometric;
mod policies;

use rand::RngExt;
use serde::{Deserialize, Serialize};

pub use framing::{Pad, PadPosition, RandomScale};
pub use geometric::{
    CenterCrop, PaddingMode, RandomCrop, RandomFlip, RandomResizedCrop, RandomRotation, Resize,
};
pub(crate) use geometric::{MAX_PIXELS, validate_size};
pub use photometric::{
    ColorJitter, GaussianBlur, Normalize, RandomErasing, RandomGrayscale, RandomSolarize,
};
pub use policies::{AutoAugment, Policy, RandAugment, TrivialAugmentWide};

use super::error::{AugmentError, Place};
use super::step::Plan;
use crate::random::Generator;

/// One entry of a recipe's `augment` list: `{ random_resized_crop = { scale = [0.2, 1.0] } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// See [`Resize`].
    Resize(Resize),
    /// See [`CenterCrop`].
    CenterCrop(CenterCrop),
    /// See [`Pad`].
    Pad(Pad),
    /// See [`RandomScale`].
    RandomScale(RandomScale),
    /// See [`RandomCrop`].
    RandomCrop(RandomCrop),
    /// See [`RandomResizedCrop`].
    RandomResizedCrop(RandomResizedCrop),
    /// Mirrors left and right with probability `p`.
    RandomHorizontalFlip(RandomFlip),
    /// Mirrors top and bottom with probability `p`.
    RandomVerticalFlip(RandomFlip),
    /// See [`RandomRotation`].
    RandomRotation(RandomRotation),
    /// See [`ColorJitter`].
    ColorJitter(ColorJitter),
    /// See [`RandomGrayscale`].
    RandomGrayscale(RandomGrayscale),
    /// See [`RandomSolarize`].
    RandomSolarize(RandomSolarize),
    /// See [`GaussianBlur`].
    GaussianBlur(GaussianBlur),
    /// See [`RandAugment`].
    RandAugment(RandAugment),
    /// See [`TrivialAugmentWide`].
    TrivialAugmentWide(TrivialAugmentWide),
    /// See [`AutoAugment`].
    AutoAugment(AutoAugment),
    /// See [`RandomApply`].
    RandomApply(RandomApply),
    /// See [`Normalize`].
    Normalize(Normalize),
    /// See [`RandomErasing`].
    RandomErasing(RandomErasing),
}

/// Does all of its transforms with probability `p`, and otherwise none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomApply {
    /// The probability.
    pub p: f64,
    /// Picture transforms: neither `normalize` nor `random_erasing`.
    pub transforms: Vec<Transform>,
}

impl Default for RandomApply {
    fn default() -> Self {
        Self { p: 0.5, transforms: Vec::new() }
    }
}

/// The three parts of a pipeline, in the only order that they can stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Works on 8-bit pictures.
    Picture,
    /// Makes normalized numbers of the picture.
    Normalize,
    /// Works on the normalized numbers.
    Numbers,
}

impl Transform {
    /// The name that a recipe calls it by.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Resize(_) => "resize",
            Self::CenterCrop(_) => "center_crop",
            Self::Pad(_) => "pad",
            Self::RandomScale(_) => "random_scale",
            Self::RandomCrop(_) => "random_crop",
            Self::RandomResizedCrop(_) => "random_resized_crop",
            Self::RandomHorizontalFlip(_) => "random_horizontal_flip",
            Self::RandomVerticalFlip(_) => "random_vertical_flip",
            Self::RandomRotation(_) => "random_rotation",
            Self::ColorJitter(_) => "color_jitter",
            Self::RandomGrayscale(_) => "random_grayscale",
            Self::RandomSolarize(_) => "random_solarize",
            Self::GaussianBlur(_) => "gaussian_blur",
            Self::RandAugment(_) => "rand_augment",
            Self::TrivialAugmentWide(_) => "trivial_augment_wide",
            Self::AutoAugment(_) => "auto_augment",
            Self::RandomApply(_) => "random_apply",
            Self::Normalize(_) => "normalize",
            Self::RandomErasing(_) => "random_erasing",
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Normalize(_) => Stage::Normalize,
            Self::RandomErasing(_) => Stage::Numbers,
            _ => Stage::Picture,
        }
    }

    /// Writes out the defaults that depend on the recipe's `size`, `[height, width]`.
    pub(crate) fn resolve(&mut self, size: [u32; 2]) {
        match self {
            Self::Resize(resize) => resize.resolve(size),
            Self::CenterCrop(crop) => crop.resolve(size),
            Self::Pad(pad) => pad.resolve(size),
            Self::RandomCrop(crop) => crop.resolve(size),
            Self::RandomResizedCrop(crop) => crop.resolve(size),
            Self::RandomApply(apply) => {
                apply.transforms.iter_mut().for_each(|inner| inner.resolve(size));
            }
            _ => {}
        }
    }

    /// Checks every setting; `place` is the transform's entry in the list.
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        let place = &place.key(self.name());
        match self {
            Self::Resize(resize) => resize.validate(place),
            Self::CenterCrop(crop) => crop.validate(place),
            Self::Pad(pad) => pad.validate(place),
            Self::RandomScale(scale) => scale.validate(place),
            Self::RandomCrop(crop) => crop.validate(place),
            Self::RandomResizedCrop(crop) => crop.validate(place),
            Self::RandomHorizontalFlip(flip) | Self::RandomVerticalFlip(flip) => {
                place.key("p").probability(flip.p)
            }
            Self::RandomRotation(rotation) => rotation.validate(place),
            Self::ColorJitter(jitter) => jitter.validate(place),
            Self::RandomGrayscale(grayscale) => place.key("p").probability(grayscale.p),
            Self::RandomSolarize(solarize) => solarize.validate(place),
            Self::GaussianBlur(blur) => blur.validate(place),
            Self::RandAugment(policy) => policy.validate(place),
            Self::TrivialAugmentWide(policy) => policy.validate(place),
            Self::AutoAugment(policy) => policy.validate(place),
            Self::RandomApply(apply) => apply.validate(place),
            Self::Normalize(normalize) => normalize.validate(place),
            Self::RandomErasing(erasing) => erasing.validate(place),
        }
    }

    /// Draws this transform's parameters for a picture of the plan's size, and adds what is to
    /// be done to the plan. Transforms of the later stages add nothing.
    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        match self {
            Self::Resize(resize) => resize.sample(plan),
            Self::CenterCrop(crop) => crop.sample(plan),
            Self::Pad(pad) => pad.sample(plan),
            Self::RandomScale(scale) => scale.sample(plan, random),
            Self::RandomCrop(crop) => crop.sample(plan, random),
            Self::RandomResizedCrop(crop) => crop.sample(plan, random),
            Self::RandomHorizontalFlip(flip) => flip.sample_horizontal(plan, random),
            Self::RandomVerticalFlip(flip) => flip.sample_vertical(plan, random),
            Self::RandomRotation(rotation) => rotation.sample(plan, random),
            Self::ColorJitter(jitter) => jitter.sample(plan, random),
            Self::RandomGrayscale(grayscale) => grayscale.sample(plan, random),
            Self::RandomSolarize(solarize) => solarize.sample(plan, random),
            Self::GaussianBlur(blur) => blur.sample(plan, random),
            Self::RandAugment(policy) => policy.sample(plan, random),
            Self::TrivialAugmentWide(policy) => policy.sample(plan, random),
            Self::AutoAugment(policy) => policy.sample(plan, random),
            Self::RandomApply(apply) => apply.sample(plan, random),
            Self::Normalize(_) | Self::RandomErasing(_) => {}
        }
    }
}

impl RandomApply {
    fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        place.key("p").probability(self.p)?;
        let place = place.key("transforms");
        place.require(!self.transforms.is_empty(), "an empty list", "at least one transform")?;
        for (index, inner) in self.transforms.iter().enumerate() {
            let place = place.item(index);
            place.require(
                inner.stage() == Stage::Picture,
                inner.name(),
                "a transform that works on pictures",
            )?;
            inner.validate(&place)?;
        }
        Ok(())
    }

    fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        if chance(self.p, random) {
            for inner in &self.transforms {
                inner.sample(plan, random);
            }
        }
    }
}

/// True with probability `p`.
pub(crate) fn chance(p: f64, random: &mut Generator) -> bool {
    random.random::<f64>() < p
}

/// Uniform in `[low, high)`, or `low` where the two are equal.
pub(crate) fn uniform([low, high]: [f64; 2], random: &mut Generator) -> f64 {
    low + (high - low) * random.random::<f64>()
}
