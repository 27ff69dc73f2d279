//! What makes a species: its form, its marks and its colours.

use super::dice::Dice;
use super::form::{Form, imagine_form, imagine_kind};
use super::palette::{Color, PALETTES, hex, mix};

/// How many species a family has.
const SISTERS: u32 = 2;

/// A species: what all its birds have in common.
#[derive(Clone, Debug)]
pub(super) struct Species {
    /// Which palette its plumage has.
    pub(super) palette: usize,
    /// Its shape and habits.
    pub(super) form: Form,
    /// Its plumage pattern.
    pub(super) marks: Marks,
    /// Where its colours go.
    pub(super) colors: Colors,
}

/// The plumage pattern.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    pub(super) head: HeadMark,
    pub(super) body: BodyMark,
    /// Bars, spots or streaks for each body length.
    pub(super) body_density: f32,
    pub(super) breast: BreastMark,
    pub(super) wing: WingMark,
    pub(super) tail: TailMark,
    /// A ring around the neck.
    pub(super) collar: bool,
    /// Where the back's colour ends, -1 (top) to 1 (bottom), and how gradually.
    pub(super) belly_line: [f32; 2],
    pub(super) bill_tip: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadMark {
    Plain,
    Cap,
    Mask,
    Brow,
    Cheek,
    Hood,
    Crown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyMark {
    Plain,
    Bars,
    Spots,
    Streaks,
    Scales,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BreastMark {
    Plain,
    Patch,
    Band,
    Bib,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WingMark {
    Plain,
    Bar,
    TwoBars,
    Spots,
    Scales,
    Patch,
    Shoulder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TailMark {
    Plain,
    Bands,
    Tip,
    Edges,
}

/// Where the colours go.
#[derive(Clone, Debug)]
pub(super) struct Colors {
    pub(super) back: Color,
    pub(super) belly: Color,
    pub(super) breast: Color,
    pub(super) body_mark: Color,
    pub(super) head: Color,
    pub(super) head_mark: Color,
    pub(super) crest: Color,
    pub(super) wing: Color,
    pub(super) wing_mark: Color,
    pub(super) flight: Color,
    pub(super) tail: Color,
    pub(super) tail_mark: Color,
    pub(super) bill: Color,
    pub(super) bill_tip: Color,
    pub(super) legs: Color,
    pub(super) iris: Color,
}

impl Species {
    /// Makes up species `number`, from the seed and the number alone.
    pub(super) fn imagine(seed: u64, number: u32) -> Self {
        // Sisters share the kind of bird and the palette, so that neither gives the species away.
        let mut family = Dice::for_family(seed, number / SISTERS);
        let kind = imagine_kind(&mut family);
        let palette = family.below(PALETTES.len());
        let mut dice = Dice::for_species(seed, number);
        let form = imagine_form(kind, &mut dice);
        let marks = Marks {
            head: dice.pick(&[
                HeadMark::Plain,
                HeadMark::Cap,
                HeadMark::Mask,
                HeadMark::Brow,
                HeadMark::Cheek,
                HeadMark::Hood,
                HeadMark::Crown,
            ]),
            body: dice.pick(&[
                BodyMark::Plain,
                BodyMark::Plain,
                BodyMark::Bars,
                BodyMark::Spots,
                BodyMark::Streaks,
                BodyMark::Scales,
            ]),
            body_density: dice.between(6.0, 10.0),
            breast: dice.pick(&[
                BreastMark::Plain,
                BreastMark::Patch,
                BreastMark::Patch,
                BreastMark::Band,
                BreastMark::Bib,
            ]),
            wing: dice.pick(&[
                WingMark::Plain,
                WingMark::Bar,
                WingMark::TwoBars,
                WingMark::Spots,
                WingMark::Scales,
                WingMark::Patch,
                WingMark::Shoulder,
            ]),
            tail: dice.pick(&[TailMark::Plain, TailMark::Bands, TailMark::Tip, TailMark::Edges]),
            collar: dice.chance(0.22),
            belly_line: [dice.between(-0.15, 0.35), dice.between(0.12, 0.6)],
            bill_tip: dice.chance(0.35),
        };
        let colors = imagine_colors(palette, &mut dice);
        Self { palette, form, marks, colors }
    }

    /// What a name may single out: things that can be seen.
    pub(super) fn features(&self) -> Vec<&'static str> {
        let mut features = Vec::new();
        if self.form.crest.is_some() {
            features.push("crested");
        }
        match self.marks.head {
            HeadMark::Plain => {}
            HeadMark::Cap => features.push("capped"),
            HeadMark::Mask => features.push("masked"),
            HeadMark::Brow => features.push("browed"),
            HeadMark::Cheek => features.push("cheeked"),
            HeadMark::Hood => features.push("hooded"),
            HeadMark::Crown => features.push("crowned"),
        }
        match self.marks.body {
            BodyMark::Plain => {}
            BodyMark::Bars => features.push("barred"),
            BodyMark::Spots => features.push("speckled"),
            BodyMark::Streaks => features.push("streaked"),
            BodyMark::Scales => features.push("scaled"),
        }
        if self.marks.collar {
            features.push("collared");
        }
        if matches!(self.marks.breast, BreastMark::Bib) {
            features.push("throated");
        }
        if features.is_empty() {
            features.push(match self.marks.tail {
                TailMark::Bands => "banded",
                TailMark::Tip => "tipped",
                TailMark::Plain | TailMark::Edges => "tailed",
            });
        }
        features
    }
}

impl Colors {
    /// Changes every colour.
    pub(super) fn each(&mut self, mut change: impl FnMut(&mut Color)) {
        let Self {
            back,
            belly,
            breast,
            body_mark,
            head,
            head_mark,
            crest,
            wing,
            wing_mark,
            flight,
            tail,
            tail_mark,
            bill,
            bill_tip,
            legs,
            iris,
        } = self;
        for color in [
            back, belly, breast, body_mark, head, head_mark, crest, wing, wing_mark, flight, tail,
            tail_mark, bill, bill_tip, legs, iris,
        ] {
            change(color);
        }
    }
}

/// Hands a palette's colours out to the parts of a bird.
fn imagine_colors(palette: usize, dice: &mut Dice) -> Colors {
    let [main, second, light, dark, bright] = PALETTES[palette].colors;
    let back = dice.pick(&[main, main, main, second, dark]);
    let belly = dice.pick(&[light, light, second, mix(light, bright, 0.35), mix(main, light, 0.5)]);
    let head = dice.pick(&[back, back, main, second, light, bright, dark]);
    let apart_from = |color: Color, choices: &[Color], dice: &mut Dice| {
        let mut far: Vec<Color> = choices.to_vec();
        far.retain(|choice| contrast(*choice, color) > 0.22);
        if far.is_empty() { light } else { dice.pick(&far) }
    };
    let all = [main, second, light, dark, bright];
    let wing = dice.pick(&[main, second, mix(main, dark, 0.45), dark]);
    let tail = dice.pick(&[main, dark, second, mix(main, dark, 0.5)]);
    let bills = [0x2e2b2a, 0xe8a33a, 0xd9542f, 0x8d7a5d, 0xf0cf6a, 0x5f6a72, 0xcf6f8a];
    let bill = hex(dice.pick(&bills));
    Colors {
        back,
        belly,
        breast: apart_from(belly, &[bright, bright, second, main, dark], dice),
        body_mark: apart_from(belly, &[dark, dark, main, second], dice),
        head,
        head_mark: apart_from(head, &all, dice),
        crest: dice.pick(&[bright, bright, head, dark, main]),
        wing,
        wing_mark: apart_from(wing, &[light, light, bright, second, main], dice),
        flight: mix(wing, dark, dice.between(0.35, 0.95)),
        tail,
        tail_mark: apart_from(tail, &[light, bright, dark, second], dice),
        bill,
        bill_tip: apart_from(bill, &[hex(0x26_2322), hex(0xf2_d36b), hex(0xd9_3a2f)], dice),
        legs: hex(dice.pick(&[0x4a4038, 0xe39a3b, 0xc9655a, 0x6f7f86, 0xb58a5a])),
        iris: hex(dice.pick(&[0x3a2418, 0x3a2418, 0xf2b632, 0xd9e6ea, 0xc9402f])),
    }
}

/// How well two colours can be told apart.
fn contrast(left: Color, right: Color) -> f32 {
    let weights = [0.3, 0.55, 0.15];
    (0..3).map(|channel| (left[channel] - right[channel]).abs() * weights[channel]).sum()
}
