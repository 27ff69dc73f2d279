//! The network that BYOL's predictions are to reach: it follows the trained one slowly, and shares
//! nothing with it.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use ocelli_nn::Pass;
use ocelli_nn::state::{self, StateDict};

use crate::ema::{for_each_parameter, moved};
use crate::network::Network;

/// A copy of the network in which no gradient flows.
#[derive(Debug)]
pub(super) struct Target {
    /// Always `Some` but while it is changed in place.
    network: Option<Network>,
}

impl Target {
    /// A target that begins as an exact copy: `twin`, built as the network was, with its weights.
    pub(super) fn of(twin: Network, network: &Network) -> Self {
        let twin = state::load_state_dict(twin, &state::state_dict(network))
            .expect("the two are built alike");
        Self { network: Some(twin) }
    }

    fn network(&self) -> &Network {
        self.network.as_ref().expect("the target is put back after every step")
    }

    /// What the target makes of a view, without gradients. Its normalizations use the batch's
    /// statistics, and keep running ones of their own.
    ///
    /// # Shapes
    /// `[n, h, w, channels]` → `[n, projection]`
    pub(super) fn project(&self, images: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.network().joint_embedding().project(images.without_autodiff(), pass)
    }

    /// Moves every parameter towards the network's: `momentum` of the target is kept.
    pub(super) fn follow(&mut self, network: &Network, momentum: f64) {
        let mut online: BTreeMap<String, Tensor<1>> = BTreeMap::new();
        for_each_parameter(network, |key, value| {
            online.insert(key.to_owned(), value);
        });
        let target = self.network.take().expect("the target is put back after every step");
        let moved = state::map_parameters(target, |key, value| match online.remove(key) {
            Some(online) => moved(value, online, momentum),
            // Frozen: it doesn't move, so there is nothing to follow.
            None => value,
        });
        self.network = Some(moved);
    }

    /// All its weights and running statistics.
    pub(super) fn state(&self) -> StateDict {
        state::state_dict(self.network())
    }

    /// Takes up a state written by [`Self::state`].
    pub(super) fn load_state(&mut self, state: &StateDict) -> Result<(), String> {
        let target = self.network.take().expect("the target is put back after every step");
        let loaded = state::load_state_dict(target.clone(), state);
        let (target, result) = match loaded {
            Ok(loaded) => (loaded, Ok(())),
            Err(error) => (target, Err(error.to_string())),
        };
        self.network = Some(target);
        result
    }

    /// Tells where the numbers of each parameter are in memory.
    #[cfg(test)]
    pub(super) fn each_address(&mut self, mut tell: impl FnMut(&str, usize)) {
        let network = self.network.take().expect("the target is put back after every step");
        self.network = Some(state::map_parameters(network, |key, value| {
            let flat = crate::flat::Flat::new(value);
            tell(key, flat.values().as_ptr() as usize);
            flat.into_tensor()
        }));
    }
}
