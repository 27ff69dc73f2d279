//! What makes a species.

use super::dice::Dice;
use super::palette::{PALETTES, mix};
use super::{Bird, Mask, Picture};

/// A species: what all its birds have in common.
#[derive(Clone, Debug)]
pub(super) struct Species {
    /// Which palette its plumage has.
    pub(super) palette: usize,
    /// How long a body is for its height.
    slimness: f32,
    /// How many bars cross its body.
    bars: f32,
}

impl Species {
    /// Makes up species `number`.
    pub(super) fn imagine(seed: u64, number: u32) -> Self {
        let mut dice = Dice::for_species(seed, number);
        Self {
            palette: dice.below(PALETTES.len()),
            slimness: dice.between(1.2, 2.4),
            bars: dice.between(2.0, 9.0),
        }
    }

    /// What a name may single out.
    pub(super) fn features(&self) -> Vec<&'static str> {
        vec![if self.bars < 4.0 { "banded" } else { "barred" }]
    }
}

/// Draws a bird.
pub(super) fn sketch(species: &Species, seed: u64, index: u64, size: u32) -> Bird {
    let mut dice = Dice::for_picture(seed, index);
    let center = [dice.between(0.4, 0.6), dice.between(0.4, 0.6)];
    let length = dice.between(0.25, 0.4);
    let [main, second, light, ..] = PALETTES[species.palette].colors;
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for row in 0..size {
        for column in 0..size {
            let x = ((column as f32 + 0.5) / size as f32 - center[0]) / length;
            let y = ((row as f32 + 0.5) / size as f32 - center[1]) / length * species.slimness;
            let inside = x * x + y * y < 1.0;
            let stripe = (x * species.bars).floor() as i32 % 2 == 0;
            let color = match (inside, stripe) {
                (false, _) => mix(light, [0.5, 0.7, 0.9], 0.8),
                (true, true) => main,
                (true, false) => second,
            };
            pixels.extend(color.map(|channel| (channel * 255.0 + 0.5) as u8));
            labels.push(u8::from(inside));
        }
    }
    Bird { picture: Picture::new(size, size, pixels), parts: Mask::new(size, size, labels) }
}
