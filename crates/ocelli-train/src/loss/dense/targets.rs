use burn::tensor::{Device, Int, Tensor, TensorData};

use super::IGNORED;

/// The masks of a batch.
#[derive(Clone, Debug)]
pub struct DenseTargets {
    shape: [usize; 3],
    /// A class, or 255, for each pixel, `[n h w]`.
    labels: Tensor<1, Int>,
    /// How often each value occurs.
    counts: Box<[u64; 256]>,
}

impl DenseTargets {
    /// Masks with a class for each pixel, row-major, or 255 where a pixel counts for nothing.
    ///
    /// # Shapes
    ///
    /// `shape`: `[n, h, w]`.
    ///
    /// # Panics
    ///
    /// If there are more or fewer values than the shape has.
    pub fn new(masks: Vec<u8>, shape: [usize; 3], device: &Device) -> Self {
        let pixels: usize = shape.iter().product();
        let found = masks.len();
        assert_eq!(found, pixels, "found {found} values in masks of shape {shape:?}");
        let mut counts = Box::new([0; 256]);
        for &value in &masks {
            counts[usize::from(value)] += 1;
        }
        let labels: Vec<i64> = masks.into_iter().map(i64::from).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [pixels]), &device.clone().inner());
        Self { shape, labels, counts }
    }

    /// `[n, h, w]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The labels, with 255 also where they are `ignore`: `[n h w]`.
    pub(super) fn labels(&self, ignore: u8) -> Tensor<1, Int> {
        if ignore == IGNORED || self.counts[usize::from(ignore)] == 0 {
            return self.labels.clone();
        }
        let ignored = self.labels.clone().equal_scalar(i64::from(ignore));
        self.labels.clone().mask_fill(ignored, i64::from(IGNORED))
    }

    /// Pixels of each class; of an ignored one none.
    pub(super) fn class_counts(&self, classes: usize, ignore: u8) -> Vec<u64> {
        let mut counts = self.counts[..classes].to_vec();
        if let Some(count) = counts.get_mut(usize::from(ignore)) {
            *count = 0;
        }
        counts
    }

    /// Pixels that are not ignored.
    pub(super) fn counted(&self, ignore: u8) -> u64 {
        self.class_counts(usize::from(IGNORED), ignore).into_iter().sum()
    }

    /// Refuses values that are neither a class nor ignored by every loss.
    ///
    /// # Panics
    ///
    /// If there are some.
    pub(super) fn check(&self, classes: usize, mut ignored: impl Iterator<Item = u8> + Clone) {
        let outside = (classes..usize::from(IGNORED)).find(|&value| {
            self.counts[value] > 0 && !ignored.clone().all(|ignore| usize::from(ignore) == value)
        });
        if let Some(value) = outside {
            let also = ignored.find(|&ignore| ignore != IGNORED);
            panic!(
                "found the value {value} in a mask, expected a class, 0 to {}, or 255{}, which is \
                 ignored",
                classes - 1,
                also.map_or_else(String::new, |ignore| format!(" or {ignore}")),
            );
        }
    }
}
