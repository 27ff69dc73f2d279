//! The inverse cosine transform: libjpeg's accurate integer one (`jidctint`), bit for bit.
//!
//! Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications"
//! (ICASSP 1989), in fixed point with 13 fractional bits.

/// Fractional bits of the constants.
const BITS: i32 = 13;
/// Fractional bits kept between the two passes.
const KEPT: i32 = 2;

const F_0_298: i32 = 2446;
const F_0_390: i32 = 3196;
const F_0_541: i32 = 4433;
const F_0_765: i32 = 6270;
const F_0_899: i32 = 7373;
const F_1_175: i32 = 9633;
const F_1_501: i32 = 12299;
const F_1_847: i32 = 15137;
const F_1_961: i32 = 16069;
const F_2_053: i32 = 16819;
const F_2_562: i32 = 20995;
const F_3_072: i32 = 25172;

/// The matrix of the even half: what coefficients 2 and 6 add to outputs 0 and 1.
const EVEN: [[i32; 2]; 2] = [[F_0_541 + F_0_765, F_0_541], [F_0_541, F_0_541 - F_1_847]];

/// A block whose only coefficient is the first, to `out`, whose rows are `stride` apart.
pub(super) fn flat(first: i16, out: &mut [u8], stride: usize) {
    let value = (((i32::from(first) << KEPT) + (1 << (KEPT + 2))) >> (KEPT + 3)) + 128;
    let value = value.clamp(0, 255) as u8;
    for row in 0..8 {
        out[row * stride..row * stride + 8].fill(value);
    }
}

/// A block of coefficients, row by row, to `out`, whose rows are `stride` apart.
pub(super) fn block(coefficients: &[i16; 64], out: &mut [u8], stride: usize) {
    #[cfg(target_arch = "x86_64")]
    let rows = sse2::block(coefficients);
    #[cfg(not(target_arch = "x86_64"))]
    let rows = portable::block(coefficients);
    for (row, values) in rows.iter().enumerate() {
        out[row * stride..row * stride + 8].copy_from_slice(values);
    }
}

/// One value at a time: for processors without a version of their own, and to test those against.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::*;

    pub(super) fn block(coefficients: &[i16; 64]) -> [[u8; 8]; 8] {
        let mut columns = [[0i16; 8]; 8];
        for (at, column) in columns.iter_mut().enumerate() {
            let input = std::array::from_fn(|row| coefficients[row * 8 + at]);
            *column = pass(input).map(|value| shift_right(value, BITS - KEPT));
        }
        std::array::from_fn(|row| {
            let input = std::array::from_fn(|column| columns[column][row]);
            pass(input).map(|value| {
                let value = shift_right(value, BITS + KEPT + 3);
                value.saturating_add(128).clamp(0, 255) as u8
            })
        })
    }

    fn shift_right(value: i32, bits: i32) -> i16 {
        let value = value.wrapping_add(1 << (bits - 1)) >> bits;
        value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }

    fn pass(input: [i16; 8]) -> [i32; 8] {
        let sum = |a: i16, b: i16| i32::from(a.wrapping_add(b));
        let input_wide = input.map(i32::from);
        let dot = |a: i32, b: i32, [x, y]: [i32; 2]| (a * x).wrapping_add(b * y);
        let [i0, i1, i2, i3, i4, i5, i6, i7] = input_wide;
        let upper = dot(i0, i4, [1 << BITS, 1 << BITS]);
        let lower = dot(i0, i4, [1 << BITS, -(1 << BITS)]);
        let [outer, inner] = EVEN.map(|row| dot(i2, i6, row));
        let even = [
            upper.wrapping_add(outer),
            lower.wrapping_add(inner),
            lower.wrapping_sub(inner),
            upper.wrapping_sub(outer),
        ];
        let (z3, z4) = (sum(input[7], input[3]), sum(input[5], input[1]));
        let y3 = dot(z3, z4, [F_1_175 - F_1_961, F_1_175]);
        let y4 = dot(z3, z4, [F_1_175, F_1_175 - F_0_390]);
        let odd = [
            dot(i7, i1, [-F_0_899, F_1_501 - F_0_899]).wrapping_add(y4),
            dot(i5, i3, [-F_2_562, F_3_072 - F_2_562]).wrapping_add(y3),
            dot(i5, i3, [F_2_053 - F_2_562, -F_2_562]).wrapping_add(y4),
            dot(i7, i1, [F_0_298 - F_0_899, -F_0_899]).wrapping_add(y3),
        ];
        std::array::from_fn(|at| match at {
            0..4 => even[at].wrapping_add(odd[at]),
            _ => even[7 - at].wrapping_sub(odd[7 - at]),
        })
    }
}

