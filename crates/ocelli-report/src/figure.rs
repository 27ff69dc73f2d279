//! Figures as SVG and PNG that look the same: both are drawn from one list of marks, with letters
//! as outlines, so that no font needs to be installed.

mod axis;
mod bars;
mod colour;
mod confusion;
mod curves;
mod gallery;
mod legend;
mod mistakes;
mod scatter;
mod svg;
pub(crate) mod text;

use std::path::{Path, PathBuf};

pub use bars::{Bar, bars};
pub use colour::Theme;
pub(crate) use colour::{Ink, class_style, css_variables};
pub use confusion::{Confusion, confusion};
pub use curves::{Chart, Curve, Unit, curves};
pub(crate) use curves::{MOST_CURVES, single as single_chart};
pub use gallery::{Captioned, Gallery, Group, gallery};
pub use mistakes::{Mistake, mistakes};
pub use scatter::{Panel, scatter};

/// Why a figure can't be saved.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// The pixels could not be drawn.
    #[error("the figure “{title}” could not be drawn at {width} x {height} pixels: {reason}")]
    Draw {
        /// The figure's title.
        title: String,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// What went wrong.
        reason: String,
    },
    /// The system refused.
    #[error("{path}: could not be written: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
}

/// A drawing, `width` by `height` CSS pixels.
#[derive(Clone, Debug)]
pub struct Figure {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) marks: Vec<Mark>,
}

/// A piece of a drawing.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    Rect {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        ink: Ink,
        hint: Option<String>,
    },
    Line {
        points: Vec<[f32; 2]>,
        ink: Ink,
        width: f32,
        dashed: bool,
    },
    Symbol {
        at: [f32; 2],
        size: f32,
        shape: Shape,
        ink: Ink,
        opacity: f32,
    },
    Text {
        at: [f32; 2],
        size: f32,
        anchor: Anchor,
        ink: Ink,
        turned: bool,
        text: String,
    },
    /// In a square: the `whole` picture, or its middle, which fills the square.
    Picture {
        x: f32,
        y: f32,
        size: f32,
        data_uri: String,
        alternative: String,
        whole: bool,
    },
}

/// Forms that can be told apart when small and without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Plus,
    Cross,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] =
        [Self::Circle, Self::Square, Self::Triangle, Self::Diamond, Self::Plus, Self::Cross];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Figure {
    pub(crate) fn new(width: f32, title: impl Into<String>) -> Self {
        Self {
            width,
            height: 0.0,
            title: title.into(),
            description: String::new(),
            marks: Vec::new(),
        }
    }

    pub(crate) fn text(
        &mut self,
        at: [f32; 2],
        size: f32,
        anchor: Anchor,
        ink: Ink,
        text: impl Into<String>,
    ) {
        self.marks.push(Mark::Text { at, size, anchor, ink, turned: false, text: text.into() });
    }

    fn turned_text(&mut self, at: [f32; 2], size: f32, anchor: Anchor, ink: Ink, text: &str) {
        let text = text.to_owned();
        self.marks.push(Mark::Text { at, size, anchor, ink, turned: true, text });
    }

    fn line(&mut self, from: [f32; 2], to: [f32; 2], ink: Ink) {
        self.marks.push(Mark::Line { points: vec![from, to], ink, width: 1.0, dashed: false });
    }

    pub(crate) fn rect(&mut self, corner: [f32; 2], size: [f32; 2], ink: Ink) {
        let ([x, y], [width, height]) = (corner, size);
        self.marks.push(Mark::Rect { x, y, width, height, ink, hint: None });
    }

    /// What the figure shows, in a line.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What the figure shows, for those who can't see it.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The figure as SVG, complete in itself: no font, no style sheet, no link.
    #[must_use]
    pub fn svg(&self, theme: Theme) -> String {
        svg::standalone(self, theme)
    }

    /// The figure as SVG to be put into a page that defines the colours and the font.
    #[must_use]
    pub(crate) fn inline_svg(&self) -> String {
        svg::inline(self)
    }

    /// The figure as PNG, `scale` pixels a CSS pixel.
    ///
    /// # Errors
    /// [`FigureError::Draw`] if the scale is no positive number, or so large that the pixels don't
    /// fit into memory.
    pub fn png(&self, theme: Theme, scale: f32) -> Result<Vec<u8>, FigureError> {
        svg::png(self, theme, scale)
    }

    /// The figure as opaque 8-bit RGB on white, a pixel a CSS pixel.
    pub(crate) fn rgb(&self) -> Result<Vec<u8>, FigureError> {
        let pixels = svg::pixels(self, Theme::Light, 1.0)?;
        Ok(pixels.data().chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect())
    }

    /// Writes `NAME.svg`, `NAME.png` (two pixels a CSS pixel), `NAME-dark.svg` and `NAME-dark.png`
    /// into a folder, and returns their paths.
    ///
    /// # Errors
    /// [`FigureError`] names the file.
    pub fn save(&self, folder: &Path, name: &str) -> Result<Vec<PathBuf>, FigureError> {
        let mut written = Vec::new();
        for (theme, suffix) in [(Theme::Light, ""), (Theme::Dark, "-dark")] {
            let files = [("svg", self.svg(theme).into_bytes()), ("png", self.png(theme, 2.0)?)];
            for (extension, bytes) in files {
                let path = folder.join(format!("{name}{suffix}.{extension}"));
                std::fs::write(&path, bytes)
                    .map_err(|reason| FigureError::Write { path: path.clone(), reason })?;
                written.push(path);
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests;
