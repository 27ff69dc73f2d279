//! A quadtree over points of the plane, in one list: a cell, then the cells within it.

use rayon::prelude::*;

/// Cells of no more points than this are not divided.
const LEAF: usize = 8;
/// Points that share a list of cells.
const GROUP: usize = 64;
/// Halvings of the plane: the bits of half a sorting key.
const DEPTH: u32 = 16;

/// A square of the plane and the points in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// The mean of the points.
    pub(super) centre: [f32; 2],
    /// How many points there are.
    pub(super) mass: f32,
    /// The square of the side's length.
    pub(super) squared_side: f32,
    /// The next cell that is not within this one.
    pub(super) next: u32,
    /// The points, by position in [`Quadtree::points`].
    pub(super) start: u32,
    pub(super) end: u32,
    /// Whether it is not divided.
    pub(super) is_leaf: bool,
}

/// Points that lie close together, by position in [`Quadtree::points`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The tree. It is built anew for each gradient, in the same memory.
#[derive(Default)]
pub(super) struct Quadtree {
    /// The points along a Z-order curve.
    pub(super) points: Vec<[f32; 2]>,
    /// Where each of them was before.
    pub(super) order: Vec<u32>,
    pub(super) cells: Vec<Cell>,
    /// Groups that together hold all points, in order.
    pub(super) groups: Vec<Group>,
    keys: Vec<u64>,
}

impl Quadtree {
    /// Builds the tree over `points`, all finite.
    pub(super) fn build(&mut self, points: &[[f32; 2]]) {
        let (low, side) = square(points);
        let scale = if side > 0.0 { f64::from(1u32 << DEPTH) / f64::from(side) } else { 0.0 };
        let bits = |value: f32, low: f32| {
            // Saturates: the largest value lies on the border of the last cell.
            ((f64::from(value - low) * scale) as u64).min((1 << DEPTH) - 1)
        };
        self.keys.clear();
        self.keys.extend(points.iter().enumerate().map(|(index, point)| {
            let code = spread(bits(point[0], low[0])) | spread(bits(point[1], low[1])) << 1;
            code << 32 | index as u64
        }));
        // No two keys are equal, so the order is the same however many threads sort.
        self.keys.par_sort_unstable();
        self.order.clear();
        self.order.extend(self.keys.iter().map(|key| *key as u32));
        self.points.clear();
        self.points.extend(self.order.iter().map(|index| points[*index as usize]));
        self.cells.clear();
        self.groups.clear();
        if !points.is_empty() {
            self.divide(0, points.len(), 0, side, false);
        }
    }

    fn divide(&mut self, start: usize, end: usize, depth: u32, side: f32, in_group: bool) {
        let count = end - start;
        let is_leaf = count <= LEAF || depth == DEPTH;
        let makes_groups = !in_group && (count <= GROUP || is_leaf);
        if makes_groups {
            for first in (start..end).step_by(GROUP) {
                self.groups.push(Group { start: first, end: (first + GROUP).min(end) });
            }
        }
        let place = self.cells.len();
        let mut cell = Cell {
            centre: [0.0; 2],
            mass: count as f32,
            squared_side: side * side,
            next: 0,
            start: start as u32,
            end: end as u32,
            is_leaf,
        };
        self.cells.push(cell);
        let mut sum = [0.0f64; 2];
        if is_leaf {
            for point in &self.points[start..end] {
                sum[0] += f64::from(point[0]);
                sum[1] += f64::from(point[1]);
            }
        } else {
            let shift = 32 + 2 * (DEPTH - 1 - depth);
            let mut from = start;
            for quarter in 0..4 {
                let size = self.keys[from..end].partition_point(|key| key >> shift & 3 <= quarter);
                if size > 0 {
                    let child = self.cells.len();
                    self.divide(from, from + size, depth + 1, side / 2.0, in_group || makes_groups);
                    let child = &self.cells[child];
                    sum[0] += f64::from(child.centre[0]) * f64::from(child.mass);
                    sum[1] += f64::from(child.centre[1]) * f64::from(child.mass);
                }
                from += size;
            }
        }
        cell.centre = [(sum[0] / count as f64) as f32, (sum[1] / count as f64) as f32];
        cell.next = self.cells.len() as u32;
        self.cells[place] = cell;
    }
}

/// The lower corner and the side of the smallest square along the axes around all points.
fn square(points: &[[f32; 2]]) -> ([f32; 2], f32) {
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for point in points {
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    (low, (high[0] - low[0]).max(high[1] - low[1]).max(0.0))
}

/// Puts a zero between every two of the lower 16 bits.
fn spread(bits: u64) -> u64 {
    let bits = (bits | bits << 8) & 0x00ff_00ff;
    let bits = (bits | bits << 4) & 0x0f0f_0f0f;
    let bits = (bits | bits << 2) & 0x3333_3333;
    (bits | bits << 1) & 0x5555_5555
}
