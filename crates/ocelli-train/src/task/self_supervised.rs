//! Features, without labels: two views of each picture are to be near each other.
//!
//! What is near, and what keeps all pictures from ending at one point, is the method's: a file each.
//! The two views go through the network one after the other, each with batch statistics of its own.

mod barlow_twins;
mod byol;
mod distance;
mod neighbours;
mod simclr;
mod simsiam;
mod spread;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use ocelli_data::Dataset;
use ocelli_data::cache::CacheKind;
use ocelli_data::loader::{Batch, Loader};
use ocelli_models::BuildError;
use ocelli_models::self_supervised::JointEmbedding;
use ocelli_nn::Pass;
use ocelli_nn::state::StateDict;

use super::classify::Features;
use super::{
    Batches, Evaluation, EvaluationError, Kept, Learned, Objective, Scores, floats, images_tensor,
};
use crate::metric::MetricError;
use crate::network::Network;
use crate::pictures::{self, Pictures, PicturesError, evaluation_loader};
use crate::recipe::{KnnSection, Method, Recipe, SelfSupervisedSection, Task};
use crate::record::{EmbeddingRecord, EpochRecord};
use neighbours::Neighbours;
use spread::Spread;
use target::Target;

pub use spread::COLLAPSED;

/// What is made of a view of a batch.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// `[n, projection]`
    projection: Tensor<2>,
    /// What another view's projection is taken for; the projection itself for methods without
    /// predictor.
    prediction: Tensor<2>,
}

/// Learning without labels.
pub(crate) struct SelfSupervised {
    method: Method,
    section: SelfSupervisedSection,
    /// What the network is built by.
    recipe: Recipe,
    classes: usize,
    device: Device,
    /// BYOL's, once there is a network to follow.
    target: Option<Target>,
    neighbours: Option<NeighbourTest>,
}

/// Labelled pictures, by whose neighbours features are measured.
struct NeighbourTest {
    section: KnnSection,
    classes: usize,
    /// Those that vote.
    bank: Loader,
    /// Those that are asked, where they aren't the run's own validation pictures.
    asked: Option<Loader>,
    epochs: u32,
}

impl SelfSupervised {
    /// # Errors
    /// If neighbours are to be measured, and there are no labelled pictures.
    pub(crate) fn for_training(
        method: Method,
        recipe: &Recipe,
        pictures: &Pictures,
        device: &Device,
    ) -> Result<Self, PicturesError> {
        let plain = Self::plain(method, recipe, pictures.train.classes.len(), device);
        let neighbours = match &plain.section.knn {
            Some(knn) => Some(
                NeighbourTest::new(knn, recipe, &pictures.train, &pictures.val)
                    .map_err(|reason| PicturesError::Knn(Box::new(reason)))?,
            ),
            None => None,
        };
        Ok(Self { neighbours, ..plain })
    }

    /// What measures how features spread, and no more.
    pub(crate) fn plain(method: Method, recipe: &Recipe, classes: usize, device: &Device) -> Self {
        let section = recipe.self_supervised.clone().unwrap_or_default();
        let (recipe, device) = (recipe.clone(), device.clone());
        Self { method, section, recipe, classes, device, target: None, neighbours: None }
    }

    /// What is learned from two views of a batch, `[n, h, w, 3]` both.
    pub(crate) fn loss_of_views(
        &self,
        network: &Network,
        views: [Vec<f32>; 2],
        shape: [usize; 4],
        pass: &Pass,
        device: &Device,
    ) -> Tensor<1> {
        let [first, second] = views.map(|view| images_tensor(view, shape, device));
        let targets = self.target.as_ref().map(|target| {
            [&first, &second].map(|view| target.project(view.clone(), pass).autodiff())
        });
        let model = network.joint_embedding();
        // What dropout drops differs between the views.
        let views = [seen(model, first, &pass.child(0)), seen(model, second, &pass.child(1))];
        self.loss(views, targets)
    }

    /// The loss of two views.
    fn loss(&self, views: [View; 2], targets: Option<[Tensor<2>; 2]>) -> Tensor<1> {
        let section = &self.section;
        match (self.method, targets) {
            (Method::Byol, Some(targets)) => byol::loss(views, targets),
            (Method::Byol, None) => unreachable!("BYOL begins with a target network"),
            (Method::SimSiam, _) => simsiam::loss(views),
            (Method::SimClr, _) => {
                let projections = views.map(|view| view.projection);
                simclr::loss(projections, section.temperature.unwrap_or(0.1))
            }
            (Method::BarlowTwins, _) => {
                let projections = views.map(|view| view.projection);
                barlow_twins::loss(projections, section.redundancy_weight.unwrap_or(5e-3))
            }
        }
    }
}

/// What the network makes of a view.
fn seen(model: &JointEmbedding, images: Tensor<4>, pass: &Pass) -> View {
    let projection = model.project(images, pass);
    let prediction = model.predict(projection.clone(), pass);
    View { projection, prediction }
}

/// How good features are that were learned without labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddingScores {
    /// See [`EmbeddingRecord::embedding_std`].
    pub embedding_std: Option<f64>,
    /// See [`EmbeddingRecord::knn`].
    pub knn: Option<f64>,
}

impl EmbeddingScores {
    /// A record with these scores in it.
    pub(super) fn written(self, record: EpochRecord) -> EpochRecord {
        let Self { embedding_std, knn } = self;
        EpochRecord { embedding: EmbeddingRecord { embedding_std, knn }, ..record }
    }
}

impl Objective for SelfSupervised {
    fn begin(&mut self, network: &Network) -> Result<(), BuildError> {
        if self.method == Method::Byol {
            // Built anew rather than cloned: clones share storage until one of them is changed.
            let plain = self.device.clone().without_autodiff();
            let twin = Network::new(&self.recipe, self.classes, &plain)?;
            self.target = Some(Target::of(twin, network));
        }
        Ok(())
    }

