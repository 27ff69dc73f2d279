//! The operations that AutoAugment, RandAugment and TrivialAugment draw from, and how strong each
//! is at each magnitude.

use rand::RngExt;

use super::geometry::{Border, Geometry, Interpolation};
use super::step::Plan;
use super::tone::Tone;
use super::value::Color as FillColor;
use crate::random::Generator;

/// One operation of the policies, under its name in the papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
    Invert,
}

impl Operation {
    /// What RandAugment and TrivialAugment draw from.
    pub(crate) const RAND_AUGMENT: [Self; 14] = [
        Self::Identity,
        Self::ShearX,
        Self::ShearY,
        Self::TranslateX,
        Self::TranslateY,
        Self::Rotate,
        Self::Brightness,
        Self::Color,
        Self::Contrast,
        Self::Sharpness,
        Self::Posterize,
        Self::Solarize,
        Self::AutoContrast,
        Self::Equalize,
    ];

    /// Whether the magnitude's sign is drawn too.
    pub(crate) fn is_signed(self) -> bool {
        use Operation::*;
        matches!(
            self,
            ShearX
                | ShearY
                | TranslateX
                | TranslateY
                | Rotate
                | Brightness
                | Color
                | Contrast
                | Sharpness
        )
    }

    /// Half of the time the negative, where the operation knows negative magnitudes.
    pub(crate) fn with_random_sign(self, magnitude: f64, random: &mut Generator) -> f64 {
        if self.is_signed() && random.random::<bool>() { -magnitude } else { magnitude }
    }

    /// Adds the operation to what is to be done.
    pub(crate) fn push(
        self,
        magnitude: f64,
        interpolation: Interpolation,
        fill: FillColor,
        plan: &mut Plan,
    ) {
        let [height, width] = plan.size();
        let translate = |left: i64, top: i64| Geometry::Window {
            left,
            top,
            height,
            width,
            border: Border::Constant(fill),
        };
        match self {
            Self::Identity => {}
            Self::ShearX => {
                plan.push(Geometry::ShearX { slope: magnitude, fill, interpolation });
            }
            Self::ShearY => {
                plan.push(Geometry::ShearY { slope: magnitude, fill, interpolation });
            }
            // A move to the right shows what lies to the left; whole pixels, cut off.
            Self::TranslateX => plan.push(translate(-(magnitude as i64), 0)),
            Self::TranslateY => plan.push(translate(0, -(magnitude as i64))),
            Self::Rotate => plan.push(Geometry::Rotate {
                degrees: magnitude,
                expand: false,
                fill,
                interpolation,
            }),
            Self::Brightness => plan.push(Tone::Brightness(1.0 + magnitude)),
            Self::Color => plan.push(Tone::Saturation(1.0 + magnitude)),
            Self::Contrast => plan.push(Tone::Contrast(1.0 + magnitude)),
            Self::Sharpness => plan.push(Tone::Sharpness(1.0 + magnitude)),
            Self::Posterize => plan.push(Tone::Posterize(magnitude as u8)),
            Self::Solarize => plan.push(Tone::Solarize(magnitude)),
            Self::AutoContrast => plan.push(Tone::AutoContrast),
            Self::Equalize => plan.push(Tone::Equalize),
            Self::Invert => plan.push(Tone::Invert),
        }
    }
}

/// How strong the operations are: the largest magnitude of each, reached in equal steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    bins: u32,
    shear: f64,
    translate_x: f64,
    translate_y: f64,
    degrees: f64,
    enhance: f64,
    /// How many bits the strongest posterization takes away.
    bits: f64,
}

impl Space {
    /// RandAugment's and AutoAugment's strengths for a picture of `[height, width]`.
    pub(crate) fn rand_augment(bins: u32, [height, width]: [u32; 2]) -> Self {
        // The papers move 331-pixel pictures by up to 150 pixels.
        let share = 150.0 / 331.0;
        Self {
            bins,
            shear: 0.3,
            translate_x: share * f64::from(width),
            translate_y: share * f64::from(height),
            degrees: 30.0,
            enhance: 0.9,
            bits: 4.0,
        }
    }

