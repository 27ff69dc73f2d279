//! U-Net: Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
//! Segmentation" (2015), figure 1.
//!
//! Deviations: convolutions are padded, so that the result has the picture's size; they are
//! normalized, as today's implementations have it (`batch_norm`); each enlarged picture takes the
//! size of the one beside it, so that any size works, and a side of one pixel isn't halved. Where
//! up-sampling is bilinear, a 1x1 convolution halves the channels before it: as the two commute, a
//! quarter of the work gives the same result. Depth, width and skip connections can be chosen.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::{Activation, PoolGeometry, ResizeMode, concat_channels, max_pool2d, resize2d},
    init::Initializer,
    layers::{
        BatchNorm2d, Conv2d, Conv2dConfig, Conv2dNormActivation, ConvTranspose2d,
        ConvTranspose2dConfig,
    },
};
use rand_chacha::ChaCha8Rng;

use super::{DenseOutput, UpSampling};

/// Halvings, where nothing else is asked for.
pub(super) const DEPTH: usize = 4;
/// Channels of the first stage, where nothing else is asked for.
pub(super) const WIDTH: usize = 64;
/// The only name of the family.
pub(super) const NAME: &str = "unet";
/// What the keys of the last layer begin with.
pub(super) const HEAD: &str = "head.";
/// PyTorch's, as implementations there have it. With the paper's larger ones, normal with a variance
/// of 2 over the incoming connections, the first epochs of Adam move the normalized network less.
const WEIGHTS: Initializer = Initializer::TORCH_DEFAULT;

/// What a U-Net is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) in_channels: usize,
    pub(super) outputs: usize,
    /// Halvings.
    pub(super) depth: usize,
    /// Channels of the first stage.
    pub(super) width: usize,
    pub(super) batch_norm: bool,
    pub(super) skip_connections: bool,
    pub(super) up_sampling: UpSampling,
}

/// A U-Net.
#[derive(Module, Debug)]
pub struct Unet {
    /// From the finest to the coarsest.
    encoder: Vec<DoubleConvolution>,
    /// From the coarsest to the finest.
    decoder: Vec<Step>,
    head: Conv2d,
    #[module(skip)]
    skip_connections: bool,
}

/// Two 3x3 convolutions.
#[derive(Module, Debug)]
struct DoubleConvolution {
    conv1: Conv2d,
    bn1: Option<BatchNorm2d>,
    conv2: Conv2d,
    bn2: Option<BatchNorm2d>,
}

/// A step up: to twice the size and half the channels, beside what the encoder saw.
#[derive(Module, Debug)]
struct Step {
    up: Up,
    block: DoubleConvolution,
}

#[derive(Module, Debug)]
enum Up {
    /// 2x2 with a stride of 2.
    Transposed(ConvTranspose2d),
    /// 1x1, before the picture is enlarged.
    Bilinear(Conv2d),
}

