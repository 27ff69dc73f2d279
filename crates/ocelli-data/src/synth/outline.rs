//! Points, and closed shapes through them.

use tiny_skia::{Path, PathBuilder, Transform};

use super::dice::sin_cos;

/// x to the right, y down.
pub(super) type Point = [f32; 2];

/// `origin + direction * length`.
pub(super) fn along(origin: Point, direction: Point, length: f32) -> Point {
    [origin[0] + direction[0] * length, origin[1] + direction[1] * length]
}

pub(super) fn minus(left: Point, right: Point) -> Point {
    [left[0] - right[0], left[1] - right[1]]
}

pub(super) fn dot(left: Point, right: Point) -> f32 {
    left[0] * right[0] + left[1] * right[1]
}

pub(super) fn length(vector: Point) -> f32 {
    dot(vector, vector).sqrt()
}

/// A quarter turn: from the right to down.
pub(super) fn quarter_turn(vector: Point) -> Point {
    [-vector[1], vector[0]]
}

/// The direction that points `angle` radians above the right.
pub(super) fn heading(angle: f32) -> Point {
    let (sine, cosine) = sin_cos(angle);
    [cosine, -sine]
}

/// A frame of its own for a part: where it begins, where it points, and its size along and across.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    origin: Point,
    axis: Point,
    side: Point,
    size: [f32; 2],
}

impl Frame {
    /// A frame whose second axis is the first after a quarter turn (or, mirrored, against it).
    pub(super) fn new(origin: Point, axis: Point, size: [f32; 2], mirrored: bool) -> Self {
        let turned = quarter_turn(axis);
        let side = if mirrored { [-turned[0], -turned[1]] } else { turned };
        Self { origin, axis, side, size }
    }

    /// From the frame's coordinates to those around it.
    pub(super) fn out(&self, [u, v]: Point) -> Point {
        along(along(self.origin, self.axis, u * self.size[0]), self.side, v * self.size[1])
    }

    /// From the coordinates around the frame to its own.
    pub(super) fn into_frame(self, point: Point) -> Point {
        let offset = minus(point, self.origin);
        [dot(offset, self.axis) / self.size[0], dot(offset, self.side) / self.size[1]]
    }

    /// Many points out of the frame.
    pub(super) fn all_out(&self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|&point| self.out(point)).collect()
    }
}

/// From a bird's own coordinates (it looks right; its body is 1 long) to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    /// Pixels per unit.
    pub(super) scale: f32,
    cosine: f32,
    sine: f32,
    mirror: f32,
    shift: Point,
}

impl Placement {
    /// Rotation by `roll` radians (head up), then mirroring, then scaling; no shift yet.
    pub(super) fn new(scale: f32, roll: f32, mirrored: bool) -> Self {
        let (sine, cosine) = sin_cos(roll);
        Self { scale, cosine, sine, mirror: if mirrored { -1.0 } else { 1.0 }, shift: [0.0; 2] }
    }

    /// With a shift in pixels added.
    pub(super) fn shifted(self, by: Point) -> Self {
        Self { shift: along(self.shift, by, 1.0), ..self }
    }

    /// From units to pixels.
    pub(super) fn to_pixels(self, [x, y]: Point) -> Point {
        let turned = [x * self.cosine + y * self.sine, y * self.cosine - x * self.sine];
        along(self.shift, [turned[0] * self.mirror, turned[1]], self.scale)
    }

    /// From pixels to units.
    pub(super) fn to_units(self, pixel: Point) -> Point {
        let offset = minus(pixel, self.shift);
        let [x, y] = [offset[0] * self.mirror / self.scale, offset[1] / self.scale];
        [x * self.cosine - y * self.sine, y * self.cosine + x * self.sine]
    }

    fn transform(self) -> Transform {
        Transform::from_row(
            self.cosine * self.mirror * self.scale,
            -self.sine * self.scale,
            self.sine * self.mirror * self.scale,
            self.cosine * self.scale,
            self.shift[0],
            self.shift[1],
        )
    }
}

/// A shape to fill: closed curves in units.
#[derive(Clone, Debug, Default)]
pub(super) struct Outline {
    builder: PathBuilder,
    points: Vec<Point>,
}

impl Outline {
    /// The smooth closed curve that these points pull: a quadratic B-spline, which stays inside
    /// the points' hull and passes through the middle of each side.
    pub(super) fn smooth(points: &[Point]) -> Self {
        let mut outline = Self::default();
        outline.add_smooth(points);
        outline
    }

    /// Adds another smooth closed curve to the same shape.
    pub(super) fn add_smooth(&mut self, points: &[Point]) {
        let Some(&last) = points.last() else { return };
        let middle = |a: Point, b: Point| [(a[0] + b[0]) * 0.5, (a[1] + b[1]) * 0.5];
        let start = middle(last, points[0]);
        self.builder.move_to(start[0], start[1]);
        for (position, &point) in points.iter().enumerate() {
            let to = middle(point, points[(position + 1) % points.len()]);
            self.builder.quad_to(point[0], point[1], to[0], to[1]);
        }
        self.builder.close();
        self.points.extend_from_slice(points);
    }

    /// Adds a polygon to the same shape.
    pub(super) fn add_polygon(&mut self, points: &[Point]) {
        for (position, &[x, y]) in points.iter().enumerate() {
            if position == 0 { self.builder.move_to(x, y) } else { self.builder.line_to(x, y) }
        }
        self.builder.close();
        self.points.extend_from_slice(points);
    }

    /// A polygon.
    pub(super) fn polygon(points: &[Point]) -> Self {
        let mut outline = Self::default();
        outline.add_polygon(points);
        outline
    }

    /// An ellipse that fills a frame from -1 to 1.
    pub(super) fn ellipse(frame: &Frame) -> Self {
        // Twelve points at this distance pull a curve that differs from a circle by under 1 %.
        const OUT: f32 = 1.018;
        let points: Vec<Point> = (0..12)
            .map(|step| {
                let (sine, cosine) = sin_cos(step as f32 * (std::f32::consts::TAU / 12.0));
                frame.out([cosine * OUT, sine * OUT])
            })
            .collect();
        Self::smooth(&points)
    }

    /// A band along points that narrows from one width to another.
    pub(super) fn ribbon(points: &[Point], from: f32, to: f32) -> Self {
        let last = points.len().saturating_sub(1).max(1) as f32;
        let mut left = Vec::with_capacity(points.len() * 2);
        let mut right = Vec::with_capacity(points.len());
        for (position, &point) in points.iter().enumerate() {
            let before = points[position.saturating_sub(1)];
            let after = points[(position + 1).min(points.len() - 1)];
            let ahead = minus(after, before);
            let side = quarter_turn(ahead);
            let half = (from + (to - from) * position as f32 / last) * 0.5;
            let step = half / length(ahead).max(1e-6);
            left.push(along(point, side, step));
            right.push(along(point, side, -step));
        }
        left.extend(right.into_iter().rev());
        Self::polygon(&left)
    }

    /// The points that the shape lies between.
    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    /// The path in pixels; none where there is nothing to fill.
    pub(super) fn path(self, placement: Placement) -> Option<Path> {
        self.builder.finish()?.transform(placement.transform())
    }
}
