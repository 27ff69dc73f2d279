//! The colours of feathers: what each point of a part looks like.

use super::outline::Point;
use super::palette::{Color, mix, scale};
use super::species::{BodyMark, BreastMark, Colors, HeadMark, Marks, Species, TailMark, WingMark};
use super::texture::{band, ease, edge, noise, scallops, spots, stripes};

/// A species' feathers as one bird wears them.
pub(super) struct Plumage<'a> {
    pub(super) marks: &'a Marks,
    pub(super) colors: &'a Colors,
    /// The width of a pixel in body lengths.
    pub(super) pixel: f32,
    /// Tells the small unevenness of this bird's feathers from that of others.
    pub(super) key: u32,
    /// How strongly light from above shapes the bird.
    pub(super) relief: f32,
}

/// Where the neck passes into the head along the spine.
const NECK: f32 = 0.78;

/// Pixels wider than this, in body lengths, show nothing of the texture of single feathers.
const FINEST_FEATHER: f32 = 0.025;

impl<'a> Plumage<'a> {
    pub(super) fn new(species: &'a Species, pixel: f32, key: u32, relief: f32) -> Self {
        Self { marks: &species.marks, colors: &species.colors, pixel, key, relief }
    }

    /// The body and neck at `along` (rump 0, head 1) and `across` (back -1, belly 1).
    pub(super) fn body(&self, along: f32, across: f32) -> Color {
        let (marks, colors) = (self.marks, self.colors);
        let [line, soft] = marks.belly_line;
        let ragged = (noise([along * 26.0, across * 5.0], self.key) - 0.5) * 0.22;
        let under = ease(line - soft, line + soft, across + ragged);
        let mut color = mix(colors.back, colors.belly, under);
        let breast = match marks.breast {
            BreastMark::Plain => 0.0,
            BreastMark::Patch => {
                ease(0.34, 0.48, along + ragged * 0.15) * ease(-0.25, 0.1, across + ragged)
            }
            BreastMark::Band => {
                band(along + ragged * 0.04, 0.60, 0.045, 0.02) * ease(-0.5, -0.1, across)
            }
            BreastMark::Bib => ease(0.60, 0.66, along) * ease(-0.15, 0.05, across + ragged),
        };
        color = mix(color, colors.breast, breast);
        let steps = along * 1.5 * marks.body_density;
        let step = self.pixel * marks.body_density;
        let mark = match marks.body {
            BodyMark::Plain => 0.0,
            BodyMark::Bars => stripes(steps + across * across * 0.35, 0.42, step) * 0.9,
            BodyMark::Spots => spots([steps, across * 2.6], 0.30, step),
            BodyMark::Streaks => {
                let long = spots([steps * 0.55, across * 4.0], 0.33, step);
                long * 0.9
            }
            BodyMark::Scales => scallops([-steps * 0.9, across * 2.4], step) * 0.85,
        };
        let on_front = ease(0.08, 0.22, along) * (1.0 - ease(0.66, 0.74, along));
        color = mix(color, colors.body_mark, mark * on_front * ease(-0.55, 0.0, across - line));
        let head = match marks.head {
            HeadMark::Hood => ease(0.66, 0.70, along + ragged * 0.1),
            _ => ease(NECK - 0.06, NECK + 0.04, along + ragged * 0.1),
        };
        color = mix(color, self.head_base(across), head);
        if marks.collar {
            let ring = band(along, 0.735, 0.028, 0.012 + self.pixel * 0.4);
            color = mix(color, colors.body_mark, ring);
        }
        self.lit(color, across, [along * 30.0, across * 7.0])
    }

    /// The head without marks, `across` from the crown (-1) to the throat (1).
    fn head_base(&self, across: f32) -> Color {
        let colors = self.colors;
        if self.marks.head == HeadMark::Hood {
            return colors.head_mark;
        }
        let throat = match self.marks.breast {
            BreastMark::Bib | BreastMark::Patch => colors.breast,
            BreastMark::Plain | BreastMark::Band => mix(colors.head, colors.belly, 0.75),
        };
        mix(colors.head, throat, ease(0.28, 0.62, across))
    }