impl Unet {
    /// A network with freshly drawn weights.
    pub(super) fn new(plan: &Plan, generator: &mut ChaCha8Rng, device: &Device) -> Self {
        let Plan { in_channels, outputs, depth, width, batch_norm, skip_connections, .. } = *plan;
        let mut channels = in_channels;
        let encoder = (0..=depth)
            .map(|stage| {
                let from = std::mem::replace(&mut channels, width << stage);
                DoubleConvolution::new([from, channels], batch_norm, generator, device)
            })
            .collect();
        let decoder = (0..depth)
            .rev()
            .map(|stage| {
                let to = width << stage;
                let up = Up::new(plan.up_sampling, [2 * to, to], generator, device);
                let from = if skip_connections { 2 * to } else { to };
                let block = DoubleConvolution::new([from, to], batch_norm, generator, device);
                Step { up, block }
            })
            .collect();
        let head = Conv2dConfig::new(width, outputs, [1, 1]).init(generator, device);
        Self { encoder, decoder, head, skip_connections }
    }

    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, h, w, outputs]`
    pub(super) fn forward(&self, x: Tensor<4>, pass: &Pass) -> DenseOutput {
        let mut x = x;
        let mut skips = Vec::with_capacity(self.decoder.len());
        for (stage, block) in self.encoder.iter().enumerate() {
            x = block.forward(x, pass);
            if stage < self.decoder.len() {
                let [_, height, width, _] = x.dims();
                let pooled = halved(x.clone());
                skips.push(([height, width], self.skip_connections.then_some(x)));
                x = pooled;
            }
        }
        for step in &self.decoder {
            let Some((size, skip)) = skips.pop() else { break };
            x = step.forward(x, size, skip, pass);
        }
        DenseOutput { scores: self.head.forward(x), auxiliary: None }
    }

    pub(super) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let encoder = (0..self.encoder.len()).map(|index| vec![format!("encoder.{index}.")]);
        let decoder = (0..self.decoder.len()).map(|index| vec![format!("decoder.{index}.")]);
        encoder.chain(decoder).chain([vec![HEAD.to_owned()]]).collect()
    }

    #[expect(clippy::unused_self, reason = "other families have heads that depend on the model")]
    pub(super) fn head_prefixes(&self) -> Vec<&'static str> {
        vec![HEAD]
    }

    #[expect(clippy::unused_self, reason = "other families have an encoder")]
    pub(super) fn encoder_prefix(&self) -> Option<&'static str> {
        None
    }
}

/// The largest of each 2x2 pixels; a side of one pixel stays.
fn halved(x: Tensor<4>) -> Tensor<4> {
    let [_, height, width, _] = x.dims();
    let window = [height.min(2), width.min(2)];
    max_pool2d(x, PoolGeometry { kernel: window, stride: window, padding: [0, 0] })
}

impl DoubleConvolution {
    fn new(
        [from, to]: [usize; 2],
        batch_norm: bool,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let mut convolution = |from| {
            let config =
                Conv2dConfig::new(from, to, [3, 3]).with_padding([1, 1]).with_initializer(WEIGHTS);
            let config = if batch_norm { config.without_bias() } else { config.with_zero_bias() };
            config.init(generator, device)
        };
        let normalization = || batch_norm.then(|| BatchNorm2d::new(to, device));
        Self {
            conv1: convolution(from),
            bn1: normalization(),
            conv2: convolution(to),
            bn2: normalization(),
        }
    }

    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let x = convolved(&self.conv1, self.bn1.as_ref(), x, pass);
        convolved(&self.conv2, self.bn2.as_ref(), x, pass)
    }
}

fn convolved(
    convolution: &Conv2d,
    normalization: Option<&BatchNorm2d>,
    x: Tensor<4>,
    pass: &Pass,
) -> Tensor<4> {
    match normalization {
        Some(normalization) => Conv2dNormActivation::new(convolution, normalization)
            .with_activation(Activation::Relu)
            .forward(x, pass),
        None => convolution.forward_activation(x, Activation::Relu),
    }
}

impl Step {
    fn forward(
        &self,
        x: Tensor<4>,
        size: [usize; 2],
        skip: Option<Tensor<4>>,
        pass: &Pass,
    ) -> Tensor<4> {
        let x = self.up.forward(x, size);
        let x = match skip {
            Some(skip) => concat_channels([skip, x]),
            None => x,
        };
        self.block.forward(x, pass)
    }
}

impl Up {
    fn new(
        up_sampling: UpSampling,
        [from, to]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        match up_sampling {
            UpSampling::Transposed => Self::Transposed(
                ConvTranspose2dConfig::new(from, to, [2, 2])
                    .with_stride([2, 2])
                    .init(generator, device),
            ),
            UpSampling::Bilinear => {
                Self::Bilinear(Conv2dConfig::new(from, to, [1, 1]).init(generator, device))
            }
        }
    }

    /// # Shapes
    /// `[n, h, w, 2 c]` → `[n, size[0], size[1], c]`
    fn forward(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        match self {
            Self::Transposed(layer) => layer.forward_to(x, size),
            Self::Bilinear(layer) => {
                resize2d(layer.forward(x), size, ResizeMode::Bilinear { align_corners: false })
            }
        }
    }
}
