use burn::backend::{Flex, ops::FloatTensorOps};

use super::{assert_same, assert_untouched, layouts, random, values};
use crate::extension::{Optional, VisionOperations, default_body};
use crate::functional::{Activation, ConvGeometry};

/// Picture, weight, geometry: strided, dilated, grouped, depthwise, pointwise, Winograd's.
fn cases() -> Vec<([usize; 4], [usize; 4], ConvGeometry)> {
    let plain = ConvGeometry::default();
    vec![
        ([2, 7, 5, 3], [4, 3, 1, 1], plain),
        ([2, 9, 11, 16], [24, 16, 3, 3], ConvGeometry { padding: [1, 1], ..plain }),
        ([1, 9, 6, 5], [7, 5, 3, 3], ConvGeometry { stride: [2, 2], padding: [1, 1], ..plain }),
        ([2, 13, 12, 3], [8, 3, 7, 7], ConvGeometry { stride: [2, 2], padding: [3, 3], ..plain }),
        ([1, 11, 9, 4], [6, 4, 3, 3], ConvGeometry { padding: [3, 3], dilation: [3, 3], ..plain }),
        ([2, 6, 7, 6], [4, 3, 3, 2], ConvGeometry { groups: 2, padding: [0, 1], ..plain }),
        ([2, 8, 7, 6], [6, 1, 3, 3], ConvGeometry { groups: 6, padding: [1, 1], ..plain }),
        ([1, 1, 1, 2], [3, 2, 1, 1], plain),
    ]
}

#[test]
fn convolutions_and_their_gradients_are_those_of_the_default_bodies() {
    for (x_shape, weight_shape, geometry) in cases() {
        let what = format!("{x_shape:?} * {weight_shape:?}, {geometry:?}");
        let x = random("x", x_shape);
        let weight = random("weight", weight_shape);
        let bias = random("bias", [weight_shape[0]]);
        let given = || Optional::Given(bias.clone());
        let expected =
            default_body::convolution::<Flex>(x.clone(), weight.clone(), given(), geometry);
        let y = Flex::convolution(x.clone(), weight.clone(), given(), geometry);
        assert_same(&what, &y, &expected);
        let y_shape: [usize; 4] = y.layout().shape().dims();

        let dy = random("dy", y_shape);
        let expected = default_body::convolution_input_gradient::<Flex>(
            weight.clone(),
            dy.clone(),
            geometry,
            x_shape,
        );
        let dx = Flex::convolution_input_gradient(weight.clone(), dy.clone(), geometry, x_shape);
        assert_same(&format!("gradient by picture of {what}"), &dx, &expected);
        let expected = default_body::convolution_weight_gradient::<Flex>(
            x.clone(),
            dy.clone(),
            geometry,
            weight_shape,
        );
        let dweight = Flex::convolution_weight_gradient(x, dy.clone(), geometry, weight_shape);
        assert_same(&format!("gradient by weight of {what}"), &dweight, &expected);
        let expected = default_body::channel_sum::<Flex>(dy.clone());
        assert_same(&format!("gradient by bias of {what}"), &Flex::channel_sum(dy), &expected);
    }
}

#[test]
fn a_residual_and_every_activation_are_applied_to_the_result() {
    let geometry = ConvGeometry { padding: [1, 1], ..ConvGeometry::default() };
    let (x, weight) = (random("x", [2, 5, 7, 4]), random("weight", [6, 4, 3, 3]));
    let (bias, residual) = (random("bias", [6]), random("residual", [2, 5, 7, 6]));
    let before = values(&residual);
    for activation in Activation::ALL {
        for with_residual in [false, true] {
            let plain = default_body::convolution::<Flex>(
                x.clone(),
                weight.clone(),
                Optional::Given(bias.clone()),
                geometry,
            );
            let sum = if with_residual { Flex::float_add(plain, residual.clone()) } else { plain };
            let expected = default_body::activation::<Flex>(sum, activation);
            let y = Flex::convolution_activation(
                x.clone(),
                weight.clone(),
                Optional::Given(bias.clone()),
                with_residual.then(|| residual.clone()).into(),
                geometry,
                activation,
            );
            assert_same(&format!("{activation:?}, residual {with_residual}"), &y, &expected);
        }
    }
    assert_untouched(&residual, &before);
}

#[test]
fn operands_may_lie_anywhere_in_memory() {
    let geometry = ConvGeometry { padding: [1, 1], ..ConvGeometry::default() };
    let (x, weight) = (random("x", [2, 5, 6, 3]), random("weight", [4, 3, 3, 3]));
    let dy = random("dy", [2, 5, 6, 4]);
    let held = [&x, &weight, &dy].map(values);
    let expected =
        default_body::convolution::<Flex>(x.clone(), weight.clone(), Optional::Absent, geometry);
    for (layout, x) in layouts(&x) {
        for (weight_layout, weight) in layouts(&weight) {
            let y = Flex::convolution(x.clone(), weight, Optional::Absent, geometry);
            assert_same(&format!("picture {layout}, weight {weight_layout}"), &y, &expected);
        }
    }
    let shapes: ([usize; 4], [usize; 4]) = ([2, 5, 6, 3], [4, 3, 3, 3]);
    let by_x = Flex::convolution_input_gradient(weight.clone(), dy.clone(), geometry, shapes.0);
    let by_weight = Flex::convolution_weight_gradient(x.clone(), dy.clone(), geometry, shapes.1);
    for (layout, dy) in layouts(&dy) {
        let found =
            Flex::convolution_input_gradient(weight.clone(), dy.clone(), geometry, shapes.0);
        assert_same(layout, &found, &by_x);
        let found = Flex::convolution_weight_gradient(x.clone(), dy, geometry, shapes.1);
        assert_same(layout, &found, &by_weight);
    }
    for (tensor, before) in [&x, &weight, &dy].into_iter().zip(&held) {
        assert_untouched(tensor, before);
    }
}
