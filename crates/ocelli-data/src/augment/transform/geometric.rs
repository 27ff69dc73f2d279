//! Settings of the transforms that move pixels.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::framing::class_share;
use super::{chance, uniform};
use crate::augment::error::{AugmentError, Place};
use crate::augment::geometry::{Border, Geometry, Interpolation, Region};
use crate::augment::step::Plan;
use crate::augment::value::{Amount, Color, Padding, Size};
use crate::random::Generator;

/// No transform makes a picture of more pixels than this, whatever the picture it is given: a
/// strip of 1 x 100,000 pixels resized to a shorter side of 224 would be 15 GB.
pub(crate) const MAX_PIXELS: u64 = 1 << 26;

/// Refuses sizes of zero or with more than [`MAX_PIXELS`].
pub(crate) fn validate_size([height, width]: [u32; 2], place: &Place) -> Result<(), AugmentError> {
    let pixels = u64::from(height) * u64::from(width);
    place.require(
        (1..=MAX_PIXELS).contains(&pixels),
        format_args!("[{height}, {width}]"),
        format_args!("sides of at least 1 pixel, and at most {MAX_PIXELS} pixels in all"),
    )
}

pub(super) fn validate_given_size(size: Option<Size>, place: &Place) -> Result<(), AugmentError> {
    size.map_or(Ok(()), |size| validate_size(size.square(), &place.key("size")))
}

/// Resizes the whole picture, antialiased.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resize {
    /// The new shorter side (the other keeps the proportions), or `[height, width]`;
    /// the recipe's size by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Where the shorter side is given: the longer side's limit; the shorter gives way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u32>,
    /// How new pixels are made of old ones.
    pub interpolation: Interpolation,
}

impl Resize {
    pub(crate) fn resolve(&mut self, size: [u32; 2]) {
        self.size.get_or_insert(Size::Both(size));
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        validate_given_size(self.size, place)?;
        match (self.max_size, self.size) {
            (None, _) => Ok(()),
            (Some(limit), Some(Size::One(shorter))) => place.key("max_size").require(
                limit > shorter,
                limit,
                format_args!("more than the shorter side, {shorter}"),
            ),
            (Some(limit), _) => place.key("max_size").refuse_with_both(limit),
        }
    }

    pub(crate) fn sample(&self, plan: &mut Plan) {
        let [height, width] = match self.size {
            None => return,
            Some(Size::Both(sides)) => sides,
            Some(Size::One(shorter)) => self.keep_proportions(plan.size(), shorter),
        };
        plan.push(Geometry::Resize { height, width, interpolation: self.interpolation });
    }

    /// torchvision's rounding: both divisions are cut off, not rounded.
    fn keep_proportions(&self, [height, width]: [u32; 2], shorter: u32) -> [u32; 2] {
        let (short, long) = (u64::from(height.min(width)), u64::from(height.max(width)));
        let (mut new_short, mut new_long) =
            (u64::from(shorter), u64::from(shorter) * long / short.max(1));
        if let Some(limit) = self.max_size.map(u64::from)
            && new_long > limit
        {
            (new_short, new_long) = (limit * new_short / new_long, limit);
        }
        new_short = new_short.max(1);
        new_long = new_long.clamp(1, MAX_PIXELS / new_short);
        let (new_short, new_long) = (new_short as u32, new_long as u32);
        if height <= width { [new_short, new_long] } else { [new_long, new_short] }
    }
}

impl Place {
    fn refuse_with_both(&self, limit: u32) -> Result<(), AugmentError> {
        Err(self.refuse(limit, "no max_size where size is [height, width]"))
    }
}

/// Cuts out the middle; a smaller picture gets black margins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CenterCrop {
    /// The side of a square, or `[height, width]`; the recipe's size by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
}

impl CenterCrop {
    pub(crate) fn resolve(&mut self, size: [u32; 2]) {
        self.size.get_or_insert(Size::Both(size));
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        validate_given_size(self.size, place)
    }

    pub(crate) fn sample(&self, plan: &mut Plan) {
        let Some(size) = self.size else { return };
        let [height, width] = size.square();
        let [from_height, from_width] = plan.size();
        plan.push(Geometry::Window {
            left: centered(from_width, width),
            top: centered(from_height, height),
            height,
            width,
            border: Border::Constant(Color::default()),
        });
    }
}

