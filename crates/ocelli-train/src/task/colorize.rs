//! Colours for gray pictures.

mod space;

pub use space::{colorized, gray, network_input};

use burn::tensor::{Device, Tensor};
use ocelli_data::Picture;
use ocelli_data::color::{mean_ciede2000, psnr, ssim};
use ocelli_data::loader::Batch;
use ocelli_models::DenseModel;
use ocelli_nn::Pass;
use ocelli_nn::functional::{ResizeMode, resize2d};
use rayon::prelude::*;

use super::{
    Batches, Evaluation, EvaluationError, Kept, Learned, Objective, Scores, floats, images_tensor,
};
use crate::loss::{LossError, PixelLoss, PixelLossConfig};
use crate::metric::MetricError;
use crate::network::{Network, gray_channels};
use crate::recipe::{ColorSpace, LossSection, Recipe};
use crate::record::{ColorRecord, EpochRecord};

/// Colorization: the distance between numbers that stand for colours.
pub(crate) struct Colorization {
    loss: PixelLoss,
    space: ColorSpace,
    channels: usize,
}

impl Colorization {
    pub(crate) fn for_training(recipe: &Recipe) -> Result<Self, LossError> {
        let config = LossSection::colorization(recipe.train.loss.as_ref())
            .map_err(|reason| LossError::Section { reason })?;
        Ok(Self { loss: PixelLoss::new(&config)?, ..Self::plain(recipe)? })
    }

    pub(crate) fn plain(recipe: &Recipe) -> Result<Self, LossError> {
        Ok(Self {
            loss: PixelLoss::new(&PixelLossConfig::default())?,
            space: recipe.colorize.unwrap_or_default().space,
            channels: gray_channels(&recipe.model.name),
        })
    }

    /// What the network is given and what it should answer, `[n, h, w, channels]` both.
    fn tensors(&self, images: &[f32], shape: [usize; 4], device: &Device) -> [Tensor<4>; 2] {
        let [pictures, height, width, _] = shape;
        let (inputs, targets) = space::pairs(images, height * width, self.space, self.channels);
        [
            images_tensor(inputs, [pictures, height, width, self.channels], device),
            images_tensor(targets, [pictures, height, width, self.space.outputs()], device),
        ]
    }
}

/// How near a set of pictures came to their colours.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColorScores {
    /// Sums over pictures.
    psnr: f64,
    ssim: f64,
    ciede2000: f64,
    pictures: u64,
    /// Pictures that are large enough for a structural similarity.
    windowed: u64,
}

/// A picture that a network colorized.
#[derive(Debug)]
pub struct Colorized {
    /// The picture's position in the dataset.
    pub index: usize,
    /// With its colours, in the picture's own size.
    pub picture: Picture,
}

impl Objective for Colorization {
    fn learn(
        &self,
        network: &Network,
        batch: Batch,
        pass: &Pass,
        device: &Device,
    ) -> Result<Learned, MetricError> {
        let [inputs, targets] = self.tensors(&batch.images, batch.shape, device);
        let answers = network.dense().forward(inputs, pass).scores;
        Ok(Learned {
            loss: self.loss.forward(answers, targets),
            pictures: batch.shape[0] as u64,
            questions: 0,
            correct: 0,
            correct_top5: 0,
        })
    }

