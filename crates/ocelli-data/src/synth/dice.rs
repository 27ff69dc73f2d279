//! Keyed chance and portable angles for drawing.

use rand::Rng;

use crate::random::{self, Generator, Purpose};

/// Draws floats the same way on every machine and with every version of the crates below.
pub(super) struct Dice(Generator);

/// What the third number of the key means here.
const SPECIES: u64 = 0;
const NAME: u64 = 1;
const PICTURE: u64 = 2;
const FAMILY: u64 = 3;

impl Dice {
    /// The look of one species.
    pub(super) fn for_species(seed: u64, species: u32) -> Self {
        Self(random::generator(seed, Purpose::Synth, SPECIES, u64::from(species)))
    }

    /// What the species of one family share.
    pub(super) fn for_family(seed: u64, family: u32) -> Self {
        Self(random::generator(seed, Purpose::Synth, FAMILY, u64::from(family)))
    }

    /// The name of one species.
    pub(super) fn for_name(seed: u64, species: u32) -> Self {
        Self(random::generator(seed, Purpose::Synth, NAME, u64::from(species)))
    }

    /// One picture.
    pub(super) fn for_picture(seed: u64, index: u64) -> Self {
        Self(random::generator(seed, Purpose::Synth, PICTURE, index))
    }

    /// 32 random bits.
    pub(super) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in 0 to 1, 1 excluded.
    pub(super) fn unit(&mut self) -> f32 {
        // 24 bits fill a float's significand: the division is exact.
        (self.bits() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Uniform between two numbers.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// About normal, within ±1: small deviations are common, large ones rare.
    pub(super) fn deviation(&mut self) -> f32 {
        (self.unit() + self.unit() + self.unit()) * (2.0 / 3.0) - 1.0
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// A position in a list of `length` things.
    pub(super) fn below(&mut self, length: usize) -> usize {
        ((u64::from(self.bits()) * length as u64) >> 32) as usize
    }

    /// One of several things.
    pub(super) fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }

    /// A position chosen by weight.
    pub(super) fn weighted(&mut self, weights: &[f32]) -> usize {
        let mut rest = self.unit() * weights.iter().sum::<f32>();
        for (position, weight) in weights.iter().enumerate() {
            rest -= weight;
            if rest < 0.0 {
                return position;
            }
        }
        weights.len() - 1
    }
}

/// Sine and cosine of an angle in radians within a few turns, to about 1e-6, from arithmetic only.
pub(super) fn sin_cos(angle: f32) -> (f32, f32) {
    use std::f32::consts::{FRAC_PI_2, TAU};
    let turned = angle - (angle / TAU).round() * TAU;
    (sine(turned), sine(turned + FRAC_PI_2))
}

fn sine(angle: f32) -> f32 {
    use std::f32::consts::{FRAC_PI_2, PI, TAU};
    let mut x = angle;
    if x > PI {
        x -= TAU;
    }
    if x > FRAC_PI_2 {
        x = PI - x;
    } else if x < -FRAC_PI_2 {
        x = -PI - x;
    }
    let square = x * x;
    // The Taylor series; its next term is below 4e-6 at the end of the range.
    x * (1.0
        + square
            * (-1.0 / 6.0 + square * (1.0 / 120.0 + square * (-1.0 / 5040.0 + square / 362_880.0))))
}
