//! Where a classifier looked: Grad-CAM (Selvaraju et al., Grad-CAM: Visual Explanations from Deep
//! Networks via Gradient-based Localization, 2017, arXiv:1610.02391).

use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData, activation};
use ocelli_data::Picture;
use ocelli_data::random::{Purpose, generator};
use ocelli_models::Classifier;
use ocelli_nn::Pass;

use super::Trained;
use crate::metric::prediction;
use crate::task::{floats, images_tensor};

/// Pictures looked at in one go: a bound on memory.
const BATCH: usize = 16;

/// How much each place of a picture speaks for a class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassMap {
    /// The class, as a position in the run's classes.
    pub class: usize,
    /// From 0 to 1: what the network makes of it.
    pub probability: f32,
    /// `[height, width]`: by how much the class's score would rise with what the place shows; 0
    /// where nothing speaks for the class.
    pub values: Vec<f32>,
    /// Height and width of the network's last feature map, which covers the whole picture.
    pub size: [usize; 2],
}

/// What a network looked at in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// The picture as the network is given it, before its values are normalized.
    pub seen: Picture,
    /// What speaks for the answer; `None` where the network's numbers are none.
    pub answer: Option<ClassMap>,
    /// What speaks for the right class, where it is known and isn't the answer.
    pub truth: Option<ClassMap>,
}

impl Trained {
    /// What speaks for the network's answers, and for the right classes where they are others:
    /// `pictures` come with their class, as a position in the run's classes, if it is known.
    ///
    /// # Panics
    /// If the run's task is not classification, or a class is none of the run's.
    #[must_use]
    pub fn grad_cam(&self, pictures: &[(Picture, Option<usize>)]) -> Vec<Looked> {
        self.compute_as_trained();
        // Of the weights nothing is to be learned: the gradient goes no further than the map.
        let tracked = self.network.clone().train().no_grad();
        let tracked = tracked.classifier();
        pictures.chunks(BATCH).flat_map(|pictures| self.look_at(tracked, pictures)).collect()
    }

    fn look_at(&self, tracked: &Classifier, pictures: &[(Picture, Option<usize>)]) -> Vec<Looked> {
        let [height, width] = self.pipeline.size().map(|side| side as usize);
        let values = pictures.iter().flat_map(|(picture, _)| self.seen(picture).0).collect();
        let images = images_tensor(values, [pictures.len(), height, width, 3], &self.device);
        let model = self.network.classifier();
        let map = model.forward_map(images, &Pass::eval());
        let scores = model.forward_from_map(map.clone(), &Pass::eval());
        let probabilities = floats(activation::softmax(scores, 1));
        let classes = self.info.classes.len();
        let rows: Vec<&[f32]> = probabilities.chunks_exact(classes).collect();
        let answers: Vec<Option<usize>> = rows.iter().map(|row| prediction(row)).collect();
        let others: Vec<Option<usize>> = pictures
            .iter()
            .zip(&answers)
            .map(|((_, label), answer)| label.filter(|label| Some(*label) != *answer))
            .collect();
        let [of_answers, of_others] = [answers, others].map(|wanted| {
            let of_row =
                |(row, class): (usize, Option<usize>)| class.map(|class| (class, rows[row][class]));
            let wanted: Vec<_> = wanted.into_iter().enumerate().map(of_row).collect();
            class_maps(tracked, &map, &wanted)
        });
        pictures
            .iter()
            .zip(of_answers.into_iter().zip(of_others))
            .map(|((picture, _), (answer, truth))| {
                // Evaluation transforms draw nothing; the generator is a formality.
                let mut random = generator(0, Purpose::Augment, 0, 0);
                let seen = self.pipeline.apply_to_picture(picture.clone(), &mut random);
                Looked { seen, answer, truth }
            })
            .collect()
    }
}

/// The maps of a class for each picture, `(class, probability)`, where one is wanted.
fn class_maps(
    tracked: &Classifier,
    map: &Tensor<4>,
    wanted: &[Option<(usize, f32)>],
) -> Vec<Option<ClassMap>> {
    if wanted.iter().all(Option::is_none) {
        return vec![None; wanted.len()];
    }
    let [count, height, width, channels] = map.dims();
    let chosen: Vec<i64> =
        wanted.iter().map(|class| class.map_or(0, |(class, _)| class as i64)).collect();
    let leaf = map.clone().autodiff().require_grad();
    let scores = tracked.forward_from_map(leaf.clone(), &Pass::eval());
    let chosen = Tensor::<2, Int>::from_data(TensorData::new(chosen, [count, 1]), &scores.device());
    // No picture's score depends on another picture, so one backward pass serves all.
    let mut gradients = scores.gather(1, chosen).sum().backward();
    let gradient = leaf.grad_remove(&mut gradients).map(floats).unwrap_or_default();
    let map = floats(map.clone());
    let area = height * width;
    map.chunks_exact(area * channels)
        .zip(gradient.chunks_exact(area * channels))
        .zip(wanted)
        .map(|((map, gradient), class)| {
            class.map(|(class, probability)| ClassMap {
                class,
                probability,
                values: weighted(map, gradient, channels),
                size: [height, width],
            })
        })
        .collect()
}

/// The paper's equations 1 and 2: the sum of the channels, each weighed with its gradient's mean over
/// all places, where it is positive.
fn weighted(map: &[f32], gradient: &[f32], channels: usize) -> Vec<f32> {
    let mut weights = vec![0.0f32; channels];
    for place in gradient.chunks_exact(channels) {
        weights.iter_mut().zip(place).for_each(|(weight, value)| *weight += value);
    }
    let places = (gradient.len() / channels) as f32;
    weights.iter_mut().for_each(|weight| *weight /= places);
    map.chunks_exact(channels)
        .map(|place| {
            let sum: f32 = place.iter().zip(&weights).map(|(value, weight)| value * weight).sum();
            sum.max(0.0)
        })
        .collect()
}

#[cfg(test)]
mod tests;