/// Eight values at a time. SSE2 is part of x86-64, so nothing is to be asked for.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use safe_arch::*;

    use super::*;

    pub(super) fn block(coefficients: &[i16; 64]) -> [[u8; 8]; 8] {
        let (rows, _) = coefficients.as_chunks::<8>();
        let rows: [m128i; 8] = std::array::from_fn(|row| load(&rows[row]));
        let columns = transpose(pass::<{ BITS - KEPT }>(rows));
        let rows = transpose(pass::<{ BITS + KEPT + 3 }>(columns));
        let middle = set_splat_i16_m128i(128);
        let rows = rows.map(|row| add_saturating_i16_m128i(row, middle));
        let mut out = [[0; 8]; 8];
        for (at, pair) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let both = pack_i16_to_u8_m128i(rows[2 * at], rows[2 * at + 1]);
            *pair = [both, unpack_high_i64_m128i(both, both)]
                .map(|row| get_i64_from_m128i_s(row).to_le_bytes());
        }
        out
    }

    fn load(values: &[i16; 8]) -> m128i {
        m128i::from(*values)
    }

    /// `a x + b y` in 32 bits, of eight values each.
    #[inline(always)]
    fn dot(a: m128i, b: m128i, [x, y]: [i32; 2]) -> [m128i; 2] {
        let factors = set_splat_i32_m128i(y << 16 | x & 0xffff);
        [unpack_low_i16_m128i(a, b), unpack_high_i16_m128i(a, b)]
            .map(|pairs| mul_i16_horizontal_add_m128i(pairs, factors))
    }

    #[inline(always)]
    fn add(a: [m128i; 2], b: [m128i; 2]) -> [m128i; 2] {
        [add_i32_m128i(a[0], b[0]), add_i32_m128i(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(a: [m128i; 2], b: [m128i; 2]) -> [m128i; 2] {
        [sub_i32_m128i(a[0], b[0]), sub_i32_m128i(a[1], b[1])]
    }

    /// One dimension, across the eight vectors, rounded to `SHIFT` bits less.
    #[inline(always)]
    fn pass<const SHIFT: i32>(input: [m128i; 8]) -> [m128i; 8] {
        let [i0, i1, i2, i3, i4, i5, i6, i7] = input;
        let upper = dot(i0, i4, [1 << BITS, 1 << BITS]);
        let lower = dot(i0, i4, [1 << BITS, -(1 << BITS)]);
        let [outer, inner] = EVEN.map(|row| dot(i2, i6, row));
        let even = [add(upper, outer), add(lower, inner), sub(lower, inner), sub(upper, outer)];
        let (z3, z4) = (add_i16_m128i(i7, i3), add_i16_m128i(i5, i1));
        let y3 = dot(z3, z4, [F_1_175 - F_1_961, F_1_175]);
        let y4 = dot(z3, z4, [F_1_175, F_1_175 - F_0_390]);
        let odd = [
            add(dot(i7, i1, [-F_0_899, F_1_501 - F_0_899]), y4),
            add(dot(i5, i3, [-F_2_562, F_3_072 - F_2_562]), y3),
            add(dot(i5, i3, [F_2_053 - F_2_562, -F_2_562]), y4),
            add(dot(i7, i1, [F_0_298 - F_0_899, -F_0_899]), y3),
        ];
        let half = set_splat_i32_m128i(1 << (SHIFT - 1));
        let round = |[low, high]: [m128i; 2]| {
            let low = shr_imm_i32_m128i::<SHIFT>(add_i32_m128i(low, half));
            let high = shr_imm_i32_m128i::<SHIFT>(add_i32_m128i(high, half));
            pack_i32_to_i16_m128i(low, high)
        };
        [
            round(add(even[0], odd[0])),
            round(add(even[1], odd[1])),
            round(add(even[2], odd[2])),
            round(add(even[3], odd[3])),
            round(sub(even[3], odd[3])),
            round(sub(even[2], odd[2])),
            round(sub(even[1], odd[1])),
            round(sub(even[0], odd[0])),
        ]
    }

    #[inline(always)]
    fn transpose(rows: [m128i; 8]) -> [m128i; 8] {
        let [a, b, c, d, e, f, g, h] = rows;
        let (p0, p1) = (unpack_low_i16_m128i(a, b), unpack_high_i16_m128i(a, b));
        let (p2, p3) = (unpack_low_i16_m128i(c, d), unpack_high_i16_m128i(c, d));
        let (p4, p5) = (unpack_low_i16_m128i(e, f), unpack_high_i16_m128i(e, f));
        let (p6, p7) = (unpack_low_i16_m128i(g, h), unpack_high_i16_m128i(g, h));
        let (q0, q1) = (unpack_low_i32_m128i(p0, p2), unpack_high_i32_m128i(p0, p2));
        let (q2, q3) = (unpack_low_i32_m128i(p1, p3), unpack_high_i32_m128i(p1, p3));
        let (q4, q5) = (unpack_low_i32_m128i(p4, p6), unpack_high_i32_m128i(p4, p6));
        let (q6, q7) = (unpack_low_i32_m128i(p5, p7), unpack_high_i32_m128i(p5, p7));
        [
            unpack_low_i64_m128i(q0, q4),
            unpack_high_i64_m128i(q0, q4),
            unpack_low_i64_m128i(q1, q5),
            unpack_high_i64_m128i(q1, q5),
            unpack_low_i64_m128i(q2, q6),
            unpack_high_i64_m128i(q2, q6),
            unpack_low_i64_m128i(q3, q7),
            unpack_high_i64_m128i(q3, q7),
        ]
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn eight_values_at_a_time_give_what_one_at_a_time_gives() {
        let mut state = 1u32;
        for magnitude in [3, 30, 300, 2000, 32767] {
            for _ in 0..2000 {
                let coefficients = std::array::from_fn(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ((state >> 16) as i32 % (2 * magnitude + 1) - magnitude) as i16
                });
                assert_eq!(sse2::block(&coefficients), portable::block(&coefficients));
            }
        }
    }

    #[test]
    fn a_flat_block_is_what_the_whole_transform_makes_of_it() {
        for first in -3000..3000 {
            let mut coefficients = [0; 64];
            coefficients[0] = first;
            let (mut short, mut long) = ([0; 64], [0; 64]);
            flat(first, &mut short, 8);
            block(&coefficients, &mut long, 8);
            assert_eq!(short, long, "{first}");
        }
    }
}
