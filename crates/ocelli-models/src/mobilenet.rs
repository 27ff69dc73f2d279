//! MobileNetV3: Howard et al., "Searching for MobileNetV3" (2019), table 1.
//!
//! As in torchvision: normalizations add 1e-3 to the variance and take 0.01 of each batch.

mod encoder;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
pub use encoder::MobileNetEncoder;
use ocelli_nn::{
    Pass,
    functional::{Activation, activation, global_average_pool},
    init::Initializer,
    layers::{Conv2dNormActivation, Dropout, Linear},
};
use rand_chacha::ChaCha8Rng;

use crate::{
    ModelEntry,
    conv_norm::{ConvNorm, ConvNormPlan, conv_norm, divisible_by_8},
    inverted_residual::{Part, Squeeze, parts},
    placeholder::Placeholder,
};

/// The name to build it by.
pub const LARGE: &str = "mobilenet_v3_large";
/// Weights of [`LARGE`], with 1000 classes and 3 input channels.
const PARAMETERS: usize = 5_483_032;

/// A block of table 1.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Side of the depthwise window.
    kernel: usize,
    in_channels: usize,
    expanded: usize,
    out_channels: usize,
    squeezes: bool,
    activation: Activation,
    stride: usize,
}

const fn plan(
    kernel: usize,
    [in_channels, expanded, out_channels]: [usize; 3],
    squeezes: bool,
    activation: Activation,
    stride: usize,
) -> Plan {
    Plan { kernel, in_channels, expanded, out_channels, squeezes, activation, stride }
}

const BLOCKS: [Plan; 15] = {
    use Activation::{HardSwish, Relu};
    [
        plan(3, [16, 16, 16], false, Relu, 1),
        plan(3, [16, 64, 24], false, Relu, 2),
        plan(3, [24, 72, 24], false, Relu, 1),
        plan(5, [24, 72, 40], true, Relu, 2),
        plan(5, [40, 120, 40], true, Relu, 1),
        plan(5, [40, 120, 40], true, Relu, 1),
        plan(3, [40, 240, 80], false, HardSwish, 2),
        plan(3, [80, 200, 80], false, HardSwish, 1),
        plan(3, [80, 184, 80], false, HardSwish, 1),
        plan(3, [80, 184, 80], false, HardSwish, 1),
        plan(3, [80, 480, 112], true, HardSwish, 1),
        plan(3, [112, 672, 112], true, HardSwish, 1),
        plan(5, [112, 672, 160], true, HardSwish, 2),
        plan(5, [160, 960, 160], true, HardSwish, 1),
        plan(5, [160, 960, 160], true, HardSwish, 1),
    ]
};

const STEM_CHANNELS: usize = 16;
/// Channels of the last convolution.
const LAST_CHANNELS: usize = 960;
/// Width of the classifier's hidden layer.
const HIDDEN: usize = 1280;
/// What the classifier drops.
pub const DROPOUT: f64 = 0.2;
const LINEAR: Initializer = Initializer::Normal { deviation: 0.01 };

/// What the keys of the last layer begin with.
pub(crate) const HEAD: &str = "classifier.3.";
/// Five halvings, rounded up, leave one pixel of this many.
const SINGLE_VALUE_SIZE: usize = 32;

/// A MobileNetV3. Field names are torchvision's.
#[derive(Module, Debug)]
pub struct MobileNet {
    features: Vec<Features>,
    classifier: (Linear, Placeholder, Dropout, Linear),
}

/// A part of the features.
#[expect(clippy::large_enum_variant, reason = "a network has few, and their tensors weigh more")]
#[derive(Module, Debug)]
enum Features {
    /// First and last.
    Convolution(ConvNorm),
    Block(Block),
}

/// 1x1 expansion, depthwise convolution, squeeze-and-excitation, 1x1 projection. Field names are
/// torchvision's.
#[derive(Module, Debug)]
struct Block {
    block: Vec<Part>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    has_shortcut: bool,
}

fn convolution(channels: [usize; 2], kernel: usize, stride: usize) -> ConvNormPlan {
    ConvNormPlan {
        in_channels: channels[0],
        out_channels: channels[1],
        kernel,
        stride,
        groups: 1,
        epsilon: 1e-3,
        momentum: 0.01,
    }
}

impl Plan {
    fn squeezed(&self) -> usize {
        divisible_by_8(self.expanded / 4)
    }

    /// The convolutions in their order; squeeze and excitation come before the last.
    fn convolutions(&self) -> Vec<ConvNormPlan> {
        let Self { kernel, in_channels, expanded, out_channels, stride, .. } = *self;
        let expansion =
            (expanded != in_channels).then(|| convolution([in_channels, expanded], 1, 1));
        let depthwise =
            ConvNormPlan { groups: expanded, ..convolution([expanded; 2], kernel, stride) };
        expansion
            .into_iter()
            .chain([depthwise, convolution([expanded, out_channels], 1, 1)])
            .collect()
    }
}

