//! Names for species that never were.

use std::collections::HashSet;

use super::dice::Dice;
use super::palette::PALETTES;
use super::species::Species;

/// Sounds that make a name a bird could have; each begins and ends so that any order can be said.
const FIRST: [&str; 36] = [
    "lor", "tir", "wim", "quil", "bram", "fin", "mer", "tan", "pip", "zel", "kes", "dor", "war",
    "sib", "cor", "jun", "nar", "ral", "vel", "hob", "gal", "ruf", "san", "tel", "mav", "lin",
    "pel", "ot", "ar", "el", "yar", "bil", "cas", "der", "fal", "hes",
];
const MIDDLE: [&str; 15] =
    ["", "", "", "a", "i", "o", "el", "in", "ar", "ol", "er", "an", "il", "or", "en"];
const LAST: [&str; 24] = [
    "in", "ow", "et", "ler", "wing", "ock", "ling", "ard", "el", "it", "eron", "iole", "ant",
    "ick", "una", "ola", "bird", "and", "is", "umber", "ora", "ix", "oo", "ettle",
];

/// A name for each species, in order. A name that is taken is drawn again from the later species'
/// own numbers, so that adding species never renames the earlier ones.
pub(super) fn name_all(seed: u64, species: &[Species]) -> Vec<String> {
    let mut taken = HashSet::with_capacity(species.len());
    let mut names = Vec::with_capacity(species.len());
    for (number, species) in (0u32..).zip(species) {
        let mut dice = Dice::for_name(seed, number);
        let name = loop {
            let color = dice.pick(&PALETTES[species.palette].names);
            let feature = dice.pick(&species.features());
            let noun = [dice.pick(&FIRST), dice.pick(&MIDDLE), dice.pick(&LAST)].concat();
            let name = format!("{color}-{feature}-{noun}");
            if taken.insert(name.clone()) {
                break name;
            }
        };
        names.push(name);
    }
    names
}
