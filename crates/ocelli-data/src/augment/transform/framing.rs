//! What segmentation adds to the transforms that move pixels: random scales, padding, and crops
//! that look at their classes.

use serde::{Deserialize, Serialize};

use super::geometric::{MAX_PIXELS, PaddingMode, validate_given_size};
use super::uniform;
use crate::augment::error::{AugmentError, Place};
use crate::augment::geometry::{Geometry, Interpolation, is_reasonable};
use crate::augment::step::Plan;
use crate::augment::value::{Color, Size};
use crate::picture::Mask;
use crate::random::Generator;

/// Enlarges or reduces the picture at random, keeping its proportions. What it is enlarged from is
/// the picture as the transforms before have it: put a `resize` first to start from a known size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomScale {
    /// `[min, max]` of the factor, drawn uniformly.
    pub scale: [f64; 2],
    /// How new pixels are made of old ones.
    pub interpolation: Interpolation,
}

impl Default for RandomScale {
    fn default() -> Self {
        Self { scale: [0.5, 2.0], interpolation: Interpolation::default() }
    }
}

/// Factors beyond it leave nothing of a picture, or nothing but one pixel of it.
const MAX_SCALE: f64 = 100.0;

impl RandomScale {
    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        place.key("scale").ordered(
            self.scale,
            |factor| factor > 0.0 && factor <= MAX_SCALE,
            format_args!("[min, max] with 0 < min <= max <= {MAX_SCALE}"),
        )
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let [height, width] = plan.size().map(f64::from);
        let most = (MAX_PIXELS as f64 / (height * width).max(1.0)).sqrt();
        let factor = uniform(self.scale, random).min(most);
        let scaled = |side: f64| (side * factor).round().max(1.0) as u32;
        let (height, width) = (scaled(height), scaled(width));
        // Rounding up the short side of a strip can still pass the bound.
        if is_reasonable([height, width]) {
            plan.push(Geometry::Resize { height, width, interpolation: self.interpolation });
        }
    }
}

/// Where padding leaves the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadPosition {
    /// In the middle; of an odd margin the smaller half comes first.
    #[default]
    Center,
    /// At the upper left: padding on the right and below.
    TopLeft,
}

/// Pads a picture that is smaller than `size`; a larger one stays as it is. New pixels of a mask
/// are ignored ones, where `padding_mode` shows no part of the picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pad {
    /// The least side of a square, or `[height, width]`; the recipe's size by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Where the picture is left.
    pub position: PadPosition,
    /// The colour of constant padding.
    pub fill: Color,
    /// What padding shows.
    pub padding_mode: PaddingMode,
}

impl Pad {
    pub(crate) fn resolve(&mut self, size: [u32; 2]) {
        self.size.get_or_insert(Size::Both(size));
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        validate_given_size(self.size, place)
    }

    pub(crate) fn sample(&self, plan: &mut Plan) {
        let Some(size) = self.size else { return };
        let from = plan.size();
        let [least_height, least_width] = size.square();
        let (height, width) = (from[0].max(least_height), from[1].max(least_width));
        if [height, width] == from || !is_reasonable([height, width]) {
            return;
        }
        let before = |from: u32, to: u32| match self.position {
            PadPosition::Center => -i64::from((to - from) / 2),
            PadPosition::TopLeft => 0,
        };
        let (top, left) = (before(from[0], height), before(from[1], width));
        let border = self.padding_mode.border(self.fill);
        plan.push(Geometry::Window { left, top, height, width, border });
    }
}

/// The share of the commonest class among a window's pixels that have one; all of it where none
/// has.
pub(super) fn class_share(mask: &Mask, [top, left]: [i64; 2], [height, width]: [u32; 2]) -> f64 {
    let inside = |start: i64, length: u32, side: u32| {
        let end = (start + i64::from(length)).clamp(0, i64::from(side));
        start.clamp(0, i64::from(side)) as usize..end as usize
    };
    let rows = inside(top, height, mask.height());
    let columns = inside(left, width, mask.width());
    let mut counts = [0u64; 256];
    let all = mask.labels().chunks_exact((mask.width() as usize).max(1));
    for row in all.skip(rows.start).take(rows.len()) {
        for &class in &row[columns.clone()] {
            counts[class as usize] += 1;
        }
    }
    counts[Mask::IGNORE as usize] = 0;
    let most = counts.into_iter().max().unwrap_or(0);
    let total: u64 = counts.iter().sum();
    if total == 0 { 1.0 } else { most as f64 / total as f64 }
}
