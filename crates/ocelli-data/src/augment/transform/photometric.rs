//! Settings of the transforms that change colours, and of those that work on numbers.

use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::geometric::TRIES;
use super::{chance, uniform};
use crate::augment::error::{AugmentError, Place};
use crate::augment::geometry::Region;
use crate::augment::step::Plan;
use crate::augment::tone::Tone;
use crate::augment::value::{Amount, Erasure, Size};
use crate::random::Generator;

/// Changes brightness, contrast, saturation and hue, in random order.
///
/// Each is a number `x` for `[max(0, 1 - x), 1 + x]` (for hue `[-x, x]`) or `[min, max]`;
/// 0 by default, which leaves it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColorJitter {
    /// Factor of brightness: 0 is black, 1 the picture.
    pub brightness: Amount,
    /// Factor of contrast: 0 is even gray, 1 the picture.
    pub contrast: Amount,
    /// Factor of saturation: 0 is grayscale, 1 the picture.
    pub saturation: Amount,
    /// Turn of the colour circle, from -0.5 to 0.5.
    pub hue: Amount,
}

impl Default for ColorJitter {
    fn default() -> Self {
        let none = Amount::One(0.0);
        Self { brightness: none, contrast: none, saturation: none, hue: none }
    }
}

impl ColorJitter {
    fn factors(amount: Amount) -> [f64; 2] {
        match amount {
            Amount::One(amount) => [(1.0 - amount).max(0.0), 1.0 + amount],
            Amount::Between(range) => range,
        }
    }

    fn turns(&self) -> [f64; 2] {
        match self.hue {
            Amount::One(amount) => [-amount, amount],
            Amount::Between(range) => range,
        }
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        let factors = [
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
        ];
        for (key, amount) in factors {
            let place = place.key(key);
            if let Amount::One(amount) = amount {
                place.require(amount >= 0.0, amount, "a number that isn't negative")?;
            }
            let range = Self::factors(amount);
            place.ordered(range, |factor| factor >= 0.0, "[min, max] with 0 <= min <= max")?;
        }
        let half_turn = |turn: f64| turn.abs() <= 0.5;
        place.key("hue").ordered(
            self.turns(),
            half_turn,
            "a number from 0 to 0.5, or [min, max] with -0.5 <= min <= max <= 0.5",
        )
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let mut order = [0, 1, 2, 3];
        order.shuffle(random);
        let draw = |range: [f64; 2], neutral: f64, random: &mut Generator| {
            (range != [neutral; 2]).then(|| uniform(range, random))
        };
        let changes = [
            draw(Self::factors(self.brightness), 1.0, random).map(Tone::Brightness),
            draw(Self::factors(self.contrast), 1.0, random).map(Tone::Contrast),
            draw(Self::factors(self.saturation), 1.0, random).map(Tone::Saturation),
            draw(self.turns(), 0.0, random).map(Tone::Hue),
        ];
        for tone in order.into_iter().filter_map(|index: usize| changes[index]) {
            plan.push(tone);
        }
    }
}

/// Takes the colours out with probability `p`; the picture keeps three channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomGrayscale {
    /// The probability.
    pub p: f64,
}

impl Default for RandomGrayscale {
    fn default() -> Self {
        Self { p: 0.1 }
    }
}

impl RandomGrayscale {
    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        if chance(self.p, random) {
            plan.push(Tone::Grayscale);
        }
    }
}

/// Inverts the values from `threshold` up, with probability `p`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomSolarize {
    /// From 0 (inverts all) to 256 (none); ours by default: 128.
    pub threshold: f64,
    /// The probability.
    pub p: f64,
}

impl Default for RandomSolarize {
    fn default() -> Self {
        Self { threshold: 128.0, p: 0.5 }
    }
}

impl RandomSolarize {
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        place.key("threshold").require(
            (0.0..=256.0).contains(&self.threshold),
            self.threshold,
            "a value from 0 to 256",
        )?;
        place.key("p").probability(self.p)
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        if chance(self.p, random) {
            plan.push(Tone::Solarize(self.threshold));
        }
    }
}

/// The largest kernel: beyond it a blur costs more than the training step it feeds.
const MAX_KERNEL: u32 = 255;

