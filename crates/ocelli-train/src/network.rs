//! What is trained, whatever the task.

use burn::module::Module;
use ocelli_data::random::{Purpose, generator};
use ocelli_models::self_supervised::{BACKBONE, JointEmbedding, JointEmbeddingConfig};
use ocelli_models::{BuildError, Classifier, DenseModel, ModelEntry, build, build_dense};
use ocelli_nn::tensor::Device;

use crate::recipe::{Recipe, Task};

/// A task's model. Its keys are the model's own.
#[expect(clippy::large_enum_variant, reason = "there is one, and its tensors weigh more")]
#[derive(Module, Debug)]
pub enum Network {
    /// Of classification.
    Classifier(Classifier),
    /// Of segmentation and colorization.
    Dense(DenseModel),
    /// Of learning without labels.
    JointEmbedding(JointEmbedding),
}

/// Classes of a backbone's unused last layer where the pictures have none: ImageNet's.
const CLASSES_WITHOUT_LABELS: usize = 1000;

impl Network {
    /// The network of a recipe, for so many classes, with weights drawn by the recipe's seed.
    ///
    /// # Errors
    /// If there is no such model for the task, or it has no such option.
    pub fn new(recipe: &Recipe, classes: usize, device: &Device) -> Result<Self, BuildError> {
        let mut random = generator(recipe.seed, Purpose::Initialization, 0, 0);
        let model = &recipe.model;
        Ok(match recipe.task {
            Task::Classify => {
                Self::Classifier(build(&model.classifier(classes), &mut random, device)?)
            }
            Task::Segment => {
                Self::Dense(build_dense(&model.dense(3, classes), &mut random, device)?)
            }
            Task::Colorize => {
                let space = recipe.colorize.unwrap_or_default().space;
                let config = model.dense(gray_channels(&model.name), space.outputs());
                Self::Dense(build_dense(&config, &mut random, device)?)
            }
            Task::SelfSupervised(method) => {
                let section = recipe.self_supervised.clone().unwrap_or_default();
                let classes = if classes >= 2 { classes } else { CLASSES_WITHOUT_LABELS };
                let config = JointEmbeddingConfig {
                    backbone: model.classifier(classes),
                    projector: section.projector(method),
                    predictor: section.predictor(),
                };
                Self::JointEmbedding(JointEmbedding::new(&config, &mut random, device)?)
            }
        })
    }

    /// The classifier, or the backbone that learns without labels.
    ///
    /// # Panics
    /// If it is neither: a task has one kind of network.
    #[must_use]
    pub fn classifier(&self) -> &Classifier {
        match self {
            Self::Classifier(model) => model,
            Self::JointEmbedding(model) => model.backbone(),
            Self::Dense(_) => panic!("found a dense network, expected a classifier"),
        }
    }

    /// The backbone with its projector.
    ///
    /// # Panics
    /// If it is none: a task has one kind of network.
    #[must_use]
    pub fn joint_embedding(&self) -> &JointEmbedding {
        match self {
            Self::JointEmbedding(model) => model,
            _ => panic!("found a network that learns from labels, expected one that doesn't"),
        }
    }

    /// The network that answers for every pixel.
    ///
    /// # Panics
    /// If it is none: a task has one kind of network.
    #[must_use]
    pub fn dense(&self) -> &DenseModel {
        match self {
            Self::Dense(model) => model,
            Self::Classifier(_) | Self::JointEmbedding(_) => {
                panic!("found a classifier, expected a dense network")
            }
        }
    }

    /// What the keys of the layers begin with that depend on the classes.
    #[must_use]
    pub fn heads(&self) -> Vec<&'static str> {
        match self {
            Self::Classifier(model) => vec![model.head()],
            Self::Dense(model) => model.head_prefixes(),
            Self::JointEmbedding(_) => HEADS.to_vec(),
        }
    }

    /// The layers from first to last, each by what its keys begin with.
    #[must_use]
    pub fn layer_prefixes(&self) -> Vec<Vec<String>> {
        match self {
            Self::Classifier(model) => model.layer_prefixes(),
            Self::Dense(model) => model.layer_prefixes(),
            Self::JointEmbedding(model) => {
                let prefixed = |prefix: String| format!("{BACKBONE}{prefix}");
                let layers = model.backbone().layer_prefixes().into_iter();
                let backbone = layers.map(|layer| layer.into_iter().map(prefixed).collect());
                backbone.chain([HEADS.map(str::to_owned).to_vec()]).collect()
            }
        }
    }
}

/// What the keys begin with of what is thrown away after learning without labels.
const HEADS: [&str; 2] = ["projector.", "predictor."];

/// Channels in which a colorization network is given gray: encoders are made for three, which are
/// then all the same, and may come with weights.
#[must_use]
pub fn gray_channels(model: &str) -> usize {
    if model == "unet" { 1 } else { 3 }
}

/// What is known of a recipe's model without building it, if its task has a model of that name.
#[must_use]
pub fn entry(recipe: &Recipe) -> Option<ModelEntry> {
    match recipe.task {
        Task::Classify | Task::SelfSupervised(_) => ModelEntry::find(&recipe.model.name),
        // Which pictures it takes and learns from depends on neither channels nor outputs.
        Task::Segment | Task::Colorize => ModelEntry::of_dense(&recipe.model.dense(3, 1)),
    }
}
