//! One class a pixel.

mod inference;

pub use inference::Look;

use burn::tensor::{Device, Tensor};
use ocelli_data::loader::Batch;
use ocelli_data::{Dataset, DecodeOptions, Mask};
use ocelli_models::DenseOutput;
use ocelli_nn::Pass;
use rayon::prelude::*;

use super::{
    Batches, Evaluation, EvaluationError, Kept, Learned, Objective, Scores, images_tensor,
};
use crate::loss::{DenseLoss, DenseLossConfig, DenseTargets, LossError};
use crate::metric::{MetricError, SegmentationMatrix, argmax_classes};
use crate::network::Network;
use crate::pictures::{Pictures, decode_options};
use crate::recipe::{LossSection, Recipe};
use crate::record::{EpochRecord, RegionRecord};

/// Segmentation: a loss over pixels.
pub(crate) struct Segmentation {
    loss: DenseLoss,
    auxiliary_weight: f64,
    classes: usize,
    look: Look,
    original_size: bool,
}

impl Segmentation {
    pub(crate) fn for_training(
        recipe: &Recipe,
        pictures: &Pictures,
        device: &Device,
    ) -> Result<Self, LossError> {
        let config = LossSection::segmentation(recipe.train.loss.as_ref())
            .map_err(|reason| LossError::Section { reason })?;
        let counts = config
            .counts_pixels()
            .then(|| pixel_counts(&pictures.train, &decode_options(&recipe.data)));
        let classes = pictures.train.classes.len();
        let loss = DenseLoss::new(&config, classes, counts.as_deref(), device)?;
        Ok(Self { loss, ..Self::plain(recipe, classes, device)? })
    }

    pub(crate) fn plain(
        recipe: &Recipe,
        classes: usize,
        device: &Device,
    ) -> Result<Self, LossError> {
        let evaluate = recipe.evaluate.clone().unwrap_or_default();
        Ok(Self {
            loss: DenseLoss::new(&DenseLossConfig::default(), classes, None, device)?,
            auxiliary_weight: recipe.train.auxiliary_weight,
            classes,
            look: Look::new(
                &evaluate,
                recipe.data.size.height_width(),
                recipe.data.eval_transforms.as_deref().unwrap_or_default(),
            ),
            original_size: evaluate.original_size,
        })
    }
}

/// The pixels of each class over a dataset's masks; those of masks that can't be read are told when
/// training comes to them.
fn pixel_counts(dataset: &Dataset, decode: &DecodeOptions) -> Vec<u64> {
    let none = || vec![0u64; 256];
    let Some(palette) = &dataset.palette else { return Vec::new() };
    let mut counts = dataset
        .samples
        .par_iter()
        .with_max_len(1)
        .filter_map(|sample| sample.mask(palette, decode).ok())
        .fold(none, |mut counts, mask| {
            mask.labels().iter().for_each(|&class| counts[usize::from(class)] += 1);
            counts
        })
        .reduce(none, |mut counts, more| {
            counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
            counts
        });
    counts.truncate(dataset.classes.len());
    counts
}

/// Right and wrong pixels of a set of pictures.
#[derive(Debug)]
pub struct RegionScores {
    /// Answers against truth.
    pub matrix: SegmentationMatrix,
}

/// The mask that a network made of a picture.
#[derive(Debug)]
pub struct Segmented {
    /// The picture's position in the dataset.
    pub index: usize,
    /// The class of every pixel.
    pub mask: Mask,
}

