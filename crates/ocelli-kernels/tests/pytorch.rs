//! The kernels beside PyTorch: the cases of `fixtures/kernels/generate.py`, in its order.

use ocelli_kernels::Isa;
use ocelli_kernels::conv2d::transposed::{self, TransposedShape};
use ocelli_kernels::conv2d::{self, Conv2dShape, Epilogue, Settings};
use ocelli_kernels::pool::adaptive_average::{self, AdaptivePool2dShape};
use ocelli_kernels::pool::{Pool2dShape, average, max};
use ocelli_kernels::resample::{self, Mode, ResampleShape};

/// Absolute, for values around 1: two sums of up to some hundred products, both in f32.
const PYTORCH_TOLERANCE: f32 = 5e-6;

static REFERENCE: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/kernels/reference.f32"));

/// The floats of the file that have not been read.
struct Reference(&'static [u8]);

impl Reference {
    fn take(&mut self, len: usize) -> Vec<f32> {
        let (taken, rest) = self.0.split_at(len * 4);
        self.0 = rest;
        taken.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    /// Checks a tensor against the next of the file.
    fn expect(&mut self, name: &str, found: &[f32]) {
        let expected = self.take(found.len());
        for (at, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            let same = found == expected || (found.is_nan() && expected.is_nan());
            assert!(
                same || (found - expected).abs() <= PYTORCH_TOLERANCE,
                "{name} at {at}: found {found}, PyTorch has {expected}"
            );
        }
    }
}

const BATCH: usize = 2;
const SIZE: [usize; 2] = [4, 7];
const CHANNELS: usize = 3;

fn pool(kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Pool2dShape {
    Pool2dShape { batch: BATCH, size: SIZE, channels: CHANNELS, kernel, stride, padding }
}

fn check_pooling(isa: Isa, reference: &mut Reference) {
    for shape in [pool([3, 3], [2, 2], [1, 1]), pool([3, 2], [1, 3], [1, 0])] {
        let (x, dy) = (reference.take(shape.x_len()), reference.take(shape.y_len()));
        let (y, taps) = max::forward_with_taps(isa, &shape, &x);
        reference.expect("maximum", &y);
        reference.expect("maximum's gradient", &max::input_gradient(isa, &shape, &taps, &dy));
    }
    for include in [true, false] {
        let shape = pool([3, 2], [2, 1], [1, 1]);
        let (x, dy) = (reference.take(shape.x_len()), reference.take(shape.y_len()));
        reference.expect("mean", &average::forward(isa, &shape, include, &x));
        reference.expect("mean's gradient", &average::input_gradient(isa, &shape, include, &dy));
    }
    for output_size in [[3, 4], [1, 1]] {
        let shape =
            AdaptivePool2dShape { batch: BATCH, size: SIZE, channels: CHANNELS, output_size };
        let x = reference.take(BATCH * SIZE[0] * SIZE[1] * CHANNELS);
        let dy = reference.take(BATCH * output_size[0] * output_size[1] * CHANNELS);
        reference.expect("adaptive mean", &adaptive_average::forward(isa, &shape, &x));
        let dx = adaptive_average::input_gradient(isa, &shape, &dy);
        reference.expect("adaptive mean's gradient", &dx);
    }
}

fn check_resampling(isa: Isa, reference: &mut Reference) {
    for output_size in [[9, 6], [3, 13], [1, 3]] {
        let shape = ResampleShape { batch: BATCH, size: SIZE, channels: CHANNELS, output_size };
        for mode in [
            Mode::Nearest,
            Mode::Bilinear { align_corners: false },
            Mode::Bilinear { align_corners: true },
        ] {
            let (x, dy) = (reference.take(shape.x_len()), reference.take(shape.y_len()));
            let name = format!("{mode:?} {output_size:?}");
            reference.expect(&name, &resample::forward(isa, &shape, mode, &x));
            reference.expect(&name, &resample::input_gradient(isa, &shape, mode, &dy));
        }
    }
}

fn check_depthwise(settings: Settings, reference: &mut Reference) {
    for (kernel, stride, padding, dilation) in
        [([3, 3], [1, 1], [1, 1], [1, 1]), ([5, 4], [2, 2], [2, 3], [1, 2])]
    {
        let shape = Conv2dShape {
            batch: BATCH,
            size: SIZE,
            in_channels: CHANNELS,
            out_channels: CHANNELS,
            kernel,
            stride,
            padding,
            dilation,
            groups: CHANNELS,
        };
        let (x, weight) = (reference.take(shape.x_len()), reference.take(shape.weight_len()));
        let (bias, dy) = (reference.take(CHANNELS), reference.take(shape.y_len()));
        let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
        reference.expect("depthwise", &conv2d::forward(settings, &shape, &x, &weight, epilogue));
        let dx = conv2d::input_gradient(settings, &shape, &weight, &dy);
        reference.expect("depthwise, picture", &dx);
        let dw = conv2d::weight_gradient(settings, &shape, &x, &dy);
        reference.expect("depthwise, weight", &dw);
    }
}

fn check_transposed(settings: Settings, reference: &mut Reference) {
    let large = TransposedShape {
        batch: 1,
        size: [3, 4],
        in_channels: 6,
        out_channels: 4,
        kernel: [4, 3],
        stride: [2, 3],
        padding: [1, 0],
        output_padding: [1, 2],
        dilation: [1, 1],
        groups: 2,
    };
    let small = TransposedShape {
        batch: 1,
        size: [4, 5],
        in_channels: 3,
        out_channels: 2,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        output_padding: [0, 0],
        groups: 1,
        ..large
    };
    for shape in [large, small] {
        let (x, weight) = (reference.take(shape.x_len()), reference.take(shape.weight_len()));
        let (bias, dy) = (reference.take(shape.out_channels), reference.take(shape.y_len()));
        let y = transposed::forward(settings, &shape, &x, &weight, Some(&bias));
        reference.expect("transposed", &y);
        let dx = transposed::input_gradient(settings, &shape, &weight, &dy);
        reference.expect("transposed, picture", &dx);
        let dw = transposed::weight_gradient(settings, &shape, &x, &dy);
        reference.expect("transposed, weight", &dw);
    }
}

#[test]
fn pytorch_computes_the_same() {
    for isa in Isa::available() {
        let settings = Settings { isa, ..Settings::active() };
        let mut reference = Reference(REFERENCE);
        check_pooling(isa, &mut reference);
        check_resampling(isa, &mut reference);
        check_depthwise(settings, &mut reference);
        check_transposed(settings, &mut reference);
        assert!(reference.0.is_empty(), "the file has cases that are not tested");
    }
}