    /// The head in its own frame.
    pub(super) fn head(&self, [u, v]: Point, radius: f32) -> Color {
        let colors = self.colors;
        let soft = 0.08 + self.pixel / radius;
        let mark = match self.marks.head {
            HeadMark::Plain | HeadMark::Hood => 0.0,
            HeadMark::Cap => edge(-0.26 - v + u * 0.06, soft),
            HeadMark::Mask => band(v + u * 0.06, -0.06, 0.24, soft) * edge(u + 0.8, 0.3),
            HeadMark::Brow => band(v + u * 0.10, -0.50, 0.15, soft) * edge(u + 0.85, 0.3),
            HeadMark::Cheek => {
                let [x, y] = [u + 0.22, v - 0.24];
                edge(0.42 - (x * x + y * y).sqrt(), soft)
            }
            HeadMark::Crown => {
                edge(-0.58 - v, soft).max(band(v, -0.02, 0.11, soft) * edge(0.9 - u, 0.2))
            }
        };
        let color = mix(self.head_base(v), colors.head_mark, mark);
        self.lit(color, v * 0.9, [u * 6.0, v * 6.0])
    }

    /// An owl's face: discs around the eyes, at `eye` to either side.
    pub(super) fn face(&self, [u, v]: Point, eye: f32, radius: f32) -> Color {
        let near = u.abs() - eye;
        let distance = (near * near + (v + 0.04) * (v + 0.04)).sqrt();
        let soft = 0.07 + self.pixel / radius;
        let pale = mix(self.colors.head_mark, self.colors.belly, 0.25);
        let mut color = mix(self.colors.head, pale, edge(0.54 - distance, soft));
        color = mix(color, self.colors.wing, band(distance, 0.55, 0.05, soft) * 0.8);
        if matches!(self.marks.body, BodyMark::Spots | BodyMark::Streaks | BodyMark::Bars) {
            let fleck = spots([u * 5.0, v * 5.0], 0.24, soft * 2.0);
            color = mix(color, self.colors.body_mark, fleck * edge(distance - 0.66, soft) * 0.7);
        }
        self.lit(color, v * 0.8, [u * 9.0, v * 9.0])
    }

    /// The folded wing: from the shoulder (0) to the tip (1), from the back to the belly.
    pub(super) fn folded_wing(&self, [u, v]: Point, size: Point) -> Color {
        let colors = self.colors;
        let step = self.pixel / size[1];
        let tip = ease(0.52, 0.66, u - v.abs() * 0.15);
        let mut color = mix(colors.wing, colors.flight, tip);
        // The edges of the long feathers, which fan out from the shoulder.
        let feather = stripes(v * 4.2 + u * 2.2, 0.16, step * 4.0) * ease(0.45, 0.6, u);
        color = mix(color, scale(colors.flight, 0.62), feather * 0.8);
        let coverts = scallops([u * 7.0, v * 4.6], step * 4.0) * (1.0 - ease(0.42, 0.56, u));
        color = mix(color, scale(color, 0.78), coverts * 0.6);
        let mark = match self.marks.wing {
            WingMark::Plain => 0.0,
            WingMark::Bar => band(u + v * v * 0.25, 0.42, 0.065, 0.03 + step),
            WingMark::TwoBars => band(u + v * v * 0.25, 0.30, 0.045, 0.03 + step).max(band(
                u + v * v * 0.25,
                0.52,
                0.045,
                0.03 + step,
            )),
            WingMark::Spots => spots([u * 7.0, v * 4.2], 0.27, step * 4.0) * edge(0.85 - u, 0.1),
            WingMark::Scales => scallops([u * 6.0, v * 3.4], step * 3.0),
            WingMark::Patch => {
                let [x, y] = [(u - 0.62) * 2.2, (v - 0.12) * 2.2];
                edge(0.42 - (x * x + y * y).sqrt(), 0.1 + step)
            }
            WingMark::Shoulder => edge(0.26 - u - v * 0.12, 0.06 + step),
        };
        color = mix(color, colors.wing_mark, mark);
        // A thin shadow where the wing lies on the body.
        color = scale(color, 1.0 - 0.30 * ease(0.30, 0.62, v));
        self.lit(color, v * 0.8, [u * 14.0, v * 14.0])
    }

