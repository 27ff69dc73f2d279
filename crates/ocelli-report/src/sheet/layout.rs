//! Where everything of a sheet stands, in whole pixels.

use super::{LegendEntry, Sheet, SheetError, SheetRow, Tile};
use crate::figure::{Anchor, Figure, Ink, text};

/// Pixels: what a wide screen shows without scrolling.
pub(super) const WIDEST: usize = 2400;
/// Pixels; with [`WIDEST`], 72 MB of RGB.
pub(super) const HIGHEST: usize = 10_000;
/// Heights of tiles in pixels: small pictures come near to the first, no picture is larger than the
/// second, and below the third there is nothing to see.
const PLEASANT: usize = 256;
const LARGEST: usize = 640;
const SMALLEST: usize = 16;
/// Width to height of a tile's box, and the inverse of the least one.
const LONGEST: f32 = 4.0;
/// Room for title and legend where pictures are few.
const NARROWEST: usize = 520;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// A sheet's parts and their places.
pub(super) struct Layout<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// All words, and the frames of what is painted.
    pub(super) letters: Figure,
    pub(super) tiles: Vec<(Place, &'a Tile)>,
    pub(super) swatches: Vec<(Place, [u8; 3])>,
}

/// Lengths that grow with the sheet, so that words can be read when a wide one is shown small.
#[derive(Clone, Copy)]
struct Scale(f32);

impl Scale {
    fn of(tiles_width: usize) -> Self {
        Self((tiles_width as f32 / 1100.0).clamp(1.0, 2.0))
    }
    fn pixels(self, length: f32) -> usize {
        (self.0 * length).round() as usize
    }
    fn gap(self) -> usize {
        self.pixels(12.0)
    }
    fn margin(self) -> usize {
        self.pixels(16.0)
    }
}

impl<'a> Layout<'a> {
    /// Checked tiles, placed.
    pub(super) fn of(sheet: &'a Sheet) -> Result<Self, SheetError> {
        let columns = sheet.rows.iter().map(|row| row.tiles.len()).max().unwrap_or(0);
        let too_large =
            SheetError::TooLarge { rows: sheet.rows.len(), columns, entries: sheet.legend.len() };
        // Nothing below is long then, whatever it finds.
        if columns > WIDEST / SMALLEST
            || sheet.rows.len() > HIGHEST / SMALLEST
            || sheet.legend.len() > HIGHEST
        {
            return Err(too_large);
        }
        let forms = column_forms(&sheet.rows, columns);
        let tallest = sheet.rows.iter().flat_map(|row| &row.tiles).map(|tile| tile.height as usize);
        let tallest = tallest.max().unwrap_or(1);
        let mut height = first_height(tallest, &forms);
        while height >= SMALLEST {
            let layout = Self::with_height(sheet, &forms, height);
            if layout.height <= HIGHEST {
                return Ok(layout);
            }
            height = in_whole_steps(height * 4 / 5, tallest);
        }
        Err(too_large)
    }

    fn with_height(sheet: &'a Sheet, forms: &[f32], tile_height: usize) -> Self {
        let widths: Vec<usize> = forms.iter().map(|form| box_width(*form, tile_height)).collect();
        let tiles_width: usize = widths.iter().sum();
        let scale = Scale::of(tiles_width);
        let between = scale.gap() * widths.len().saturating_sub(1);
        let room = (tiles_width + between).max(NARROWEST);
        let margin = scale.margin();
        let mut layout = Self {
            width: room + 2 * margin,
            height: margin,
            letters: Figure::new((room + 2 * margin) as f32, sheet.title.clone()),
            tiles: Vec::new(),
            swatches: Vec::new(),
        };
        let writer = Writer { left: margin, room, scale };
        if !sheet.title.is_empty() {
            writer.line(&mut layout, &sheet.title, 20.0, Ink::Text);
        }
        for row in &sheet.rows {
            layout.height += scale.pixels(6.0);
            if let Some(label) = &row.label {
                writer.line(&mut layout, label, 14.0, Ink::Muted);
            }
            layout.row(row, &widths, tile_height, margin, scale);
        }
        layout.height += scale.pixels(6.0);
        layout.legend(&sheet.legend, &writer);
        if let Some(note) = &sheet.note {
            layout.height += scale.pixels(6.0);
            for line in wrapped(note, 13.0 * scale.0, room as f32) {
                writer.line(&mut layout, &line, 13.0, Ink::Muted);
            }
        }
        layout.height += margin - scale.pixels(6.0);
        layout.letters.height = layout.height as f32;
        layout
    }

    fn row(
        &mut self,
        row: &'a SheetRow,
        widths: &[usize],
        height: usize,
        left: usize,
        scale: Scale,
    ) {
        let has_titles = row.tiles.iter().any(|tile| !tile.title.is_empty());
        let size = 14.0 * scale.0;
        let title_height = if has_titles { scale.pixels(21.0) } else { 0 };
        let (base, top) = (self.height as f32 + size, self.height + title_height);
        let mut x = left;
        for (tile, width) in row.tiles.iter().zip(widths) {
            let title = text::fitted(&tile.title, size, *width as f32);
            self.letters.text([x as f32, base], size, Anchor::Start, Ink::Text, title);
            let place = centred(tile, Place { x, y: top, width: *width, height });
            self.frame(place, Ink::Grid);
            self.tiles.push((place, tile));
            x += width + scale.gap();
        }
        if !row.tiles.is_empty() {
            self.height = top + height + scale.gap();
        }
    }

