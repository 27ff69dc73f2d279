//! Fully convolutional networks: Long, Shelhamer, Darrell, "Fully Convolutional Networks for
//! Semantic Segmentation" (2015), section 4, on a VGG-16 with strides of 32, 16 and 8, and the
//! small one on a ResNet-18 that teaching material has ("Dive into Deep Learning", section 14.11).
//!
//! Deviations: the first convolution is padded by 1, as any VGG's, not by 100. Instead the picture
//! is extended below and to the right, by zeros, to a multiple of the stride, and the scores are cut
//! to its size, so that every layer's pixels lie where they belong and any size works. The scoring
//! layers start small and random, not at zero, and the enlarging ones start bilinear and are all
//! learned.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::Activation,
    init::Initializer,
    layers::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Dropout},
};
use rand_chacha::ChaCha8Rng;

use super::DenseOutput;
use crate::{
    BuildError,
    encoder::{Encoder, EncoderConfig},
};

/// A member of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) backbone: &'static str,
    /// Pixels of the picture for one of the finest scores.
    pub(super) stride: usize,
    /// Channels of the two convolutions before the scores, where there are any.
    pub(super) hidden: Option<usize>,
}

/// The members of the family.
pub(super) const VARIANTS: [Variant; 4] = [
    Variant { name: "fcn32_resnet18", backbone: "resnet18", stride: 32, hidden: None },
    Variant { name: "fcn32_vgg16", backbone: "vgg16", stride: 32, hidden: Some(4096) },
    Variant { name: "fcn16_vgg16", backbone: "vgg16", stride: 16, hidden: Some(4096) },
    Variant { name: "fcn8_vgg16", backbone: "vgg16", stride: 8, hidden: Some(4096) },
];

/// Pixels of the picture for one of the backbone's last stage.
const STRIDE: usize = 32;
/// What each dropout drops.
const DROPOUT: f64 = 0.5;
/// What the keys of the scoring layer begin with.
pub(super) const HEAD: &str = "score.";
/// What the keys of the backbone begin with.
const BACKBONE: &str = "backbone.";
/// As torchvision draws the linear layers of a VGG.
const WEIGHTS: Initializer = Initializer::Normal { deviation: 0.01 };

/// A fully convolutional network.
#[derive(Module, Debug)]
pub struct Fcn {
    backbone: Encoder,
    conv6: Option<Conv2d>,
    conv7: Option<Conv2d>,
    dropout: Dropout,
    score: Conv2d,
    upscore2: Option<ConvTranspose2d>,
    score_pool4: Option<Conv2d>,
    upscore_pool4: Option<ConvTranspose2d>,
    score_pool3: Option<Conv2d>,
    /// To the picture's size.
    upscore: ConvTranspose2d,
    #[module(skip)]
    wanted: Vec<usize>,
}

impl Variant {
    /// Whether it has dropout.
    pub(super) fn drops(&self) -> bool {
        self.hidden.is_some()
    }
}

impl Fcn {
    /// A network with freshly drawn weights.
    pub(super) fn new(
        variant: &Variant,
        dropout: Option<f64>,
        [in_channels, outputs]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, BuildError> {
        let backbone = EncoderConfig::new(variant.backbone)
            .with_in_channels(in_channels)
            .init(generator, device)?;
        let stages = backbone.stages();
        let last = stages.len() - 1;
        let channels = stages[last].channels;
        let mut convolution = |from, to, side: usize| {
            Conv2dConfig::new(from, to, [side; 2])
                .with_padding([side / 2; 2])
                .with_zero_bias()
                .with_initializer(WEIGHTS)
                .init(generator, device)
        };
        let conv6 = variant.hidden.map(|hidden| convolution(channels, hidden, 7));
        let conv7 = variant.hidden.map(|hidden| convolution(hidden, hidden, 1));
        let score = convolution(variant.hidden.unwrap_or(channels), outputs, 1);
        let mut score_of = |stage: usize| convolution(stages[stage].channels, outputs, 1);
        let score_pool4 = (variant.stride < 32).then(|| score_of(last - 1));
        let score_pool3 = (variant.stride < 16).then(|| score_of(last - 2));
        let mut enlargement = |factor: usize| {
            ConvTranspose2dConfig::new(outputs, outputs, [2 * factor; 2])
                .with_stride([factor; 2])
                .with_padding([factor / 2; 2])
                .without_bias()
                .with_bilinear_weights()
                .init(generator, device)
        };
        let wanted = [last - 2, last - 1, last];
        let first = [8, 16, 32].iter().position(|&stride| stride == variant.stride).unwrap_or(2);
        Ok(Self {
            backbone,
            conv6,
            conv7,
            dropout: Dropout::new(dropout.unwrap_or(DROPOUT)),
            score,
            upscore2: score_pool4.is_some().then(|| enlargement(2)),
            score_pool4,
            upscore_pool4: score_pool3.is_some().then(|| enlargement(2)),
            score_pool3,
            upscore: enlargement(variant.stride),
            wanted: wanted[first..].to_vec(),
        })
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h, w, outputs]`
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> DenseOutput {
        let [n, height, width, _] = x.dims();
        let mut stages = self.backbone.forward(extended(x), pass, &self.wanted).into_iter().rev();
        let mut x = stages.next().expect("the last stage is always wanted");
        for (index, layer) in self.conv6.iter().chain(&self.conv7).enumerate() {
            x = layer.forward_activation(x, Activation::Relu);
            x = self.dropout.forward(x, &pass.of_part(layer).child(index));
        }
        let mut y = self.score.forward(x);
        let fusions =
            [(&self.upscore2, &self.score_pool4), (&self.upscore_pool4, &self.score_pool3)];
        for (enlargement, score) in fusions {
            if let (Some(enlargement), Some(score), Some(stage)) =
                (enlargement, score, stages.next())
            {
                y = score.forward_add(stage, enlargement.forward(y));
            }
        }
        let y = self.upscore.forward(y);
        let [_, padded_height, padded_width, outputs] = y.dims();
        let scores = if [padded_height, padded_width] == [height, width] {
            y
        } else {
            y.slice([0..n, 0..height, 0..width, 0..outputs])
        };
        DenseOutput { scores, auxiliary: None }
    }

    pub(super) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let mut layers = self.backbone.layer_prefixes(BACKBONE);
        if self.conv6.is_some() {
            layers.extend(["conv6.", "conv7."].map(|layer| vec![layer.to_owned()]));
        }
        layers.push(self.head_prefixes().into_iter().map(Into::into).collect());
        layers
    }

    pub(super) fn head_prefixes(&self) -> Vec<&'static str> {
        let mut prefixes = vec![HEAD, "upscore."];
        if self.score_pool4.is_some() {
            prefixes.extend(["upscore2.", "score_pool4."]);
        }
        if self.score_pool3.is_some() {
            prefixes.extend(["upscore_pool4.", "score_pool3."]);
        }
        prefixes
    }

    #[expect(clippy::unused_self, reason = "other families have no encoder")]
    pub(super) fn encoder_prefix(&self) -> Option<&'static str> {
        Some(BACKBONE)
    }
}

/// The picture with zeros below and to the right, up to multiples of the last stage's stride.
fn extended(x: Tensor<4>) -> Tensor<4> {
    let [n, height, width, channels] = x.dims();
    let size = [height, width].map(|side| side.next_multiple_of(STRIDE));
    if size == [height, width] {
        return x;
    }
    let canvas = Tensor::zeros([n, size[0], size[1], channels], &x.device());
    canvas.slice_assign([0..n, 0..height, 0..width, 0..channels], x)
}
