//! Painting a bird, part by part, from the far side to the near one.

mod outlines;

use super::canvas::Canvas;
use super::form::{BillStyle, Form};
use super::outline::{Frame, Outline, Placement, Point, heading};
use super::palette::{mix, scale};
use super::plumage::Plumage;
use super::pose::{Pose, Stance};
use super::skeleton::Skeleton;
use super::texture::edge;

/// Labels, as positions in the list of part names.
const BODY: u8 = 1;
const WING: u8 = 2;
const HEAD: u8 = 3;
const BILL: u8 = 4;
const TAIL: u8 = 5;
const LEGS: u8 = 6;
const EYE: u8 = 7;
const CREST: u8 = 8;

/// Where an owl's eyes are, to either side of the middle.
const FACE_EYE: f32 = 0.42;

/// A bird in a pose, ready to be measured and painted.
pub(super) struct Anatomy<'a> {
    form: &'a Form,
    pose: &'a Pose,
    pub(super) skeleton: Skeleton,
    tail: Frame,
    folded: Frame,
    spread: [Frame; 2],
    bill: Frame,
}

impl<'a> Anatomy<'a> {
    pub(super) fn new(form: &'a Form, pose: &'a Pose) -> Self {
        let skeleton = Skeleton::new(form, pose);
        let flying = pose.stance == Stance::Flying;
        let back = pose.posture + std::f32::consts::PI;
        let lift = if flying { 0.0 } else { form.tail.lift };
        let spread = form.tail.spread * if flying { 1.5 } else { 1.0 };
        let tail = Frame::new(
            skeleton.at(-0.42, 0.0),
            heading(back - lift),
            [form.tail.length + 0.1, spread],
            false,
        );
        let width = form.wing[1] * (0.45 + form.depth);
        let folded = Frame::new(
            skeleton.at(0.27, -0.02 * form.depth),
            heading(back - 0.04),
            [form.wing[0], width],
            true,
        );
        let raised = |stroke: f32, forward: f32| {
            let origin = skeleton.at(forward, -0.16 * form.depth);
            Frame::new(origin, heading(pose.posture + stroke), form.span, stroke > 0.0)
        };
        let spread = [raised(pose.wings[0], 0.14), raised(pose.wings[1], 0.22)];
        let bill = if form.faces_viewer {
            Frame::new(skeleton.head.out([0.0, 0.02]), heading(-1.57), [form.head * 0.42; 2], false)
        } else {
            Frame::new(
                skeleton.head.out([0.80, 0.10]),
                heading(pose.head_angle),
                [form.bill.length + 0.2 * form.head, form.bill.depth],
                false,
            )
        };
        Self { form, pose, skeleton, tail, folded, spread, bill }
    }

