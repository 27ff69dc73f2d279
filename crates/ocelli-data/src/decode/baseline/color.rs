//! From planes of samples to RGB: chroma at full size, then the colours, as libjpeg does it.

use super::Part;
use super::header::Frame;
use super::scan::Plane;

/// The part of the picture in RGB, `[rows, columns, 3]`.
pub(super) fn to_rgb(frame: &Frame, planes: &[Plane], part: &Part) -> Vec<u8> {
    let width = part.columns.len();
    let mut out = vec![0; width * part.rows.len() * 3];
    let rows = part.rows.clone().zip(out.chunks_exact_mut(width * 3));
    match planes {
        [luma, blue, red] => {
            let mut chroma = Chroma::new(frame, part);
            for (row, out) in rows {
                let luma = luma.row(row, part.columns.start, width);
                chroma.upsample(row, [blue, red]);
                convert(luma, chroma.values(0, width), chroma.values(1, width), out);
            }
        }
        [luma, ..] => {
            for (row, out) in rows {
                let luma = luma.row(row, part.columns.start, width);
                for (color, &value) in out.as_chunks_mut::<3>().0.iter_mut().zip(luma) {
                    *color = [value; 3];
                }
            }
        }
        [] => {}
    }
    out
}

impl Plane {
    /// `length` samples of a row, from `column` on; both counted in the whole component.
    fn row(&self, row: usize, column: usize, length: usize) -> &[u8] {
        let start = (row - self.origin[1]) * self.stride + column - self.origin[0];
        &self.samples[start..start + length]
    }
}

/// Rows of chroma at the size of luma.
struct Chroma {
    /// Across and down.
    halved: [bool; 2],
    /// The component's size: where interpolation ends.
    size: [usize; 2],
    /// The columns of the component that are needed, apart from their neighbours.
    columns: std::ops::Range<usize>,
    /// Columns of luma that come out to the left of those wanted.
    lead: usize,
    /// Vertically interpolated sums, with a neighbour on either side.
    sums: Vec<u16>,
    /// Blue and red, less 128.
    values: [Vec<i16>; 2],
}

impl Chroma {
    fn new(frame: &Frame, part: &Part) -> Self {
        let halved = frame.luma_blocks.map(|blocks| blocks == 2);
        let half = |side: usize, halved: bool| if halved { side.div_ceil(2) } else { side };
        let size = [half(frame.width, halved[0]), half(frame.height, halved[1])];
        let columns = match halved[0] {
            true => part.columns.start / 2..part.columns.end.div_ceil(2),
            false => part.columns.clone(),
        };
        let first = if halved[0] { columns.start * 2 } else { columns.start };
        let length = columns.len() * if halved[0] { 2 } else { 1 };
        Self {
            halved,
            size,
            lead: part.columns.start - first,
            sums: vec![0; columns.len() + 2],
            values: [vec![0; length], vec![0; length]],
            columns,
        }
    }

    fn values(&self, at: usize, width: usize) -> &[i16] {
        &self.values[at][self.lead..self.lead + width]
    }

    /// Fills in the values for a row of luma.
    fn upsample(&mut self, row: usize, planes: [&Plane; 2]) {
        let Self { halved, size, columns, sums, values, .. } = self;
        let ([near, far], scale) = match halved[1] {
            false => ([row, row], 1),
            true => {
                let near = row / 2;
                let far = if row.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
                ([near, far.min(size[1] - 1)], 4)
            }
        };
        for (plane, values) in planes.into_iter().zip(values) {
            if !halved[0] {
                let samples = plane.row(near, columns.start, columns.len());
                for (value, &sample) in values.iter_mut().zip(samples) {
                    *value = i16::from(sample) - 128;
                }
                continue;
            }
            // One more column on either side; at the picture's edges there is none.
            let left = usize::from(columns.start > 0);
            let right = usize::from(columns.end < size[0]);
            let start = columns.start - left;
            let length = columns.len() + left + right;
            let wanted = &mut sums[1 - left..][..length];
            let (near, far) = (plane.row(near, start, length), plane.row(far, start, length));
            if scale == 4 {
                for ((sum, &near), &far) in wanted.iter_mut().zip(near).zip(far) {
                    *sum = 3 * u16::from(near) + u16::from(far);
                }
            } else {
                for (sum, &near) in wanted.iter_mut().zip(near) {
                    *sum = u16::from(near);
                }
            }
            // The edge's own value in place of a neighbour gives libjpeg's special cases.
            let last = columns.len();
            if left == 0 {
                sums[0] = sums[1];
            }
            if right == 0 {
                sums[last + 1] = sums[last];
            }
            let (pairs, _) = values.as_chunks_mut::<2>();
            match scale {
                4 => widen::<4, 8, 7>(sums, pairs),
                _ => widen::<2, 1, 2>(sums, pairs),
            }
        }
    }
}

/// Twice as many columns: three parts of the nearer, one of the farther, with libjpeg's rounding.
#[inline(always)]
fn widen<const SHIFT: u32, const LEFT: u16, const RIGHT: u16>(sums: &[u16], out: &mut [[i16; 2]]) {
    let count = out.len();
    let (before, here, after) = (&sums[..count], &sums[1..count + 1], &sums[2..count + 2]);
    // Sums of four samples, and four of those, are far from overflowing; a check for it in debug
    // builds would cost the loop its vectors.
    let value = |sum: u16| ((sum >> SHIFT) as i16).wrapping_sub(128);
    for at in 0..count {
        let center = here[at].wrapping_mul(3);
        let left = center.wrapping_add(before[at]).wrapping_add(LEFT);
        let right = center.wrapping_add(after[at]).wrapping_add(RIGHT);
        out[at] = [value(left), value(right)];
    }
}

