//! Convolution with taps far apart: pixels that are `dilation` apart see each other and no others, so
//! that a picture falls into `dilation · dilation` lattices, each a small picture with a dense window.
//!
//! Direct bands would hold all that lies between the taps, and multiply with the padding that most
//! taps of an atrous pyramid fall into; small pictures leave those taps out (see `direct::small`).
//! Lattices are of up to two sizes along each axis, hence in up to four calls.

use std::ops::Range;

use rayon::prelude::*;

use super::{Algorithm, Conv2dShape, Epilogue, Settings};

/// Pixels between taps from which on a band would mostly hold what no tap sees.
const LEAST_DILATION: usize = 4;

/// Whether the shape falls into lattices, and is faster so. The result has to be as large as the
/// picture, or its lattices would be those of the picture in another order.
pub(super) fn applies(shape: &Conv2dShape) -> bool {
    let dilation = spacing(shape);
    shape.stride == [1, 1]
        && dilation.iter().any(|&dilation| dilation >= LEAST_DILATION)
        && (0..2).all(|axis| shape.padding[axis].is_multiple_of(dilation[axis]))
        && shape.output_size() == shape.size
        && shape.x_len() > 0
        && shape.y_len() > 0
}

/// Pixels between taps; of a single tap there is nothing between.
fn spacing(shape: &Conv2dShape) -> [usize; 2] {
    [0, 1].map(|axis| if shape.kernel[axis] == 1 { 1 } else { shape.dilation[axis] })
}

/// Lattices of one size, `[vertical, horizontal]`.
struct Lattices {
    /// The first pixels of the lattices.
    phases: [Range<usize>; 2],
    /// Pixels of each.
    count: [usize; 2],
    /// Pixels of the picture between them.
    dilation: [usize; 2],
    /// Pixels of the picture.
    size: [usize; 2],
    batch: usize,
}

impl Lattices {
    /// All lattices of a shape's pictures, by their sizes.
    fn of(shape: &Conv2dShape) -> Vec<Self> {
        let dilation = spacing(shape);
        let [vertical, horizontal] = [0, 1].map(|axis| {
            let (size, dilation) = (shape.size[axis], dilation[axis]);
            let (least, longer) = (size / dilation, size % dilation);
            [(0..longer, least + 1), (longer..dilation, least)]
        });
        let pairs = vertical.iter().flat_map(|v| horizontal.iter().map(move |h| [v, h]));
        pairs
            .filter(|pair| pair.iter().all(|(phases, count)| !phases.is_empty() && *count > 0))
            .map(|pair| Self {
                phases: pair.map(|(phases, _)| phases.clone()),
                count: pair.map(|&(_, count)| count),
                dilation,
                size: shape.size,
                batch: shape.batch,
            })
            .collect()
    }

    /// The convolution of the lattices, as pictures of their own.
    fn shape(&self, whole: &Conv2dShape) -> Conv2dShape {
        Conv2dShape {
            batch: self.batch * self.phases[0].len() * self.phases[1].len(),
            size: self.count,
            padding: [0, 1].map(|axis| whole.padding[axis] / self.dilation[axis]),
            dilation: [1, 1],
            ..*whole
        }
    }

    /// The lattices of pictures `[batch, height, width, channels]`:
    /// `[batch, vertical phase, horizontal phase, rows, columns, channels]`.
    fn taken_from(&self, pictures: &[f32], channels: usize) -> Vec<f32> {
        let [rows, columns] = self.count;
        let lattices = self.batch * self.phases[0].len() * self.phases[1].len();
        let mut taken = vec![0.0; lattices * rows * columns * channels];
        taken.par_chunks_exact_mut(columns * channels).enumerate().for_each(|(index, line)| {
            let (lattice, row) = (index / rows, index % rows);
            let horizontal = self.phases[1].len();
            let (lattice, right) = (lattice / horizontal, lattice % horizontal);
            let (n, down) = (lattice / self.phases[0].len(), lattice % self.phases[0].len());
            let y = self.phases[0].start + down + row * self.dilation[0];
            let first = (n * self.size[0] + y) * self.size[1] + self.phases[1].start + right;
            for (column, pixel) in line.chunks_exact_mut(channels).enumerate() {
                let at = (first + column * self.dilation[1]) * channels;
                pixel.copy_from_slice(&pictures[at..at + channels]);
            }
        });
        taken
    }

    /// Puts lattices back where [`Self::taken_from`] takes them.
    fn put_into(&self, lattices: &[f32], pictures: &mut [f32], channels: usize) {
        let [rows, columns] = self.count;
        let [vertical, horizontal] = &self.phases;
        let [height, width] = self.size;
        pictures.par_chunks_exact_mut(width * channels).enumerate().for_each(|(index, line)| {
            let (n, y) = (index / height, index % height);
            let (row, phase) = (y / self.dilation[0], y % self.dilation[0]);
            if !vertical.contains(&phase) {
                return;
            }
            let first = (n * vertical.len() + phase - vertical.start) * horizontal.len();
            for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
                let (column, phase) = (x / self.dilation[1], x % self.dilation[1]);
                if horizontal.contains(&phase) {
                    let lattice = first + phase - horizontal.start;
                    let at = ((lattice * rows + row) * columns + column) * channels;
                    pixel.copy_from_slice(&lattices[at..at + channels]);
                }
            }
        });
    }
}

/// The result. Lengths are checked by the caller.
pub(super) fn forward(
    settings: Settings,
    shape: &Conv2dShape,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    let mut y = vec![0.0; shape.y_len()];
    for lattices in Lattices::of(shape) {
        let part = lattices.shape(shape);
        let x = lattices.taken_from(x, shape.in_channels);
        let residual =
            epilogue.residual.map(|residual| lattices.taken_from(residual, shape.out_channels));
        let epilogue = Epilogue { residual: residual.as_deref(), ..epilogue };
        let algorithm = Algorithm::choose(settings, &part);
        let result = algorithm.forward(settings, &part, &x, weight, epilogue);
        lattices.put_into(&result, &mut y, shape.out_channels);
    }
    y
}

/// The gradient of the picture. Lengths are checked by the caller.
pub(super) fn input_gradient(
    settings: Settings,
    shape: &Conv2dShape,
    weight: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let mut dx = vec![0.0; shape.x_len()];
    for lattices in Lattices::of(shape) {
        let part = lattices.shape(shape);
        let dy = lattices.taken_from(dy, shape.out_channels);
        let algorithm = Algorithm::choose(settings, &part);
        let result = algorithm.input_gradient(settings, &part, weight, &dy);
        lattices.put_into(&result, &mut dx, shape.in_channels);
    }
    dx
}

/// The gradient of the weight: the sum of the lattices'. Lengths are checked by the caller.
pub(super) fn weight_gradient(
    settings: Settings,
    shape: &Conv2dShape,
    x: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let gradients = Lattices::of(shape).into_iter().map(|lattices| {
        let part = lattices.shape(shape);
        let x = lattices.taken_from(x, shape.in_channels);
        let dy = lattices.taken_from(dy, shape.out_channels);
        Algorithm::choose(settings, &part).weight_gradient(settings, &part, &x, &dy)
    });
    let sum = gradients.reduce(|mut sum, gradient| {
        sum.par_iter_mut().zip(&gradient).for_each(|(sum, value)| *sum += value);
        sum
    });
    sum.unwrap_or_else(|| vec![0.0; shape.weight_len()])
}