    /// Entries in columns of the same width, as many as there is room for, read line by line.
    fn legend(&mut self, entries: &[LegendEntry], writer: &Writer) {
        let Some(last) = entries.len().checked_sub(1) else { return };
        let Writer { left, room, scale } = *writer;
        let size = 14.0 * scale.0;
        let (side, gap, line) = (scale.pixels(14.0), scale.pixels(6.0), scale.pixels(22.0));
        let most = scale.pixels(220.0).min(room - side - gap) as f32;
        let names: Vec<String> =
            entries.iter().map(|entry| text::fitted(&entry.name, size, most)).collect();
        let widest = names.iter().map(|name| text::width(name, size)).fold(0.0, f32::max);
        let column = side + gap + widest.ceil() as usize + scale.pixels(18.0);
        let columns = ((room + scale.pixels(18.0)) / column).max(1);
        for (entry, (at, name)) in entries.iter().zip(names.into_iter().enumerate()) {
            let x = left + at % columns * column;
            let y = self.height + at / columns * line + (line - side) / 2;
            let place = Place { x, y, width: side, height: side };
            self.frame(place, Ink::Muted);
            self.swatches.push((place, entry.color));
            // Capitals are 0.73 em high: their middle is the swatch's.
            let base = y as f32 + side as f32 / 2.0 + size * 0.365;
            let start = [(x + side + gap) as f32, base];
            self.letters.text(start, size, Anchor::Start, Ink::Text, name);
        }
        self.height += (last / columns + 1) * line;
    }

    /// A hairline around what is painted: white pictures and colours stand out from the background.
    fn frame(&mut self, place: Place, ink: Ink) {
        let corner = [place.x as f32 - 1.0, place.y as f32 - 1.0];
        let size = [place.width as f32 + 2.0, place.height as f32 + 2.0];
        self.letters.rect(corner, size, ink);
    }
}

/// Writes lines below each other.
struct Writer {
    left: usize,
    room: usize,
    scale: Scale,
}

impl Writer {
    fn line(&self, layout: &mut Layout<'_>, words: &str, size: f32, ink: Ink) {
        let pixels = size * self.scale.0;
        let at = [self.left as f32, layout.height as f32 + pixels];
        let words = text::fitted(words, pixels, self.room as f32);
        layout.letters.text(at, pixels, Anchor::Start, ink, words);
        layout.height += self.scale.pixels(size * 1.5);
    }
}

/// Width to height of a tile's box.
fn form(tile: &Tile) -> f32 {
    (tile.width as f32 / tile.height as f32).clamp(1.0 / LONGEST, LONGEST)
}

/// The widest form of each column.
fn column_forms(rows: &[SheetRow], columns: usize) -> Vec<f32> {
    let mut forms = vec![0.0f32; columns];
    for row in rows {
        for (widest, tile) in forms.iter_mut().zip(&row.tiles) {
            *widest = widest.max(form(tile));
        }
    }
    forms
}

fn box_width(form: f32, height: usize) -> usize {
    ((form * height as f32).round() as usize).max(1)
}

/// The height of all tiles: near to [`PLEASANT`] where pictures are small, and as large as they are
/// otherwise, if the widest row has room for it.
fn first_height(tallest: usize, forms: &[f32]) -> usize {
    let scale = Scale(2.0);
    let fixed = 2 * scale.margin() + scale.gap() * forms.len().saturating_sub(1) + forms.len();
    let room = WIDEST.saturating_sub(fixed) as f32 / forms.iter().sum::<f32>();
    let times = (PLEASANT as f32 / tallest as f32).round().max(1.0) as usize;
    in_whole_steps((tallest * times).min(LARGEST).min(room as usize), tallest)
}

/// The next lower multiple of the tallest picture's height, if there is one.
fn in_whole_steps(height: usize, tallest: usize) -> usize {
    if height < tallest { height } else { height / tallest * tallest }
}

/// The largest place of the tile's form in the middle of a box, without rounding what fits exactly.
fn centred(tile: &Tile, outer: Place) -> Place {
    let (width, height) = (tile.width as usize, tile.height as usize);
    let by_height = (width * outer.height + height / 2) / height;
    let (fit_width, fit_height) = if by_height <= outer.width {
        (by_height.max(1), outer.height)
    } else {
        let by_width = (height * outer.width + width / 2) / width;
        (outer.width, by_width.clamp(1, outer.height))
    };
    Place {
        x: outer.x + (outer.width - fit_width) / 2,
        y: outer.y + (outer.height - fit_height) / 2,
        width: fit_width,
        height: fit_height,
    }
}

/// Lines of whole words, at most six; the last one ends with an ellipsis where words are left over.
fn wrapped(words: &str, size: f32, room: f32) -> Vec<String> {
    const MOST: usize = 6;
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if text::width(&longer, size) <= room {
                *line = longer;
                continue;
            }
            if lines.len() == MOST {
                let last = lines.pop().unwrap_or_default();
                lines.push(text::fitted(&format!("{last} {word}"), size, room));
                break;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}
