//! A key to classes in columns, as many as there is room for.

use super::{Anchor, Figure, Ink, Mark, class_style, text};

/// Names longer than this are cut.
const WIDEST: f32 = 200.0;

/// Draws the key below `top` and returns where it ends. Numbers stand before the names where the
/// picture shows numbers.
pub(super) fn legend(
    figure: &mut Figure,
    classes: &[String],
    [left, top]: [f32; 2],
    room: f32,
    numbered: bool,
) -> f32 {
    if classes.is_empty() {
        return top;
    }
    let size = if classes.len() > 100 { 9.0 } else { 11.0 };
    let line = size * 1.6;
    let number_room =
        if numbered { text::width(&classes.len().to_string(), size) + 6.0 } else { 0.0 };
    let before = size + 4.0 + number_room;
    let widest = classes.iter().map(|name| text::width(name, size)).fold(0.0, f32::max).min(WIDEST);
    let columns = ((room / (before + widest + 16.0)).floor() as usize).clamp(1, classes.len());
    let rows = classes.len().div_ceil(columns);
    let column_width = room / columns as f32;
    for (class, name) in classes.iter().enumerate() {
        let x = left + (class / rows) as f32 * column_width;
        let y = top + (class % rows) as f32 * line + line / 2.0;
        let (ink, shape) = class_style(class, classes.len());
        let at = [x + size / 2.0, y];
        figure.marks.push(Mark::Symbol { at, size: size * 0.36, shape, ink, opacity: 1.0 });
        let base = y + size * 0.36;
        if numbered {
            let at = [x + size + 2.0 + number_room - 6.0, base];
            figure.text(at, size, Anchor::End, Ink::Muted, class.to_string());
        }
        let name = text::fitted(name, size, column_width - before - 8.0);
        figure.text([x + before, base], size, Anchor::Start, Ink::Text, name);
    }
    top + rows as f32 * line
}
