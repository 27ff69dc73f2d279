//! What is to be done to one picture, with all chance already decided.

use super::geometry::{Geometry, Region};
use super::tone::Tone;
use crate::picture::{Mask, Picture};

/// One thing to do to a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Moves pixels, of the picture and of its mask.
    Geometry(Geometry),
    /// Changes colours, of the picture only.
    Tone(Tone),
}

impl From<Geometry> for Step {
    fn from(geometry: Geometry) -> Self {
        Self::Geometry(geometry)
    }
}

impl From<Tone> for Step {
    fn from(tone: Tone) -> Self {
        Self::Tone(tone)
    }
}

/// The steps sampled for one picture, in order, and the size that they lead to.
///
/// Sampling needs only the picture's size: the same plan serves the picture and its mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    size: [u32; 2],
    steps: Vec<Step>,
    followed: Option<Followed>,
}

/// A mask that the steps are done to as they are drawn, since a crop may look at it to choose.
#[derive(Clone, Debug, PartialEq)]
struct Followed {
    mask: Mask,
    /// How many of the steps have been done to it.
    done: usize,
}

impl Plan {
    /// Nothing to do yet to a picture of `[height, width]`.
    #[must_use]
    pub fn new(size: [u32; 2]) -> Self {
        Self { size, steps: Vec::new(), followed: None }
    }

    /// Nothing to do yet to a picture with this mask.
    pub(crate) fn following(mask: Mask) -> Self {
        let size = [mask.height(), mask.width()];
        Self { size, steps: Vec::new(), followed: Some(Followed { mask, done: 0 }) }
    }

    /// The mask after all the steps so far; `None` where there is none to follow.
    pub(crate) fn mask(&mut self) -> Option<&Mask> {
        let followed = self.followed.as_mut()?;
        for step in &self.steps[followed.done..] {
            if let Step::Geometry(geometry) = step {
                followed.mask = geometry.apply_to_mask(&followed.mask, Mask::IGNORE);
            }
        }
        followed.done = self.steps.len();
        Some(&followed.mask)
    }

    /// The mask after all the steps, which it no longer follows.
    pub(crate) fn take_mask(&mut self) -> Option<Mask> {
        self.mask()?;
        self.followed.take().map(|followed| followed.mask)
    }

    /// Adds a step after the others.
    pub fn push(&mut self, step: impl Into<Step>) {
        let step = step.into();
        if let Step::Geometry(geometry) = step {
            self.size = geometry.output_size(self.size);
        }
        self.steps.push(step);
    }

    /// `[height, width]` after all the steps.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// The steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the last step mirrors left and right; it is taken off the plan.
    pub(crate) fn take_last_flip(&mut self) -> bool {
        self.steps.pop_if(|step| *step == Step::Geometry(Geometry::FlipHorizontal)).is_some()
    }

    /// The only part of the picture that the plan looks at. From now on the plan is for that part
    /// alone, cut out, and comes to the same.
    ///
    /// `None` where the plan looks at the whole picture.
    #[must_use]
    pub fn take_crop(&mut self) -> Option<Region> {
        let first = self.steps.first_mut()?;
        let Step::Geometry(Geometry::ResizedCrop { region, height, width, interpolation }) = *first
        else {
            return None;
        };
        *first = Geometry::Resize { height, width, interpolation }.into();
        Some(region)
    }

    /// Does the steps to a picture. `spare` is a buffer to build pictures in; what is left of it
    /// comes back.
    #[must_use]
    pub(crate) fn apply_with(
        &self,
        mut picture: Picture,
        mut spare: Vec<u8>,
    ) -> (Picture, Vec<u8>) {
        for step in &self.steps {
            match step {
                Step::Geometry(geometry) => {
                    (picture, spare) = geometry.apply_with(picture, spare);
                }
                Step::Tone(tone) => tone.apply(&mut picture),
            }
        }
        (picture, spare)
    }

    /// Does the steps to a picture of the size that the plan was made for.
    #[must_use]
    pub fn apply(&self, picture: Picture) -> Picture {
        self.apply_with(picture, Vec::new()).0
    }

    /// Moves a mask as its picture; `fill` is the label of what was not in the mask.
    #[must_use]
    pub fn apply_to_mask(&self, mask: Mask, fill: u8) -> Mask {
        self.steps.iter().fold(mask, |mask, step| match step {
            Step::Geometry(geometry) => geometry.apply_to_mask(&mask, fill),
            Step::Tone(_) => mask,
        })
    }
}
