use burn::tensor::Device;
use rand_chacha::ChaCha8Rng;

use super::{
    DenseConfig, DenseModel, UpSampling,
    deeplab_plus::{self, DeepLabPlus},
    dense_catalogue,
    dilated::{self, Dilated},
    fcn::{self, Fcn},
    unet::{self, Unet},
    unet_resnet::{self, UnetResNet},
};
use crate::{
    BuildError, ModelEntry,
    build::{check_count, rate},
    catalogue::nearest,
};

/// Halvings that a U-Net may have.
const DEPTHS: [usize; 2] = [1, 8];
/// Channels that the coarsest stage of a U-Net may have.
const MOST_CHANNELS: usize = 1 << 14;

/// Builds a dense model with freshly drawn weights.
///
/// On an autodiff device its parameters record gradients. The same generator state gives the same
/// weights on every device.
///
/// # Errors
/// [`BuildError`] for an unknown name, a classifier's name, a count that is zero or absurd, or an
/// option that the model doesn't have.
pub fn build_dense(
    config: &DenseConfig,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Result<DenseModel, BuildError> {
    check_count("outputs", config.outputs)?;
    check_count("input channels", config.in_channels)?;
    let dropout = rate("dropout", config.dropout)?;
    let name = config.name.as_str();
    let counts = [config.in_channels, config.outputs];
    if name == unet::NAME {
        refuse(config, &["auxiliary", "dropout"])?;
        return Ok(DenseModel::Unet(Unet::new(&unet_plan(config)?, generator, device)));
    }
    if let Some(variant) = fcn::VARIANTS.iter().find(|variant| variant.name == name) {
        refuse(config, UNET_OPTIONS)?;
        refuse(config, if variant.drops() { &["auxiliary"] } else { &["auxiliary", "dropout"] })?;
        let network = Fcn::new(variant, dropout, counts, generator, device)?;
        return Ok(DenseModel::Fcn(network));
    }
    if let Some((_, backbone)) = unet_resnet::VARIANTS.iter().find(|(known, _)| *known == name) {
        refuse(config, UNET_OPTIONS)?;
        refuse(config, &["auxiliary", "dropout"])?;
        let network = UnetResNet::new(backbone, counts, generator, device)?;
        return Ok(DenseModel::UnetResNet(network));
    }
    if let Some(variant) = dilated::VARIANTS.iter().find(|variant| variant.name == name) {
        refuse(config, UNET_OPTIONS)?;
        let options = (config.auxiliary.unwrap_or(false), dropout);
        let network = Dilated::new(variant, options, counts, generator, device)?;
        return Ok(DenseModel::Dilated(network));
    }
    if name == deeplab_plus::NAME {
        refuse(config, UNET_OPTIONS)?;
        refuse(config, &["auxiliary"])?;
        let network = DeepLabPlus::new(dropout, counts, generator, device)?;
        return Ok(DenseModel::DeepLabPlus(network));
    }
    Err(unknown(name))
}

/// What plain U-Nets alone can be told.
const UNET_OPTIONS: &[&str] = &["depth", "width", "batch_norm", "skip_connections", "up_sampling"];

/// Refuses options that are given and that the model doesn't have.
fn refuse(config: &DenseConfig, options: &[&'static str]) -> Result<(), BuildError> {
    let given = |option: &str| match option {
        "depth" => config.depth.is_some(),
        "width" => config.width.is_some(),
        "batch_norm" => config.batch_norm.is_some(),
        "skip_connections" => config.skip_connections.is_some(),
        "up_sampling" => config.up_sampling.is_some(),
        // Without it is what such a model is.
        "auxiliary" => config.auxiliary == Some(true),
        _ => config.dropout.is_some_and(|rate| rate != 0.0),
    };
    match options.iter().find(|&&option| given(option)) {
        Some(&what) => Err(BuildError::NoOption { what, model: config.name.clone() }),
        None => Ok(()),
    }
}

fn unet_plan(config: &DenseConfig) -> Result<unet::Plan, BuildError> {
    let depth = config.depth.unwrap_or(unet::DEPTH);
    let width = config.width.unwrap_or(unet::WIDTH);
    let range = |what, found, [least, largest]: [usize; 2]| {
        if (least..=largest).contains(&found) {
            Ok(())
        } else {
            Err(BuildError::Range { what, found, least, largest })
        }
    };
    range("depth", depth, DEPTHS)?;
    range("width", width, [1, MOST_CHANNELS >> depth])?;
    Ok(unet::Plan {
        in_channels: config.in_channels,
        outputs: config.outputs,
        depth,
        width,
        batch_norm: config.batch_norm.unwrap_or(true),
        skip_connections: config.skip_connections.unwrap_or(true),
        up_sampling: config.up_sampling.unwrap_or(UpSampling::Transposed),
    })
}

fn unknown(name: &str) -> BuildError {
    let known: Vec<String> = dense_catalogue().iter().map(|entry| entry.name.into()).collect();
    let found = name.to_owned();
    if ModelEntry::find(name).is_some() {
        return BuildError::OtherTask {
            model: found,
            gives: "scores of a whole picture",
            wanted: "values of every pixel",
            known,
        };
    }
    let nearest = nearest(name, &known).map(Into::into);
    BuildError::UnknownModel { found, nearest, known }
}
