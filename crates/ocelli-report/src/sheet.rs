//! Sheets of pictures as PNG: rows of tiles under their titles, such as picture, prediction and
//! truth, with a legend of colours below.
//!
//! ```
//! use ocelli_report::sheet::{LegendEntry, Sheet, SheetRow, Tile, png};
//!
//! let tile = |title: &str, color: [u8; 3]| Tile {
//!     title: title.into(),
//!     width: 4,
//!     height: 3,
//!     rgb: color.repeat(12),
//! };
//! let sheet = Sheet {
//!     title: "Masks, epoch 1".into(),
//!     rows: vec![SheetRow {
//!         label: Some("night.png".into()),
//!         tiles: vec![tile("picture", [10, 20, 60]), tile("truth", [0, 90, 200])],
//!     }],
//!     legend: vec![LegendEntry { name: "sky".into(), color: [0, 90, 200] }],
//!     note: None,
//! };
//! assert!(png(&sheet)?.starts_with(b"\x89PNG"));
//! # Ok::<(), ocelli_report::sheet::SheetError>(())
//! ```

mod layout;
mod resize;

use layout::{Layout, Place};

use crate::figure::FigureError;

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Stands above the picture, shortened to its width; may be empty.
    pub title: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// 8-bit sRGB, `[height, width, 3]`, row by row.
    pub rgb: Vec<u8>,
}

/// What a colour stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegendEntry {
    /// The words beside the colour, shortened where they are long.
    pub name: String,
    /// 8-bit sRGB.
    pub color: [u8; 3],
}

/// Rows of pictures with what is needed to read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Stands above everything; may be empty.
    pub title: String,
    /// From top to bottom. Columns are as wide as their widest tile.
    pub rows: Vec<SheetRow>,
    /// Below the pictures; empty where colours need no words.
    pub legend: Vec<LegendEntry>,
    /// Small letters at the end, wrapped over lines.
    pub note: Option<String>,
}

/// Pictures beside each other, all of the same height on the sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetRow {
    /// Stands above the row, such as the picture's file name.
    pub label: Option<String>,
    /// From left to right.
    pub tiles: Vec<Tile>,
}

/// Why a sheet can't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// No row has a tile.
    #[error("the sheet “{title}” has no pictures")]
    Empty {
        /// The sheet's title.
        title: String,
    },
    /// A tile's bytes are not those of its size.
    #[error(
        "row {row}, tile {tile} (“{title}”): {width} x {height} pixels need {expected} bytes of \
         RGB, and more than none; found {found}"
    )]
    Length {
        /// From 0.
        row: usize,
        /// From 0.
        tile: usize,
        /// The tile's title.
        title: String,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Bytes.
        expected: u64,
        /// Bytes.
        found: usize,
    },
    /// The sheet would be too large even with tiny tiles.
    #[error(
        "{rows} rows of up to {columns} tiles and {entries} legend entries don't fit into {} x {} \
         pixels: make several sheets of them",
        layout::WIDEST,
        layout::HIGHEST
    )]
    TooLarge {
        /// Rows of the sheet.
        rows: usize,
        /// Tiles of its longest row.
        columns: usize,
        /// Entries of its legend.
        entries: usize,
    },
    /// The letters could not be drawn.
    #[error(transparent)]
    Letters(#[from] FigureError),
    /// A picture could not be scaled.
    #[error("a tile could not be scaled: {reason}")]
    Scale {
        /// What went wrong.
        reason: String,
    },
    /// The file could not be made.
    #[error("the sheet could not be encoded: {0}")]
    Encode(#[from] png::EncodingError),
}

/// The sheet as a PNG of 8-bit RGB on white, at most 2400 pixels wide and 10 000 high.
///
/// All tiles get one height: small pictures are enlarged in whole steps, pixel by pixel, large ones
/// are shrunk smoothly until the widest row fits. A tile of an extreme form, beyond 4 to 1, is
/// fitted into a box of that form.
///
/// # Errors
/// [`SheetError`]: where there are no tiles, a tile's bytes don't match its size, or there are more
/// tiles or legend entries than a sheet has room for.
pub fn png(sheet: &Sheet) -> Result<Vec<u8>, SheetError> {
    check(sheet)?;
    let layout = Layout::of(sheet)?;
    let mut canvas = Canvas { width: layout.width, rgb: layout.letters.rgb()? };
    for (place, color) in &layout.swatches {
        canvas.paint(*place, &color.repeat(place.width * place.height));
    }
    for (place, tile) in &layout.tiles {
        canvas.paint(*place, &resize::resized(tile, place.width, place.height)?);
    }
    encoded(&canvas.rgb, layout.width, layout.height)
}

fn check(sheet: &Sheet) -> Result<(), SheetError> {
    if sheet.rows.iter().all(|row| row.tiles.is_empty()) {
        return Err(SheetError::Empty { title: sheet.title.clone() });
    }
    for (row, tiles) in sheet.rows.iter().enumerate() {
        for (place, tile) in tiles.tiles.iter().enumerate() {
            let expected = u64::from(tile.width).saturating_mul(u64::from(tile.height));
            let expected = expected.saturating_mul(3);
            if expected == 0 || tile.rgb.len() as u64 != expected {
                return Err(SheetError::Length {
                    row,
                    tile: place,
                    title: tile.title.clone(),
                    width: tile.width,
                    height: tile.height,
                    expected,
                    found: tile.rgb.len(),
                });
            }
        }
    }
    Ok(())
}

/// Pixels that pictures are put on.
struct Canvas {
    width: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    /// Copies the `rgb` of a picture of the place's size.
    fn paint(&mut self, place: Place, rgb: &[u8]) {
        for (line, pixels) in rgb.chunks_exact(place.width * 3).enumerate() {
            let start = ((place.y + line) * self.width + place.x) * 3;
            self.rgb[start..start + pixels.len()].copy_from_slice(pixels);
        }
    }
}

fn encoded(rgb: &[u8], width: usize, height: usize) -> Result<Vec<u8>, SheetError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
