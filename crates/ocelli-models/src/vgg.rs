//! VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
//! Recognition" (2014), table 1, configurations A, B, D and E.
//!
//! As in torchvision: the `_bn` forms normalize after each convolution, and pictures of any size are
//! pooled to 7x7 before the classifier. Five halvings must leave a pixel: the least side is 32.

mod encoder;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
pub use encoder::VggEncoder;
use ocelli_nn::{
    Pass,
    functional::{Activation, PoolGeometry, adaptive_average_pool2d, max_pool2d, relu},
    init::Initializer,
    layers::{BatchNorm2d, Conv2d, Conv2dConfig, Conv2dNormActivation, Dropout, Linear},
};
use rand_chacha::ChaCha8Rng;

use crate::{ModelEntry, placeholder::Placeholder};

/// A member of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The name to build it by.
    pub name: &'static str,
    /// Convolutions in each of the five stages.
    pub depths: [usize; 5],
    /// Whether each convolution is normalized.
    pub normalized: bool,
    /// Weights, with 1000 classes and 3 input channels.
    pub parameters: usize,
}

const fn variant(
    name: &'static str,
    depths: [usize; 5],
    normalized: bool,
    parameters: usize,
) -> Variant {
    Variant { name, depths, normalized, parameters }
}

/// The members of the family.
pub const VARIANTS: [Variant; 8] = [
    variant("vgg11", [1, 1, 2, 2, 2], false, 132_863_336),
    variant("vgg11_bn", [1, 1, 2, 2, 2], true, 132_868_840),
    variant("vgg13", [2, 2, 2, 2, 2], false, 133_047_848),
    variant("vgg13_bn", [2, 2, 2, 2, 2], true, 133_053_736),
    variant("vgg16", [2, 2, 3, 3, 3], false, 138_357_544),
    variant("vgg16_bn", [2, 2, 3, 3, 3], true, 138_365_992),
    variant("vgg19", [2, 2, 4, 4, 4], false, 143_667_240),
    variant("vgg19_bn", [2, 2, 4, 4, 4], true, 143_678_248),
];

/// Channels of each stage.
const WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];
/// Five halvings leave a pixel.
const LEAST_SIZE: usize = 32;
/// The side to which pictures are pooled before the classifier.
const POOLED: usize = 7;
/// Width of the classifier's hidden layers.
const HIDDEN: usize = 4096;
/// What each dropout of the classifier drops.
pub const DROPOUT: f64 = 0.5;
const POOL: PoolGeometry = PoolGeometry { kernel: [2, 2], stride: [2, 2], padding: [0, 0] };

/// What the keys of the last layer begin with.
pub(crate) const HEAD: &str = "classifier.6.";

/// A VGG. Field names are torchvision's.
#[derive(Module, Debug)]
pub struct Vgg {
    features: Vec<Layer>,
    classifier: (Linear, Placeholder, Dropout, Linear, Placeholder, Dropout, Linear),
}

/// A layer of the features, numbered as torchvision numbers them.
#[expect(clippy::large_enum_variant, reason = "a network has few, and their tensors weigh more")]
#[derive(Module, Debug)]
enum Layer {
    Convolution(Conv2d),
    Normalization(BatchNorm2d),
    Rectifier(Placeholder),
    Pool(Placeholder),
}

/// The convolutions of a member of the family.
fn features(
    variant: &Variant,
    in_channels: usize,
    generator: &mut ChaCha8Rng,
    device: &Device,
) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut from = in_channels;
    for (width, depth) in WIDTHS.into_iter().zip(variant.depths) {
        for _ in 0..depth {
            let convolution = Conv2dConfig::new(from, width, [3, 3])
                .with_padding([1, 1])
                .with_zero_bias()
                .with_initializer(Initializer::RESNET_CONVOLUTION)
                .init(generator, device);
            layers.push(Layer::Convolution(convolution));
            if variant.normalized {
                layers.push(Layer::Normalization(BatchNorm2d::new(width, device)));
            }
            layers.push(Layer::Rectifier(Placeholder));
            from = width;
        }
        layers.push(Layer::Pool(Placeholder));
    }
    layers
}

/// Runs the convolutions; each is done together with the layers that follow it up to its
/// rectifier. `after_pool` sees the result of each pooling.
fn forward_features(
    layers: &[Layer],
    x: Tensor<4>,
    pass: &Pass,
    mut after_pool: impl FnMut(&Tensor<4>),
) -> Tensor<4> {
    let mut x = x;
    for (index, layer) in layers.iter().enumerate() {
        x = match (layer, layers.get(index + 1)) {
            (Layer::Convolution(convolution), Some(Layer::Normalization(normalization))) => {
                Conv2dNormActivation::new(convolution, normalization)
                    .with_activation(Activation::Relu)
                    .forward(x, pass)
            }
            (Layer::Convolution(convolution), _) => {
                convolution.forward_activation(x, Activation::Relu)
            }
            (Layer::Pool(_), _) => {
                let pooled = max_pool2d(x, POOL);
                after_pool(&pooled);
                pooled
            }
            (Layer::Normalization(_) | Layer::Rectifier(_), _) => x,
        };
    }
    x
}