impl Objective for Segmentation {
    fn learn(
        &self,
        network: &Network,
        batch: Batch,
        pass: &Pass,
        device: &Device,
    ) -> Result<Learned, MetricError> {
        let Batch { images, shape, masks, .. } = batch;
        let [pictures, height, width, _] = shape;
        let images = images_tensor(images, shape, device);
        let targets = DenseTargets::new(masks.clone(), [pictures, height, width], device);
        let DenseOutput { scores, auxiliary } = network.dense().forward(images, pass);
        let mut loss = self.loss.forward(scores.clone(), &targets);
        if let Some(auxiliary) = auxiliary {
            let auxiliary = self.loss.forward(auxiliary, &targets);
            loss = loss + auxiliary.mul_scalar(self.auxiliary_weight);
        }
        let answers = argmax_classes(scores);
        let counted = answers.iter().zip(&masks).filter(|(_, truth)| **truth != Mask::IGNORE);
        let (questions, correct) = counted.fold((0, 0), |(questions, correct), (answer, truth)| {
            (questions + 1, correct + u64::from(answer == truth))
        });
        Ok(Learned { loss, pictures: pictures as u64, questions, correct, correct_top5: 0 })
    }

    fn evaluate(
        &self,
        network: &Network,
        batches: Batches<'_>,
        device: &Device,
        keep: Option<&[usize]>,
    ) -> Result<Evaluation, EvaluationError> {
        let model = network.dense();
        let keep = keep.unwrap_or_default();
        let nothing = (SegmentationMatrix::new(self.classes), Vec::new());
        let measure = |(matrix, kept): &mut (SegmentationMatrix, Vec<_>), batch: Batch| {
            let Batch { images, shape, masks, indices, originals, .. } = batch;
            let [count, height, width, _] = shape;
            let images = images_tensor(images, shape, device);
            let targets = DenseTargets::new(masks.clone(), [count, height, width], device);
            let scores = model.forward(images.clone(), &Pass::eval()).scores;
            let loss = self.loss.evaluate(scores.clone(), &targets);
            let scores = self.look.again(model, images, scores);
            for (place, index) in indices.into_iter().enumerate() {
                let original = originals.get(place);
                let whole = original.and_then(|original| original.picture.as_ref());
                let truth = original.and_then(|original| original.mask.as_ref());
                let scores = match whole {
                    Some(picture) if self.look.slides() => self.look.slide(model, picture, device),
                    _ => scores.clone().narrow(0, place, 1),
                };
                let (size, truth) = match truth.filter(|_| self.original_size) {
                    Some(truth) => ([truth.height(), truth.width()], truth.labels()),
                    None => {
                        let pixels = height * width;
                        ([height as u32, width as u32], &masks[place * pixels..][..pixels])
                    }
                };
                let mask = Look::mask(scores, size);
                matrix.add(mask.labels(), truth)?;
                if keep.contains(&index) {
                    kept.push(Segmented { index, mask });
                }
            }
            Ok(loss)
        };
        batches.measure(nothing, measure, |(matrix, kept)| {
            let kept = (!keep.is_empty()).then_some(Kept::Masks(kept));
            (Scores::Regions(RegionScores { matrix }), kept)
        })
    }
}

impl RegionScores {
    /// A record with these scores in it.
    pub(super) fn written(&self, record: EpochRecord, classes: &[String]) -> EpochRecord {
        let scores = self.matrix.scores();
        let by_class = |score: fn(&crate::metric::RegionScore) -> Option<f64>| {
            classes.iter().cloned().zip(scores.classes.iter().map(score)).collect()
        };
        EpochRecord {
            accuracy: scores.pixel_accuracy,
            regions: RegionRecord {
                miou: scores.mean_iou,
                frequency_weighted_iou: scores.frequency_weighted_iou,
                mean_dice: scores.mean_dice,
                iou: by_class(|score| score.iou),
                dice: by_class(|score| score.dice),
            },
            confusion: super::classify::confusion_cells(self.matrix.matrix()),
            ..record
        }
    }
}

/// A mask of scores `[1, h, w, classes]`: the class with the highest score.
fn mask_of(scores: Tensor<4>) -> Mask {
    let [_, height, width, _] = scores.dims();
    Mask::new(width as u32, height as u32, argmax_classes(scores))
}
