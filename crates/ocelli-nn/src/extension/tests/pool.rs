use burn::backend::{Flex, flex::FlexTensor};

use super::{assert_same, assert_untouched, layouts, random, values};
use crate::extension::{VisionOperations, default_body};
use crate::functional::PoolGeometry;

const SHAPES: [[usize; 4]; 3] = [[2, 7, 5, 3], [1, 2, 3, 17], [2, 8, 9, 32]];

fn geometries() -> [PoolGeometry; 3] {
    [
        PoolGeometry { kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
        PoolGeometry { kernel: [2, 2], stride: [2, 2], padding: [0, 0] },
        PoolGeometry { kernel: [2, 3], stride: [1, 2], padding: [1, 0] },
    ]
}

fn shape(tensor: &FlexTensor) -> [usize; 4] {
    tensor.layout().shape().dims()
}

#[test]
fn pooling_and_its_gradients_are_those_of_the_default_bodies() {
    for x_shape in SHAPES {
        let x = random("x", x_shape);
        for geometry in geometries() {
            let what = format!("{x_shape:?}, {geometry:?}");
            let (expected, indices) =
                default_body::max_pool_with_winners::<Flex>(x.clone(), geometry);
            assert_same(&what, &Flex::max_pool(x.clone(), geometry), &expected);
            let (y, taps) = Flex::max_pool_with_winners(x.clone(), geometry);
            assert_same(&what, &y, &expected);
            let dy = random("dy", shape(&y));
            let expected =
                default_body::max_pool_gradient::<Flex>(dy.clone(), indices, geometry, x_shape);
            let dx = Flex::max_pool_gradient(dy.clone(), taps, geometry, x_shape);
            assert_same(&format!("gradient of maximum {what}"), &dx, &expected);

            let expected = default_body::average_pool::<Flex>(x.clone(), geometry);
            assert_same(&what, &Flex::average_pool(x.clone(), geometry), &expected);
            let expected =
                default_body::average_pool_gradient::<Flex>(dy.clone(), geometry, x_shape);
            let dx = Flex::average_pool_gradient(dy, geometry, x_shape);
            assert_same(&format!("gradient of average {what}"), &dx, &expected);
        }
        for size in [[1, 1], [2, 3]] {
            let what = format!("{x_shape:?} to {size:?}");
            let expected = default_body::adaptive_average_pool::<Flex>(x.clone(), size);
            let y = Flex::adaptive_average_pool(x.clone(), size);
            assert_same(&what, &y, &expected);
            let dy = random("dy", shape(&y));
            let expected =
                default_body::adaptive_average_pool_gradient::<Flex>(dy.clone(), x_shape);
            let dx = Flex::adaptive_average_pool_gradient(dy, x_shape);
            assert_same(&format!("gradient of {what}"), &dx, &expected);
        }
    }
}

#[test]
fn pictures_may_lie_anywhere_in_memory() {
    let x = random("x", [2, 5, 6, 3]);
    let before = values(&x);
    let geometry = geometries()[0];
    let largest = Flex::max_pool(x.clone(), geometry);
    let mean = Flex::adaptive_average_pool(x.clone(), [1, 1]);
    for (layout, x) in layouts(&x) {
        assert_same(layout, &Flex::max_pool(x.clone(), geometry), &largest);
        assert_same(layout, &Flex::adaptive_average_pool(x, [1, 1]), &mean);
    }
    assert_untouched(&x, &before);
}
