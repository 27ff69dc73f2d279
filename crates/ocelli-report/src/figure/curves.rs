//! Values by epoch, one small chart for each quantity.

use super::axis::{Axis, number};
use super::{Anchor, Figure, Ink, Mark, text};

const MARGIN: f32 = 24.0;
const WIDTH: f32 = 420.0;
const HEIGHT: f32 = 250.0;
const GAP: f32 = 32.0;
/// Lines of a chart; more would not be told apart.
pub(crate) const MOST_CURVES: usize = 24;
/// Points of a line: more than there are pixels change nothing.
const MOST_POINTS: usize = 2000;

/// What a chart's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Plain numbers.
    Number,
    /// Shares from 0 to 1, shown as percentages.
    Share,
    /// Numbers above zero over several orders of magnitude.
    Logarithmic,
}

/// A line of a chart.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What the line shows: “train”, or a run's name.
    pub name: String,
    /// Epoch and value; values that aren't finite leave a gap.
    pub points: Vec<(f64, f64)>,
    /// Which colour: lines of the same run share one.
    pub colour: usize,
    /// Dashed rather than drawn through: training beside validation.
    pub dashed: bool,
}

/// One quantity over epochs.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The quantity, with its unit: “Loss, nats”.
    pub title: String,
    /// What the values are.
    pub unit: Unit,
    /// The lines.
    pub curves: Vec<Curve>,
}

/// Draws the charts two beside each other.
#[must_use]
pub fn curves(title: &str, charts: &[Chart]) -> Figure {
    let columns = charts.len().clamp(1, 2);
    let mut figure = Figure::new(2.0 * MARGIN + columns as f32 * (WIDTH + GAP) - GAP, title);
    figure.text([MARGIN, 36.0], 17.0, Anchor::Start, Ink::Text, title);
    for (place, chart) in charts.iter().enumerate() {
        let left = MARGIN + (place % columns) as f32 * (WIDTH + GAP);
        let top = 58.0 + (place / columns) as f32 * (HEIGHT + GAP);
        draw(&mut figure, chart, [left, top]);
    }
    figure.height = 58.0 + charts.len().div_ceil(columns).max(1) as f32 * (HEIGHT + GAP);
    figure.description = describe(charts);
    figure
}

/// One chart alone.
pub(crate) fn single(chart: &Chart) -> Figure {
    let mut figure = Figure::new(WIDTH, chart.title.as_str());
    draw(&mut figure, chart, [0.0, 4.0]);
    figure.height = HEIGHT + 8.0;
    figure.description = describe(std::slice::from_ref(chart));
    figure
}

/// The last value of each line, in words.
fn describe(charts: &[Chart]) -> String {
    let lines = charts.iter().flat_map(|chart| {
        chart.curves.iter().filter_map(|curve| {
            let (epoch, value) = curve.points.last()?;
            let value = shown(*value, chart.unit);
            Some(format!("{}, {}: {value} at epoch {epoch}", chart.title, curve.name))
        })
    });
    let words = lines.take(MOST_CURVES).collect::<Vec<_>>().join("; ");
    if words.is_empty() { "no values yet".to_owned() } else { words }
}

fn shown(value: f64, unit: Unit) -> String {
    if unit == Unit::Share { format!("{} %", number(value * 100.0)) } else { number(value) }
}

fn draw(figure: &mut Figure, chart: &Chart, [left, top]: [f32; 2]) {
    let kept: Vec<&Curve> = chart.curves.iter().take(MOST_CURVES).collect();
    figure.text([left, top + 12.0], 13.0, Anchor::Start, Ink::Text, chart.title.as_str());
    let axes_top = top + key(figure, &kept, [left, top + 22.0]) + 8.0;
    let (plot_left, right, bottom) = (left + 46.0, left + WIDTH - 12.0, top + HEIGHT - 30.0);
    let finite = || kept.iter().flat_map(|curve| &curve.points).filter(|point| point.1.is_finite());
    let across = Axis::new(finite().map(|point| point.0), plot_left, right);
    let factor = if chart.unit == Unit::Share { 100.0 } else { 1.0 };
    let mut up = Axis::new(finite().map(|point| point.1 * factor), bottom, axes_top);
    if chart.unit == Unit::Logarithmic {
        up = up.logarithmic();
    } else {
        up = up.padded(0.04);
    }
    // Padding goes beyond the whole, which no share does.
    let most = if chart.unit == Unit::Share { 100.0 } else { f64::INFINITY };
    for tick in up.ticks(4).into_iter().filter(|tick| *tick <= most) {
        let y = up.at(tick);
        figure.line([plot_left, y], [right, y], Ink::Grid);
        let label =
            if chart.unit == Unit::Share { format!("{} %", number(tick)) } else { number(tick) };
        figure.text([plot_left - 6.0, y + 3.5], 10.0, Anchor::End, Ink::Muted, label);
    }
    for tick in across.whole_ticks(6) {
        figure.text(
            [across.at(tick), bottom + 14.0],
            10.0,
            Anchor::Middle,
            Ink::Muted,
            number(tick),
        );
    }
    figure.text(
        [(plot_left + right) / 2.0, bottom + 28.0],
        10.0,
        Anchor::Middle,
        Ink::Muted,
        "Epoch",
    );
    if finite().next().is_none() {
        let middle = [(plot_left + right) / 2.0, (axes_top + bottom) / 2.0];
        figure.text(middle, 11.0, Anchor::Middle, Ink::Muted, "no values yet");
    }
    for curve in kept {
        let ink = Ink::Series(curve.colour);
        let spread = crate::projection::evenly_spread(curve.points.len(), MOST_POINTS);
        let points: Vec<(f64, f64)> = spread.into_iter().map(|place| curve.points[place]).collect();
        for run in points.split(|point| !point.1.is_finite() || !point.0.is_finite()) {
            let points: Vec<[f32; 2]> =
                run.iter().map(|point| [across.at(point.0), up.at(point.1 * factor)]).collect();
            // A line of one point is nothing to see.
            if let [at] = points.as_slice() {
                let shape = super::Shape::Circle;
                figure.marks.push(Mark::Symbol { at: *at, size: 3.0, shape, ink, opacity: 1.0 });
            } else if !points.is_empty() {
                figure.marks.push(Mark::Line { points, ink, width: 1.8, dashed: curve.dashed });
            }
        }
    }
}

/// Names the lines, and returns how much room that took.
fn key(figure: &mut Figure, curves: &[&Curve], [left, top]: [f32; 2]) -> f32 {
    let (mut x, mut y) = (left, top);
    for curve in curves {
        let name = text::fitted(&curve.name, 11.0, 180.0);
        let width = 26.0 + text::width(&name, 11.0) + 14.0;
        if x + width > left + WIDTH && x > left {
            (x, y) = (left, y + 15.0);
        }
        // Names beyond the room for a few lines would push the chart away.
        if y > top + 45.0 {
            break;
        }
        let points = vec![[x, y + 6.0], [x + 20.0, y + 6.0]];
        let ink = Ink::Series(curve.colour);
        figure.marks.push(Mark::Line { points, ink, width: 1.8, dashed: curve.dashed });
        figure.text([x + 26.0, y + 10.0], 11.0, Anchor::Start, Ink::Muted, name);
        x += width;
    }
    y - top + 37.0
}
