//! The exponential function on vectors.
//!
//! `e^x = 2^n · e^r` with `n` the integer nearest to `x / ln 2`, so that `|r| <= ln 2 / 2`, where a
//! polynomial of degree 7 (Cephes' `expf`) is good to the last bit or two. Results below 2.4e-38
//! are zero, which spares the slow denormal numbers; beyond the largest float they are infinite;
//! of what is not a number the result is not a number.

use crate::isa::Simd;

/// `ln 2` in two parts. The first has ten bits, so that its product with any `n` is exact even
/// without a fused multiply-add.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// Coefficients of `(e^r - 1 - r) / r²`, highest power first.
const POLYNOMIAL: [f32; 6] =
    [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

/// `-125 ln 2`: the result's exponent, less one, must be one that a float has.
const SMALLEST: f32 = -86.643_394;

/// `e^x` in each lane.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let n = simd.round(simd.mul(x, simd.splat(std::f32::consts::LOG2_E)));
    let n = simd.max(simd.min(n, simd.splat(128.0)), simd.splat(-125.0));
    // From `x`, not from what `n` was limited to: so infinities and NaN come through.
    let r = simd.neg_mul_add(n, simd.splat(LN_2[0]), x);
    let r = simd.neg_mul_add(n, simd.splat(LN_2[1]), r);
    let mut sum = simd.splat(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        sum = simd.mul_add(sum, r, simd.splat(coefficient));
    }
    let one_and_r = simd.add(r, simd.splat(1.0));
    let mantissa = simd.mul_add(sum, simd.mul(r, r), one_and_r);
    // In two steps, as 2^128 is no float while e^88.7 is one.
    let half = simd.mul(mantissa, simd.power_of_two(simd.sub(n, simd.splat(1.0))));
    let result = simd.add(half, half);
    simd.select_greater(simd.splat(SMALLEST), x, simd.zero(), result)
}

/// `1 / (1 + e^-x)` in each lane.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    simd.div(one, simd.add(one, exp(simd, simd.sub(simd.zero(), x))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Kernel};

    /// Units in the last place. The polynomial and the two roundings of its last steps; a unit
    /// more where multiply and add are rounded apart.
    const EXP_ULPS: f64 = 2.0;

    struct Each<'a>(&'a [f32], &'a mut [f32]);

    impl Kernel for Each<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            for (from, to) in self.0.chunks(S::LANES).zip(self.1.chunks_mut(S::LANES)) {
                // SAFETY: both chunks are as long as `from`, at most a vector.
                unsafe {
                    let x = simd.load_partial(from.as_ptr(), from.len());
                    simd.store_partial(to.as_mut_ptr(), from.len(), exp(simd, x));
                }
            }
        }
    }

    #[test]
    fn the_exponential_is_exact_to_the_last_bits_over_its_whole_range() {
        let x: Vec<f32> =
            (0..400_003).map(|step| -86.6 + step as f32 * (88.72 + 86.6) / 400_002.0).collect();
        for isa in Isa::available() {
            let mut found = vec![0.0; x.len()];
            isa.run(Each(&x, &mut found));
            let worst = x.iter().zip(&found).fold(0.0, |worst: f64, (&x, &found)| {
                let expected = f64::from(x).exp();
                let unit = f64::from(f32::EPSILON) * expected.log2().floor().exp2();
                worst.max((f64::from(found) - expected).abs() / unit)
            });
            eprintln!("ran {}: {worst:.2} units", isa.name());
            assert!(worst < EXP_ULPS, "{}: {worst}", isa.name());

            let special = [-1e30, f32::NEG_INFINITY, -86.7, 0.0, 88.73, 89.0, 300.0, 1e30];
            let mut found = [-1.0; 8];
            isa.run(Each(&special, &mut found));
            let infinite = f32::INFINITY;
            assert_eq!(found, [0.0, 0.0, 0.0, 1.0, infinite, infinite, infinite, infinite]);
            let mut found = [0.0; 2];
            isa.run(Each(&[f32::INFINITY, f32::NAN], &mut found));
            assert!(found[0] == infinite && found[1].is_nan(), "{}: {found:?}", isa.name());
        }
        eprintln!("absent here: {:?}", Isa::absent());
    }
}
