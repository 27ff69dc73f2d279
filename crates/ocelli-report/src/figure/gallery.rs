//! Pictures in groups, with words: what a network looks at, what it is given, what it makes of it.

use super::{Anchor, Figure, Ink, Mark, text};
use crate::picture::data_uri;
use crate::sheet::LegendEntry;

const MARGIN: f32 = 24.0;
const SIDE: f32 = 144.0;
const GAP: f32 = 12.0;
/// Between groups.
const APART: f32 = 28.0;
/// Where a line of groups ends, if a group is not longer by itself.
const WIDEST: f32 = 1000.0;
const LINE: f32 = 15.0;

/// Groups of pictures that belong together.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    /// What its file and its place in a page are called: `grad-cam`.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// In order.
    pub groups: Vec<Group>,
    /// What colours in the pictures stand for; empty where they need no words.
    pub legend: Vec<LegendEntry>,
}

/// Pictures that are compared with each other, side by side.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Stands above them: the picture's name.
    pub label: String,
    /// From left to right.
    pub pictures: Vec<Captioned>,
}

/// A picture with its words.
#[derive(Clone, Debug, Default)]
pub struct Captioned {
    /// Stands below it.
    pub caption: String,
    /// What the picture shows, for those who can't see it.
    pub alternative: String,
    /// The picture as PNG, JPEG, GIF or WebP.
    pub image: Vec<u8>,
}

/// Draws a gallery: groups beside each other as far as there is room.
#[must_use]
pub fn gallery(gallery: &Gallery) -> Figure {
    let longest = gallery.groups.iter().map(|group| group.pictures.len()).max().unwrap_or(0).max(1);
    let group_width = longest as f32 * (SIDE + GAP) - GAP;
    let columns = (((WIDEST + APART) / (group_width + APART)).floor() as usize)
        .clamp(1, gallery.groups.len().max(1));
    let room = (columns as f32 * (group_width + APART) - APART).max(480.0);
    let mut figure = Figure::new(2.0 * MARGIN + room, gallery.title.as_str());
    figure.text([MARGIN, 36.0], 17.0, Anchor::Start, Ink::Text, gallery.title.as_str());
    let note = text::fitted(&gallery.note, 11.0, room);
    figure.text([MARGIN, 55.0], 11.0, Anchor::Start, Ink::Muted, note);
    let top = 72.0;
    let step = LINE + SIDE + LINE + APART;
    for (place, group) in gallery.groups.iter().enumerate() {
        let left = MARGIN + (place % columns) as f32 * (group_width + APART);
        let y = top + (place / columns) as f32 * step;
        let label = text::fitted(&group.label, 11.0, group_width);
        figure.text([left, y + 11.0], 11.0, Anchor::Start, Ink::Text, label);
        for (place, picture) in group.pictures.iter().enumerate() {
            let x = left + place as f32 * (SIDE + GAP);
            draw(&mut figure, picture, [x, y + LINE + 2.0]);
        }
    }
    let lines = gallery.groups.len().div_ceil(columns).max(1);
    let mut bottom = top + lines as f32 * step - APART + 8.0;
    if gallery.groups.is_empty() {
        figure.text([MARGIN, top + 12.0], 12.0, Anchor::Start, Ink::Muted, "No pictures.");
    }
    bottom = legend(&mut figure, &gallery.legend, bottom, room);
    figure.height = bottom + MARGIN;
    let labels: Vec<&str> =
        gallery.groups.iter().take(5).map(|group| group.label.as_str()).collect();
    figure.description = format!(
        "{} {} groups of pictures: {}",
        gallery.note,
        gallery.groups.len(),
        labels.join(", ")
    );
    figure
}

fn draw(figure: &mut Figure, picture: &Captioned, [x, y]: [f32; 2]) {
    figure.rect([x, y], [SIDE, SIDE], Ink::Grid);
    match data_uri(&picture.image) {
        Some(data_uri) => {
            let alternative = picture.alternative.clone();
            figure.marks.push(Mark::Picture {
                x,
                y,
                size: SIDE,
                data_uri,
                alternative,
                whole: true,
            });
        }
        None => {
            let at = [x + SIDE / 2.0, y + SIDE / 2.0 + 4.0];
            figure.text(at, 11.0, Anchor::Middle, Ink::Muted, "no picture");
        }
    }
    let caption = text::fitted(&picture.caption, 11.0, SIDE);
    figure.text([x, y + SIDE + LINE], 11.0, Anchor::Start, Ink::Muted, caption);
}

/// Colours and their names in lines below `top`; returns where they end.
fn legend(figure: &mut Figure, entries: &[LegendEntry], top: f32, room: f32) -> f32 {
    let (size, line) = (11.0, 18.0);
    let (mut x, mut y) = (MARGIN, top);
    for entry in entries {
        let name = text::fitted(&entry.name, size, 200.0);
        let width = 18.0 + text::width(&name, size) + 16.0;
        if x > MARGIN && x + width > MARGIN + room {
            (x, y) = (MARGIN, y + line);
        }
        figure.rect([x - 0.5, y - 0.5], [13.0, 13.0], Ink::Muted);
        figure.rect([x, y], [12.0, 12.0], Ink::Exactly(entry.color));
        figure.text([x + 18.0, y + 10.0], size, Anchor::Start, Ink::Text, name);
        x += width;
    }
    if entries.is_empty() { top } else { y + line }
}
