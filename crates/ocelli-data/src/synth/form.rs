//! The shapes that birds come in.

use super::dice::Dice;

/// A species' shape. Lengths are in body lengths, angles in radians above the horizontal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// How upright the body is held.
    pub(super) posture: f32,
    /// Height of the body.
    pub(super) depth: f32,
    pub(super) neck: f32,
    pub(super) neck_width: f32,
    /// Radius of the head.
    pub(super) head: f32,
    pub(super) bill: Bill,
    pub(super) tail: Tail,
    /// Length and width of the folded wing.
    pub(super) wing: [f32; 2],
    /// Length and chord of the spread wing.
    pub(super) span: [f32; 2],
    /// Whether the spread wing ends in fingers.
    pub(super) fingers: bool,
    pub(super) legs: f32,
    pub(super) crest: Option<Crest>,
    /// Whether the face turns to the viewer, as an owl's.
    pub(super) faces_viewer: bool,
    /// How often it is seen perched, standing, swimming, flying.
    pub(super) habits: [f32; 4],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bill {
    pub(super) length: f32,
    pub(super) depth: f32,
    /// How far the tip lies below the base, for its length.
    pub(super) droop: f32,
    pub(super) style: BillStyle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BillStyle {
    Pointed,
    Hooked,
    Flat,
    Banana,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) length: f32,
    /// Width at the end.
    pub(super) spread: f32,
    pub(super) style: TailStyle,
    /// How far it is held above the body's axis.
    pub(super) lift: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TailStyle {
    Square,
    Forked,
    Round,
    Pointed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crest {
    Swept,
    Spiky,
    Plume,
    Fan,
}

/// One kind of bird before a species varies it.
struct Kind {
    /// Degrees, depth, neck, neck width, head.
    body: [f32; 5],
    bill: (f32, f32, f32, BillStyle),
    tail: (f32, f32, TailStyle),
    wing: [f32; 2],
    span: [f32; 2],
    fingers: bool,
    legs: f32,
    crest: f32,
    habits: [f32; 4],
}

use BillStyle::{Banana, Flat, Hooked, Pointed};
use TailStyle as T;

/// The kinds. Their order is part of what a seed means: append, never reorder.
#[rustfmt::skip]
const KINDS: [Kind; 15] = [
    // Songbird, finch, wader, duck, swan.
    Kind { body: [26.0, 0.60, 0.13, 0.30, 0.245], bill: (0.20, 0.09, 0.02, Pointed), tail: (0.55, 0.17, T::Square), wing: [0.78, 0.34], span: [1.05, 0.52], fingers: false, legs: 0.30, crest: 0.3, habits: [0.8, 0.05, 0.0, 0.15] },
    Kind { body: [30.0, 0.74, 0.08, 0.36, 0.30], bill: (0.19, 0.20, 0.10, Pointed), tail: (0.42, 0.18, T::Forked), wing: [0.72, 0.38], span: [0.95, 0.55], fingers: false, legs: 0.26, crest: 0.2, habits: [0.82, 0.0, 0.0, 0.18] },
    Kind { body: [14.0, 0.48, 0.36, 0.13, 0.165], bill: (0.52, 0.06, 0.10, Pointed), tail: (0.22, 0.14, T::Round), wing: [0.88, 0.32], span: [1.2, 0.42], fingers: false, legs: 0.66, crest: 0.1, habits: [0.0, 0.84, 0.0, 0.16] },
    Kind { body: [5.0, 0.56, 0.26, 0.20, 0.22], bill: (0.26, 0.12, 0.12, Flat), tail: (0.26, 0.15, T::Pointed), wing: [0.74, 0.34], span: [1.05, 0.45], fingers: false, legs: 0.18, crest: 0.15, habits: [0.0, 0.18, 0.67, 0.15] },
    Kind { body: [7.0, 0.60, 0.78, 0.13, 0.165], bill: (0.24, 0.10, 0.12, Flat), tail: (0.24, 0.16, T::Round), wing: [0.82, 0.42], span: [1.25, 0.48], fingers: false, legs: 0.24, crest: 0.0, habits: [0.0, 0.15, 0.70, 0.15] },
    // Heron, owl, falcon, parrot, toucan.
    Kind { body: [32.0, 0.44, 0.82, 0.10, 0.145], bill: (0.46, 0.09, 0.04, Pointed), tail: (0.24, 0.15, T::Square), wing: [0.88, 0.36], span: [1.35, 0.55], fingers: true, legs: 0.85, crest: 0.45, habits: [0.05, 0.80, 0.0, 0.15] },
    Kind { body: [70.0, 0.74, 0.10, 0.56, 0.38], bill: (0.17, 0.13, 0.4, Hooked), tail: (0.28, 0.24, T::Round), wing: [0.86, 0.36], span: [1.2, 0.62], fingers: true, legs: 0.17, crest: 0.5, habits: [0.86, 0.0, 0.0, 0.14] },
    Kind { body: [56.0, 0.56, 0.10, 0.34, 0.235], bill: (0.17, 0.15, 0.35, Hooked), tail: (0.55, 0.22, T::Square), wing: [0.95, 0.36], span: [1.4, 0.52], fingers: true, legs: 0.26, crest: 0.1, habits: [0.7, 0.0, 0.0, 0.3] },
    Kind { body: [58.0, 0.50, 0.08, 0.34, 0.27], bill: (0.23, 0.25, 0.55, Hooked), tail: (1.00, 0.15, T::Pointed), wing: [0.86, 0.32], span: [1.1, 0.48], fingers: false, legs: 0.18, crest: 0.35, habits: [0.84, 0.0, 0.0, 0.16] },
    Kind { body: [42.0, 0.52, 0.14, 0.28, 0.235], bill: (0.66, 0.25, 0.22, Banana), tail: (0.56, 0.17, T::Round), wing: [0.74, 0.34], span: [1.0, 0.5], fingers: false, legs: 0.22, crest: 0.0, habits: [0.86, 0.0, 0.0, 0.14] },
    // Hummingbird, swallow, quail, pheasant, kingfisher.
    Kind { body: [42.0, 0.48, 0.10, 0.28, 0.24], bill: (0.62, 0.05, 0.06, Pointed), tail: (0.42, 0.18, T::Forked), wing: [0.82, 0.24], span: [1.0, 0.34], fingers: false, legs: 0.12, crest: 0.15, habits: [0.45, 0.0, 0.0, 0.55] },
    Kind { body: [18.0, 0.44, 0.08, 0.30, 0.215], bill: (0.10, 0.09, 0.1, Pointed), tail: (0.80, 0.24, T::Forked), wing: [1.15, 0.26], span: [1.4, 0.38], fingers: false, legs: 0.16, crest: 0.0, habits: [0.45, 0.0, 0.0, 0.55] },
    Kind { body: [20.0, 0.84, 0.20, 0.26, 0.205], bill: (0.12, 0.11, 0.25, Hooked), tail: (0.20, 0.18, T::Round), wing: [0.66, 0.42], span: [0.9, 0.55], fingers: false, legs: 0.28, crest: 0.7, habits: [0.15, 0.73, 0.0, 0.12] },
    Kind { body: [18.0, 0.58, 0.34, 0.17, 0.175], bill: (0.15, 0.10, 0.25, Hooked), tail: (1.45, 0.20, T::Pointed), wing: [0.66, 0.36], span: [1.0, 0.58], fingers: true, legs: 0.40, crest: 0.45, habits: [0.05, 0.85, 0.0, 0.10] },
    Kind { body: [44.0, 0.60, 0.06, 0.42, 0.32], bill: (0.56, 0.14, 0.0, Pointed), tail: (0.24, 0.15, T::Square), wing: [0.72, 0.36], span: [0.95, 0.5], fingers: false, legs: 0.13, crest: 0.55, habits: [0.85, 0.0, 0.0, 0.15] },
];

/// Position of the owl in [`KINDS`].
const OWL: usize = 6;

/// One of the kinds, for [`imagine_form`].
pub(super) fn imagine_kind(dice: &mut Dice) -> usize {
    dice.below(KINDS.len())
}

/// Varies one of the kinds.
pub(super) fn imagine_form(kind_number: usize, dice: &mut Dice) -> Form {
    let kind = &KINDS[kind_number];
    let mut vary = |value: f32, amount: f32| value * (1.0 + amount * dice.deviation());
    let [degrees, depth, neck, neck_width, head] = kind.body;
    let posture = vary(degrees, 0.15).to_radians();
    let (depth, neck) = (vary(depth, 0.15), vary(neck, 0.2));
    let (neck_width, head) = (vary(neck_width, 0.1), vary(head, 0.1));
    let (bill_length, bill_depth) = (vary(kind.bill.0, 0.3), vary(kind.bill.1, 0.2));
    let (tail_length, tail_spread) = (vary(kind.tail.0, 0.35), vary(kind.tail.1, 0.3));
    let wing = [vary(kind.wing[0], 0.1), vary(kind.wing[1], 0.12)];
    let span = [vary(kind.span[0], 0.1), vary(kind.span[1], 0.15)];
    let legs = vary(kind.legs, 0.2);
    let droop = kind.bill.2 + if kind.bill.0 > 0.4 { 0.25 * dice.deviation() } else { 0.0 };
    let tail_style = if dice.chance(0.5) {
        kind.tail.2
    } else {
        dice.pick(&[T::Square, T::Forked, T::Round, T::Pointed])
    };
    let crest = dice
        .chance(kind.crest)
        .then(|| dice.pick(&[Crest::Swept, Crest::Spiky, Crest::Plume, Crest::Fan]));
    Form {
        posture,
        depth,
        neck,
        neck_width,
        head,
        bill: Bill { length: bill_length, depth: bill_depth, droop, style: kind.bill.3 },
        tail: Tail {
            length: tail_length,
            spread: tail_spread,
            style: tail_style,
            lift: dice.between(-0.25, 0.35),
        },
        wing,
        span,
        fingers: kind.fingers,
        legs,
        crest,
        faces_viewer: kind_number == OWL,
        habits: kind.habits,
    }
}