    fn learn(
        &self,
        network: &Network,
        batch: Batch,
        pass: &Pass,
        device: &Device,
    ) -> Result<Learned, MetricError> {
        let Batch { images, shape, further_views, .. } = batch;
        let pictures = shape[0] as u64;
        let Some(second) = further_views.into_iter().next() else {
            unreachable!("the training loader gives two views");
        };
        Ok(Learned {
            loss: self.loss_of_views(network, [images, second], shape, pass, device),
            pictures,
            questions: 0,
            correct: 0,
            correct_top5: 0,
        })
    }

    fn stepped(&mut self, network: &Network, progress: f64) {
        let Some(target) = &mut self.target else { return };
        let start = self.section.momentum.unwrap_or(0.99);
        let end = self.section.final_momentum.unwrap_or(1.0);
        target.follow(network, byol::momentum(start, end, progress));
    }

    fn remembers(&self) -> bool {
        self.target.is_some()
    }

    fn state(&self) -> Option<StateDict> {
        self.target.as_ref().map(Target::state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<(), String> {
        match &mut self.target {
            Some(target) => target.load_state(state),
            None => Ok(()),
        }
    }

    /// Measures how projections spread, and where it is due, neighbours. There is no loss: of single
    /// views there is none. Keeps the features of all pictures, whichever are asked for.
    fn evaluate(
        &self,
        network: &Network,
        mut batches: Batches<'_>,
        device: &Device,
        keep: Option<&[usize]>,
    ) -> Result<Evaluation, EvaluationError> {
        let model = network.joint_embedding();
        // Pictures of a last test are asked themselves, or none are.
        let test = self.neighbours.as_ref().filter(|test| match batches.epoch() {
            Some(epoch) => test.section.is_due(epoch, test.epochs),
            None => test.asked.is_none(),
        });
        let bank = match test {
            Some(test) => Some(embedded(model, batches.over(&test.bank), device)?),
            None => None,
        };
        let elsewhere = match test.and_then(|test| test.asked.as_ref()) {
            Some(asked) => Some(embedded(model, batches.over(asked), device)?),
            None => None,
        };
        let keeps = keep.is_some() || (test.is_some() && elsewhere.is_none());
        let state = (Spread::default(), keeps.then(Features::default));
        let measure = |(spread, features): &mut (Spread, Option<Features>), batch: Batch| {
            let Batch { images, shape, labels, indices, .. } = batch;
            let images = images_tensor(images, shape, device);
            let pass = Pass::eval();
            let hidden = model.backbone().forward_features(images, &pass);
            spread.add(&floats(model.project_features(hidden.clone(), &pass)), shape[0]);
            if let Some(features) = features {
                features.take(hidden, &labels, &indices);
            }
            Ok((0.0, 0.0))
        };
        batches.measure(state, measure, |(spread, features)| {
            // Of a pass that was stopped early there may be none that votes.
            let bank = bank.filter(|bank| !bank.labels.is_empty());
            let knn = test.zip(bank).and_then(|(test, bank)| {
                let asked = elsewhere.as_ref().or(features.as_ref())?;
                Neighbours::new(&bank, test.classes, &test.section).accuracy(asked)
            });
            let scores = EmbeddingScores { embedding_std: spread.relative(), knn };
            let kept = features.filter(|_| keep.is_some()).map(Kept::Features);
            (Scores::Embedding(scores), kept)
        })
    }
}

/// The features of a loader's pictures.
fn embedded(
    model: &JointEmbedding,
    batches: Batches<'_>,
    device: &Device,
) -> Result<Features, EvaluationError> {
    let mut features = Features::default();
    batches.measure(
        &mut features,
        |features, batch| {
            let Batch { images, shape, labels, indices, .. } = batch;
            let images = images_tensor(images, shape, device);
            features.take(
                model.backbone().forward_features(images, &Pass::eval()),
                &labels,
                &indices,
            );
            Ok((0.0, 0.0))
        },
        |_| (Scores::Embedding(EmbeddingScores::default()), None),
    )?;
    Ok(features)
}

impl NeighbourTest {
    fn new(
        section: &KnnSection,
        recipe: &Recipe,
        train: &Arc<Dataset>,
        val: &Arc<Dataset>,
    ) -> Result<Self, PicturesError> {
        let epochs = recipe.train.epochs;
        // Pictures are looked at as for classification: whole, one view, each once.
        let (bank, asked) = match &section.data {
            None => (Arc::clone(train), None),
            Some(location) => {
                let mut labelled = Recipe { task: Task::Classify, ..recipe.clone() };
                labelled.data.train = location.clone();
                labelled.data.val = None;
                labelled.data.test = None;
                let found = pictures::open(&mut labelled)?;
                (found.train, Some(found.val))
            }
        };
        let location = section.data.as_deref().unwrap_or(&recipe.data.train);
        pictures::check_truth(Task::Classify, location, &bank)?;
        let asked_of = asked.as_ref().unwrap_or(val);
        if !asked_of.is_labelled() {
            return Err(PicturesError::NoLabels {
                location: location.to_owned(),
                found: asked_of.len(),
                what: "classes",
            });
        }
        let classes = bank.classes.len();
        // The training pictures may be in a cache already: these loaders have none of their own.
        let mut recipe = recipe.clone();
        recipe.data.cache = CacheKind::None;
        let asked = asked.map(|asked| evaluation_loader(&recipe, asked)).transpose()?;
        let bank = evaluation_loader(&recipe, bank)?;
        Ok(Self { section: section.clone(), classes, bank, asked, epochs })
    }
}
