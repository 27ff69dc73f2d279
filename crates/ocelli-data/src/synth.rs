//! Embedded sample data: pictures of imaginary birds, drawn on demand.
//!
//! `synth://birds` needs no download and no disk: every picture is drawn, at the asked size, from
//! the seed and its index alone. A species is a combination of shape (body, neck, bill, tail,
//! crest), plumage pattern and palette. Species come in pairs of sisters, of the same kind and the
//! same palette, so that neither of these, and not the mean colour either, gives the class away:
//! what tells is where the colours go, the pattern, and details of the shape. Within a species the
//! pose, the light, the surroundings and the weather vary, and leaves or reeds may hide a part.
//! Every picture comes with a mask of the bird's parts.
//!
//! # The same on every machine
//! Drawing uses the four operations and square roots of IEEE floats, which are exactly defined,
//! and ChaCha numbers keyed by (seed, species) and (seed, index). Sines come from a polynomial of
//! our own: those of the platform's library differ between machines. Shapes become coverage
//! through tiny-skia's fixed-point rasterizer.

mod anatomy;
mod canvas;
mod clutter;
mod config;
mod dice;
mod folder;
mod form;
mod names;
mod outline;
mod palette;
mod plumage;
mod pose;
mod scene;
mod skeleton;
mod sketch;
mod species;
mod texture;

use std::sync::Arc;

pub use config::{BirdsConfig, SynthError};
pub use folder::{FolderSummary, write_image_folder};

use crate::mask::Palette;
use crate::picture::{Mask, Picture};
use species::Species;

/// The parts of a bird that [`Bird::parts`] tells apart, with the colour that stands for each in
/// mask files. The position in this list is the label.
const PARTS: [(&str, [u8; 3]); 9] = [
    ("background", [24, 26, 32]),
    ("body", [233, 129, 60]),
    ("wing", [62, 124, 196]),
    ("head", [242, 205, 84]),
    ("bill", [214, 63, 64]),
    ("tail", [104, 178, 98]),
    ("legs", [150, 98, 180]),
    ("eye", [250, 250, 250]),
    ("crest", [236, 130, 182]),
];

/// One drawn bird.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bird {
    /// The picture, `[size, size, 3]`.
    pub picture: Picture,
    /// For every pixel the part that is seen there, an index into [`Birds::part_names`]:
    /// 0 is everything that isn't bird, also where it hides the bird. From 16 px on, some of the
    /// body is always seen.
    pub parts: Mask,
}

/// The imaginary birds: a table of species, and a picture for every index.
///
/// Cheap to clone, and free to share between threads: drawing needs no state.
#[derive(Clone)]
pub struct Birds {
    config: BirdsConfig,
    species: Arc<[Species]>,
    names: Arc<[String]>,
}

impl Birds {
    /// Makes up the species.
    ///
    /// # Panics
    /// If `config` is out of range: see [`BirdsConfig::check`].
    #[must_use]
    pub fn new(config: BirdsConfig) -> Self {
        if let Err(error) = config.check() {
            panic!("{error}");
        }
        let species: Arc<[Species]> =
            (0..config.classes).map(|number| Species::imagine(config.seed, number)).collect();
        let names = names::name_all(config.seed, &species).into();
        Self { config, species, names }
    }

    /// What these birds were made from.
    #[must_use]
    pub fn config(&self) -> &BirdsConfig {
        &self.config
    }

    /// How many pictures there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.config.count
    }

    /// Whether there are no pictures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.config.count == 0
    }

    /// The class of picture `index`: species take turns, so classes differ by one picture at most.
    #[must_use]
    pub fn label(&self, index: u64) -> u32 {
        (index % u64::from(self.config.classes)) as u32
    }

    /// An invented name for every species: unique, lower-case with hyphens, fit for a folder.
    ///
    /// More classes add names at the end; the first ones stay.
    #[must_use]
    pub fn class_names(&self) -> Vec<String> {
        self.names.to_vec()
    }

    /// Draws picture `index`.
    ///
    /// It depends on the seed, the number of classes, the size and `index`, never on `count`; an
    /// `index` beyond `count` is one more bird of the same kind.
    #[must_use]
    pub fn draw(&self, index: u64) -> Bird {
        let species = &self.species[self.label(index) as usize];
        sketch::sketch(species, self.config.seed, index, self.config.size)
    }

    /// The labels in [`Bird::parts`] with their colours.
    #[must_use]
    pub fn part_palette() -> Palette {
        Palette::of_parts(&PARTS)
    }

    /// The names of the labels in [`Bird::parts`].
    #[must_use]
    pub fn part_names() -> &'static [&'static str] {
        const NAMES: [&str; PARTS.len()] = {
            let mut names = [""; PARTS.len()];
            let mut part = 0;
            while part < PARTS.len() {
                names[part] = PARTS[part].0;
                part += 1;
            }
            names
        };
        &NAMES
    }
}

impl std::fmt::Debug for Birds {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Birds({})", self.config.location())
    }
}

#[cfg(test)]
mod tests;
