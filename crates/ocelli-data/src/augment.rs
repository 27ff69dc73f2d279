//! From a decoded picture to what a network is trained on.
//!
//! A recipe lists [`Transform`]s. A [`Pipeline`] checks them and applies them to one picture at a
//! time, in two parts: first it draws all that is left to chance from the picture's own
//! [`Generator`](crate::random::Generator), which gives a [`Plan`]; then it does what the plan
//! says. A plan knows nothing of the picture but its size, so the same plan moves the picture and
//! its mask alike: geometry moves both, colours change in the picture only. A mask takes the nearest
//! pixel, and what was not in it becomes [`Mask::IGNORE`](crate::Mask::IGNORE).
//!
//! Meaning, defaults and arithmetic are torchvision's on PIL pictures, and are tested against it:
//! most transforms agree bit for bit, resizing within one of 255 steps.

mod error;
mod geometry;
mod normalize;
mod pipeline;
mod policy;
mod step;
mod tone;
mod transform;
mod value;

pub use error::AugmentError;
pub use geometry::{Border, Geometry, Interpolation, Region};
pub use pipeline::{Pipeline, default_evaluation, default_mask_evaluation};
pub use step::{Plan, Step};
pub use tone::Tone;
pub use transform::{
    AutoAugment, CenterCrop, ColorJitter, GaussianBlur, Normalize, Pad, PadPosition, PaddingMode,
    Policy, RandAugment, RandomApply, RandomCrop, RandomErasing, RandomFlip, RandomGrayscale,
    RandomResizedCrop, RandomRotation, RandomScale, RandomSolarize, Resize, Transform,
    TrivialAugmentWide,
};
pub use value::{Amount, Color, Erasure, Padding, Size};

#[cfg(test)]
mod tests;
