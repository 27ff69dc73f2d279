//! The mistakes that the model was surest of, with their pictures.

use super::{Anchor, Figure, Ink, Mark, text};

const MARGIN: f32 = 24.0;
const SIDE: f32 = 128.0;
const GAP: f32 = 16.0;
const COLUMNS: usize = 6;
/// Mistakes of a figure.
const MOST: usize = 60;

/// A picture that was answered wrongly.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// The picture's name.
    pub picture: String,
    /// Its class.
    pub truth: String,
    /// The answer.
    pub answer: String,
    /// The answer's probability, where it was kept.
    pub confidence: Option<f64>,
    /// The picture as PNG, JPEG, GIF or WebP, where it is at hand.
    pub image: Option<Vec<u8>>,
}

/// Draws mistakes in the order given, at most 60.
#[must_use]
pub fn mistakes(title: &str, mistakes: &[Mistake]) -> Figure {
    let width = 2.0 * MARGIN + COLUMNS as f32 * (SIDE + GAP) - GAP;
    let mut figure = Figure::new(width, title);
    figure.text([MARGIN, 36.0], 17.0, Anchor::Start, Ink::Text, title);
    let shown = &mistakes[..mistakes.len().min(MOST)];
    for (place, mistake) in shown.iter().enumerate() {
        let x = MARGIN + (place % COLUMNS) as f32 * (SIDE + GAP);
        let y = 58.0 + (place / COLUMNS) as f32 * (SIDE + 58.0);
        figure.rect([x, y], [SIDE, SIDE], Ink::Grid);
        match mistake.image.as_deref().and_then(crate::picture::data_uri) {
            Some(data_uri) => {
                let alternative = mistake.picture.clone();
                let whole = false;
                figure.marks.push(Mark::Picture { x, y, size: SIDE, data_uri, alternative, whole });
            }
            None => {
                let at = [x + SIDE / 2.0, y + SIDE / 2.0 + 4.0];
                figure.text(at, 11.0, Anchor::Middle, Ink::Muted, "no picture");
            }
        }
        let confidence = mistake.confidence.filter(|value| value.is_finite());
        let sure = confidence.map_or(String::new(), |value| format!("  {:.0} %", value * 100.0));
        let room = SIDE - text::width(&sure, 11.0);
        let answer = text::fitted(&mistake.answer, 11.0, room) + &sure;
        figure.text([x, y + SIDE + 16.0], 11.0, Anchor::Start, Ink::Series(1), answer);
        let truth = text::fitted(&format!("is {}", mistake.truth), 11.0, SIDE);
        figure.text([x, y + SIDE + 31.0], 11.0, Anchor::Start, Ink::Muted, truth);
    }
    if shown.is_empty() {
        figure.text([MARGIN, 76.0], 12.0, Anchor::Start, Ink::Muted, "No mistakes.");
    }
    figure.height = 58.0 + shown.len().div_ceil(COLUMNS).max(1) as f32 * (SIDE + 58.0);
    let words: Vec<String> = shown
        .iter()
        .take(5)
        .map(|mistake| format!("{} taken for {}", mistake.truth, mistake.answer))
        .collect();
    figure.description = format!("{} mistakes: {}", mistakes.len(), words.join(", "));
    figure
}
