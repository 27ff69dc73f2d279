//! The outlines of tails, bills and crests.

use super::Anatomy;
use crate::synth::form::{BillStyle, Crest, TailStyle};
use crate::synth::outline::{Frame, Outline, Point, heading};

impl Anatomy<'_> {
    pub(super) fn tail_outline(&self) -> Outline {
        let base = 0.16 * self.form.depth / self.form.tail.spread;
        let (smooth, shape): (bool, Vec<Point>) = match self.form.tail.style {
            TailStyle::Square => (
                false,
                vec![
                    [0.0, -base],
                    [0.96, -0.50],
                    [1.0, -0.42],
                    [1.0, 0.42],
                    [0.96, 0.50],
                    [0.0, base],
                ],
            ),
            TailStyle::Forked => (
                false,
                vec![
                    [0.0, -base],
                    [0.5, -0.42],
                    [1.04, -0.72],
                    [0.66, 0.0],
                    [1.04, 0.72],
                    [0.5, 0.42],
                    [0.0, base],
                ],
            ),
            TailStyle::Round => (
                true,
                vec![
                    [0.0, -base],
                    [0.6, -0.56],
                    [1.0, -0.50],
                    [1.12, 0.0],
                    [1.0, 0.50],
                    [0.6, 0.56],
                    [0.0, base],
                ],
            ),
            TailStyle::Pointed => (
                true,
                vec![
                    [0.0, -base * 1.2],
                    [0.45, -0.50],
                    [1.05, -0.07],
                    [1.08, 0.0],
                    [1.05, 0.07],
                    [0.45, 0.50],
                    [0.0, base * 1.2],
                ],
            ),
        };
        let points = self.tail.all_out(&shape);
        if smooth { Outline::smooth(&points) } else { Outline::polygon(&points) }
    }

    pub(super) fn bill_outline(&self) -> Outline {
        if self.form.faces_viewer {
            let shape =
                [[-0.3, -0.34], [-0.3, 0.34], [0.6, 0.30], [1.1, 0.0], [1.1, 0.0], [0.6, -0.30]];
            return Outline::smooth(&self.bill.all_out(&shape));
        }
        let bill = self.form.bill;
        let bend = bill.droop * bill.length / bill.depth;
        let shape: Vec<Point> = match bill.style {
            BillStyle::Pointed => vec![
                [-0.1, -0.62],
                [0.35, -0.42 + bend * 0.05],
                [0.75, -0.20 + bend * 0.45],
                [1.0, bend],
                [1.02, bend],
                [1.0, bend + 0.02],
                [0.75, 0.22 + bend * 0.55],
                [0.35, 0.46 + bend * 0.10],
                [-0.1, 0.62],
            ],
            BillStyle::Hooked => vec![
                [-0.1, -0.62],
                [0.45, -0.66],
                [0.98, -0.30],
                [1.06, 0.40 + bend * 0.5],
                [0.98, 0.70 + bend * 0.5],
                [0.96, 0.70 + bend * 0.5],
                [0.80, 0.24],
                [0.62, 0.46],
                [-0.1, 0.66],
            ],
            BillStyle::Flat => vec![
                [-0.1, -0.72],
                [0.30, -0.40],
                [0.70, -0.02 + bend * 0.6],
                [1.06, -0.08 + bend],
                [1.10, 0.36 + bend],
                [0.75, 0.46 + bend * 0.8],
                [0.35, 0.52 + bend * 0.3],
                [-0.1, 0.60],
            ],
            BillStyle::Banana => vec![
                [-0.1, -0.64],
                [0.30, -0.66],
                [0.75, -0.50 + bend * 0.4],
                [1.05, 0.10 + bend],
                [1.03, 0.30 + bend],
                [0.72, 0.36 + bend * 0.4],
                [0.35, 0.50],
                [-0.1, 0.60],
            ],
        };
        Outline::smooth(&self.bill.all_out(&shape))
    }

    pub(super) fn crest_outline(&self) -> Option<Outline> {
        let head = &self.skeleton.head;
        let crest = self.form.crest?;
        if self.form.faces_viewer {
            // What a crest is to others, ear tufts are to an owl.
            let mut tufts =
                Outline::polygon(&head.all_out(&[[-1.0, -0.3], [-0.95, -1.4], [-0.15, -0.8]]));
            tufts.add_polygon(&head.all_out(&[[0.15, -0.8], [0.95, -1.4], [1.0, -0.3]]));
            return Some(tufts);
        }
        Some(match crest {
            Crest::Swept => Outline::smooth(&head.all_out(&[
                [0.65, -0.55],
                [0.10, -1.25],
                [-0.75, -1.45],
                [-1.75, -1.30],
                [-1.80, -1.25],
                [-1.10, -0.80],
                [-0.90, -0.10],
                [0.0, -0.2],
            ])),
            Crest::Spiky => Outline::polygon(&head.all_out(&[
                [0.60, -0.60],
                [0.42, -1.45],
                [0.08, -1.02],
                [-0.28, -1.72],
                [-0.50, -1.02],
                [-1.05, -1.45],
                [-0.95, -0.72],
                [-1.50, -0.80],
                [-0.90, -0.10],
                [0.0, 0.0],
            ])),
            Crest::Plume => {
                let root = head.out([0.05, -0.75]);
                let mut plume = Outline::ribbon(
                    &[root, head.out([0.0, -1.35]), head.out([0.36, -1.80])],
                    self.form.head * 0.20,
                    self.form.head * 0.24,
                );
                let end = head.out([0.62, -1.72]);
                let ahead = heading(self.pose.head_angle - 0.5);
                let drop =
                    Frame::new(end, ahead, [self.form.head * 0.48, self.form.head * 0.27], false);
                let ring: Vec<Point> =
                    [[-1.0, 0.0], [-0.4, -0.9], [0.7, -0.9], [1.1, 0.0], [0.7, 0.9], [-0.4, 0.9]]
                        .map(|point| drop.out(point))
                        .to_vec();
                plume.add_smooth(&ring);
                plume
            }
            Crest::Fan => Outline::smooth(&head.all_out(&[
                [0.85, -0.40],
                [0.95, -1.25],
                [0.35, -1.95],
                [-0.45, -1.95],
                [-1.10, -1.40],
                [-1.00, -0.40],
                [0.0, 0.0],
            ])),
        })
    }
}
