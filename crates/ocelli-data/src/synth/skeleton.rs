//! How a bird of some form holds itself: the spine and what is attached to it.

use super::form::Form;
use super::outline::{Frame, Outline, Point, along, dot, heading, length, minus, quarter_turn};
use super::pose::{Pose, Stance};

/// Samples between two control points of the spine.
const STEPS: usize = 3;

/// A bird's bearing in its own coordinates: it looks right, its body is 1 long around the origin.
pub(super) struct Skeleton {
    /// Where the body points.
    pub(super) axis: Point,
    /// From the back to the belly.
    pub(super) down: Point,
    /// Height of the body.
    depth: f32,
    /// Whether the head sits close to the body.
    short_neck: bool,
    /// From the rump to the middle of the head, with the radius of the body at each point.
    spine: Vec<(Point, f32)>,
    /// The same, piece by piece.
    segments: Vec<Segment>,
    /// The head: 1 to the front (first axis) and to below (second).
    pub(super) head: Frame,
    /// Where the legs leave the body.
    pub(super) hip: Point,
    /// Where the feet are.
    pub(super) feet: Point,
}

/// A piece of the spine.
struct Segment {
    from: Point,
    ahead: Point,
    /// One over the square of its length.
    per_square: f32,
    radius: [f32; 2],
}

impl Skeleton {
    /// The bearing of a form in a pose.
    pub(super) fn new(form: &Form, pose: &Pose) -> Self {
        let axis = heading(pose.posture);
        let down = quarter_turn(axis);
        let depth = form.depth;
        let at =
            |forward: f32, below: f32| along(along([0.0; 2], axis, forward), down, below * depth);
        let neck_way = heading(pose.neck_angle);
        let neck_base = at(0.36, -0.10);
        let middle = along(neck_base, neck_way, form.neck + form.head * 0.7);
        let bow = quarter_turn(neck_way);
        let neck = |share: f32, bend: f32| {
            let straight = along(neck_base, minus(middle, neck_base), share);
            along(straight, bow, bend * form.neck)
        };
        let half_neck = form.neck_width * 0.5;
        let controls = [
            (at(-0.58, -0.02), 0.04),
            (at(-0.42, 0.0), 0.22 * depth),
            (at(-0.14, 0.02), 0.46 * depth),
            (at(0.12, 0.03), 0.50 * depth),
            (at(0.33, 0.0), 0.43 * depth),
            (neck(0.34, 0.22), half_neck * 0.75 + 0.10 * depth),
            (neck(0.68, -0.08), half_neck),
            (middle, form.head * 0.80),
        ];
        let hip = at(-0.24 * (-axis[1]), 0.36);
        let reach = match pose.stance {
            Stance::Perched => form.legs.min(0.34),
            _ => form.legs,
        };
        let spine = sampled(&controls);
        let segments = spine
            .windows(2)
            .map(|pair| {
                let [(from, from_radius), (to, to_radius)] = [pair[0], pair[1]];
                let ahead = minus(to, from);
                let per_square = 1.0 / dot(ahead, ahead).max(1e-9);
                Segment { from, ahead, per_square, radius: [from_radius, to_radius] }
            })
            .collect();
        Self {
            axis,
            down,
            depth,
            short_neck: form.neck < 0.3,
            spine,
            segments,
            head: Frame::new(middle, heading(pose.head_angle), [form.head; 2], false),
            hip,
            feet: [hip[0] + 0.03, hip[1] + depth * 0.10 + reach],
        }
    }

    /// A point ahead of the body's middle and below it, in body lengths.
    pub(super) fn at(&self, forward: f32, below: f32) -> Point {
        along(along([0.0; 2], self.axis, forward), self.down, below)
    }

    /// The outline of body and neck.
    pub(super) fn body(&self) -> Outline {
        let last = self.spine.len() - 1;
        let mut above = Vec::with_capacity(self.spine.len() * 2);
        let mut below = Vec::with_capacity(self.spine.len());
        for (position, &(point, radius)) in self.spine.iter().enumerate() {
            let before = self.spine[position.saturating_sub(1)].0;
            let after = self.spine[(position + 1).min(last)].0;
            let ahead = minus(after, before);
            let side = quarter_turn(ahead);
            let step = radius / length(ahead).max(1e-6);
            above.push(along(point, side, -step));
            below.push(along(point, side, step));
        }
        above.extend(below.into_iter().rev());
        let mut outline = Outline::smooth(&above);
        if self.short_neck {
            // Where a short neck bends up, the curve above folds in: this covers the notch.
            outline.add_smooth(&[
                self.at(-0.12, -0.38 * self.depth),
                self.at(0.08, -0.52 * self.depth),
                self.head.out([-0.80, 0.10]),
                self.head.out([-0.55, -0.55]),
                self.head.out([0.10, 0.10]),
                self.at(0.30, 0.10 * self.depth),
                self.at(0.0, 0.10 * self.depth),
            ]);
        }
        outline
    }

    /// Where a point lies on the body: from the rump (0) to the head (1), and from the back (-1)
    /// to the belly (1).
    pub(super) fn locate(&self, point: Point) -> (f32, f32) {
        let mut nearest = f32::MAX;
        let mut found = (0, 0.0);
        for (position, segment) in self.segments.iter().enumerate() {
            let offset = minus(point, segment.from);
            let share = (dot(offset, segment.ahead) * segment.per_square).clamp(0.0, 1.0);
            let away = along(offset, segment.ahead, -share);
            let distance = dot(away, away);
            if distance < nearest {
                nearest = distance;
                found = (position, share);
            }
        }
        let (position, share) = found;
        let segment = &self.segments[position];
        let radius = segment.radius[0] + (segment.radius[1] - segment.radius[0]) * share;
        let offset = minus(point, segment.from);
        let side = if dot(offset, quarter_turn(segment.ahead)) < 0.0 { -1.0 } else { 1.0 };
        let across = side * nearest.sqrt() / radius.max(1e-3);
        ((position as f32 + share) / self.segments.len() as f32, across.clamp(-1.0, 1.0))
    }
}

/// A Catmull-Rom curve through the control points.
fn sampled(controls: &[(Point, f32)]) -> Vec<(Point, f32)> {
    let last = controls.len() - 1;
    let mut samples = Vec::with_capacity(last * STEPS + 1);
    for position in 0..last {
        let a = controls[position.saturating_sub(1)];
        let (b, c) = (controls[position], controls[position + 1]);
        let d = controls[(position + 2).min(last)];
        for step in 0..STEPS {
            let share = step as f32 / STEPS as f32;
            let through = |a: f32, b: f32, c: f32, d: f32| {
                b + 0.5
                    * share
                    * (c - a
                        + share
                            * (2.0 * a - 5.0 * b + 4.0 * c - d + share * (3.0 * (b - c) + d - a)))
            };
            samples.push((
                [through(a.0[0], b.0[0], c.0[0], d.0[0]), through(a.0[1], b.0[1], c.0[1], d.0[1])],
                through(a.1, b.1, c.1, d.1).max(0.01),
            ));
        }
    }
    samples.push(controls[last]);
    samples
}
