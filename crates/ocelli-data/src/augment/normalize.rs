//! From 8-bit pictures to normalized numbers, and what is done to the numbers.

use rand::RngExt;
use rand_distr::StandardNormal;

use super::geometry::Region;
use super::transform::Normalize;
use super::value::Erasure;
use crate::random::Generator;

/// Values handled at once: whole pixels, and whole vectors of 4, 8 and 16.
const BLOCK: usize = 48;

/// `(value / 255 - mean) / std` as one multiplication and one addition.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    factor: [f32; BLOCK],
    offset: [f32; BLOCK],
}

impl Scaling {
    pub(super) fn new(normalize: &Normalize) -> Self {
        let Normalize { mean, std } = normalize;
        Self {
            factor: std::array::from_fn(|at| (1.0 / (255.0 * std[at % 3])) as f32),
            offset: std::array::from_fn(|at| (-mean[at % 3] / std[at % 3]) as f32),
        }
    }

    /// Normalizes a picture `[height, width, 3]` into `output` of the same shape, left and right
    /// exchanged if `flip`. `row` is a buffer.
    pub(super) fn apply(
        &self,
        pixels: &[u8],
        width: usize,
        flip: bool,
        row: &mut Vec<u8>,
        output: &mut [f32],
    ) {
        if !flip {
            return self.scale(pixels, output);
        }
        // Reversing bytes in the cache, then scaling as ever, beats reversed scaling, which
        // the compiler can't make vectors of.
        let (rows, outputs) = (pixels.chunks_exact(width * 3), output.chunks_exact_mut(width * 3));
        for (source, output) in rows.zip(outputs) {
            row.resize(source.len(), 0);
            let (colors, _) = source.as_chunks::<3>();
            let (reversed, _) = row.as_chunks_mut::<3>();
            for (reversed, color) in reversed.iter_mut().zip(colors.iter().rev()) {
                *reversed = *color;
            }
            self.scale(row, output);
        }
    }

    /// The pixels that normalized values stand for, rounded and kept within 8 bits: what
    /// [`apply`](Self::apply) undoes, and whatever was done to the values since.
    pub(super) fn pixels_of(&self, values: &[f32]) -> Vec<u8> {
        let pixel = |(at, value): (usize, &f32)| {
            ((value - self.offset[at % 3]) / self.factor[at % 3]).round().clamp(0.0, 255.0) as u8
        };
        values.iter().enumerate().map(pixel).collect()
    }

    fn scale(&self, pixels: &[u8], output: &mut [f32]) {
        let (blocks, rest) = pixels.as_chunks::<BLOCK>();
        let (output_blocks, output_rest) = output.as_chunks_mut::<BLOCK>();
        for (block, output) in blocks.iter().zip(output_blocks) {
            for at in 0..BLOCK {
                output[at] = f32::from(block[at]) * self.factor[at] + self.offset[at];
            }
        }
        for (at, (value, output)) in rest.iter().zip(output_rest).enumerate() {
            *output = f32::from(*value) * self.factor[at] + self.offset[at];
        }
    }
}

/// Overwrites a part of `output`, `[height, width, 3]`.
pub(super) fn erase(
    output: &mut [f32],
    width: usize,
    part: Region,
    value: Erasure,
    random: &mut Generator,
) {
    let (top, left) = (part.top as usize, part.left as usize);
    let (colors, _) = output.as_chunks_mut::<3>();
    for row in colors.chunks_exact_mut(width).skip(top).take(part.height as usize) {
        for color in &mut row[left..left + part.width as usize] {
            *color = match value {
                Erasure::One(value) => [value as f32; 3],
                Erasure::Channels(values) => values.map(|value| value as f32),
                Erasure::Random => std::array::from_fn(|_| random.sample(StandardNormal)),
            };
        }
    }
}
