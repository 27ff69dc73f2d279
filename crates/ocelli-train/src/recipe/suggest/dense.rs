//! Recipes for pictures with masks, and for pictures whose colours are to be learned.

use ocelli_data::augment::{RandomFlip, RandomResizedCrop, Transform};
use ocelli_data::source::Found;

use super::measure::{class_shares, fitting, median_size};
use super::{Choice, Decided, Suggestion};
use crate::loss::{DenseLossConfig, DenseLossName, DenseTermConfig};
use crate::recipe::{
    DataSection, LossSection, ModelSection, NamedEpoch, Recipe, Size, SnapshotEpoch, Task,
    TrainSection,
};

/// The longest side chosen: beyond it, training from scratch on a CPU takes days.
const MOST_PIXELS: u32 = 256;
/// Pictures that training should see in all: fewer than whole pictures with a class need, as each
/// has thousands of answers.
const PICTURES_SEEN: usize = 15_000;
const EPOCHS: std::ops::RangeInclusive<usize> = 10..=60;
/// Below this longer side, an encoder of five halvings leaves too little of a picture.
const SMALL: u32 = 96;
/// A class this many times as frequent as another gets a loss that counts them alike.
const NOTABLE_IMBALANCE: f64 = 10.0;
/// The smallest part of a picture that is cut out and enlarged.
const LEAST_PART: f64 = 0.25;

/// For a segmentation: a U-Net, on a ResNet-18 where pictures are large enough.
pub(super) fn segment(decided: &Decided, found: &Found) -> Suggestion {
    let mut choice = Choice::of(decided, found);
    let size = size(&mut choice, found);
    let network = if longer(size) < SMALL { small_unet() } else { named("unet_resnet18") };
    let model = choice.model(network, reason(size));
    if decided.model.is_none() && longer(size) >= SMALL {
        choice.reasons.push(
            "from scratch: --set model.encoder_weights=torchvision://resnet18/IMAGENET1K_V1 starts \
             from ImageNet's weights, which helps where masks are few"
                .to_owned(),
        );
    }
    let epochs = choice.epochs(found, PICTURES_SEEN, EPOCHS);
    let mut data = DataSection { size, ..decided.data.clone() };
    if data.augment.is_none() {
        let crop = RandomResizedCrop { scale: [LEAST_PART, 1.0], ..RandomResizedCrop::default() };
        data.augment = Some(vec![
            Transform::RandomResizedCrop(crop),
            Transform::RandomHorizontalFlip(RandomFlip::default()),
        ]);
    }
    let recipe = choice.recipe(Task::Segment, data, epochs, batch_size(found));
    let loss = loss(&mut choice, found);
    let train =
        TrainSection { loss: Some(LossSection::new(&loss)), ..with_snapshots(recipe.train) };
    choice.finish(Recipe { model, train, ..recipe })
}

/// For a colorization: a U-Net that sees gray and answers with colours.
pub(super) fn colorize(decided: &Decided, found: &Found) -> Suggestion {
    let mut choice = Choice::of(decided, found);
    let size = size(&mut choice, found);
    let network = ModelSection { width: Some(32), ..named("unet") };
    let network = if longer(size) < SMALL { small_unet() } else { network };
    let model = choice.model(network, "its skip connections keep edges where they are");
    let epochs = choice.epochs(found, PICTURES_SEEN, EPOCHS);
    let data = DataSection { size, ..decided.data.clone() };
    let recipe = choice.recipe(Task::Colorize, data, epochs, batch_size(found));
    let train = with_snapshots(recipe.train);
    choice.finish(Recipe { model, train, ..recipe })
}

fn named(name: &str) -> ModelSection {
    ModelSection { name: name.to_owned(), ..ModelSection::default() }
}

fn small_unet() -> ModelSection {
    ModelSection { width: Some(32), depth: Some(3), ..named("unet") }
}

fn reason(size: Size) -> &'static str {
    if longer(size) < SMALL {
        "small pictures bear few halvings"
    } else {
        "sharp edges for a small part of a plain U-Net's work"
    }
}

fn longer(size: Size) -> u32 {
    let [height, width] = size.height_width();
    height.max(width)
}

/// Of the pictures' own proportions: they are resized whole where a model is measured.
fn size(choice: &mut Choice<'_>, found: &Found) -> Size {
    let (size, reason) = if choice.decided.has_size {
        (choice.decided.data.size, ", as you say".to_owned())
    } else if let Some([height, width]) = median_size(&found.train) {
        let own = format!(": the pictures have about {height}x{width} pixels");
        (fitting([height, width], MOST_PIXELS), own)
    } else {
        (Size::Square(64), ": no picture's own size could be read".to_owned())
    };
    choice.reasons.push(format!("size {size}{reason}"));
    size
}

/// A small set still gives several steps an epoch.
fn batch_size(found: &Found) -> usize {
    if found.train.len() < 64 { 4 } else { 8 }
}

/// Cross-entropy, with Dice beside it where some classes have few pixels.
fn loss(choice: &mut Choice<'_>, found: &Found) -> DenseLossConfig {
    let term = |name| DenseTermConfig { name, ..DenseTermConfig::default() };
    let plain = DenseLossConfig { terms: vec![term(DenseLossName::CrossEntropy)] };
    let shares = class_shares(&found.train).unwrap_or_default();
    let classes = found.train.classes.iter().zip(&shares).filter(|(_, share)| **share > 0.0);
    let most = classes.clone().max_by(|a, b| a.1.total_cmp(b.1));
    let least = classes.min_by(|a, b| a.1.total_cmp(b.1));
    match (most, least) {
        (Some((frequent, most)), Some((rare, least))) if *most >= NOTABLE_IMBALANCE * least => {
            choice.reasons.push(format!(
                "cross-entropy and Dice, which counts rare classes like frequent ones: of the pixels \
                 {:.1} % are {frequent}, {} % {rare}",
                100.0 * most,
                significant(100.0 * least)
            ));
            DenseLossConfig {
                terms: vec![term(DenseLossName::CrossEntropy), term(DenseLossName::Dice)],
            }
        }
        (Some(_), _) => {
            choice.reasons.push("cross-entropy: no class is rare".to_owned());
            plain
        }
        // Training will say what is wrong with the masks.
        _ => plain,
    }
}

/// A small number as people write it: 0.73, 0.0021.
fn significant(number: f64) -> String {
    let decimals = (1.0 - number.log10().floor()).clamp(1.0, 6.0);
    format!("{number:.*}", decimals as usize)
}

fn with_snapshots(train: TrainSection) -> TrainSection {
    let named = [NamedEpoch::First, NamedEpoch::Middle, NamedEpoch::Last];
    TrainSection { snapshots: named.map(SnapshotEpoch::Named).to_vec(), ..train }
}
