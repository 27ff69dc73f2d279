//! Ways to look at a picture: once, mirrored too, at several sizes, through a window that slides.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use ocelli_data::augment::{Pipeline, Transform};
use ocelli_data::random::{Purpose, generator};
use ocelli_data::{Mask, Picture};
use ocelli_models::DenseModel;
use ocelli_nn::Pass;
use ocelli_nn::functional::{ResizeMode, resize2d};

use super::mask_of;
use crate::recipe::EvaluateSection;
use crate::task::images_tensor;

/// Scores are brought to another size as torchvision's references and mmsegmentation do it.
const BILINEAR: ResizeMode = ResizeMode::Bilinear { align_corners: false };

/// How a network looks at pictures to tell the class of every pixel.
#[derive(Clone, Debug)]
pub struct Look {
    flip: bool,
    scales: Vec<f64>,
    window: Option<Window>,
}

#[derive(Clone, Debug)]
struct Window {
    /// Height and width in pixels.
    size: [usize; 2],
    /// The share of a window that the next one covers too.
    overlap: f64,
    /// The normalization of the evaluation transforms.
    normalize: Vec<Transform>,
}

impl Look {
    /// As the recipe says, with `size` the height and width that the network is given.
    #[must_use]
    pub fn new(evaluate: &EvaluateSection, size: [u32; 2], transforms: &[Transform]) -> Self {
        let normalize = transforms
            .iter()
            .filter(|transform| matches!(transform, Transform::Normalize(_)))
            .cloned()
            .collect();
        let window =
            Window { size: size.map(|side| side as usize), overlap: evaluate.overlap, normalize };
        Self {
            flip: evaluate.flip,
            scales: evaluate.scales.clone(),
            window: evaluate.sliding_window.then_some(window),
        }
    }

    /// Whether the picture's own size is looked at through a window.
    #[must_use]
    pub fn slides(&self) -> bool {
        self.window.is_some()
    }

    /// The scores of all looks at `images`, of which one gave `scores` already: these alone, or the
    /// mean of all probabilities.
    ///
    /// # Shapes
    /// `images`: `[n, h, w, c]`; `scores` and the result `[n, h, w, classes]`
    #[must_use]
    pub fn again(&self, model: &DenseModel, images: Tensor<4>, scores: Tensor<4>) -> Tensor<4> {
        let only_once = !self.flip && self.scales == [1.0];
        if only_once || self.slides() {
            return scores;
        }
        let [_, height, width, _] = images.dims();
        let mut first = Some(scores);
        let mut sum: Option<Tensor<4>> = None;
        let mut looks = 0;
        for &scale in &self.scales {
            let size = [height, width].map(|side| scaled(side, scale));
            let whole = size == [height, width];
            let images =
                if whole { images.clone() } else { resize2d(images.clone(), size, BILINEAR) };
            for mirrored in [false, true] {
                if mirrored && !self.flip {
                    continue;
                }
                let scores = match first.take_if(|_| whole && !mirrored) {
                    Some(scores) => scores,
                    None if mirrored => forward(model, images.clone().flip([2])).flip([2]),
                    None => forward(model, images.clone()),
                };
                let probabilities = softmax(scores, 3);
                let probabilities = if whole {
                    probabilities
                } else {
                    resize2d(probabilities, [height, width], BILINEAR)
                };
                sum = Some(match sum {
                    Some(sum) => sum + probabilities,
                    None => probabilities,
                });
                looks += 1;
            }
        }
        let sum = sum.expect("a recipe has at least one scale");
        sum.div_scalar(f64::from(looks))
    }