    fn evaluate(
        &self,
        network: &Network,
        batches: Batches<'_>,
        device: &Device,
        keep: Option<&[usize]>,
    ) -> Result<Evaluation, EvaluationError> {
        let keep = keep.unwrap_or_default();
        let nothing = (ColorScores::default(), Vec::new());
        let measure = |(scores, kept): &mut (ColorScores, Vec<_>), batch: Batch| {
            let Batch { images, shape, indices, originals, .. } = batch;
            let [_, height, width, _] = shape;
            let [inputs, targets] = self.tensors(&images, shape, device);
            let answers = network.dense().forward(inputs, &Pass::eval()).scores;
            let loss = self.loss.evaluate(answers.clone(), targets);
            let values = height * width * self.space.outputs();
            let all = floats(answers.clone());
            let measured: Vec<ColorScores> = images
                .par_chunks_exact(height * width * 3)
                .zip(all.par_chunks_exact(values))
                .map(|(truth, answer)| {
                    let truth = space::picture([height, width], truth);
                    let answer = colorized(&truth, answer, self.space);
                    ColorScores::of(&answer, &truth)
                })
                .collect();
            measured.into_iter().for_each(|picture| scores.add(picture));
            for (place, index) in indices.into_iter().enumerate() {
                let original = originals.get(place).and_then(|original| original.picture.as_ref());
                if let Some(original) = original.filter(|_| keep.contains(&index)) {
                    let answer = answers.clone().narrow(0, place, 1);
                    let picture = at_own_size(answer, original, self.space);
                    kept.push(Colorized { index, picture });
                }
            }
            Ok(loss)
        };
        batches.measure(nothing, measure, |(scores, kept)| {
            let kept = (!keep.is_empty()).then_some(Kept::Pictures(kept));
            (Scores::Colors(scores), kept)
        })
    }
}

/// A picture in the colours that a network gives it, in its own size: the network sees it at `size`,
/// `[height, width]`.
#[must_use]
pub fn colorize(
    model: &DenseModel,
    picture: &Picture,
    seen: &[f32],
    size: [usize; 2],
    settings: (ColorSpace, usize),
    device: &Device,
) -> Picture {
    let (space, channels) = settings;
    let input = network_input(seen, space, channels);
    let input = images_tensor(input, [1, size[0], size[1], channels], device);
    at_own_size(model.forward(input, &Pass::eval()).scores, picture, space)
}

/// Answers `[1, h, w, channels]`, brought to a picture's size and put together with its gray.
fn at_own_size(answer: Tensor<4>, picture: &Picture, space: ColorSpace) -> Picture {
    let size = [picture.height() as usize, picture.width() as usize];
    let [_, height, width, _] = answer.dims();
    let answer = if [height, width] == size {
        answer
    } else {
        resize2d(answer, size, ResizeMode::Bilinear { align_corners: false })
    };
    colorized(picture, &floats(answer), space)
}

impl ColorScores {
    fn of(answer: &Picture, truth: &Picture) -> Self {
        let shares = |picture: &Picture| -> Vec<f32> {
            picture.pixels().iter().map(|&value| f32::from(value) / 255.0).collect()
        };
        let (answers, truths) = (shares(answer), shares(truth));
        let shape = [truth.height() as usize, truth.width() as usize, 3];
        let similarity = ssim(&answers, &truths, shape);
        Self {
            psnr: psnr(&answers, &truths).min(LARGEST_PSNR),
            ssim: similarity.unwrap_or(0.0),
            ciede2000: mean_ciede2000(answer.pixels(), truth.pixels()),
            pictures: 1,
            windowed: u64::from(similarity.is_some()),
        }
    }

    fn add(&mut self, other: Self) {
        self.psnr += other.psnr;
        self.ssim += other.ssim;
        self.ciede2000 += other.ciede2000;
        self.pictures += other.pictures;
        self.windowed += other.windowed;
    }

    /// A record with these scores in it.
    pub(super) fn written(&self, record: EpochRecord) -> EpochRecord {
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        EpochRecord {
            colors: ColorRecord {
                psnr: mean(self.psnr, self.pictures),
                ssim: mean(self.ssim, self.windowed),
                ciede2000: mean(self.ciede2000, self.pictures),
            },
            ..record
        }
    }
}

/// What an answer counts that equals the truth, which a single gray picture in Lab can: twice what
/// 8 bits can tell apart, so that a mean stays a number.
const LARGEST_PSNR: f64 = 100.0;
