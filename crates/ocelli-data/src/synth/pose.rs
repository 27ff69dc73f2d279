//! What one bird happens to be doing.

use super::dice::Dice;
use super::form::Form;

/// How a bird is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// On a branch.
    Perched,
    /// On the ground or in shallow water.
    Standing,
    /// Afloat.
    Swimming,
    /// In the air.
    Flying,
}

/// A pose; angles in radians above the horizontal, for a bird that looks right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub(super) stance: Stance,
    pub(super) looks_left: bool,
    /// How upright the body is.
    pub(super) posture: f32,
    pub(super) neck_angle: f32,
    pub(super) head_angle: f32,
    /// Turn of the whole picture of the bird.
    pub(super) roll: f32,
    /// Where the near and the far wing point when spread, from the body's axis.
    pub(super) wings: [f32; 2],
}

impl Pose {
    /// A pose that suits the form.
    pub(super) fn strike(form: &Form, dice: &mut Dice) -> Self {
        let stances = [Stance::Perched, Stance::Standing, Stance::Swimming, Stance::Flying];
        let stance = stances[dice.weighted(&form.habits)];
        let looks_left = dice.chance(0.5);
        let mut wobble = |amount: f32| amount * dice.deviation();
        let flying = stance == Stance::Flying;
        let posture = match stance {
            Stance::Flying => 0.10 + form.posture * 0.12 + wobble(0.15),
            Stance::Swimming => form.posture * 0.6 + wobble(0.06),
            _ => form.posture + wobble(0.16),
        };
        let neck_angle = if flying {
            posture + 0.35 + wobble(0.25)
        } else {
            let upright = if form.neck > 0.3 { 1.25 } else { posture * 0.45 + 0.75 };
            upright + wobble(0.22)
        };
        let head_angle = (if flying { 0.05 } else { 0.0 }) + wobble(0.30);
        let roll = if flying { wobble(0.35) } else { wobble(0.07) };
        let raised = dice.chance(0.62);
        let stroke = if raised { dice.between(1.35, 2.35) } else { dice.between(-1.9, -1.15) };
        let far = stroke + if raised { -0.42 } else { 0.42 } * dice.between(0.6, 1.3);
        Self { stance, looks_left, posture, neck_angle, head_angle, roll, wings: [stroke, far] }
    }
}
