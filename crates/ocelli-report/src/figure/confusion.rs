//! The confusion matrix, ordered so that classes taken for each other stand together.

use std::collections::BTreeMap;

use super::{Anchor, Figure, Ink, Mark, text};

const MARGIN: f32 = 24.0;
/// Classes of a figure: of more, those with the most mistakes are shown.
const MOST_CLASSES: usize = 500;

/// How often each class was taken for each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    cells: BTreeMap<(usize, usize), u64>,
    classes: usize,
}

impl Confusion {
    /// Builds the matrix from its cells `[truth, answer, pictures]`; cells beyond the number of
    /// classes are left out.
    #[must_use]
    pub fn new(classes: usize, cells: &[[u64; 3]]) -> Self {
        let mut kept = BTreeMap::new();
        for [truth, answer, pictures] in cells {
            let place = (usize::try_from(*truth).ok(), usize::try_from(*answer).ok());
            if let (Some(truth), Some(answer)) = place
                && truth < classes
                && answer < classes
            {
                let sum: &mut u64 = kept.entry((truth, answer)).or_default();
                *sum = sum.saturating_add(*pictures);
            }
        }
        kept.retain(|_, pictures| *pictures > 0);
        Self { cells: kept, classes }
    }

    /// The confusions of two classes that happened most: truth, answer, pictures.
    #[must_use]
    pub fn most_frequent(&self, number: usize) -> Vec<(usize, usize, u64)> {
        let mut wrong: Vec<(usize, usize, u64)> = self
            .cells
            .iter()
            .filter(|((truth, answer), _)| truth != answer)
            .map(|((truth, answer), pictures)| (*truth, *answer, *pictures))
            .collect();
        wrong.sort_by_key(|(truth, answer, pictures)| (u64::MAX - pictures, *truth, *answer));
        wrong.truncate(number);
        wrong
    }

    fn row_sums(&self) -> Vec<u64> {
        let mut sums = vec![0u64; self.classes];
        for ((truth, _), pictures) in &self.cells {
            sums[*truth] = sums[*truth].saturating_add(*pictures);
        }
        sums
    }

    /// The classes to show: all, or those with the most mistakes, as rows or as columns.
    fn shown(&self) -> Vec<usize> {
        if self.classes <= MOST_CLASSES {
            return (0..self.classes).collect();
        }
        let mut mistakes = vec![0u64; self.classes];
        for ((truth, answer), pictures) in &self.cells {
            if truth != answer {
                for class in [*truth, *answer] {
                    mistakes[class] = mistakes[class].saturating_add(*pictures);
                }
            }
        }
        let mut classes: Vec<usize> = (0..self.classes).collect();
        classes.sort_by_key(|class| (u64::MAX - mistakes[*class], *class));
        classes.truncate(MOST_CLASSES);
        classes.sort_unstable();
        classes
    }

    /// The order of the leaves when the two groups that are taken for each other most are joined
    /// again and again (average linkage).
    pub(super) fn clustered(&self) -> Vec<usize> {
        let shown = self.shown();
        let sums = self.row_sums();
        let size = shown.len();
        let share = |a: usize, b: usize| {
            let pictures = self.cells.get(&(a, b)).copied().unwrap_or(0);
            pictures as f64 / sums[a].max(1) as f64
        };
        let mut likeness: Vec<Vec<f64>> = shown
            .iter()
            .map(|a| shown.iter().map(|b| share(*a, *b) + share(*b, *a)).collect())
            .collect();
        let mut groups: Vec<Option<Vec<usize>>> =
            (0..size).map(|place| Some(vec![place])).collect();
        loop {
            let mut best = (0.0, 0, 0);
            for a in 0..size {
                if groups[a].is_none() {
                    continue;
                }
                for b in a + 1..size {
                    if groups[b].is_some() && likeness[a][b] > best.0 {
                        best = (likeness[a][b], a, b);
                    }
                }
            }
            let (likeliest, a, b) = best;
            if likeliest <= 0.0 {
                break;
            }
            let Some(second) = groups[b].take() else { break };
            let Some(first) = &mut groups[a] else { break };
            let (weight, other_weight) = (first.len() as f64, second.len() as f64);
            first.extend(second);
            #[expect(clippy::needless_range_loop, reason = "a row and a column at once")]
            for c in 0..size {
                let mean = (likeness[a][c] * weight + likeness[b][c] * other_weight)
                    / (weight + other_weight);
                likeness[a][c] = mean;
                likeness[c][a] = mean;
            }
        }
        groups.into_iter().flatten().flatten().map(|place| shown[place]).collect()
    }
}