    /// Points that enclose the bird, for placing it in a picture.
    pub(super) fn extent(&self) -> Vec<Point> {
        let mut points = self.skeleton.body().points().to_vec();
        points.extend(self.tail_outline().points());
        points.extend(self.bill_outline().points());
        for corner in [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0]] {
            points.push(self.skeleton.head.out(corner));
        }
        if let Some(crest) = self.crest_outline() {
            points.extend(crest.points());
        }
        match self.pose.stance {
            Stance::Flying => {
                // Spread wings may leave the picture a little, or birds in flight become tiny.
                for frame in &self.spread {
                    points.push(frame.out([0.85, 0.1]));
                }
            }
            Stance::Perched | Stance::Standing => points.push(self.skeleton.feet),
            Stance::Swimming => {}
        }
        points
    }

    /// Paints everything.
    pub(super) fn paint(&self, canvas: &mut Canvas, placement: Placement, plumage: &Plumage) {
        let flying = self.pose.stance == Stance::Flying;
        if flying {
            self.paint_spread(canvas, placement, plumage, 1);
        }
        self.paint_legs(canvas, placement, plumage);
        let tail = self.tail;
        let length = self.form.tail.length;
        canvas.paint(self.tail_outline(), placement, TAIL, |point| {
            plumage.tail(tail.into_frame(point), length)
        });
        canvas.paint(self.skeleton.body(), placement, BODY, |point| {
            let (along, across) = self.skeleton.locate(point);
            plumage.body(along, across)
        });
        if flying {
            self.paint_spread(canvas, placement, plumage, 0);
        } else {
            self.paint_folded(canvas, placement, plumage);
        }
        self.paint_head(canvas, placement, plumage);
    }

    fn paint_folded(&self, canvas: &mut Canvas, placement: Placement, plumage: &Plumage) {
        let wing = self.folded;
        let size = [self.form.wing[0], self.form.wing[1]];
        let shape = [
            [-0.06, -0.10],
            [0.10, -0.44],
            [0.42, -0.46],
            [0.76, -0.22],
            [1.03, 0.00],
            [1.05, 0.05],
            [0.74, 0.38],
            [0.44, 0.62],
            [0.14, 0.52],
            [-0.06, 0.20],
        ];
        let outline = Outline::smooth(&wing.all_out(&shape));
        canvas.paint(outline, placement, WING, |point| {
            plumage.folded_wing(wing.into_frame(point), size)
        });
    }

    fn paint_spread(
        &self,
        canvas: &mut Canvas,
        placement: Placement,
        plumage: &Plumage,
        side: usize,
    ) {
        let wing = self.spread[side];
        let mut shape = vec![[-0.05, 0.10], [0.02, -0.26], [0.30, -0.32], [0.52, -0.42]];
        if self.form.fingers {
            shape.extend([
                [0.84, -0.26],
                [1.06, -0.10],
                [1.06, -0.06],
                [0.86, 0.02],
                [0.88, 0.06],
                [1.04, 0.14],
                [1.03, 0.18],
                [0.84, 0.20],
                [0.84, 0.24],
                [0.96, 0.36],
                [0.94, 0.40],
                [0.76, 0.36],
                [0.70, 0.56],
            ]);
        } else {
            shape.extend([[0.86, -0.22], [1.08, 0.10], [1.08, 0.15], [0.80, 0.36]]);
        }
        shape.extend([[0.48, 0.60], [0.22, 0.68], [0.0, 0.52]]);
        let size = self.form.span;
        let outline = Outline::smooth(&wing.all_out(&shape));
        canvas.paint(outline, placement, WING, |point| {
            plumage.spread_wing(wing.into_frame(point), size, side == 1)
        });
    }

    fn paint_legs(&self, canvas: &mut Canvas, placement: Placement, plumage: &Plumage) {
        let skeleton = &self.skeleton;
        let color = plumage.colors.legs;
        let width = 0.030 + 0.25 * plumage.pixel;
        let mut bone = |points: &[Point], from: f32, to: f32, shade: f32| {
            canvas
                .paint(Outline::ribbon(points, from, to), placement, LEGS, |_| scale(color, shade));
        };
        match self.pose.stance {
            Stance::Swimming => {}
            Stance::Flying => {
                // Only long legs show in flight, trailing under the tail.
                if self.form.legs > 0.5 {
                    let hip = skeleton.at(-0.30, 0.12 * self.form.depth);
                    let end = skeleton.at(-0.42 - self.form.legs, 0.22 * self.form.depth);
                    bone(&[hip, end], width * 1.2, width * 0.8, 0.95);
                }
            }
            Stance::Perched | Stance::Standing => {
                let standing = self.pose.stance == Stance::Standing;
                for (step, shade) in [(0.085, 0.72), (-0.05, 1.0)] {
                    let [hip_x, hip_y] = skeleton.hip;
                    let [foot_x, foot_y] = [skeleton.feet[0] + step, skeleton.feet[1]];
                    let knee = [
                        hip_x + step * 0.6 - 0.035,
                        hip_y + (foot_y - hip_y) * if standing { 0.52 } else { 0.6 },
                    ];
                    let hip = [hip_x + step * 0.5, hip_y];
                    bone(&[hip, knee, [foot_x, foot_y]], width * 1.3, width * 0.9, shade);
                    let toes: &[Point] = if standing {
                        &[[0.16, 0.02], [0.10, 0.05], [-0.08, 0.03]]
                    } else {
                        &[[0.09, 0.03], [0.05, 0.06], [-0.05, 0.04]]
                    };
                    for toe in toes {
                        let end = [foot_x + toe[0], foot_y + toe[1]];
                        bone(&[[foot_x, foot_y - 0.01], end], width * 0.95, width * 0.6, shade);
                    }
                }
            }
        }
    }

    fn paint_head(&self, canvas: &mut Canvas, placement: Placement, plumage: &Plumage) {
        let head = self.skeleton.head;
        let radius = self.form.head;
        if let Some(crest) = self.crest_outline() {
            let (root, tip) = (plumage.colors.crest, scale(plumage.colors.crest, 0.80));
            canvas.paint(crest, placement, CREST, |point| {
                let [u, v] = head.into_frame(point);
                mix(root, tip, ((u * u + v * v).sqrt() - 0.9).clamp(0.0, 1.0))
            });
        }
        let bill = self.bill;
        let depth = self.form.bill.depth;
        let gape = if self.form.bill.style == BillStyle::Hooked { 0.16 } else { 0.05 };
        if self.form.faces_viewer {
            let round = Outline::ellipse(&Frame::new(
                head.out([0.0, 0.0]),
                heading(self.pose.head_angle * 0.5),
                [radius * 1.06, radius * 0.96],
                false,
            ));
            canvas.paint(round, placement, HEAD, |point| {
                plumage.face(head.into_frame(point), FACE_EYE, radius)
            });
            self.paint_eye(canvas, placement, plumage, [-FACE_EYE, -0.06], 0.25);
            self.paint_eye(canvas, placement, plumage, [FACE_EYE, -0.06], 0.25);
            canvas.paint(self.bill_outline(), placement, BILL, |point| {
                plumage.bill(bill.into_frame(point), radius * 0.4, 2.0)
            });
            return;
        }
        let bill_outline = self.bill_outline();
        canvas.paint(bill_outline, placement, BILL, |point| {
            plumage.bill(bill.into_frame(point), depth, gape)
        });
        let round = Outline::ellipse(&Frame::new(
            head.out([0.02, 0.0]),
            heading(self.pose.head_angle),
            [radius * 1.04, radius * 0.95],
            false,
        ));
        canvas.paint(round, placement, HEAD, |point| plumage.head(head.into_frame(point), radius));
        self.paint_eye(canvas, placement, plumage, [0.36, -0.14], 0.2);
    }

    fn paint_eye(
        &self,
        canvas: &mut Canvas,
        placement: Placement,
        plumage: &Plumage,
        middle: Point,
        size: f32,
    ) {
        // Eyes don't shrink with the head, nor below what can be seen.
        let radius = (size * (self.form.head * 0.6 + 0.095)).max(plumage.pixel * 0.95);
        let center = self.skeleton.head.out(middle);
        let frame = Frame::new(center, heading(0.0), [radius; 2], false);
        let iris = plumage.colors.iris;
        let pupil_radius = if self.form.faces_viewer { 0.56 } else { 0.66 };
        let soft = 0.1 + plumage.pixel / radius;
        canvas.paint(Outline::ellipse(&frame), placement, EYE, |point| {
            let [u, v] = frame.into_frame(point);
            let distance = (u * u + v * v).sqrt();
            let pupil = edge(pupil_radius - distance, soft);
            let color = mix(iris, [0.05, 0.04, 0.05], pupil);
            let [x, y] = [u + 0.25, v + 0.32];
            let glint = edge(0.30 - (x * x + y * y).sqrt(), soft * 0.6);
            mix(color, [1.0; 3], glint)
        });
    }
}
