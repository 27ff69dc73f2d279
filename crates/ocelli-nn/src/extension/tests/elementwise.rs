use burn::backend::{Flex, ops::FloatTensorOps};

use super::{assert_same, assert_untouched, layouts, random, values};
use crate::extension::{Optional, VisionOperations, default_body};
use crate::functional::{Activation, ResizeMode};

const SHAPE: [usize; 4] = [2, 5, 4, 7];

#[test]
fn activations_and_their_gradients_are_those_of_the_default_bodies() {
    // Wide enough for every kink and tail.
    let x = Flex::float_mul_scalar(random("x", SHAPE), 8.0.into());
    let dy = random("dy", SHAPE);
    let held = [&x, &dy].map(values);
    for activation in Activation::ALL {
        let expected = default_body::activation::<Flex>(x.clone(), activation);
        let gradient = default_body::activation_gradient::<Flex>(dy.clone(), x.clone(), activation);
        for ((layout, x), (_, dy)) in layouts(&x).into_iter().zip(layouts(&dy)) {
            let what = format!("{activation:?}, {layout}");
            assert_same(&what, &Flex::activation(x.clone(), activation), &expected);
            let dx = Flex::activation_gradient(dy, x, activation);
            assert_same(&format!("gradient of {what}"), &dx, &gradient);
        }
    }
    for (tensor, before) in [&x, &dy].into_iter().zip(&held) {
        assert_untouched(tensor, before);
    }
}

#[test]
fn dropout_drops_the_same_numbers_as_the_default_body() {
    let x = random("x", SHAPE);
    let before = values(&x);
    for (probability, key) in [(0.0, 1), (0.3, 2), (0.3, 3), (1.0, 4)] {
        let expected = default_body::dropout::<Flex>(x.clone(), probability, key);
        for (layout, x) in layouts(&x) {
            assert_same(layout, &Flex::dropout(x, probability, key), &expected);
        }
    }
    assert_untouched(&x, &before);
}

#[test]
fn channels_are_scaled_as_by_the_default_body() {
    let (x, scale, dy) = (random("x", SHAPE), random("scale", [2, 7]), random("dy", SHAPE));
    let held = [&x, &scale, &dy].map(values);
    let residual = random("residual", SHAPE);
    let residuals = || [Optional::Absent, Optional::Given(residual.clone())];
    let expected = residuals()
        .map(|residual| default_body::scale_channels::<Flex>(x.clone(), scale.clone(), residual));
    let (by_x, by_scale) =
        default_body::scale_channels_gradient::<Flex>(dy.clone(), x.clone(), scale.clone());
    for ((layout, x), (_, scale)) in layouts(&x).into_iter().zip(layouts(&scale)) {
        for (residual, expected) in residuals().into_iter().zip(&expected) {
            assert_same(
                layout,
                &Flex::scale_channels(x.clone(), scale.clone(), residual),
                expected,
            );
        }
        let (dx, dscale) = Flex::scale_channels_gradient(dy.clone(), x, scale);
        assert_same(layout, &dx, &by_x);
        assert_same(layout, &dscale, &by_scale);
    }
    for (tensor, before) in [&x, &scale, &dy].into_iter().zip(&held) {
        assert_untouched(tensor, before);
    }
}

#[test]
fn pictures_are_resized_as_by_the_default_body() {
    let x = random("x", SHAPE);
    for size in [[10, 8], [3, 9], [5, 4]] {
        for mode in [
            ResizeMode::Nearest,
            ResizeMode::Bilinear { align_corners: false },
            ResizeMode::Bilinear { align_corners: true },
        ] {
            let expected = default_body::resize::<Flex>(x.clone(), size, mode);
            for (layout, x) in layouts(&x) {
                let what = format!("{mode:?} to {size:?}, {layout}");
                assert_same(&what, &Flex::resize(x, size, mode), &expected);
            }
            let [n, h, w, c] = SHAPE;
            let dy = random("dy", [n, size[0], size[1], c]);
            let expected = default_body::resize_gradient::<Flex>(dy.clone(), [n, h, w, c], mode);
            for (layout, dy) in layouts(&dy) {
                let what = format!("gradient of {mode:?} to {size:?}, {layout}");
                assert_same(&what, &Flex::resize_gradient(dy, [n, h, w, c], mode), &expected);
            }
        }
    }
}
