//! A recipe's transforms, checked and ready to be applied to pictures.

use std::cell::RefCell;

use super::error::{AugmentError, Place};
use super::geometry::{Geometry, Interpolation};
use super::normalize::{Scaling, erase};
use super::step::Plan;
use super::transform::{
    CenterCrop, Normalize, RandomErasing, Resize, Stage, Transform, validate_size,
};
use super::value::Size;
use crate::picture::{Mask, Picture};
use crate::random::Generator;

/// A list of transforms, checked, with every default written out.
#[derive(Clone, Debug)]
pub struct Pipeline {
    transforms: Vec<Transform>,
    size: [u32; 2],
    scaling: Scaling,
    erasings: Vec<RandomErasing>,
}

/// Buffers that a thread keeps from picture to picture: fresh memory for each would cost a page
/// fault for every 4 KiB of it.
#[derive(Default)]
struct Buffers {
    picture: Vec<u8>,
    row: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// A buffer larger than this is given back rather than kept: one huge picture should not hold
/// memory on every thread for the rest of the run.
const LARGEST_KEPT: usize = 16 << 20;

impl Pipeline {
    /// Checks the transforms and writes their defaults out.
    ///
    /// `size` is the recipe's `[height, width]`: the default of resizes and crops, and the size of
    /// all output; a picture that the transforms leave at another size is resized to it at the
    /// end. The order is: picture transforms, then `normalize`, then `random_erasing`; ImageNet's
    /// `normalize` is added where none is listed.
    ///
    /// # Errors
    /// A setting out of range, or a transform out of order: the error names position and key.
    pub fn new(transforms: &[Transform], size: [u32; 2]) -> Result<Self, AugmentError> {
        validate_size(size, &Place("size".into()))?;
        let mut transforms = transforms.to_vec();
        let mut reached = Stage::Picture;
        for (index, transform) in transforms.iter_mut().enumerate() {
            transform.resolve(size);
            let place = Place("augment".into()).item(index);
            transform.validate(&place)?;
            let stage = transform.stage();
            let twice = stage == Stage::Normalize && reached == Stage::Normalize;
            place.require(
                stage >= reached && !twice,
                format_args!("{} after {}", transform.name(), reached.name()),
                "picture transforms first, then at most one normalize, then random_erasing",
            )?;
            reached = stage;
        }
        let listed = transforms.iter().find_map(|transform| match transform {
            Transform::Normalize(normalize) => Some(normalize.clone()),
            _ => None,
        });
        let normalize = listed.unwrap_or_else(|| {
            let pictures = transforms.iter().filter(|t| t.stage() == Stage::Picture).count();
            transforms.insert(pictures, Transform::Normalize(Normalize::default()));
            Normalize::default()
        });
        let erasings = transforms.iter().filter_map(|transform| match transform {
            Transform::RandomErasing(erasing) => Some(erasing.clone()),
            _ => None,
        });
        let (scaling, erasings) = (Scaling::new(&normalize), erasings.collect());
        Ok(Self { transforms, size, scaling, erasings })
    }

    /// The transforms, with every default written out.
    #[must_use]
    pub fn transforms(&self) -> &[Transform] {
        &self.transforms
    }

    /// `[height, width]` of the output.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// Draws what is to be done to a picture of `[height, width]`. The plan ends at
    /// [`size`](Self::size) and serves the picture's mask as well.
    #[must_use]
    pub fn sample(&self, size: [u32; 2], random: &mut Generator) -> Plan {
        self.draw(Plan::new(size), random)
    }

    /// Draws what is to be done to a picture with this mask, and does it to the mask. A crop with
    /// a `max_class_share` looks at the mask; but for that the plan is the one that
    /// [`sample`](Self::sample) draws.
    #[must_use]
    pub fn sample_with_mask(&self, mask: Mask, random: &mut Generator) -> (Plan, Mask) {
        let mut plan = self.draw(Plan::following(mask), random);
        let Some(mask) = plan.take_mask() else { unreachable!("the plan follows a mask") };
        (plan, mask)
    }

    fn draw(&self, mut plan: Plan, random: &mut Generator) -> Plan {
        for transform in &self.transforms {
            transform.sample(&mut plan, random);
        }
        if plan.size() != self.size {
            let ([height, width], interpolation) = (self.size, Interpolation::default());
            plan.push(Geometry::Resize { height, width, interpolation });
        }
        plan
    }

    /// Transforms a picture into `output`, `[height, width, 3]`, normalized.
    ///
    /// # Panics
    /// If `output` does not hold `height × width × 3` values of [`size`](Self::size).
    pub fn apply(&self, picture: Picture, random: &mut Generator, output: &mut [f32]) {
        let picture = at_least_one_pixel(picture);
        let plan = self.sample([picture.height(), picture.width()], random);
        self.apply_plan(plan, picture, random, output);
    }

    /// Transforms a picture into `output`, `[height, width, 3]`, normalized, and moves its mask
    /// alike into `labels`, `[height, width]`. `random_erasing` leaves the mask as it is.
    ///
    /// # Panics
    /// If picture and mask differ in size, or `output` or `labels` do not hold as many values as
    /// [`size`](Self::size) asks for.
    pub fn apply_with_mask(
        &self,
        picture: Picture,
        mask: Mask,
        random: &mut Generator,
        output: &mut [f32],
        labels: &mut [u8],
    ) {
        check_pair(&picture, &mask);
        let (plan, mask) = self.sample_with_mask(mask, random);
        self.apply_plan(plan, picture, random, output);
        let (expected, found) = (mask.labels().len(), labels.len());
        assert!(expected == found, "the mask has {expected} labels, its place {found}");
        labels.copy_from_slice(mask.labels());
    }

