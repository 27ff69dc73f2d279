//! A value for each class.

use super::{Anchor, Figure, Ink, text};

const MARGIN: f32 = 24.0;
const NAMES: f32 = 200.0;
const ROOM: f32 = 260.0;
/// Bars of a figure; the rest is counted.
const MOST_BARS: usize = 1000;

/// One class's value.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The class.
    pub name: String,
    /// A share from 0 to 1; none where it isn't defined.
    pub value: Option<f64>,
    /// What the value rests on, such as the number of pictures.
    pub note: String,
}

/// Draws a bar for each class in the order given, in columns where there are many.
#[must_use]
pub fn bars(title: &str, unit: &str, bars: &[Bar]) -> Figure {
    let shown = bars.len().min(MOST_BARS);
    let columns = shown.div_ceil(100).clamp(1, 4);
    let rows = shown.div_ceil(columns).max(1);
    let line = if rows > 60 { 14.0 } else { 20.0 };
    let size = if rows > 60 { 9.5 } else { 11.5 };
    let column_width = NAMES + ROOM + 110.0;
    let mut figure = Figure::new(2.0 * MARGIN + columns as f32 * column_width, title);
    figure.text([MARGIN, 36.0], 17.0, Anchor::Start, Ink::Text, title);
    let rest = if bars.len() > shown {
        format!("{unit}; the first {shown} of {} classes", bars.len())
    } else {
        unit.to_owned()
    };
    figure.text([MARGIN, 56.0], 11.0, Anchor::Start, Ink::Muted, rest);
    for (place, bar) in bars[..shown].iter().enumerate() {
        let left = MARGIN + (place / rows) as f32 * column_width;
        let y = 70.0 + (place % rows) as f32 * line;
        let base = y + line / 2.0 + size * 0.36;
        let name = text::fitted(&bar.name, size, NAMES - 10.0);
        figure.text([left + NAMES - 10.0, base], size, Anchor::End, Ink::Text, name);
        let thickness = line * 0.62;
        let corner = [left + NAMES, y + (line - thickness) / 2.0];
        figure.rect(corner, [ROOM, thickness], Ink::Grid);
        let share = bar.value.filter(|value| value.is_finite()).map(|value| value.clamp(0.0, 1.0));
        if let Some(share) = share {
            figure.rect(corner, [ROOM * share as f32, thickness], Ink::Series(0));
        }
        let value = share.map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0));
        let x = left + NAMES + ROOM + 8.0;
        figure.text([x, base], size, Anchor::Start, Ink::Text, value);
        figure.text([x + 48.0, base], size - 1.5, Anchor::Start, Ink::Muted, bar.note.as_str());
    }
    figure.height = 70.0 + rows as f32 * line + MARGIN;
    let defined = || bars.iter().filter(|bar| bar.value.is_some_and(f64::is_finite));
    let by_value = |a: &&Bar, b: &&Bar| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0));
    figure.description = match (defined().min_by(by_value), defined().max_by(by_value)) {
        (Some(low), Some(high)) => format!(
            "{unit}, {} classes: from {:.1} % ({}) to {:.1} % ({})",
            bars.len(),
            low.value.unwrap_or(0.0) * 100.0,
            low.name,
            high.value.unwrap_or(0.0) * 100.0,
            high.name
        ),
        _ => format!("{unit}: no values yet"),
    };
    figure
}
