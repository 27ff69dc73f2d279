//! Settings of the learned and random mixtures of operations.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::augment::error::{AugmentError, Place};
use crate::augment::geometry::Interpolation;
use crate::augment::policy::{IMAGENET, Operation, Space};
use crate::augment::step::Plan;
use crate::augment::value::Color;
use crate::random::Generator;

/// Does `num_ops` operations drawn from fourteen, all of one strength, as in "RandAugment"
/// (<https://arxiv.org/abs/1909.13719>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandAugment {
    /// How many operations, one after the other.
    pub num_ops: u32,
    /// The strength, from 0 to `num_magnitude_bins - 1`.
    pub magnitude: u32,
    /// How many strengths there are.
    pub num_magnitude_bins: u32,
    /// Of rotations and shears: `nearest` or `bilinear`.
    pub interpolation: Interpolation,
    /// The colour of what was not in the picture.
    pub fill: Color,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self {
            num_ops: 2,
            magnitude: 9,
            num_magnitude_bins: 31,
            interpolation: Interpolation::Nearest,
            fill: Color::default(),
        }
    }
}

/// More operations than this leave nothing of a picture.
const MAX_OPERATIONS: u32 = 100;

fn validate_bins(bins: u32, place: &Place) -> Result<(), AugmentError> {
    place.key("num_magnitude_bins").require(
        (2..=1000).contains(&bins),
        bins,
        "a number from 2 to 1000",
    )
}

impl RandAugment {
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        place.key("num_ops").require(
            self.num_ops <= MAX_OPERATIONS,
            self.num_ops,
            format_args!("at most {MAX_OPERATIONS}"),
        )?;
        validate_bins(self.num_magnitude_bins, place)?;
        place.key("magnitude").require(
            self.magnitude < self.num_magnitude_bins,
            self.magnitude,
            format_args!("less than num_magnitude_bins, {}", self.num_magnitude_bins),
        )?;
        self.interpolation.validate_affine(&place.key("interpolation"))
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let space = Space::rand_augment(self.num_magnitude_bins, plan.size());
        for _ in 0..self.num_ops {
            let operation = Operation::RAND_AUGMENT[random.random_range(0..14)];
            let magnitude = space.magnitude(operation, self.magnitude);
            let signed = operation.with_random_sign(magnitude, random);
            operation.push(signed, self.interpolation, self.fill, plan);
        }
    }
}

/// Does one operation drawn from fourteen at a random strength, as in "TrivialAugment"
/// (<https://arxiv.org/abs/2103.10158>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrivialAugmentWide {
    /// How many strengths there are.
    pub num_magnitude_bins: u32,
    /// Of rotations and shears: `nearest` or `bilinear`.
    pub interpolation: Interpolation,
    /// The colour of what was not in the picture.
    pub fill: Color,
}

impl Default for TrivialAugmentWide {
    fn default() -> Self {
        Self {
            num_magnitude_bins: 31,
            interpolation: Interpolation::Nearest,
            fill: Color::default(),
        }
    }
}

impl TrivialAugmentWide {
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        validate_bins(self.num_magnitude_bins, place)?;
        self.interpolation.validate_affine(&place.key("interpolation"))
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let space = Space::trivial_augment_wide(self.num_magnitude_bins);
        let operation = Operation::RAND_AUGMENT[random.random_range(0..14)];
        let magnitude = space.magnitude(operation, random.random_range(0..self.num_magnitude_bins));
        let signed = operation.with_random_sign(magnitude, random);
        operation.push(signed, self.interpolation, self.fill, plan);
    }
}

/// Does one of 25 pairs of operations found by search on ImageNet, as in "AutoAugment"
/// (<https://arxiv.org/abs/1805.09501>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoAugment {
    /// Which policy.
    pub policy: Policy,
    /// Of rotations and shears: `nearest` or `bilinear`.
    pub interpolation: Interpolation,
    /// The colour of what was not in the picture.
    pub fill: Color,
}

/// Which data an [`AutoAugment`] policy was found on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// ImageNet.
    #[default]
    ImageNet,
}

impl Default for AutoAugment {
    fn default() -> Self {
        Self {
            policy: Policy::ImageNet,
            interpolation: Interpolation::Nearest,
            fill: Color::default(),
        }
    }
}

/// The strengths that the searched policies count in.
const AUTO_AUGMENT_BINS: u32 = 10;

impl AutoAugment {
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        self.interpolation.validate_affine(&place.key("interpolation"))
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let Policy::ImageNet = self.policy;
        // Both operations' strengths are measured by the size before the first, as in torchvision.
        let space = Space::rand_augment(AUTO_AUGMENT_BINS, plan.size());
        let pair = IMAGENET[random.random_range(0..IMAGENET.len() as u32) as usize];
        for (operation, p, bin) in pair {
            if super::chance(p, random) {
                let magnitude = space.magnitude(operation, bin.unwrap_or(0));
                let signed = operation.with_random_sign(magnitude, random);
                operation.push(signed, self.interpolation, self.fill, plan);
            }
        }
    }
}