/// BT.601 as libjpeg has it, with 16 fractional bits; `blue` and `red` less 128.
fn convert(luma: &[u8], blue: &[i16], red: &[i16], out: &mut [u8]) {
    let done = convert_blocks(luma, blue, red, out);
    let rest = luma[done..].iter().zip(&blue[done..]).zip(&red[done..]);
    for (color, ((&luma, &blue), &red)) in
        out[done * 3..].as_chunks_mut::<3>().0.iter_mut().zip(rest)
    {
        let (luma, blue, red) = (i32::from(luma), i32::from(blue), i32::from(red));
        const HALF: i32 = 1 << 15;
        *color = [
            luma + ((91_881 * red + HALF) >> 16),
            luma + ((-22_554 * blue - 46_802 * red + HALF) >> 16),
            luma + ((116_130 * blue + HALF) >> 16),
        ]
        .map(|value| value.clamp(0, 255) as u8);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn convert_blocks(_: &[u8], _: &[i16], _: &[i16], _: &mut [u8]) -> usize {
    0
}

/// Converts eight colours at a time; returns how many.
#[cfg(target_arch = "x86_64")]
fn convert_blocks(luma: &[u8], blue: &[i16], red: &[i16], out: &mut [u8]) -> usize {
    use safe_arch::*;

    let load = |values: &[i16; 8]| m128i::from(*values);
    let one = set_splat_i16_m128i(1);
    // The constants less their whole part, so that they fit; (2 x c) >> 16, plus 1, >> 1 rounds
    // as adding half before one shift by 16 does.
    let share = |value, factor| {
        let high =
            mul_i16_keep_high_m128i(add_i16_m128i(value, value), set_splat_i16_m128i(factor));
        shr_imm_i16_m128i::<1>(add_i16_m128i(high, one))
    };
    let green_factors = set_splat_i32_m128i(18_734 << 16 | -22_554 & 0xffff);
    let half = set_splat_i32_m128i(1 << 15);
    let zero = m128i::default();
    let low_color = set_splat_i64_m128i(0x00ff_ffff);
    let high_color = set_splat_i64_m128i(0xffff_ff00_0000);
    let (luma, _) = luma.as_chunks::<8>();
    let (blue, _) = blue.as_chunks::<8>();
    let (red, _) = red.as_chunks::<8>();
    let blocks = luma.len();
    // Eight colours are written as 3 x 8 bytes.
    let (out, _) = out.as_chunks_mut::<24>();
    for (((luma, blue), red), out) in luma.iter().zip(blue).zip(red).zip(out) {
        let luma = unpack_low_i8_m128i(set_i64_m128i_s(i64::from_le_bytes(*luma)), zero);
        let (blue, red) = (load(blue), load(red));
        let r = add_i16_m128i(luma, add_i16_m128i(red, share(red, 26_345)));
        let b = add_i16_m128i(luma, add_i16_m128i(add_i16_m128i(blue, blue), share(blue, -14_942)));
        let g = [unpack_low_i16_m128i(blue, red), unpack_high_i16_m128i(blue, red)].map(|pairs| {
            shr_imm_i32_m128i::<16>(add_i32_m128i(
                mul_i16_horizontal_add_m128i(pairs, green_factors),
                half,
            ))
        });
        let g = add_i16_m128i(sub_i16_m128i(luma, red), pack_i32_to_i16_m128i(g[0], g[1]));
        let rb = pack_i16_to_u8_m128i(r, b);
        let g0 = pack_i16_to_u8_m128i(g, zero);
        // r g r g ... and b 0 b 0 ..., then r g b 0: a colour in 32 bits.
        let rg = unpack_low_i8_m128i(rb, g0);
        let b0 = unpack_low_i8_m128i(unpack_high_i64_m128i(rb, rb), zero);
        let quads = [unpack_low_i16_m128i(rg, b0), unpack_high_i16_m128i(rg, b0)];
        // Two colours in the low 48 bits of every 64.
        let pairs = quads.map(|quad| {
            let second = bitand_m128i(shr_imm_u64_m128i::<8>(quad), high_color);
            bitor_m128i(bitand_m128i(quad, low_color), second)
        });
        let [p0, p1, p2, p3] = [
            get_i64_from_m128i_s(pairs[0]),
            get_i64_from_m128i_s(unpack_high_i64_m128i(pairs[0], pairs[0])),
            get_i64_from_m128i_s(pairs[1]),
            get_i64_from_m128i_s(unpack_high_i64_m128i(pairs[1], pairs[1])),
        ]
        .map(|pair| pair as u64);
        let (words, _) = out.as_chunks_mut::<8>();
        words[0] = (p0 | p1 << 48).to_le_bytes();
        words[1] = (p1 >> 16 | p2 << 32).to_le_bytes();
        words[2] = (p2 >> 32 | p3 << 16).to_le_bytes();
    }
    blocks * 8
}
