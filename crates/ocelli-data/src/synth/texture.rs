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
    let off_center = (value - whole(value) as f32 - 0.5).abs();
    // Stripes finer than two pixels would shimmer: they become an even tone.
    let visible = 1.0 - ease(0.5, 1.0, width);
    let stripe = edge(duty * 0.5 - off_center, width);
    duty + (stripe - duty) * visible
}

/// Round spots on a staggered grid of unit distance, with this radius.
pub(super) fn spots([x, y]: Point, radius: f32, width: f32) -> f32 {
    let row = whole(y);
    let staggered = if row % 2 == 0 { x } else { x + 0.5 };
    let offset_x = staggered - whole(staggered) as f32 - 0.5;
    let offset_y = y - row as f32 - 0.5;
    edge(radius - (offset_x * offset_x + offset_y * offset_y).sqrt(), width)
}

/// The rims of overlapping round feathers in rows of unit length, tips toward larger x.
pub(super) fn scallops([x, y]: Point, width: f32) -> f32 {
    let row = whole(x);
    let staggered = if row % 2 == 0 { y } else { y + 0.5 };
    let across = (staggered - whole(staggered) as f32 - 0.5) * 2.0;
    let rim = 0.92 - across * across * 0.55;
    band(x - row as f32, rim, 0.13, width.max(0.12))
}

/// Value noise with a lattice of unit distance, 0 to 1.
pub(super) fn noise([x, y]: Point, key: u32) -> f32 {
    let (column, row) = (whole(x), whole(y));
    let key = key.wrapping_mul(KEY_STEP);
    let (left, top) = (column_bits(column), row_bits(row) ^ key);
    let (right, bottom) =
        (column_bits(column.wrapping_add(1)), row_bits(row.wrapping_add(1)) ^ key);
    let level = |share: f32| share * share * (3.0 - 2.0 * share);
    let (across, down) = (level(x - column as f32), level(y - row as f32));
    let between = |a: u32, b: u32| {
        let (a, b) = (fraction(stirred(a)), fraction(stirred(b)));
        a + (b - a) * across
    };
    let above = between(left ^ top, right ^ top);
    let below = between(left ^ bottom, right ^ bottom);
    above + (below - above) * down
}

/// Two octaves of [`noise`].
pub(super) fn clouds(point: Point, key: u32) -> f32 {
    let fine = [point[0] * 2.3 + 7.1, point[1] * 2.3 + 3.7];
    noise(point, key) * 0.68 + noise(fine, key ^ 0x9e37_79b9) * 0.32
}

/// The largest whole number not above `value`. `f32::floor` is a call into the platform's library
/// on processors without an instruction for it, and took a twentieth of the time.
fn whole(value: f32) -> i32 {
    let cut = value as i32;
    cut - i32::from(value < cut as f32)
}

/// A number in 0 to 1 for each lattice point.
pub(super) fn lattice(x: i32, y: i32, key: u32) -> f32 {
    fraction(lattice_bits(x, y, key))
}

/// 32 well-mixed bits for each lattice point.
pub(super) fn lattice_bits(x: i32, y: i32, key: u32) -> u32 {
    stirred(column_bits(x) ^ row_bits(y) ^ key.wrapping_mul(KEY_STEP))
}

const KEY_STEP: u32 = 0xcb1a_b31f;

fn column_bits(x: i32) -> u32 {
    (x as u32).wrapping_mul(0x8da6_b343)
}

fn row_bits(y: i32) -> u32 {
    (y as u32).wrapping_mul(0xd816_3841)
}

/// Spreads every bit over all others: two rounds of multiply and shift.
fn stirred(mut bits: u32) -> u32 {
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x2c1b_3c6d);
    bits ^= bits >> 12;
    bits = bits.wrapping_mul(0x297a_2d39);
    bits ^ (bits >> 15)
}

fn fraction(bits: u32) -> f32 {
    // Through a signed number: processors convert those in one instruction.
    (bits >> 8) as i32 as f32 * (1.0 / (1u32 << 24) as f32)
}
