use burn::backend::{Flex, flex::FlexTensor, ops::FloatTensorOps};

use super::{assert_same, assert_untouched, layouts, random, values};
use crate::extension::{Normalization, Optional, VisionOperations, default_body};
use crate::functional::{Activation, NormalizationOptions};

const SHAPES: [[usize; 4]; 4] = [[2, 5, 7, 3], [1, 2, 1, 33], [3, 4, 4, 64], [1, 2, 3, 1]];

fn options(activation: Activation) -> NormalizationOptions {
    NormalizationOptions { epsilon: 1e-5, activation }
}

/// The normalization by the statistics of `x`, with a weight and a bias.
fn normalization(x: &FlexTensor) -> Normalization<Flex> {
    let [.., channels]: [usize; 4] = x.layout().shape().dims();
    let (mean, variance) = default_body::channel_statistics::<Flex>(x.clone());
    Normalization {
        mean,
        variance,
        weight: random("weight", [channels]),
        bias: random("bias", [channels]),
    }
}

/// Each activation, with and without a residual, but for what is an operation of its own.
fn variants() -> Vec<(Activation, bool)> {
    Activation::ALL
        .into_iter()
        .flat_map(|activation| [(activation, false), (activation, true)])
        .filter(|&(activation, with_residual)| {
            !with_residual || matches!(activation, Activation::None | Activation::Relu)
        })
        .collect()
}

#[test]
fn normalizations_and_their_gradients_are_those_of_the_default_bodies() {
    for shape in SHAPES {
        let (x, residual, dy) =
            (random("x", shape), random("residual", shape), random("dy", shape));
        let held = [&x, &residual].map(values);
        let (mean, variance) = Flex::channel_statistics(x.clone());
        let normalization = normalization(&x);
        assert_same(&format!("mean of {shape:?}"), &mean, &normalization.mean);
        assert_same(&format!("variance of {shape:?}"), &variance, &normalization.variance);
        for (activation, with_residual) in variants() {
            let what = format!("{shape:?}, {activation:?}, residual {with_residual}");
            let residual = || Optional::from(with_residual.then(|| residual.clone()));
            let options = options(activation);
            let expected = default_body::normalize::<Flex>(
                x.clone(),
                normalization.clone(),
                residual(),
                options,
            );
            let y = Flex::normalize(x.clone(), normalization.clone(), residual(), options);
            assert_same(&what, &y, &expected);

            let y = || Optional::from(with_residual.then(|| expected.clone()));
            let expected = default_body::normalize_gradient::<Flex>(
                dy.clone(),
                x.clone(),
                normalization.clone(),
                y(),
                options,
            );
            // A gradient that nobody else holds is written over.
            let alone = Flex::float_mul_scalar(dy.clone(), 1.0.into());
            let found =
                Flex::normalize_gradient(alone, x.clone(), normalization.clone(), y(), options);
            assert_same(&format!("gradient by x of {what}"), &found.0, &expected.0);
            assert_same(&format!("gradient by weight of {what}"), &found.1, &expected.1);
            assert_same(&format!("gradient by bias of {what}"), &found.2, &expected.2);
            assert_eq!(found.3.is_some(), with_residual);
            if let (Some(found), Some(expected)) = (found.3, expected.3) {
                assert_same(&format!("gradient by residual of {what}"), &found, &expected);
            }
        }
        for (tensor, before) in [&x, &residual].into_iter().zip(&held) {
            assert_untouched(tensor, before);
        }
    }
}

#[test]
fn operands_may_lie_anywhere_in_memory_and_shared_ones_stay_as_they_are() {
    let shape = [2, 3, 5, 4];
    let (x, residual, dy) = (random("x", shape), random("residual", shape), random("dy", shape));
    let held = [&x, &residual, &dy].map(values);
    let normalization = normalization(&x);
    let options = options(Activation::Relu);
    let given = |tensor: &FlexTensor| Optional::Given(tensor.clone());
    let y = default_body::normalize::<Flex>(
        x.clone(),
        normalization.clone(),
        given(&residual),
        options,
    );
    let expected = default_body::normalize_gradient::<Flex>(
        dy.clone(),
        x.clone(),
        normalization.clone(),
        given(&y),
        options,
    );
    for ((layout, x), (_, residual)) in layouts(&x).into_iter().zip(layouts(&residual)) {
        let found =
            Flex::normalize(x.clone(), normalization.clone(), Optional::Given(residual), options);
        assert_same(layout, &found, &y);
        for (gradient_layout, dy) in layouts(&dy) {
            let found =
                Flex::normalize_gradient(dy, x.clone(), normalization.clone(), given(&y), options);
            let what = format!("x {layout}, gradient {gradient_layout}");
            assert_same(&what, &found.0, &expected.0);
            assert_same(&what, &found.1, &expected.1);
            assert_same(&what, &found.3.expect("a residual's"), &expected.3.clone().expect("too"));
        }
    }
    for (tensor, before) in [&x, &residual, &dy].into_iter().zip(&held) {
        assert_untouched(tensor, before);
    }
}

#[test]
fn layer_normalizations_and_their_gradients_are_those_of_the_default_bodies() {
    for shape in [[2, 5, 7, 3], [1, 2, 1, 33], [3, 4, 4, 64]] {
        let (x, dy) = (random("x", shape), random("dy", shape));
        let [weight, bias] = ["weight", "bias"].map(|name| random(name, [shape[3]]));
        let held = [&x, &dy].map(values);
        let y = default_body::layer_normalization::<Flex>(
            x.clone(),
            weight.clone(),
            bias.clone(),
            1e-6,
        );
        let expected = default_body::layer_normalization_gradient::<Flex>(
            dy.clone(),
            x.clone(),
            weight.clone(),
            1e-6,
        );
        for ((layout, x), (_, dy)) in layouts(&x).into_iter().zip(layouts(&dy)) {
            let found = Flex::layer_normalization(x.clone(), weight.clone(), bias.clone(), 1e-6);
            assert_same(layout, &found, &y);
            let found = Flex::layer_normalization_gradient(dy, x, weight.clone(), 1e-6);
            assert_same(&format!("{layout}, by x"), &found.0, &expected.0);
            assert_same(&format!("{layout}, by weight"), &found.1, &expected.1);
            assert_same(&format!("{layout}, by bias"), &found.2, &expected.2);
        }
        for (tensor, before) in [&x, &dy].into_iter().zip(&held) {
            assert_untouched(tensor, before);
        }
    }
}
