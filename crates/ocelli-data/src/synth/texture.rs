//! Patterns as functions of position, smooth at the edges by as much as a pixel covers.

use super::outline::Point;

/// From 0 below to 1 above zero, over a distance of `width`.
pub(super) fn edge(value: f32, width: f32) -> f32 {
    (value / width.max(1e-6) + 0.5).clamp(0.0, 1.0)
}

/// From 0 to 1 with level ends.
pub(super) fn ease(from: f32, to: f32, value: f32) -> f32 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// A band around `center`.
pub(super) fn band(value: f32, center: f32, half: f32, width: f32) -> f32 {
    edge(half - (value - center).abs(), width)
}

/// Stripes at every whole number, each taking `duty` of the distance. `width` is a pixel's.
pub(super) fn stripes(value: f32, duty: f32, width: f32) -> f32 {
    let off_center = (value - value.floor() - 0.5).abs();
    // Stripes finer than two pixels would shimmer: they become an even tone.
    let visible = 1.0 - ease(0.5, 1.0, width);
    let stripe = edge(duty * 0.5 - off_center, width);
    duty + (stripe - duty) * visible
}

/// Round spots on a staggered grid of unit distance, with this radius.
pub(super) fn spots([x, y]: Point, radius: f32, width: f32) -> f32 {
    let row = y.floor();
    let stagger = if row as i32 % 2 == 0 { 0.0 } else { 0.5 };
    let offset_x = x + stagger - (x + stagger).floor() - 0.5;
    let offset_y = y - row - 0.5;
    edge(radius - (offset_x * offset_x + offset_y * offset_y).sqrt(), width)
}

/// The rims of overlapping round feathers in rows of unit length, tips toward larger x.
pub(super) fn scallops([x, y]: Point, width: f32) -> f32 {
    let row = x.floor();
    let stagger = if row as i32 % 2 == 0 { 0.0 } else { 0.5 };
    let across = (y + stagger - (y + stagger).floor() - 0.5) * 2.0;
    let rim = 0.92 - across * across * 0.55;
    band(x - row, rim, 0.13, width.max(0.12))
}

/// Value noise with a lattice of unit distance, 0 to 1.
pub(super) fn noise([x, y]: Point, key: u32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let corner = |right: i32, down: i32| {
        lattice((column as i32).wrapping_add(right), (row as i32).wrapping_add(down), key)
    };
    let level = |share: f32| share * share * (3.0 - 2.0 * share);
    let (right, down) = (level(x - column), level(y - row));
    let top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * right;
    let bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * right;
    top + (bottom - top) * down
}

/// Two octaves of [`noise`].
pub(super) fn clouds(point: Point, key: u32) -> f32 {
    let fine = [point[0] * 2.3 + 7.1, point[1] * 2.3 + 3.7];
    noise(point, key) * 0.68 + noise(fine, key ^ 0x9e37_79b9) * 0.32
}

/// A number in 0 to 1 for each lattice point.
pub(super) fn lattice(x: i32, y: i32, key: u32) -> f32 {
    let mut bits = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ key.wrapping_mul(0xcb1a_b31f);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x2c1b_3c6d);
    bits ^= bits >> 12;
    bits = bits.wrapping_mul(0x297a_2d39);
    bits ^= bits >> 15;
    (bits >> 8) as f32 / (1u32 << 24) as f32
}
