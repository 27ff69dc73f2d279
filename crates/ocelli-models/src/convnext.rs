//! ConvNeXt: Liu et al., "A ConvNet for the 2020s" (2022), figure 4, and appendix A.
//!
//! As in torchvision: a residual branch starts with a scale of 1e-6, and the chance that a block is
//! dropped grows from 0 to 0.1.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::{Activation, global_average_pool, scale_channels_add},
    init::Initializer,
    layers::{Conv2d, Conv2dConfig, LayerNorm, Linear, StochasticDepth},
};
use rand_chacha::ChaCha8Rng;

use crate::{ModelEntry, placeholder::Placeholder};

/// The name to build it by.
pub const TINY: &str = "convnext_tiny";
/// Weights of [`TINY`], with 1000 classes and 3 input channels.
const PARAMETERS: usize = 28_589_128;

/// Channels and blocks of each stage.
const STAGES: [(usize, usize); 4] = [(96, 3), (192, 3), (384, 9), (768, 3)];
/// The chance that the last block is dropped.
pub const DROP_RATE: f64 = 0.1;
/// What residual branches are scaled by at first.
const LAYER_SCALE: f64 = 1e-6;
const EPSILON: f64 = 1e-6;
/// A reduction by 4 and three by 2 leave a pixel.
const LEAST_SIZE: usize = 32;
const WEIGHTS: Initializer = Initializer::TruncatedNormal { deviation: 0.02 };

/// What the keys of the last layer begin with.
pub(crate) const HEAD: &str = "classifier.2.";

/// A ConvNeXt. Field names are torchvision's.
#[derive(Module, Debug)]
pub struct ConvNeXt {
    features: Vec<Features>,
    classifier: (LayerNorm, Placeholder, Linear),
}

/// A part of the features.
#[derive(Module, Debug)]
enum Features {
    /// A 4x4 convolution of stride 4, normalized after.
    Stem((Conv2d, LayerNorm)),
    Stage(Vec<Block>),
    /// A 2x2 convolution of stride 2, normalized before.
    Downsampling((LayerNorm, Conv2d)),
}

/// Depthwise 7x7, normalization, 1x1 up and down again, as figure 4 has it. Field names are
/// torchvision's.
#[derive(Module, Debug)]
struct Block {
    block: (Conv2d, Placeholder, LayerNorm, Linear, Placeholder, Linear),
    layer_scale: Param<Tensor<3>>,
    stochastic_depth: StochasticDepth,
}

impl Block {
    fn new(channels: usize, drop: f64, generator: &mut ChaCha8Rng, device: &Device) -> Self {
        let depthwise = Conv2dConfig::new(channels, channels, [7, 7])
            .with_padding([3, 3])
            .with_groups(channels)
            .with_zero_bias()
            .with_initializer(WEIGHTS)
            .init(generator, device);
        let normalization = LayerNorm::new(channels, EPSILON, device);
        let up = Linear::with_initializer(channels, 4 * channels, WEIGHTS, generator, device);
        let down = Linear::with_initializer(4 * channels, channels, WEIGHTS, generator, device);
        let scale = Tensor::ones([channels, 1, 1], device) * LAYER_SCALE;
        Self {
            block: (depthwise, Placeholder, normalization, up, Placeholder, down),
            layer_scale: Param::from_tensor(scale),
            stochastic_depth: StochasticDepth::new(drop),
        }
    }

    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let (depthwise, _, normalization, up, _, down) = &self.block;
        let [n, _, _, c] = x.dims();
        let y = normalization.forward(depthwise.forward(x.clone()));
        let y = up.forward_pixels(y, Activation::Gelu);
        let y = down.forward_pixels(y, Activation::None);
        let scale = self.layer_scale.val().reshape([1, c]);
        let scale = match self.stochastic_depth.factors(n, &y.device(), pass) {
            Some(factors) => scale * factors,
            None => scale.expand([n, c]),
        };
        scale_channels_add(y, scale, x)
    }
}