    /// TrivialAugment's wider strengths.
    pub(crate) fn trivial_augment_wide(bins: u32) -> Self {
        Self {
            bins,
            shear: 0.99,
            translate_x: 32.0,
            translate_y: 32.0,
            degrees: 135.0,
            enhance: 0.99,
            bits: 6.0,
        }
    }

    /// An operation's magnitude at one of the bins; 0 where it has none.
    pub(crate) fn magnitude(&self, operation: Operation, bin: u32) -> f64 {
        use Operation::*;
        match operation {
            ShearX | ShearY => self.between(0.0, self.shear, bin),
            TranslateX => self.between(0.0, self.translate_x, bin),
            TranslateY => self.between(0.0, self.translate_y, bin),
            Rotate => self.between(0.0, self.degrees, bin),
            Brightness | Color | Contrast | Sharpness => self.between(0.0, self.enhance, bin),
            Posterize => {
                let bins_a_bit = f64::from(self.bins - 1) / self.bits;
                8.0 - (f64::from(bin) / bins_a_bit).round_ties_even()
            }
            Solarize => self.between(255.0, 0.0, bin),
            Identity | AutoContrast | Equalize | Invert => 0.0,
        }
    }

    /// Equal steps in single precision, counted from the nearer end with one rounding each, as
    /// PyTorch's `linspace` counts them: whole pixels and thresholds show the rounding.
    fn between(&self, start: f64, end: f64, bin: u32) -> f64 {
        let (start, end, last) = (start as f32, end as f32, self.bins - 1);
        let step = (end - start) / last as f32;
        f64::from(if bin < self.bins / 2 {
            step.mul_add(bin as f32, start)
        } else {
            (-step).mul_add((last - bin) as f32, end)
        })
    }
}

/// An operation, its probability, and its magnitude's bin of ten.
pub(crate) type Choice = (Operation, f64, Option<u32>);

/// AutoAugment's policy for ImageNet: one of these pairs is drawn for each picture.
pub(crate) const IMAGENET: [[Choice; 2]; 25] = {
    use Operation::*;
    [
        [(Posterize, 0.4, Some(8)), (Rotate, 0.6, Some(9))],
        [(Solarize, 0.6, Some(5)), (AutoContrast, 0.6, None)],
        [(Equalize, 0.8, None), (Equalize, 0.6, None)],
        [(Posterize, 0.6, Some(7)), (Posterize, 0.6, Some(6))],
        [(Equalize, 0.4, None), (Solarize, 0.2, Some(4))],
        [(Equalize, 0.4, None), (Rotate, 0.8, Some(8))],
        [(Solarize, 0.6, Some(3)), (Equalize, 0.6, None)],
        [(Posterize, 0.8, Some(5)), (Equalize, 1.0, None)],
        [(Rotate, 0.2, Some(3)), (Solarize, 0.6, Some(8))],
        [(Equalize, 0.6, None), (Posterize, 0.4, Some(6))],
        [(Rotate, 0.8, Some(8)), (Color, 0.4, Some(0))],
        [(Rotate, 0.4, Some(9)), (Equalize, 0.6, None)],
        [(Equalize, 0.0, None), (Equalize, 0.8, None)],
        [(Invert, 0.6, None), (Equalize, 1.0, None)],
        [(Color, 0.6, Some(4)), (Contrast, 1.0, Some(8))],
        [(Rotate, 0.8, Some(8)), (Color, 1.0, Some(2))],
        [(Color, 0.8, Some(8)), (Solarize, 0.8, Some(7))],
        [(Sharpness, 0.4, Some(7)), (Invert, 0.6, None)],
        [(ShearX, 0.6, Some(5)), (Equalize, 1.0, None)],
        [(Color, 0.4, Some(0)), (Equalize, 0.6, None)],
        [(Equalize, 0.4, None), (Solarize, 0.2, Some(4))],
        [(Solarize, 0.6, Some(5)), (AutoContrast, 0.6, None)],
        [(Invert, 0.6, None), (Equalize, 1.0, None)],
        [(Color, 0.6, Some(4)), (Contrast, 1.0, Some(8))],
        [(Equalize, 0.8, None), (Equalize, 0.6, None)],
    ]
};