/// Where a centred span begins. Halves go to the even number when cropping (Python's `round`) and
/// the smaller half of a margin goes first when padding, as in torchvision.
fn centered(from: u32, to: u32) -> i64 {
    if to > from {
        return -i64::from((to - from) / 2);
    }
    (f64::from(from - to) / 2.0).round_ties_even() as i64
}

/// What lies beyond the edges where a crop reaches over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaddingMode {
    /// The `fill` colour.
    #[default]
    Constant,
    /// The outermost pixel, repeated.
    Edge,
    /// The picture mirrored, without repeating the outermost pixel.
    Reflect,
    /// The picture mirrored, with the outermost pixel repeated.
    Symmetric,
}

impl PaddingMode {
    pub(super) fn border(self, fill: Color) -> Border {
        match self {
            Self::Constant => Border::Constant(fill),
            Self::Edge => Border::Edge,
            Self::Reflect => Border::Reflect,
            Self::Symmetric => Border::Symmetric,
        }
    }
}

/// Cuts out a window of fixed size at a random place, after padding.
///
/// A picture that is too small, even padded, is padded further as by `pad_if_needed`: torchvision
/// stops with an error in the middle of the epoch instead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomCrop {
    /// The side of a square, or `[height, width]`; the recipe's size by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Padding before the crop.
    pub padding: Padding,
    /// Pads a side that is too small by what it lacks, at both ends.
    pub pad_if_needed: bool,
    /// The colour of constant padding.
    pub fill: Color,
    /// What padding shows.
    pub padding_mode: PaddingMode,
    /// With masks: the largest share that one class may have of the window's pixels that count. A
    /// window beyond it is drawn again, ten times at most. By default any share will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_class_share: Option<f64>,
}

impl RandomCrop {
    pub(crate) fn resolve(&mut self, size: [u32; 2]) {
        self.size.get_or_insert(Size::Both(size));
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        validate_given_size(self.size, place)?;
        let Some(share) = self.max_class_share else { return Ok(()) };
        let place = place.key("max_class_share");
        place.require(share > 0.0 && share <= 1.0, share, "a share above 0, at most 1")
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let Some(size) = self.size else { return };
        let [height, width] = size.square();
        let [from_height, from_width] = plan.size();
        let Padding { left, top, right, bottom } = self.padding;
        let mut draw = || {
            let top = random_start(from_height, top, bottom, height, random);
            [top, random_start(from_width, left, right, width, random)]
        };
        let [mut top, mut left] = draw();
        if let Some(most) = self.max_class_share
            && let Some(mask) = plan.mask()
        {
            for _ in 0..TRIES {
                if class_share(mask, [top, left], [height, width]) <= most {
                    break;
                }
                [top, left] = draw();
            }
        }
        let border = self.padding_mode.border(self.fill);
        plan.push(Geometry::Window { left, top, height, width, border });
    }
}

/// Where a span of `to` pixels begins within `from` pixels padded at both ends.
fn random_start(from: u32, before: u32, after: u32, to: u32, random: &mut Generator) -> i64 {
    let [from, mut before, after, to] = [from, before, after, to].map(i64::from);
    let mut padded = before + from + after;
    if padded < to {
        let missing = to - padded;
        before += missing;
        padded += 2 * missing;
    }
    random.random_range(0..=padded - to) - before
}

/// Cuts out a random part of random proportions and resizes it, as in
/// "Going Deeper with Convolutions" (<https://arxiv.org/abs/1409.4842>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// The side of a square, or `[height, width]`; the recipe's size by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The part's area, relative to the picture's.
    pub scale: [f64; 2],
    /// The part's width relative to its height, drawn uniformly on a logarithmic scale.
    pub ratio: [f64; 2],
    /// How new pixels are made of old ones. Only pixels inside the part are looked at.
    pub interpolation: Interpolation,
}

impl Default for RandomResizedCrop {
    fn default() -> Self {
        Self {
            size: None,
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            interpolation: Interpolation::default(),
        }
    }
}

/// How many random rectangles are tried before giving up, in crops and erasures.
pub(crate) const TRIES: usize = 10;

