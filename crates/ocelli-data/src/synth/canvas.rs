//! Where a picture comes together: colours and part labels, painted through coverage.

use tiny_skia::{FillRule, Mask as Coverage, Transform};

use super::outline::{Outline, Placement, Point};
use super::palette::{Color, mix};

/// A picture in the making.
pub(super) struct Canvas {
    size: u32,
    /// `[size, size]`, rows from the top.
    pub(super) colors: Vec<Color>,
    /// The part seen at each pixel.
    pub(super) labels: Vec<u8>,
    coverage: Coverage,
}

/// Coverage from which a pixel shows the part rather than what is behind it.
const SEEN: u8 = 128;

impl Canvas {
    /// A canvas filled by a function of pixel positions.
    pub(super) fn new(size: u32, background: impl Fn(Point) -> Color) -> Self {
        let pixels = size as usize * size as usize;
        let mut colors = Vec::with_capacity(pixels);
        for row in 0..size {
            for column in 0..size {
                colors.push(background([column as f32 + 0.5, row as f32 + 0.5]));
            }
        }
        let coverage = Coverage::new(size, size)
            .unwrap_or_else(|| unreachable!("sizes are checked: 8 to 4096, found {size}"));
        Self { size, colors, labels: vec![0; pixels], coverage }
    }

    /// Pixels along a side.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Paints a shape: `shade` gives each pixel's colour from its position in units.
    pub(super) fn paint(
        &mut self,
        outline: Outline,
        placement: Placement,
        label: u8,
        shade: impl Fn(Point) -> Color,
    ) {
        self.paint_soft(outline, placement, Some(label), |point| (shade(point), 1.0));
    }

    /// Paints a shape with a colour and an opacity for each pixel. Without a label, what was seen
    /// is still seen, as through a shadow.
    pub(super) fn paint_soft(
        &mut self,
        outline: Outline,
        placement: Placement,
        label: Option<u8>,
        shade: impl Fn(Point) -> (Color, f32),
    ) {
        let Some(path) = outline.path(placement) else { return };
        let bounds = path.bounds();
        let limit = |value: f32| value.clamp(0.0, self.size as f32) as usize;
        let (left, right) = (limit(bounds.left().floor()), limit(bounds.right().ceil()));
        let (top, bottom) = (limit(bounds.top().floor()), limit(bounds.bottom().ceil()));
        if left >= right || top >= bottom {
            return;
        }
        self.coverage.fill_path(&path, FillRule::Winding, true, Transform::identity());
        let width = self.size as usize;
        for row in top..bottom {
            let cells = row * width + left..row * width + right;
            let coverage = &mut self.coverage.data_mut()[cells.clone()];
            let colors = &mut self.colors[cells.clone()];
            let labels = &mut self.labels[cells];
            for (offset, covered) in coverage.iter_mut().enumerate() {
                // Taken, so that the coverage is blank again for the next shape.
                let amount = std::mem::take(covered);
                if amount == 0 {
                    continue;
                }
                let pixel = [(left + offset) as f32 + 0.5, row as f32 + 0.5];
                let (color, opacity) = shade(placement.to_units(pixel));
                let share = f32::from(amount) * (1.0 / 255.0) * opacity;
                colors[offset] = mix(colors[offset], color, share);
                if let Some(label) = label
                    && amount >= SEEN
                {
                    labels[offset] = label;
                }
            }
        }
    }
}
