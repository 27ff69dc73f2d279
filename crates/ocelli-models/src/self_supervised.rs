//! What learns without labels: a backbone with a projector, and for some methods a predictor.
//!
//! The heads are numbered as the layers of a PyTorch `Sequential` of `Linear`, `BatchNorm1d` and
//! `ReLU` are, so that `projector.0.weight` and the like load there.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use ocelli_nn::{
    Pass,
    functional::{Activation, activation},
    layers::{BatchNorm2d, Linear},
};
use rand_chacha::ChaCha8Rng;

use crate::{
    BuildError, Classifier, ModelConfig, build, build::check_count, placeholder::Placeholder,
};

/// A layer of a [`Mlp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MlpLayer {
    /// What it gives.
    pub width: usize,
    /// Whether that is normalized over the batch.
    pub normalized: bool,
    /// Whether it is then rectified.
    pub rectified: bool,
}

impl MlpLayer {
    /// A hidden layer: linear, normalized, rectified.
    #[must_use]
    pub fn hidden(width: usize) -> Self {
        Self { width, normalized: true, rectified: true }
    }

    /// A last layer: linear, and no more.
    #[must_use]
    pub fn last(width: usize) -> Self {
        Self { width, normalized: false, rectified: false }
    }
}

/// Fully connected layers with batch normalization between them.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Layer>,
}

#[expect(clippy::large_enum_variant, reason = "a head has few, and their tensors weigh more")]
#[derive(Module, Debug)]
enum Layer {
    Linear(Linear),
    Normalization(BatchNorm2d),
    Rectifier(Placeholder),
}

impl Mlp {
    /// Layers with PyTorch's default initialization.
    #[must_use]
    pub fn new(
        inputs: usize,
        widths: &[MlpLayer],
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let mut layers = Vec::new();
        let mut from = inputs;
        for &MlpLayer { width, normalized, rectified } in widths {
            layers.push(Layer::Linear(Linear::new(from, width, generator, device)));
            if normalized {
                layers.push(Layer::Normalization(BatchNorm2d::new(width, device)));
            }
            if rectified {
                layers.push(Layer::Rectifier(Placeholder));
            }
            from = width;
        }
        Self { layers }
    }

    /// # Shapes
    /// `[n, inputs]` → `[n, width]`, of the last layer
    ///
    /// # Panics
    /// If `x` has another width than the first layer takes, or is a single row in a training pass.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        self.layers.iter().fold(x, |x, layer| match layer {
            Layer::Linear(linear) => linear.forward(x),
            Layer::Normalization(normalization) => {
                let [n, width] = x.dims();
                normalization.forward(x.reshape([n, 1, 1, width]), pass).reshape([n, width])
            }
            Layer::Rectifier(_) => activation(x, Activation::Relu),
        })
    }
}

/// Which network to build for learning without labels.
#[derive(Clone, Debug, PartialEq)]
pub struct JointEmbeddingConfig {
    /// The backbone. Its last layer, for `classes`, stays as it is drawn: it is there so that the
    /// backbone's weights are those of a whole classifier.
    pub backbone: ModelConfig,
    /// What turns features into what is compared.
    pub projector: Vec<MlpLayer>,
    /// What guesses another view's projection from one's own; none for methods without.
    pub predictor: Option<Vec<MlpLayer>>,
}

/// A backbone, a projector and perhaps a predictor: what is trained so that two views of a picture
/// are near each other (Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual
/// Representations"; Grill et al. 2020, "Bootstrap Your Own Latent").
#[derive(Module, Debug)]
pub struct JointEmbedding {
    backbone: Classifier,
    projector: Mlp,
    predictor: Option<Mlp>,
}

/// What the keys of the backbone begin with in the whole's.
pub const BACKBONE: &str = "backbone.";

impl JointEmbedding {
    /// The network with freshly drawn weights.
    ///
    /// # Errors
    /// As [`build`], or for a head without layers, or with a width of zero or absurd.
    pub fn new(
        config: &JointEmbeddingConfig,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, BuildError> {
        let backbone = build(&config.backbone, generator, device)?;
        for layer in config.projector.iter().chain(config.predictor.iter().flatten()) {
            check_count("features in a layer", layer.width)?;
        }
        let Some(projection) = config.projector.last() else {
            return Err(BuildError::Count { what: "layers in its projector", found: 0 });
        };
        let features = backbone.feature_width();
        let projector = Mlp::new(features, &config.projector, generator, device);
        let predictor = config
            .predictor
            .as_ref()
            .map(|layers| Mlp::new(projection.width, layers, generator, device));
        Ok(Self { backbone, projector, predictor })
    }

    /// The backbone, whose features are what is learned for.
    #[must_use]
    pub fn backbone(&self) -> &Classifier {
        &self.backbone
    }

    /// The same with other weights in the backbone.
    #[must_use]
    pub fn with_backbone(self, backbone: Classifier) -> Self {
        Self { backbone, ..self }
    }

    /// The backbone alone.
    #[must_use]
    pub fn into_backbone(self) -> Classifier {
        self.backbone
    }

    /// What is compared of each picture.
    ///
    /// # Shapes
    /// `[n, h, w, channels]` → `[n, projection]`
    ///
    /// # Panics
    /// As the backbone; in a training pass also for a single picture.
    #[must_use]
    pub fn project(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let features = self.backbone.forward_features(x, &pass.child(0));
        self.project_features(features, pass)
    }

    /// What is compared of each picture, from its features.
    ///
    /// # Shapes
    /// `[n, features]` → `[n, projection]`
    ///
    /// # Panics
    /// If the width is another.
    #[must_use]
    pub fn project_features(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        self.projector.forward(features, &pass.child(1))
    }

    /// What a view's projection is taken for; the projection itself without a predictor.
    ///
    /// # Shapes
    /// `[n, projection]` → the same
    ///
    /// # Panics
    /// If the width is another.
    #[must_use]
    pub fn predict(&self, projection: Tensor<2>, pass: &Pass) -> Tensor<2> {
        match &self.predictor {
            Some(predictor) => predictor.forward(projection, &pass.child(2)),
            None => projection,
        }
    }
}