/// Draws the matrix: a row for each true class, a column for each answer, shares of the row.
#[must_use]
pub fn confusion(title: &str, matrix: &Confusion, classes: &[String]) -> Figure {
    let order = matrix.clustered();
    let count = order.len().max(1);
    let cell = (560.0 / count as f32).clamp(9.0, 44.0);
    let size = (cell * 0.72).min(11.5);
    let name = |class: usize| classes.get(class).map_or("?", String::as_str);
    let longest = order.iter().map(|class| text::width(name(*class), size)).fold(0.0, f32::max);
    let names = longest.min(170.0) + 8.0;
    let (left, top) = (MARGIN + 16.0 + names, 74.0);
    let side = cell * count as f32;
    let mut figure = Figure::new((left + side + MARGIN).max(420.0), title);
    figure.text([MARGIN, 34.0], 17.0, Anchor::Start, Ink::Text, title);
    let mut note =
        "shares of each true class; classes taken for each other stand together".to_owned();
    if matrix.classes > order.len() {
        note = format!("{note}; the {} of {} with the most mistakes", order.len(), matrix.classes);
    }
    let room = figure.width - 2.0 * MARGIN;
    figure.text([MARGIN, 54.0], 11.0, Anchor::Start, Ink::Muted, text::fitted(&note, 11.0, room));
    let mut places = vec![None; matrix.classes];
    for (place, class) in order.iter().enumerate() {
        places[*class] = Some(place);
    }
    figure.rect([left, top], [side, side], Ink::Heat(0.0));
    let sums = matrix.row_sums();
    for ((truth, answer), pictures) in &matrix.cells {
        let (Some(row), Some(column)) = (places[*truth], places[*answer]) else { continue };
        let share = *pictures as f32 / sums[*truth].max(1) as f32;
        let (x, y) = (left + column as f32 * cell, top + row as f32 * cell);
        let hint =
            format!("{} taken for {}: {pictures} of {}", name(*truth), name(*answer), sums[*truth]);
        let gap = if cell > 14.0 { 1.0 } else { 0.0 };
        figure.marks.push(Mark::Rect {
            x,
            y,
            width: cell - gap,
            height: cell - gap,
            ink: Ink::Heat(share),
            hint: Some(hint),
        });
        if cell >= 24.0 {
            let ink = if share > 0.3 { Ink::OnHeat } else { Ink::Text };
            let at = [x + cell / 2.0, y + cell / 2.0 + 4.0];
            figure.text(at, 11.0, Anchor::Middle, ink, pictures.to_string());
        }
    }
    for (place, class) in order.iter().enumerate() {
        let shown = text::fitted(name(*class), size, names - 8.0);
        let middle = (place as f32 + 0.5) * cell + size * 0.36;
        figure.text([left - 6.0, top + middle], size, Anchor::End, Ink::Text, shown.as_str());
        figure.turned_text([left + middle, top + side + 6.0], size, Anchor::End, Ink::Text, &shown);
    }
    figure.turned_text(
        [MARGIN + 8.0, top + side / 2.0],
        11.0,
        Anchor::Middle,
        Ink::Muted,
        "True class",
    );
    let base = top + side + names + 20.0;
    figure.text([left + side / 2.0, base], 11.0, Anchor::Middle, Ink::Muted, "Answer");
    figure.height = base + MARGIN;
    let worst: Vec<String> = matrix
        .most_frequent(3)
        .into_iter()
        .map(|(truth, answer, pictures)| {
            format!("{} taken for {} {pictures} times", name(truth), name(answer))
        })
        .collect();
    figure.description = if worst.is_empty() {
        format!("{} classes, no confusions", matrix.classes)
    } else {
        format!("{} classes; most often: {}", matrix.classes, worst.join(", "))
    };
    figure
}
