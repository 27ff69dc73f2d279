//! Sums and activation functions of whole tensors: one pass, in any layout, and in the memory of
//! an operand that is given away.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::activation::{Activation, Function, with_function};
use crate::isa::{Isa, Simd};
use crate::pass::{Extent, Operation, Room, pass};
use crate::profile;

/// `activation(a + b)`: a residual connection. An `a` that is given away becomes the result.
///
/// The gradient of both operands is [`activation_gradient`] with `a + b` as `x`; for ReLU the
/// result tells as much.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn add(isa: Isa, a: Cow<'_, [f32]>, b: &[f32], activation: Activation) -> Vec<f32> {
    assert_eq!(a.len(), b.len(), "lengths of what is added");
    let mut room = Room::of(a);
    let (from, to) = room.pointers();
    let inputs = [from, b.as_ptr()];
    with_function!(activation, F => {
        // SAFETY: operands and result have the same length.
        unsafe { pass(isa, Add::<F>(PhantomData), Extent::flat(b.len()), inputs, [], [to]) }
    });
    // SAFETY: the pass wrote all of it.
    unsafe { room.finish() }
}

/// `activation(x)`. An `x` that is given away becomes the result.
#[must_use]
pub fn activate(isa: Isa, x: Cow<'_, [f32]>, activation: Activation) -> Vec<f32> {
    let extent = Extent::flat(x.len());
    let mut room = Room::of(x);
    let (from, to) = room.pointers();
    let describe = || profile::pass(&format!("{activation:?}"), "forward", extent, 2);
    profile::record(describe, || {
        with_function!(activation, F => {
            // SAFETY: operand and result have the same length.
            unsafe { pass(isa, Value::<F>(PhantomData), extent, [from], [], [to]) }
        });
    });
    // SAFETY: the pass wrote all of it.
    unsafe { room.finish() }
}

/// The gradient of the argument `x` of an activation, written over that of its value. For
/// [`Activation::Relu`] the value serves as well as the argument: they have the same sign.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn activation_gradient(
    isa: Isa,
    x: &[f32],
    mut dy: Vec<f32>,
    activation: Activation,
) -> Vec<f32> {
    assert_eq!(x.len(), dy.len(), "lengths of an argument and of a gradient");
    let to = dy.as_mut_ptr();
    let inputs = [x.as_ptr(), to.cast_const()];
    let extent = Extent::flat(x.len());
    let describe = || profile::pass(&format!("{activation:?}"), "backward", extent, 3);
    profile::record(describe, || {
        with_function!(activation, F => {
            // SAFETY: both have the same length; the result is the memory of the second.
            unsafe { pass(isa, Gradient::<F>(PhantomData), extent, inputs, [], [to]) }
        });
    });
    dy
}

#[derive(Clone, Copy)]
struct Add<F>(PhantomData<F>);

impl<F: Function> Operation<2, 0, 1> for Add<F> {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, [a, b]: [S::Vector; 2], []: [S::Vector; 0]) -> [S::Vector; 1] {
        [F::value(simd, simd.add(a, b))]
    }
}

#[derive(Clone, Copy)]
struct Value<F>(PhantomData<F>);

impl<F: Function> Operation<1, 0, 1> for Value<F> {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, [x]: [S::Vector; 1], []: [S::Vector; 0]) -> [S::Vector; 1] {
        [F::value(simd, x)]
    }
}

#[derive(Clone, Copy)]
struct Gradient<F>(PhantomData<F>);

impl<F: Function> Operation<2, 0, 1> for Gradient<F> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [x, dy]: [S::Vector; 2],
        []: [S::Vector; 0],
    ) -> [S::Vector; 1] {
        [F::gradient(simd, x, dy)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::reference;
    use crate::testing::{error_relative_to, largest, numbers};

    /// A few roundings for each element, relative to the largest.
    const TOLERANCE: f64 = 1e-6;

    /// None, one, around vectors, and several tasks with a rest.
    const LENGTHS: [usize; 8] = [0, 1, 7, 16, 31, 257, 1009, 40_009];

    #[test]
    fn every_activation_and_instruction_set_agrees_with_the_definition() {
        for isa in Isa::available() {
            eprintln!("ran {}", isa.name());
            for (length, activation) in
                LENGTHS.iter().flat_map(|&length| Activation::ALL.map(|a| (length, a)))
            {
                let x: Vec<f32> = numbers(length, 1).iter().map(|x| x * 12.0).collect();
                let (b, dy) = (numbers(length, 2), numbers(length, 3));
                let check = |what: &str, found: &[f32], expected: Vec<f64>| {
                    // Far below zero, one minus nearly one: as exact as one is.
                    let least = if activation == Activation::Gelu { 1.0 } else { 0.0 };
                    let error = error_relative_to(largest(&expected).max(least), found, &expected);
                    let name = isa.name();
                    assert!(error < TOLERANCE, "{name} {activation:?} {length} {what}: {error}");
                };
                let value = |x: f32| reference::value(activation, f64::from(x));
                let y = activate(isa, Cow::Borrowed(&x), activation);
                check("value", &y, x.iter().map(|&x| value(x)).collect());
                assert!(y == activate(isa, Cow::Owned(x.clone()), activation));

                let sum = add(isa, Cow::Borrowed(&x), &b, activation);
                check("sum", &sum, x.iter().zip(&b).map(|(&x, &b)| value(x + b)).collect());
                assert!(sum == add(isa, Cow::Owned(x.clone()), &b, activation));

                let slope = |x: f32| reference::derivative(activation, f64::from(x));
                let expected: Vec<f64> =
                    x.iter().zip(&dy).map(|(&x, &dy)| f64::from(dy) * slope(x)).collect();
                let dx = activation_gradient(isa, &x, dy.clone(), activation);
                check("gradient", &dx, expected.clone());
                if activation == Activation::Relu {
                    check(
                        "gradient of value",
                        &activation_gradient(isa, &y, dy, activation),
                        expected,
                    );
                }
            }
        }
        eprintln!("absent here: {:?}", Isa::absent());
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for (isa, activation) in
            Isa::available().into_iter().flat_map(|isa| Activation::ALL.map(|a| (isa, a)))
        {
            let y = activate(isa, Cow::Owned(vec![1.0, f32::NAN]), activation);
            assert!(y[1].is_nan(), "{} {activation:?} makes {y:?} of it", isa.name());
        }
    }

    #[test]
    fn at_the_corners_gradients_are_those_of_pytorch() {
        let x = [-3.0, 0.0, 3.0];
        for isa in Isa::available() {
            let gradient = |activation| activation_gradient(isa, &x, vec![1.0; 3], activation);
            assert_eq!(gradient(Activation::Relu), [0.0, 0.0, 1.0]);
            assert_eq!(gradient(Activation::HardSwish)[0], 0.0);
            assert_eq!(gradient(Activation::HardSigmoid), [0.0, 1.0 / 6.0, 0.0]);
        }
    }
}