impl Block {
    fn new(plan: &Plan, generator: &mut ChaCha8Rng, device: &Device) -> Self {
        let squeeze = plan.squeezes.then(|| Squeeze {
            channels: [plan.expanded, plan.squeezed()],
            activations: [Activation::Relu, Activation::HardSigmoid],
        });
        Self {
            block: parts(&plan.convolutions(), squeeze, generator, device),
            activation: plan.activation,
            has_shortcut: plan.stride == 1 && plan.in_channels == plan.out_channels,
        }
    }

    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let last = self.block.len() - 1;
        let mut y = x.clone();
        for (index, part) in self.block.iter().enumerate() {
            y = match part {
                Part::Convolution((convolution, normalization)) if index == last => {
                    let projection = Conv2dNormActivation::new(convolution, normalization);
                    let projection = if self.has_shortcut {
                        projection.with_residual(x.clone())
                    } else {
                        projection
                    };
                    projection.forward(y, pass)
                }
                Part::Convolution(layers) => conv_norm(layers, y, self.activation, pass),
                Part::SqueezeExcitation(layer) => layer.forward(y),
            };
        }
        y
    }
}

impl MobileNet {
    /// A network with freshly drawn weights, as torchvision draws them.
    #[must_use]
    pub fn new(
        dropout: f64,
        [in_channels, classes]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let features = features(in_channels, generator, device);
        let classifier = (
            Linear::with_initializer(LAST_CHANNELS, HIDDEN, LINEAR, generator, device),
            Placeholder,
            Dropout::new(dropout),
            Linear::with_initializer(HIDDEN, classes, LINEAR, generator, device),
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
    /// If `x` has another number of channels than the network was built for, or, in a training
    /// pass, is a single picture of at most 32 pixels, of which one value per channel is left.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (.., linear) = &self.classifier;
        linear.forward(self.forward_features(x, pass))
    }

    /// What the classifier's hidden layer makes of the picture, after its dropout.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, 1280]`
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.features_of(self.forward_map(x, pass), pass)
    }

    /// The last convolution's output.
    pub(crate) fn forward_map(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        forward_parts(&self.features, x, pass, |_, _| {})
    }

    /// The scores that follow from the last convolution's output.
    pub(crate) fn forward_from_map(&self, map: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (.., linear) = &self.classifier;
        linear.forward(self.features_of(map, pass))
    }

    fn features_of(&self, map: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (hidden, _, dropout, _) = &self.classifier;
        let x = activation(hidden.forward(global_average_pool(map)), Activation::HardSwish);
        dropout.forward(x, &pass.child(0))
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let features = (0..self.features.len()).map(|index| vec![format!("features.{index}.")]);
        let classifier = ["classifier.0.", "classifier.3."].map(|prefix| vec![prefix.to_owned()]);
        features.chain(classifier).collect()
    }
}

/// The convolutional layers.
fn features(in_channels: usize, generator: &mut ChaCha8Rng, device: &Device) -> Vec<Features> {
    let stem = convolution([in_channels, STEM_CHANNELS], 3, 2).init(generator, device);
    let mut features = vec![Features::Convolution(stem)];
    for plan in &BLOCKS {
        features.push(Features::Block(Block::new(plan, generator, device)));
    }
    let last = convolution([BLOCKS[BLOCKS.len() - 1].out_channels, LAST_CHANNELS], 1, 1);
    features.push(Features::Convolution(last.init(generator, device)));
    features
}

/// Runs the convolutional layers; `after` sees the number and the result of each part.
fn forward_parts(
    features: &[Features],
    x: Tensor<4>,
    pass: &Pass,
    mut after: impl FnMut(usize, &Tensor<4>),
) -> Tensor<4> {
    features.iter().enumerate().fold(x, |x, (index, part)| {
        let x = match part {
            Features::Convolution(layers) => conv_norm(layers, x, Activation::HardSwish, pass),
            Features::Block(block) => block.forward(x, pass),
        };
        after(index, &x);
        x
    })
}

/// The family as the catalogue lists it.
pub(crate) fn entries() -> impl Iterator<Item = ModelEntry> {
    [ModelEntry {
        name: LARGE,
        family: "MobileNetV3",
        parameters: PARAMETERS,
        multiply_adds: multiply_adds(224),
        least_size: 1,
        single_value_size: SINGLE_VALUE_SIZE,
        least_pictures: 1,
        head: HEAD,
        paper: "Howard et al., Searching for MobileNetV3, 2019, arXiv:1905.02244",
    }]
    .into_iter()
}

/// Multiply-adds of convolutions and linear layers, for one square colour picture and 1000
/// classes.
fn multiply_adds(size: usize) -> u64 {
    let mut total = convolution([3, STEM_CHANNELS], 3, 2).multiply_adds(size);
    let mut size = size.div_ceil(2);
    for plan in &BLOCKS {
        for convolution in plan.convolutions() {
            total += convolution.multiply_adds(size);
            size = size.div_ceil(convolution.stride);
        }
        if plan.squeezes {
            total += (2 * plan.expanded * plan.squeezed()) as u64;
        }
    }
    let last = convolution([BLOCKS[BLOCKS.len() - 1].out_channels, LAST_CHANNELS], 1, 1);
    total + last.multiply_adds(size) + (LAST_CHANNELS * HIDDEN + HIDDEN * 1000) as u64
}