    /// The spread wing: from the shoulder (0) to the tip (1), from the leading edge (about -0.35)
    /// to the trailing edge (about 0.65).
    pub(super) fn spread_wing(&self, [u, v]: Point, size: Point, far: bool) -> Color {
        let colors = self.colors;
        let step = self.pixel / size[1];
        let long = ease(0.02, 0.16, v - u * 0.10 + 0.04);
        let mut color = mix(colors.wing, colors.flight, long);
        let feather = stripes(u * 11.0 - v * 1.2, 0.16, self.pixel / size[0] * 11.0) * long;
        color = mix(color, scale(colors.flight, 0.62), feather * 0.7);
        let mark = match self.marks.wing {
            WingMark::Plain => 0.0,
            WingMark::Bar => band(v - u * 0.08, 0.10, 0.075, 0.03 + step),
            WingMark::TwoBars => band(v - u * 0.08, 0.0, 0.05, 0.03 + step).max(band(
                v - u * 0.08,
                0.26,
                0.05,
                0.03 + step,
            )),
            WingMark::Spots => spots([u * 7.0, v * 5.0], 0.27, step * 5.0) * edge(0.9 - u, 0.1),
            WingMark::Scales => scallops([v * 5.0, u * 7.0], step * 4.0),
            WingMark::Patch => {
                let [x, y] = [(u - 0.42) * 1.6, (v - 0.30) * 2.0];
                edge(0.36 - (x * x + y * y).sqrt(), 0.1 + step)
            }
            WingMark::Shoulder => edge(0.02 - v, 0.06 + step) * edge(0.6 - u, 0.1),
        };
        color = mix(color, colors.wing_mark, mark);
        if far {
            color = scale(color, 0.74);
        }
        self.lit(color, v * 0.6, [u * 16.0, v * 9.0])
    }

    /// The tail: from its base (0) to its end (1), -0.5 to 0.5 across.
    pub(super) fn tail(&self, [u, v]: Point, length: f32) -> Color {
        let colors = self.colors;
        let step = self.pixel / length;
        let feather = stripes(v * 5.0 + 0.5, 0.14, step * 8.0);
        let mut color = mix(colors.tail, scale(colors.tail, 0.68), feather * 0.8);
        let mark = match self.marks.tail {
            TailMark::Plain => 0.0,
            TailMark::Bands => stripes(u * 4.0 * (0.5 + length).min(2.0), 0.4, step * 5.0),
            TailMark::Tip => edge(u - 0.76, 0.06 + step),
            TailMark::Edges => edge(v.abs() - 0.28, 0.1 + step),
        };
        color = mix(color, colors.tail_mark, mark);
        self.lit(color, v, [u * 12.0, v * 8.0])
    }

    /// The bill: from its base (0) to its tip (1), about -0.5 to 0.5 across.
    pub(super) fn bill(&self, [u, v]: Point, depth: f32, gape: f32) -> Color {
        let colors = self.colors;
        let step = self.pixel / depth;
        let mut color = colors.bill;
        if self.marks.bill_tip {
            color = mix(color, colors.bill_tip, edge(u - 0.66, 0.1));
        }
        color = scale(color, 1.14 - 0.30 * edge(v - gape, 0.1 + step));
        let line = band(v, gape, 0.04, 0.05 + step) * edge(0.85 - u, 0.2);
        mix(color, scale(color, 0.45), line * 0.8 / (1.0 + step * 2.0))
    }

    /// Light from above, and the unevenness of feathers.
    fn lit(&self, color: Color, across: f32, texture: Point) -> Color {
        let hollow = across.abs();
        let light = 1.06 - self.relief * (across * 0.62 + hollow * hollow * hollow * 0.38);
        if self.pixel > FINEST_FEATHER {
            return scale(color, light);
        }
        let grain = (noise(texture, self.key ^ 0x51) - 0.5) * 0.13;
        scale(color, light + grain)
    }
}
