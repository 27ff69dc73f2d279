//! The two forces of t-SNE: similar points attract each other, all points repel each other.
//!
//! Repulsion follows Barnes and Hut (van der Maaten 2014): cells that are far away act as one
//! point. Neighbouring points share one list of such cells, chosen for the nearest of them, so each
//! point's share of a long list is plain arithmetic on slices.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::affinity::Affinities;
use super::quadtree::{Group, Quadtree};

/// Values computed side by side: two registers of AVX2, one of AVX-512. The same for each
/// instruction set, so that sums don't depend on it.
const LANES: usize = 16;
/// Points whose attraction one task computes.
const ROWS: usize = 128;

/// Both forces in memory that is used again for each gradient.
pub(super) struct Forces {
    arch: Arch,
    tree: Quadtree,
    /// Repulsion in the tree's order.
    sorted: Vec<[f32; 2]>,
    /// `Σ p q (y_i - y_j)` of each point.
    pub(super) attraction: Vec<[f32; 2]>,
    /// `Σ q² (y_i - y_j)` of each point, to be divided by [`Forces::normalizer`].
    pub(super) repulsion: Vec<[f32; 2]>,
    /// `Σ q` over all pairs, both ways.
    pub(super) normalizer: f64,
}

impl Forces {
    pub(super) fn new(count: usize) -> Self {
        Self {
            arch: Arch::new(),
            tree: Quadtree::default(),
            sorted: vec![[0.0; 2]; count],
            attraction: vec![[0.0; 2]; count],
            repulsion: vec![[0.0; 2]; count],
            normalizer: 0.0,
        }
    }

    pub(super) fn attract(&mut self, affinities: &Affinities, points: &[[f32; 2]]) {
        let arch = self.arch;
        self.attraction.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, out)| {
            arch.dispatch(Attract { first: chunk * ROWS, affinities, points, out });
        });
    }

    /// `angle` is the largest ratio of a cell's side to its distance at which it acts as one point;
    /// 0 compares each pair.
    pub(super) fn repel(&mut self, points: &[[f32; 2]], angle: f32) {
        self.tree.build(points);
        let (arch, tree) = (self.arch, &self.tree);
        let mut rest = self.sorted.as_mut_slice();
        let mut tasks = Vec::with_capacity(tree.groups.len());
        for &group in &tree.groups {
            let (out, after) = rest.split_at_mut(group.end - group.start);
            rest = after;
            tasks.push((group, out));
        }
        let sums: Vec<f64> = tasks
            .into_par_iter()
            .map_init(List::default, |list, (group, out)| {
                list.fill(tree, group, angle);
                let members = &tree.points[group.start..group.end];
                arch.dispatch(Repel { members, list, out })
            })
            .collect();
        self.normalizer = sums.iter().sum();
        for (place, force) in self.sorted.iter().enumerate() {
            self.repulsion[tree.order[place] as usize] = *force;
        }
    }
}

/// What a group is repelled by.
#[derive(Default)]
struct List {
    x: Vec<f32>,
    y: Vec<f32>,
    mass: Vec<f32>,
}

impl List {
    fn fill(&mut self, tree: &Quadtree, group: Group, angle: f32) {
        for values in [&mut self.x, &mut self.y, &mut self.mass] {
            values.clear();
        }
        let members = &tree.points[group.start..group.end];
        let (mut low, mut high) = (members[0], members[0]);
        for point in members {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let squared_angle = angle * angle;
        let mut place = 0;
        while let Some(cell) = tree.cells.get(place) {
            let outside = |axis: usize| {
                (low[axis] - cell.centre[axis]).max(cell.centre[axis] - high[axis]).max(0.0)
            };
            let (x, y) = (outside(0), outside(1));
            if cell.squared_side < squared_angle * (x * x + y * y) {
                self.push(cell.centre, cell.mass);
            } else if cell.is_leaf {
                for point in &tree.points[cell.start as usize..cell.end as usize] {
                    self.push(*point, 1.0);
                }
            } else {
                place += 1;
                continue;
            }
            place = cell.next as usize;
        }
        // Whole lanes: what has no mass has no force.
        while !self.x.len().is_multiple_of(LANES) {
            self.push([0.0; 2], 0.0);
        }
    }

    fn push(&mut self, point: [f32; 2], mass: f32) {
        self.x.push(point[0]);
        self.y.push(point[1]);
        self.mass.push(mass);
    }
}

/// A group's repulsion; returns the group's part of the normalizer. A type of its own rather than a
/// closure: only what is inlined into `with_simd` is compiled for the instruction set.
struct Repel<'a> {
    members: &'a [[f32; 2]],
    list: &'a List,
    out: &'a mut [[f32; 2]],
}

