//! From entropy-coded data to planes of samples.

use std::ops::Range;

use super::Part;
use super::header::{Component, Frame};
use super::huffman::Bits;
use super::idct;

/// Where in a block, row by row, each coefficient of the file belongs. The entries behind the 64th
/// make runs beyond the block harmless.
const ZIGZAG: [u8; 128] = {
    let order = [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27,
        20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
        58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];
    let mut padded = [63; 128];
    let mut at = 0;
    while at < 64 {
        padded[at] = order[at];
        at += 1;
    }
    padded
};

/// A part of one component's samples, in whole blocks.
pub(super) struct Plane {
    pub(super) samples: Vec<u8>,
    pub(super) stride: usize,
    /// The component's column and row that the first sample is.
    pub(super) origin: [usize; 2],
}

/// Decodes the samples that `part` needs, of each component.
pub(super) fn decode(frame: &Frame, part: &Part) -> Option<Vec<Plane>> {
    let [across, down] = frame.luma_blocks;
    let (unit_width, unit_height) = (8 * across, 8 * down);
    let units_across = frame.width.div_ceil(unit_width);
    let units_down = frame.height.div_ceil(unit_height);
    // Chroma is interpolated from its neighbours, up to two luma samples away.
    let around = |range: &Range<usize>, side: usize, unit: usize| {
        let (first, past) = (range.start.saturating_sub(2), (range.end + 2).min(side));
        first / unit..past.div_ceil(unit)
    };
    let columns = around(&part.columns, frame.width, unit_width);
    let rows = around(&part.rows, frame.height, unit_height);
    let mut planes: Vec<Plane> = Vec::with_capacity(3);
    for component in &frame.components {
        let [across, down] = component.blocks.map(|blocks| 8 * blocks);
        let stride = columns.len() * across;
        let samples = vec![0; stride * rows.len() * down];
        planes.push(Plane { samples, stride, origin: [columns.start * across, rows.start * down] });
    }
    let mut intervals = Intervals { data: frame.scan };
    let mut data = Vec::with_capacity(frame.scan.len());
    let units = units_across * units_down;
    let interval = if frame.restart_interval == 0 { units } else { frame.restart_interval };
    let mut unit = 0;
    let mut restarts = 0u8;
    while unit < units {
        let ending = intervals.next(&mut data)?;
        let past = (unit + interval).min(units);
        let expected = if past == units { 0xd9 } else { 0xd0 + restarts % 8 };
        // Another scan, or restart markers out of order.
        if ending != expected {
            return None;
        }
        restarts = restarts.wrapping_add(1);
        let mut bits = Bits::new(&data);
        let mut predictions = [0i16; 3];
        for at in unit..past {
            let (row, column) = (at / units_across, at % units_across);
            let place = (rows.contains(&row) && columns.contains(&column))
                .then(|| [column - columns.start, row - rows.start]);
            for ((component, plane), prediction) in
                frame.components.iter().zip(&mut planes).zip(&mut predictions)
            {
                decode_unit(&mut bits, component, plane, place, prediction)?;
            }
        }
        if !bits.is_at_end() {
            return None;
        }
        unit = past;
    }
    Some(planes)
}

/// Decodes the blocks of one component in one unit, to their `place` among the wanted units if it
/// is one of them.
fn decode_unit(
    bits: &mut Bits,
    component: &Component,
    plane: &mut Plane,
    place: Option<[usize; 2]>,
    prediction: &mut i16,
) -> Option<()> {
    let [across, down] = component.blocks;
    for row in 0..down {
        for column in 0..across {
            let Some([unit_column, unit_row]) = place else {
                skip_block(bits, component, prediction)?;
                continue;
            };
            let mut block = [0; 64];
            let is_flat = read_block(bits, component, prediction, &mut block)?;
            let x = (unit_column * across + column) * 8;
            let y = (unit_row * down + row) * 8;
            let out = &mut plane.samples[y * plane.stride + x..];
            if is_flat {
                idct::flat(block[0], out, plane.stride);
            } else {
                idct::block(&block, out, plane.stride);
            }
        }
    }
    Some(())
}

/// Reads a block's coefficients, multiplied by their quantization steps. Tells whether all but
/// the first are zero.
#[inline]
fn read_block(
    bits: &mut Bits,
    component: &Component,
    prediction: &mut i16,
    block: &mut [i16; 64],
) -> Option<bool> {
    // A copy, so that the compiler keeps it in registers.
    let mut local = bits.clone();
    let (_, difference) = local.read(&component.dc)?;
    *prediction = prediction.wrapping_add(difference);
    block[0] = prediction.wrapping_mul(component.steps[0]);
    let mut at = 1;
    while at < 64 {
        let (entry, value) = local.read(&component.ac)?;
        if entry.is_end() {
            *bits = local;
            return Some(at == 1);
        }
        at += entry.run();
        let step = component.steps[at & 63];
        block[usize::from(ZIGZAG[at & 127] & 63)] = value.wrapping_mul(step);
        at += 1;
    }
    *bits = local;
    // Beyond the block's end only by a run that no encoder writes.
    (at == 64).then_some(false)
}

/// Reads past a block.
#[inline]
fn skip_block(bits: &mut Bits, component: &Component, prediction: &mut i16) -> Option<()> {
    let mut local = bits.clone();
    let (_, difference) = local.read(&component.dc)?;
    *prediction = prediction.wrapping_add(difference);
    let mut at = 1;
    while at < 64 {
        let (entry, _) = local.read(&component.ac)?;
        if entry.is_end() {
            *bits = local;
            return Some(());
        }
        at += entry.run() + 1;
    }
    *bits = local;
    (at == 64).then_some(())
}

/// The entropy-coded data between markers.
struct Intervals<'a> {
    data: &'a [u8],
}

impl Intervals<'_> {
    /// Puts the data up to the next marker into `interval`, without the zero bytes that hide 0xff
    /// from being taken for one; returns the marker.
    fn next(&mut self, interval: &mut Vec<u8>) -> Option<u8> {
        interval.clear();
        loop {
            let at = self.data.iter().position(|&byte| byte == 0xff)?;
            interval.extend_from_slice(&self.data[..at]);
            match *self.data.get(at + 1)? {
                0 => interval.push(0xff),
                // Fill bytes before a marker.
                0xff => {
                    self.data = &self.data[at + 1..];
                    continue;
                }
                marker => {
                    self.data = &self.data[at + 2..];
                    return Some(marker);
                }
            }
            self.data = &self.data[at + 2..];
        }
    }
}
