use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::extension::VisionOperations;

/// Pictures of one size, joined along their channels.
///
/// # Shapes
/// `[n, h, w, c1]`, `[n, h, w, c2]`, … → `[n, h, w, c1 + c2 + …]`
///
/// # Panics
/// If there are none, or their sizes differ.
#[must_use]
pub fn concat_channels(parts: impl IntoIterator<Item = Tensor<4>>) -> Tensor<4> {
    parts
        .into_iter()
        .reduce(|first, second| {
            let ([n, h, w, _], [m, k, l, _]) = (first.dims(), second.dims());
            assert!(
                [n, h, w] == [m, k, l],
                "pictures to be joined have one size; found {:?} and {:?}",
                first.dims(),
                second.dims()
            );
            Tensor::from_dispatch(<Dispatch as VisionOperations>::concat_channels(
                first.into_dispatch(),
                second.into_dispatch(),
            ))
        })
        .expect("there are pictures to be joined")
}