impl WithSimd for Repel<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let mut sum = 0.0;
        for (out, point) in self.out.iter_mut().zip(self.members) {
            let (force, normalizer) = repulsion_of(*point, self.list);
            *out = force;
            // The list holds the point itself, whose q is 1.
            sum += normalizer - 1.0;
        }
        sum
    }
}

/// The attraction of consecutive points.
struct Attract<'a> {
    first: usize,
    affinities: &'a Affinities,
    points: &'a [[f32; 2]],
    out: &'a mut [[f32; 2]],
}

impl WithSimd for Attract<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (place, out) in self.out.iter_mut().enumerate() {
            *out = attraction_of(self.first + place, self.affinities, self.points);
        }
    }
}

#[inline(always)]
fn repulsion_of(point: [f32; 2], list: &List) -> ([f32; 2], f64) {
    let (mut x_sums, mut y_sums, mut normalizers) =
        ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    let (xs, _) = list.x.as_chunks::<LANES>();
    let (ys, _) = list.y.as_chunks::<LANES>();
    let (masses, _) = list.mass.as_chunks::<LANES>();
    for ((x, y), mass) in xs.iter().zip(ys).zip(masses) {
        for lane in 0..LANES {
            let (dx, dy) = (point[0] - x[lane], point[1] - y[lane]);
            let q = 1.0 / (1.0 + dx * dx + dy * dy);
            let weighted = mass[lane] * q;
            let force = weighted * q;
            normalizers[lane] += weighted;
            x_sums[lane] += force * dx;
            y_sums[lane] += force * dy;
        }
    }
    (
        [x_sums.iter().sum(), y_sums.iter().sum()],
        normalizers.iter().map(|sum| f64::from(*sum)).sum(),
    )
}

#[inline(always)]
fn attraction_of(point: usize, affinities: &Affinities, points: &[[f32; 2]]) -> [f32; 2] {
    let row = affinities.starts[point]..affinities.starts[point + 1];
    let (columns, values) = (&affinities.columns[row.clone()], &affinities.values[row]);
    let here = points[point];
    let (mut x_sums, mut y_sums) = ([0.0f32; LANES], [0.0f32; LANES]);
    let (whole_columns, rest_columns) = columns.as_chunks::<LANES>();
    let (whole_values, rest_values) = values.as_chunks::<LANES>();
    for (columns, values) in whole_columns.iter().zip(whole_values) {
        add_attraction(&mut x_sums, &mut y_sums, here, points, columns, values);
    }
    if !rest_columns.is_empty() {
        // The point itself, without weight, fills the lanes.
        let (mut columns, mut values) = ([point as u32; LANES], [0.0; LANES]);
        columns[..rest_columns.len()].copy_from_slice(rest_columns);
        values[..rest_values.len()].copy_from_slice(rest_values);
        add_attraction(&mut x_sums, &mut y_sums, here, points, &columns, &values);
    }
    [x_sums.iter().sum(), y_sums.iter().sum()]
}

#[inline(always)]
fn add_attraction(
    x_sums: &mut [f32; LANES],
    y_sums: &mut [f32; LANES],
    here: [f32; 2],
    points: &[[f32; 2]],
    columns: &[u32; LANES],
    values: &[f32; LANES],
) {
    let (mut x, mut y) = ([0.0f32; LANES], [0.0f32; LANES]);
    for lane in 0..LANES {
        [x[lane], y[lane]] = points[columns[lane] as usize];
    }
    for lane in 0..LANES {
        let (dx, dy) = (here[0] - x[lane], here[1] - y[lane]);
        let force = values[lane] / (1.0 + dx * dx + dy * dy);
        x_sums[lane] += force * dx;
        y_sums[lane] += force * dy;
    }
}