/// Blurs with a Gaussian of random width. Always: put it into a `random_apply` for a chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianBlur {
    /// The kernel's side or `[height, width]`, odd; ours by default: 23, for pictures of 224.
    pub kernel_size: Size,
    /// The Gaussian's standard deviation in pixels: a number, or `[min, max]` to draw from.
    pub sigma: Amount,
}

impl Default for GaussianBlur {
    fn default() -> Self {
        Self { kernel_size: Size::One(23), sigma: Amount::Between([0.1, 2.0]) }
    }
}

impl GaussianBlur {
    fn range(&self) -> [f64; 2] {
        match self.sigma {
            Amount::One(sigma) => [sigma; 2],
            Amount::Between(range) => range,
        }
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        let [height, width] = self.kernel_size.square();
        let odd = |side: u32| side % 2 == 1 && side <= MAX_KERNEL;
        place.key("kernel_size").require(
            odd(height) && odd(width),
            format_args!("[{height}, {width}]"),
            format_args!("odd sides of at most {MAX_KERNEL} pixels"),
        )?;
        place.key("sigma").ordered(
            self.range(),
            |sigma| sigma > 0.0,
            "a positive number, or [min, max] with 0 < min <= max",
        )
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let sigma = uniform(self.range(), random);
        plan.push(Tone::Blur { kernel: self.kernel_size.square(), sigma });
    }
}

/// Makes numbers of the 8-bit values: `(value / 255 - mean) / std`, a channel at a time.
///
/// The default is what networks pre-trained on ImageNet expect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Normalize {
    /// What is subtracted, `[red, green, blue]`, for values from 0 to 1.
    pub mean: [f64; 3],
    /// What the rest is divided by, `[red, green, blue]`.
    pub std: [f64; 3],
}

impl Default for Normalize {
    fn default() -> Self {
        Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }
}

impl Normalize {
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        place.key("mean").require(
            self.mean.iter().all(|mean| mean.abs() <= 1e6),
            format_args!("{:?}", self.mean),
            "three finite numbers for values from 0 to 1",
        )?;
        place.key("std").require(
            self.std.iter().all(|std| (1e-6..=1e6).contains(std)),
            format_args!("{:?}", self.std),
            "three positive numbers for values from 0 to 1",
        )
    }
}

/// Overwrites a random rectangle of the normalized picture, as in
/// "Random Erasing Data Augmentation" (<https://arxiv.org/abs/1708.04896>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomErasing {
    /// The probability.
    pub p: f64,
    /// The rectangle's area, relative to the picture's.
    pub scale: [f64; 2],
    /// The rectangle's height relative to its width, drawn uniformly on a logarithmic scale.
    pub ratio: [f64; 2],
    /// What is written.
    pub value: Erasure,
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self { p: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: Erasure::One(0.0) }
    }
}

impl RandomErasing {
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        place.key("p").probability(self.p)?;
        let part = |value: f64| (0.0..=1.0).contains(&value);
        place.key("scale").ordered(self.scale, part, "[min, max] with 0 <= min <= max <= 1")?;
        let positive = |value: f64| value > 0.0;
        place.key("ratio").ordered(self.ratio, positive, "[min, max] with 0 < min <= max")?;
        let finite = match self.value {
            Erasure::One(value) => value.is_finite(),
            Erasure::Channels(values) => values.iter().all(|value| value.is_finite()),
            Erasure::Random => true,
        };
        place.key("value").require(finite, format_args!("{:?}", self.value), "finite numbers")
    }

    /// Draws the rectangle within a picture of `[height, width]`; nothing when chance says so,
    /// or when ten draws don't fit.
    pub(crate) fn region(
        &self,
        [height, width]: [u32; 2],
        random: &mut Generator,
    ) -> Option<Region> {
        if !chance(self.p, random) {
            return None;
        }
        let area = f64::from(height) * f64::from(width);
        let log_ratio = self.ratio.map(f64::ln);
        for _ in 0..TRIES {
            let target = area * uniform(self.scale, random);
            let ratio = uniform(log_ratio, random).exp();
            let part_height = (target * ratio).sqrt().round_ties_even() as u32;
            let part_width = (target / ratio).sqrt().round_ties_even() as u32;
            if part_height < height && part_width < width {
                return Some(Region {
                    top: random.random_range(0..=height - part_height),
                    left: random.random_range(0..=width - part_width),
                    height: part_height,
                    width: part_width,
                });
            }
        }
        None
    }
}
