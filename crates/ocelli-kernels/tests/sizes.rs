//! Sizes whose product overflows are refused, by the safe functions whose slices may be empty.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ocelli_kernels::Isa;
use ocelli_kernels::concat::{concat, split};
use ocelli_kernels::pad::{Margins, pad};
use ocelli_kernels::pool::adaptive_average::{self, AdaptivePool2dShape};
use ocelli_kernels::pool::{Pool2dShape, average, max};
use ocelli_kernels::reduction::global_average_pool_gradient;
use ocelli_kernels::resample::{self, Mode, ResampleShape};

/// Its square is one more than the largest number of floats that can be counted.
const HALF: usize = 1 << (usize::BITS / 2);
/// Four times this, likewise.
const QUARTER: usize = 1 << (usize::BITS - 2);

#[track_caller]
fn assert_refused<R>(work: impl FnOnce() -> R) {
    let panic = catch_unwind(AssertUnwindSafe(work)).err().expect("refused");
    let message = panic.downcast::<String>().expect("a message with the sizes");
    assert!(message.contains("larger than memory can be"), "{message}");
}

#[test]
fn joining_splitting_and_padding() {
    assert_refused(|| concat(HALF, &[(&[], HALF)]));
    assert_refused(|| concat(2, &[(&[], 0), (&[0.0; 4], usize::MAX / 2 + 3)]));
    assert_refused(|| split(HALF, &[], &[HALF]));
    assert_refused(|| split(0, &[], &[usize::MAX, 1]));
    assert_refused(|| pad([HALF, HALF, 1, 1], Margins::default(), &[]));
    let margins =
        Margins { bottom: HALF as isize - 1, right: HALF as isize - 1, ..Margins::default() };
    assert_refused(|| pad([1, 1, 1, 1], margins, &[1.0]));
    assert_refused(|| pad([1, 1, 1, 1], Margins { top: isize::MIN, ..Margins::default() }, &[1.0]));
    let margins = Margins { left: isize::MAX, right: isize::MAX, ..Margins::default() };
    assert_refused(|| pad([1, 1, 1, 1], margins, &[1.0]));
}

#[test]
fn resampling() {
    let shape = ResampleShape { batch: 4, size: [1, 1], channels: QUARTER, output_size: [1, 1] };
    let mode = Mode::Bilinear { align_corners: true };
    assert_refused(|| resample::forward(Isa::active(), &shape, mode, &[]));
    assert_refused(|| resample::input_gradient(Isa::active(), &shape, mode, &[]));
    let shape = ResampleShape { output_size: [1, 2], batch: 2, ..shape };
    assert_refused(|| resample::input_gradient(Isa::active(), &shape, mode, &[]));
}

#[test]
fn pooling() {
    let isa = Isa::active();
    let shape = Pool2dShape {
        batch: 4,
        size: [2, 2],
        channels: QUARTER,
        kernel: [2, 2],
        stride: [1, 1],
        padding: [0, 0],
    };
    assert_refused(|| max::forward(isa, &shape, &[]));
    assert_refused(|| max::forward_with_taps(isa, &shape, &[]));
    assert_refused(|| average::forward(isa, &shape, true, &[]));
    assert_refused(|| average::input_gradient(isa, &shape, true, &[]));
    let shape =
        AdaptivePool2dShape { batch: 4, size: [1, 1], channels: QUARTER, output_size: [1, 1] };
    assert_refused(|| adaptive_average::forward(isa, &shape, &[]));
    assert_refused(|| adaptive_average::input_gradient(isa, &shape, &[]));
    assert_refused(|| global_average_pool_gradient(isa, &[0.0; 4], QUARTER + 1, 4));
}
