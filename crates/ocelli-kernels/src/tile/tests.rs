use super::*;
use crate::isa::Isa;

/// Sums of a few hundred products of numbers around 1 in f32; relative to the largest result.
const TOLERANCE: f64 = 2e-6;

/// Numbers in -1..1 that don't repeat.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

struct EveryTile;

impl Kernel for EveryTile {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = 2 * S::LANES;
        for rows in 1..=S::TILE_ROWS {
            for (row, step, depth) in [(67, 1, 5), (64, 1, 33), (1, 19, 7), (3, 1, 0), (2, 1, 1)] {
                let parts = [(0, 2), (11, 0), (4, 1)]
                    .map(|(left, place)| Part { left, right: place * depth * width });
                let left = numbers(rows * row + depth * step + 32, 7);
                let right = numbers(parts.len() * depth * width, 9);
                for columns in [1, S::LANES - 1, S::LANES, S::LANES + 1, width - 1, width] {
                    let out_row = width + 3;
                    let start = numbers(rows * out_row, 3);
                    let bias = numbers(width, 5);
                    let residual = numbers(rows * out_row, 6);
                    let epilogue = Finish::Epilogue {
                        bias: bias.as_ptr(),
                        residual: residual.as_ptr(),
                        relu: true,
                    };
                    for finish in [Finish::Store, Finish::Accumulate, epilogue] {
                        let mut out = start.clone();
                        let operands = Tile {
                            left: left.as_ptr(),
                            row,
                            step,
                            parts: &parts,
                            depth,
                            right: right.as_ptr(),
                            out: out.as_mut_ptr(),
                            out_row,
                            columns,
                            finish,
                        };
                        // SAFETY: the vectors above have room for every address of the formula.
                        unsafe { tile(simd, rows, &operands) };
                        for r in 0..rows {
                            for j in 0..out_row {
                                let at = r * out_row + j;
                                if j >= columns {
                                    assert_eq!(out[at], start[at], "wrote beside the tile");
                                    continue;
                                }
                                let mut sum = 0.0;
                                for part in parts {
                                    for k in 0..depth {
                                        sum += f64::from(left[part.left + r * row + k * step])
                                            * f64::from(right[part.right + k * width + j]);
                                    }
                                }
                                let expected = match finish {
                                    Finish::Store => sum,
                                    Finish::Accumulate => sum + f64::from(start[at]),
                                    Finish::Epilogue { .. } => {
                                        (sum + f64::from(bias[j]) + f64::from(residual[at]))
                                            .max(0.0)
                                    }
                                };
                                let error = (f64::from(out[at]) - expected).abs();
                                assert!(
                                    error < TOLERANCE * 20.0,
                                    "{} rows {rows} row {row} depth {depth}: {error}",
                                    S::NAME
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "says which instruction sets ran")]
fn a_tile_of_any_height_and_width_is_the_matrix_product() {
    for isa in Isa::available() {
        println!("ran {}", isa.name());
        isa.run(EveryTile);
    }
    println!("absent here: {:?}", Isa::absent());
}

#[test]
fn pieces_are_few_and_nearly_equal() {
    let found: Vec<_> = pieces(32, 14).collect();
    assert_eq!(found, [(0, 11), (11, 11), (22, 10)]);
    assert_eq!(pieces(0, 14).count(), 0);
    assert_eq!(pieces(7, 14).collect::<Vec<_>>(), [(0, 7)]);
}