    /// As [`apply`](Self::apply), with a plan that [`sample`](Self::sample) drew with the same
    /// `random` for a picture of this size.
    ///
    /// # Panics
    /// If `output` does not hold `height × width × 3` values of [`size`](Self::size).
    pub fn apply_plan(
        &self,
        mut plan: Plan,
        picture: Picture,
        random: &mut Generator,
        output: &mut [f32],
    ) {
        let [height, width] = self.size;
        let expected = height as usize * width as usize * 3;
        assert!(
            output.len() == expected,
            "the output of {width}x{height} pictures has {expected} values, found {}",
            output.len()
        );
        let flip = plan.take_last_flip();
        BUFFERS.with_borrow_mut(|buffers| {
            let spare = std::mem::take(&mut buffers.picture);
            let (picture, spare) = plan.apply_with(picture, spare);
            let row = &mut buffers.row;
            self.scaling.apply(picture.pixels(), width as usize, flip, row, output);
            let done = picture.into_pixels();
            let larger = if done.capacity() > spare.capacity() { done } else { spare };
            if larger.capacity() <= LARGEST_KEPT {
                buffers.picture = larger;
            }
        });
        for erasing in &self.erasings {
            if let Some(part) = erasing.region(self.size, random) {
                erase(output, width as usize, part, erasing.value, random);
            }
        }
    }

    /// The picture that values of [`apply`](Self::apply) stand for, for figures: their normalization
    /// undone, with whatever was done to them since.
    ///
    /// # Panics
    /// If there are not `height × width × 3` values of [`size`](Self::size).
    #[must_use]
    pub fn picture_of(&self, values: &[f32]) -> Picture {
        let [height, width] = self.size;
        Picture::new(width, height, self.scaling.pixels_of(values))
    }

    /// The picture transforms only, for figures: what [`apply`](Self::apply) would normalize.
    #[must_use]
    pub fn apply_to_picture(&self, picture: Picture, random: &mut Generator) -> Picture {
        let picture = at_least_one_pixel(picture);
        self.sample([picture.height(), picture.width()], random).apply(picture)
    }
}

impl Pipeline {
    /// The picture transforms only, with the mask, for figures.
    ///
    /// # Panics
    /// If picture and mask differ in size.
    #[must_use]
    pub fn apply_to_pair(
        &self,
        picture: Picture,
        mask: Mask,
        random: &mut Generator,
    ) -> (Picture, Mask) {
        check_pair(&picture, &mask);
        let (plan, mask) = self.sample_with_mask(mask, random);
        (plan.apply(picture), mask)
    }
}

fn check_pair(picture: &Picture, mask: &Mask) {
    let (size, other) = ((picture.width(), picture.height()), (mask.width(), mask.height()));
    assert!(size == other, "the mask is {other:?}, its picture {size:?}");
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Picture => "a picture transform",
            Self::Normalize => "normalize",
            Self::Numbers => "random_erasing",
        }
    }
}

/// No file decodes to an empty picture, but one could be built: it counts as a black pixel.
fn at_least_one_pixel(picture: Picture) -> Picture {
    if picture.pixels().is_empty() { Picture::filled(1, 1, [0; 3]) } else { picture }
}

/// The part of the picture's shorter side that evaluation looks at after training on random crops.
const EVALUATED_SHARE: f64 = 0.875;

/// What suits evaluation after training with `train` at `size`, `[height, width]`.
///
/// After training on random resized crops things look larger than in the whole picture: the
/// picture is resized to a shorter side of `size / 0.875` and its middle cut out (where `size` is
/// no square, both sides are resized so). Otherwise it is resized to `size`. The training's
/// `normalize` is kept.
#[must_use]
pub fn default_evaluation(train: &[Transform], size: [u32; 2]) -> Vec<Transform> {
    let crop = train.iter().find_map(|transform| match transform {
        Transform::RandomResizedCrop(crop) => Some(crop),
        _ => None,
    });
    let mut evaluation = if let Some(crop) = crop {
        let size = crop.size.map_or(size, Size::square);
        let [height, width] = size.map(|side| (f64::from(side) / EVALUATED_SHARE).round() as u32);
        let larger = if height == width { Size::One(height) } else { Size::Both([height, width]) };
        let interpolation = crop.interpolation;
        vec![
            Transform::Resize(Resize { size: Some(larger), max_size: None, interpolation }),
            Transform::CenterCrop(CenterCrop { size: Some(Size::Both(size)) }),
        ]
    } else {
        let size = Some(Size::Both(size));
        vec![Transform::Resize(Resize { size, ..Resize::default() })]
    };
    let normalize = train.iter().find(|transform| matches!(transform, Transform::Normalize(_)));
    evaluation.extend(normalize.cloned());
    evaluation
}

/// What suits evaluation of masks after training with `train` at `size`, `[height, width]`: the
/// whole picture at that size, since every pixel counts. The training's `normalize` is kept.
#[must_use]
pub fn default_mask_evaluation(train: &[Transform], size: [u32; 2]) -> Vec<Transform> {
    let resize = Resize { size: Some(Size::Both(size)), ..Resize::default() };
    let mut evaluation = vec![Transform::Resize(resize)];
    let normalize = train.iter().find(|transform| matches!(transform, Transform::Normalize(_)));
    evaluation.extend(normalize.cloned());
    evaluation
}
