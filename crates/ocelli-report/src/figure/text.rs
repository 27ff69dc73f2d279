//! Letters: how wide they are, and their outlines.

use std::fmt::Write;
use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Inter, reduced; `assets/README.md` says how and under which licence.
static FONT: LazyLock<Option<Face<'static>>> =
    LazyLock::new(|| Face::parse(include_bytes!("../../assets/Inter-Regular-subset.otf"), 0).ok());

/// Drawn for a character that the font does not have.
const MISSING: char = '□';

fn glyph(face: &Face<'_>, character: char) -> GlyphId {
    face.glyph_index(character).or_else(|| face.glyph_index(MISSING)).unwrap_or_default()
}

/// Characters that take no room of their own: marks that join or vary others.
fn is_silent(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}')
}

/// A letter of a line.
pub(super) struct Placed {
    pub(super) glyph: u16,
    /// From the line's start, in ems.
    pub(super) x: f32,
}

/// The letters of a line, and its width in ems.
pub(super) fn place(text: &str) -> (Vec<Placed>, f32) {
    let Some(face) = FONT.as_ref() else { return (Vec::new(), 0.0) };
    let mut x = 0.0;
    let mut placed = Vec::new();
    for character in text.chars().filter(|character| !is_silent(*character)) {
        let glyph = glyph(face, character);
        placed.push(Placed { glyph: glyph.0, x });
        x += advance(face, glyph);
    }
    (placed, x)
}

/// How far the next letter is, in ems.
fn advance(face: &Face<'_>, glyph: GlyphId) -> f32 {
    f32::from(face.glyph_hor_advance(glyph).unwrap_or_default()) / f32::from(face.units_per_em())
}

pub(crate) fn width(text: &str, size: f32) -> f32 {
    place(text).1 * size
}

/// As much of a text as fits, with an ellipsis where some was left out.
pub(crate) fn fitted(text: &str, size: f32, room: f32) -> String {
    let Some(face) = FONT.as_ref() else { return text.to_owned() };
    let room = room / size;
    let before_ellipsis = room - advance(face, glyph(face, '…'));
    let (mut x, mut kept) = (0.0, 0);
    for (start, character) in text.char_indices() {
        if !is_silent(character) {
            x += advance(face, glyph(face, character));
        }
        if x > room {
            return text[..kept].trim_end().to_owned() + "…";
        }
        if x <= before_ellipsis {
            kept = start + character.len_utf8();
        }
    }
    text.to_owned()
}

/// A letter's outline as SVG path data, y downwards, one unit an em.
pub(super) fn outline(glyph: u16) -> String {
    let mut path = Path::default();
    if let Some(face) = FONT.as_ref() {
        path.scale = 1.0 / f32::from(face.units_per_em());
        face.outline_glyph(GlyphId(glyph), &mut path);
    }
    path.data
}

#[derive(Default)]
struct Path {
    data: String,
    scale: f32,
}

impl Path {
    fn push(&mut self, command: char, points: &[(f32, f32)]) {
        self.data.push(command);
        for (place, (x, y)) in points.iter().enumerate() {
            let separator = if place > 0 { " " } else { "" };
            let (x, y) = (x * self.scale, -y * self.scale);
            let _ = write!(self.data, "{separator}{x:.3} {y:.3}");
        }
    }
}

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        self.push('M', &[(x, y)]);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.push('L', &[(x, y)]);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.push('Q', &[(x1, y1), (x, y)]);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.push('C', &[(x1, y1), (x2, y2), (x, y)]);
    }
    fn close(&mut self) {
        self.data.push('Z');
    }
}