impl RandomResizedCrop {
    pub(crate) fn resolve(&mut self, size: [u32; 2]) {
        self.size.get_or_insert(Size::Both(size));
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        validate_given_size(self.size, place)?;
        let part = |value| value > 0.0 && value <= 1.0;
        place.key("scale").ordered(self.scale, part, "[min, max] with 0 < min <= max <= 1")?;
        let positive = |value| value > 0.0;
        place.key("ratio").ordered(self.ratio, positive, "[min, max] with 0 < min <= max")
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let Some(size) = self.size else { return };
        let [height, width] = size.square();
        let region = self.region(plan.size(), random);
        let interpolation = self.interpolation;
        plan.push(Geometry::ResizedCrop { region, height, width, interpolation });
    }

    /// Draws the part to cut out of a picture of `[height, width]`; the largest central part
    /// within the allowed proportions when ten draws don't fit.
    pub(crate) fn region(&self, [height, width]: [u32; 2], random: &mut Generator) -> Region {
        let area = f64::from(height) * f64::from(width);
        let log_ratio = self.ratio.map(f64::ln);
        for _ in 0..TRIES {
            let target = area * uniform(self.scale, random);
            let ratio = uniform(log_ratio, random).exp();
            let part_width = (target * ratio).sqrt().round_ties_even() as u32;
            let part_height = (target / ratio).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&part_width) && (1..=height).contains(&part_height) {
                return Region {
                    top: random.random_range(0..=height - part_height),
                    left: random.random_range(0..=width - part_width),
                    height: part_height,
                    width: part_width,
                };
            }
        }
        let [narrowest, widest] = self.ratio;
        let whole = f64::from(width) / f64::from(height);
        let rounded = |value: f64, most: u32| (value.round_ties_even() as u32).clamp(1, most);
        let (part_width, part_height) = if whole < narrowest {
            (width, rounded(f64::from(width) / narrowest, height))
        } else if whole > widest {
            (rounded(f64::from(height) * widest, width), height)
        } else {
            (width, height)
        };
        Region {
            top: (height - part_height) / 2,
            left: (width - part_width) / 2,
            height: part_height,
            width: part_width,
        }
    }
}

/// Mirrors the picture with probability `p`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomFlip {
    /// The probability.
    pub p: f64,
}

impl Default for RandomFlip {
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl RandomFlip {
    pub(crate) fn sample_horizontal(&self, plan: &mut Plan, random: &mut Generator) {
        if chance(self.p, random) {
            plan.push(Geometry::FlipHorizontal);
        }
    }

    pub(crate) fn sample_vertical(&self, plan: &mut Plan, random: &mut Generator) {
        if chance(self.p, random) {
            plan.push(Geometry::FlipVertical);
        }
    }
}

/// Turns the picture about its centre, counter-clockwise for positive angles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomRotation {
    /// `[min, max]` in degrees, or one number for `[-degrees, degrees]`; ours by default: 15.
    pub degrees: Amount,
    /// Whether the picture grows to hold all of the turned one, or keeps its size.
    pub expand: bool,
    /// The colour of what was not in the picture.
    pub fill: Color,
    /// `nearest` or `bilinear`.
    pub interpolation: Interpolation,
}

impl Default for RandomRotation {
    fn default() -> Self {
        Self {
            degrees: Amount::One(15.0),
            expand: false,
            fill: Color::default(),
            interpolation: Interpolation::Nearest,
        }
    }
}

/// A hundred turns: far beyond it nothing is left of an angle but rounding.
const MAX_DEGREES: f64 = 36_000.0;

impl RandomRotation {
    fn range(&self) -> [f64; 2] {
        match self.degrees {
            Amount::One(degrees) => [-degrees, degrees],
            Amount::Between(range) => range,
        }
    }

    pub(crate) fn validate(&self, place: &Place) -> Result<(), AugmentError> {
        place.key("degrees").ordered(
            self.range(),
            |degrees| degrees.abs() <= MAX_DEGREES,
            format_args!(
                "a number from 0 to {MAX_DEGREES}, or [min, max] with min <= max and neither beyond it"
            ),
        )?;
        self.interpolation.validate_affine(&place.key("interpolation"))
    }

    pub(crate) fn sample(&self, plan: &mut Plan, random: &mut Generator) {
        let degrees = uniform(self.range(), random);
        let Self { expand, fill, interpolation, .. } = *self;
        plan.push(Geometry::Rotate { degrees, expand, fill, interpolation });
    }
}
