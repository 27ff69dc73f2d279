//! Points in the plane by class, one panel beside the other.

use super::axis::{Axis, number};
use super::legend::legend;
use super::{Anchor, Figure, Ink, Mark, class_style, text};

const MARGIN: f32 = 28.0;
const GAP: f32 = 28.0;
const SIDE: f32 = 440.0;
/// With more classes, colours alone don't tell them apart: their numbers stand at their middles.
const NUMBERED: usize = 16;
/// Points of a panel that are drawn, evenly spread: more can't be told apart, and make large files.
const MOST_POINTS: usize = 20_000;

/// One projection of a set of points.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// What stands above it: “PCA, epoch 50”.
    pub title: String,
    /// A number that backs the picture: “trustworthiness 0.97”.
    pub note: String,
    /// What lies along the axes.
    pub axes: [String; 2],
    /// Whether distances along the axes mean something, so that they get numbers.
    pub measured: bool,
    /// Where the points lie; a point with a coordinate that isn't finite is left out.
    pub points: &'a [[f32; 2]],
    /// Each point's class, as a position in the class names; others are drawn gray.
    pub labels: &'a [Option<usize>],
}

/// Draws panels in rows, and a key to the classes below.
#[must_use]
pub fn scatter(title: &str, rows: &[Vec<Panel<'_>>], classes: &[String]) -> Figure {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let width = 2.0 * MARGIN + columns as f32 * SIDE + (columns - 1) as f32 * GAP;
    let mut figure = Figure::new(width, title);
    figure.text([MARGIN, 36.0], 17.0, Anchor::Start, Ink::Text, title);
    let numbered = classes.len() > NUMBERED;
    let mut top = 60.0;
    for row in rows {
        for (column, panel) in row.iter().enumerate() {
            let left = MARGIN + column as f32 * (SIDE + GAP);
            draw(&mut figure, panel, [left, top], classes.len(), numbered);
        }
        top += SIDE + 62.0;
    }
    let bottom = legend(&mut figure, classes, [MARGIN, top], width - 2.0 * MARGIN, numbered);
    figure.height = bottom + MARGIN;
    let titles: Vec<&str> = rows.iter().flatten().map(|panel| panel.title.as_str()).collect();
    figure.description = format!(
        "Scatter plots of {} points in {} classes: {}",
        rows.iter().flatten().map(|panel| panel.points.len()).max().unwrap_or(0),
        classes.len(),
        titles.join("; ")
    );
    figure
}

fn draw(
    figure: &mut Figure,
    panel: &Panel<'_>,
    [left, top]: [f32; 2],
    classes: usize,
    numbered: bool,
) {
    figure.text([left, top + 13.0], 13.0, Anchor::Start, Ink::Text, panel.title.as_str());
    let note = text::fitted(&panel.note, 11.0, SIDE - text::width(&panel.title, 13.0) - 16.0);
    figure.text([left + SIDE, top + 13.0], 11.0, Anchor::End, Ink::Muted, note);
    let (top, bottom) = (top + 22.0, top + 22.0 + SIDE - 22.0);
    let right = left + SIDE;
    for (from, to) in [
        ([left, top], [right, top]),
        ([left, bottom], [right, bottom]),
        ([left, top], [left, bottom]),
        ([right, top], [right, bottom]),
    ] {
        figure.line(from, to, Ink::Grid);
    }
    let finite: Vec<usize> = (0..panel.points.len())
        .filter(|point| panel.points[*point].iter().all(|value| value.is_finite()))
        .collect();
    let axis = |axis: usize, from: f32, to: f32| {
        let values = finite.iter().map(|point| f64::from(panel.points[*point][axis]));
        Axis::new(values, from, to).padded(0.04)
    };
    let (across, up) = (axis(0, left, right), axis(1, bottom, top));
    if panel.measured {
        for tick in across.ticks(4) {
            figure.text(
                [across.at(tick), bottom + 14.0],
                10.0,
                Anchor::Middle,
                Ink::Muted,
                number(tick),
            );
        }
        for tick in up.ticks(4) {
            figure.text(
                [left + 4.0, up.at(tick) + 3.5],
                10.0,
                Anchor::Start,
                Ink::Muted,
                number(tick),
            );
        }
    }
    let base = bottom + if panel.measured { 28.0 } else { 16.0 };
    figure.text(
        [(left + right) / 2.0, base],
        11.0,
        Anchor::Middle,
        Ink::Muted,
        panel.axes[0].as_str(),
    );
    figure.turned_text(
        [left - 7.0, (top + bottom) / 2.0],
        11.0,
        Anchor::Middle,
        Ink::Muted,
        &panel.axes[1],
    );
    let drawn = crate::projection::evenly_spread(finite.len(), MOST_POINTS);
    let size = match drawn.len() {
        0..=500 => 3.2,
        501..=3000 => 2.4,
        _ => 1.7,
    };
    let at = |point: [f32; 2]| [across.at(f64::from(point[0])), up.at(f64::from(point[1]))];
    for point in drawn.into_iter().map(|place| finite[place]) {
        let label = panel.labels.get(point).copied().flatten().filter(|label| *label < classes);
        let (ink, shape) =
            label.map_or((Ink::Muted, super::Shape::Circle), |label| class_style(label, classes));
        let at = at(panel.points[point]);
        figure.marks.push(Mark::Symbol { at, size, shape, ink, opacity: 0.75 });
    }
    if numbered {
        number_classes(figure, panel, &finite, classes, &at);
    }
}

/// Writes each class's number at the middle of its points, where no number stands yet.
fn number_classes(
    figure: &mut Figure,
    panel: &Panel<'_>,
    finite: &[usize],
    classes: usize,
    at: &dyn Fn([f32; 2]) -> [f32; 2],
) {
    let mut sums = vec![([0.0f64; 2], 0u32); classes];
    for &point in finite {
        if let Some(sum) =
            panel.labels.get(point).copied().flatten().and_then(|label| sums.get_mut(label))
        {
            sum.0[0] += f64::from(panel.points[point][0]);
            sum.0[1] += f64::from(panel.points[point][1]);
            sum.1 += 1;
        }
    }
    let size = if classes > 100 { 8.0 } else { 10.0 };
    let mut taken: Vec<[f32; 2]> = Vec::new();
    for (class, (sum, count)) in sums.iter().enumerate().filter(|(_, sum)| sum.1 > 0) {
        let mean = sum.map(|sum| (sum / f64::from(*count)) as f32);
        let [x, y] = at(mean);
        if taken.iter().any(|[a, b]| (a - x).abs() < size * 1.9 && (b - y).abs() < size) {
            continue;
        }
        taken.push([x, y]);
        let name = class.to_string();
        let width = text::width(&name, size) + 4.0;
        let corner = [x - width / 2.0, y - size * 0.6];
        figure.rect(corner, [width, size * 1.2], Ink::Background);
        figure.text([x, y + size * 0.36], size, Anchor::Middle, Ink::Text, name);
    }
}