impl ConvNeXt {
    /// A network with freshly drawn weights, as torchvision draws them.
    #[must_use]
    pub fn new(
        drop_rate: f64,
        [in_channels, classes]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let mut reduction = |from, to, side: usize| {
            Conv2dConfig::new(from, to, [side; 2])
                .with_stride([side; 2])
                .with_zero_bias()
                .with_initializer(WEIGHTS)
                .init(generator, device)
        };
        let stem = reduction(in_channels, STAGES[0].0, 4);
        let reductions: Vec<Conv2d> =
            STAGES.windows(2).map(|pair| reduction(pair[0].0, pair[1].0, 2)).collect();
        let mut reductions = reductions.into_iter();
        let last: usize = STAGES.iter().map(|&(_, depth)| depth).sum::<usize>() - 1;
        let mut index = 0;
        let mut features =
            vec![Features::Stem((stem, LayerNorm::new(STAGES[0].0, EPSILON, device)))];
        for (channels, depth) in STAGES {
            let blocks = (0..depth).map(|_| {
                let drop = drop_rate * index as f64 / last as f64;
                index += 1;
                Block::new(channels, drop, generator, device)
            });
            features.push(Features::Stage(blocks.collect()));
            if let Some(reduction) = reductions.next() {
                let normalization = LayerNorm::new(channels, EPSILON, device);
                features.push(Features::Downsampling((normalization, reduction)));
            }
        }
        let channels = STAGES[STAGES.len() - 1].0;
        let classifier = (
            LayerNorm::new(channels, EPSILON, device),
            Placeholder,
            Linear::with_initializer(channels, classes, WEIGHTS, generator, device),
        );
        Self { features, classifier }
    }

    /// How many features [`Self::forward_features`] gives.
    pub(crate) fn feature_width(&self) -> usize {
        let (.., linear) = &self.classifier;
        linear.in_features()
    }

    /// One score per class, before any softmax.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, classes]`
    ///
    /// # Panics
    /// If `x` has another number of channels than the network was built for, or a side of fewer
    /// than 32 pixels.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (_, _, linear) = &self.classifier;
        linear.forward(self.forward_features(x, pass))
    }

    /// The mean of the last stage's output over the picture, normalized.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, 768]`
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.features_of(self.forward_map(x, pass))
    }

    /// The last stage's output.
    pub(crate) fn forward_map(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let [_, height, width, _] = x.dims();
        assert!(
            height.min(width) >= LEAST_SIZE,
            "ConvNeXt divides a picture's side by 32: {height} x {width} pixels leave none"
        );
        let mut x = x;
        for (index, part) in self.features.iter().enumerate() {
            x = match part {
                Features::Stem((convolution, normalization)) => {
                    normalization.forward(convolution.forward(x))
                }
                Features::Downsampling((normalization, convolution)) => {
                    convolution.forward(normalization.forward(x))
                }
                Features::Stage(blocks) => {
                    let pass = pass.child(index);
                    blocks.iter().enumerate().fold(x, |x, (index, block)| {
                        block.forward(x, &pass.of_part(block).child(index))
                    })
                }
            };
        }
        x
    }

    /// The scores that follow from the last stage's output.
    pub(crate) fn forward_from_map(&self, map: Tensor<4>, _pass: &Pass) -> Tensor<2> {
        let (_, _, linear) = &self.classifier;
        linear.forward(self.features_of(map))
    }

    fn features_of(&self, map: Tensor<4>) -> Tensor<2> {
        let (normalization, ..) = &self.classifier;
        normalization.forward(global_average_pool(map))
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let mut layers = Vec::new();
        for (index, part) in self.features.iter().enumerate() {
            match part {
                Features::Stem(_) | Features::Downsampling(_) => {
                    layers.push(vec![format!("features.{index}.")]);
                }
                Features::Stage(blocks) => layers.extend(
                    (0..blocks.len()).map(|block| vec![format!("features.{index}.{block}.")]),
                ),
            }
        }
        layers.push(vec!["classifier.".to_owned()]);
        layers
    }
}

/// The family as the catalogue lists it.
pub(crate) fn entries() -> impl Iterator<Item = ModelEntry> {
    [ModelEntry {
        name: TINY,
        family: "ConvNeXt",
        parameters: PARAMETERS,
        multiply_adds: multiply_adds(224),
        least_size: LEAST_SIZE,
        single_value_size: 0,
        least_pictures: 1,
        head: HEAD,
        paper: "Liu et al., A ConvNet for the 2020s, 2022, arXiv:2201.03545",
    }]
    .into_iter()
}

/// Multiply-adds of convolutions and linear layers, for one square colour picture and 1000
/// classes.
fn multiply_adds(size: usize) -> u64 {
    let mut size = size / 4;
    let mut total = size * size * 16 * 3 * STAGES[0].0;
    for (index, (channels, depth)) in STAGES.into_iter().enumerate() {
        if index > 0 {
            size /= 2;
            total += size * size * 4 * STAGES[index - 1].0 * channels;
        }
        total += depth * size * size * channels * (49 + 8 * channels);
    }
    (total + STAGES[STAGES.len() - 1].0 * 1000) as u64
}