    /// The mean probabilities of a picture in its own size, through a window that slides over it,
    /// `[1, h, w, classes]`. A picture with a shorter side than the window is enlarged to it.
    ///
    /// # Panics
    /// Unless the recipe asks for a sliding window.
    #[must_use]
    pub fn slide(&self, model: &DenseModel, picture: &Picture, device: &Device) -> Tensor<4> {
        let window = self.window.as_ref().expect("asked for only where there is a window");
        let [height, width] = [picture.height() as usize, picture.width() as usize];
        let size = [height.max(window.size[0]), width.max(window.size[1])];
        let images = window.image(picture, size, device);
        let rows = window.starts(0, size[0]);
        let columns = window.starts(1, size[1]);
        let mut sum: Option<Tensor<4>> = None;
        let mut times = vec![0.0f32; size[0] * size[1]];
        for &top in &rows {
            for &left in &columns {
                let [bottom, right] = [top + window.size[0], left + window.size[1]];
                let part = images.clone().slice([0..1, top..bottom, left..right]);
                let scores = forward(model, part.clone());
                let once = Self { window: None, ..self.clone() };
                let probabilities = if once.flip || once.scales != [1.0] {
                    once.again(model, part, scores)
                } else {
                    softmax(scores, 3)
                };
                let classes = probabilities.dims()[3];
                let so_far = sum.take().unwrap_or_else(|| {
                    Tensor::zeros([1, size[0], size[1], classes], &probabilities.device())
                });
                let place = [0..1, top..bottom, left..right, 0..classes];
                let added = so_far.clone().slice(place.clone()) + probabilities;
                sum = Some(so_far.slice_assign(place, added));
                for row in top..bottom {
                    times[row * size[1]..][left..right].iter_mut().for_each(|times| *times += 1.0);
                }
            }
        }
        let times = images_tensor(times, [1, size[0], size[1], 1], device);
        let mean = sum.expect("a window is somewhere") / times;
        if size == [height, width] { mean } else { resize2d(mean, [height, width], BILINEAR) }
    }

    /// The class of every pixel of a picture of `[height, width]` pixels, by scores `[1, h, w,
    /// classes]`.
    #[must_use]
    pub fn mask(scores: Tensor<4>, size: [u32; 2]) -> Mask {
        let size = size.map(|side| side as usize);
        let [_, height, width, _] = scores.dims();
        mask_of(if [height, width] == size { scores } else { resize2d(scores, size, BILINEAR) })
    }
}

impl Window {
    /// The picture at `size`, normalized, `[1, h, w, 3]`.
    fn image(&self, picture: &Picture, size: [usize; 2], device: &Device) -> Tensor<4> {
        let pipeline = Pipeline::new(&self.normalize, size.map(|side| side as u32))
            .expect("the recipe's own normalization was checked");
        let mut values = vec![0.0; size[0] * size[1] * 3];
        // Nothing is drawn; the generator is a formality.
        pipeline.apply(picture.clone(), &mut generator(0, Purpose::Augment, 0, 0), &mut values);
        images_tensor(values, [1, size[0], size[1], 3], device)
    }

    /// Where windows begin along an axis of `length` pixels: evenly, the last at the end.
    fn starts(&self, axis: usize, length: usize) -> Vec<usize> {
        starts(length, self.size[axis], self.overlap)
    }
}

fn starts(length: usize, window: usize, overlap: f64) -> Vec<usize> {
    let step = ((window as f64 * (1.0 - overlap)) as usize).max(1);
    let room = length - window;
    let count = room.div_ceil(step);
    (0..=count).map(|index| (room * index).checked_div(count).unwrap_or(0)).collect()
}

fn forward(model: &DenseModel, images: Tensor<4>) -> Tensor<4> {
    model.forward(images, &Pass::eval()).scores
}

fn scaled(side: usize, scale: f64) -> usize {
    ((side as f64 * scale).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn windows_cover_every_pixel_and_overlap_as_asked() {
        for (length, window, overlap) in
            [(64, 64, 0.25), (65, 64, 0.25), (300, 64, 0.25), (1000, 96, 0.5), (100, 99, 0.0)]
        {
            let starts = starts(length, window, overlap);
            assert_eq!(starts[0], 0);
            assert_eq!(*starts.last().unwrap(), length - window);
            for pair in starts.windows(2) {
                let step = (window as f64 * (1.0 - overlap)) as usize;
                assert!(pair[1] > pair[0] && pair[1] - pair[0] <= step, "{starts:?}");
            }
        }
    }
}