impl Vgg {
    /// A network with freshly drawn weights, as torchvision draws them.
    #[must_use]
    pub fn new(
        variant: &Variant,
        dropout: f64,
        [in_channels, classes]: [usize; 2],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let features = features(variant, in_channels, generator, device);
        let mut linear = |from, to| {
            let normal = Initializer::Normal { deviation: 0.01 };
            Linear::with_initializer(from, to, normal, generator, device)
        };
        let classifier = (
            linear(WIDTHS[4] * POOLED * POOLED, HIDDEN),
            Placeholder,
            Dropout::new(dropout),
            linear(HIDDEN, HIDDEN),
            Placeholder,
            Dropout::new(dropout),
            linear(HIDDEN, classes),
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
        let (.., linear) = &self.classifier;
        linear.forward(self.forward_features(x, pass))
    }

    /// What the classifier's second hidden layer makes of the picture, after its dropout.
    ///
    /// # Shapes
    /// `[n, h, w, in_channels]` → `[n, 4096]`
    ///
    /// # Panics
    /// As [`Self::forward`].
    #[must_use]
    pub fn forward_features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.features_of(self.forward_map(x, pass), pass)
    }

    /// The last convolution's output, before it is halved once more.
    pub(crate) fn forward_map(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let [_, height, width, _] = x.dims();
        assert!(
            height.min(width) >= LEAST_SIZE,
            "VGG halves a picture five times: {height} x {width} pixels leave none; use at least {LEAST_SIZE}"
        );
        let last_pool = self.features.len() - 1;
        forward_features(&self.features[..last_pool], x, pass, |_| {})
    }

    /// The scores that follow from the last convolution's output.
    pub(crate) fn forward_from_map(&self, map: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (.., linear) = &self.classifier;
        linear.forward(self.features_of(map, pass))
    }

    fn features_of(&self, map: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let x = adaptive_average_pool2d(max_pool2d(map, POOL), [POOLED, POOLED]);
        let n = x.dims()[0];
        // The weights want channels outermost.
        let x = x.permute([0, 3, 1, 2]).reshape([n, WIDTHS[4] * POOLED * POOLED]);
        let (first, _, first_dropout, second, _, second_dropout, _) = &self.classifier;
        let x = first_dropout.forward(relu(first.forward(x)), &pass.child(0));
        second_dropout.forward(relu(second.forward(x)), &pass.child(1))
    }

    /// The layers from first to last, each by what its keys begin with.
    pub(crate) fn layer_prefixes(&self) -> Vec<Vec<String>> {
        let mut layers = layer_prefixes(&self.features);
        layers.extend([0, 3, 6].map(|index| vec![format!("classifier.{index}.")]));
        layers
    }
}

/// The convolutions with their normalizations, each by what its keys begin with.
fn layer_prefixes(features: &[Layer]) -> Vec<Vec<String>> {
    let mut layers: Vec<Vec<String>> = Vec::new();
    for (index, layer) in features.iter().enumerate() {
        let prefix = format!("features.{index}.");
        match (layer, layers.last_mut()) {
            (Layer::Convolution(_), _) => layers.push(vec![prefix]),
            (Layer::Normalization(_), Some(last)) => last.push(prefix),
            _ => {}
        }
    }
    layers
}

/// The family as the catalogue lists it.
pub(crate) fn entries() -> impl Iterator<Item = ModelEntry> {
    VARIANTS.iter().map(|variant| ModelEntry {
        name: variant.name,
        family: "VGG",
        parameters: variant.parameters,
        multiply_adds: multiply_adds(variant, 224),
        least_size: LEAST_SIZE,
        // The last normalizations come before the last halving, and see two by two pixels of 32.
        single_value_size: 0,
        least_pictures: 1,
        head: HEAD,
        paper: "Simonyan and Zisserman, Very Deep Convolutional Networks, 2014, arXiv:1409.1556",
    })
}

/// Multiply-adds of convolutions and linear layers, for one square colour picture and 1000
/// classes.
fn multiply_adds(variant: &Variant, mut size: usize) -> u64 {
    let mut total = 0;
    let mut from = 3;
    for (width, depth) in WIDTHS.into_iter().zip(variant.depths) {
        for _ in 0..depth {
            total += size * size * 9 * from * width;
            from = width;
        }
        size /= 2;
    }
    (total + WIDTHS[4] * POOLED * POOLED * HIDDEN + HIDDEN * HIDDEN + HIDDEN * 1000) as u64
}
