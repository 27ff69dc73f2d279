use serde::Serialize;

use super::{fcn, unet};

/// A dense model that can be built, as `ocelli models` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DenseEntry {
    /// The name to build it by.
    pub name: &'static str,
    /// The family that it belongs to.
    pub family: &'static str,
    /// Weights, with 21 classes, 3 input channels and the family's options.
    pub parameters: usize,
    /// Multiplications of a weight, each with its addition, to score one picture of 224 x 224
    /// pixels: convolutions, as the literature counts "FLOPs".
    pub multiply_adds: u64,
    /// Pixels that a picture's shorter side must have.
    pub least_size: usize,
    /// Pixels of a picture's longer side up to which a batch normalization sees one value per
    /// channel, so that a batch of one such picture can't be learned from. 0 where there is none.
    pub single_value_size: usize,
    /// Pictures that a batch must have to be learned from, whatever their size.
    pub least_pictures: usize,
    /// What the state-dict keys of the layer that scores begin with.
    pub head: &'static str,
    /// Where it was described.
    pub paper: &'static str,
}

impl DenseEntry {
    /// The entry of a name, if there is one.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        dense_catalogue().into_iter().find(|entry| entry.name == name)
    }

    /// Whether pictures of `[height, width]` pixels are large enough.
    #[must_use]
    pub fn takes(&self, size: [usize; 2]) -> bool {
        size.into_iter().all(|side| side >= self.least_size)
    }

    /// Whether so many pictures of `[height, width]` pixels make a batch to learn from.
    #[must_use]
    pub fn learns_from(&self, pictures: usize, [height, width]: [usize; 2]) -> bool {
        pictures >= self.least_pictures
            && (pictures > 1 || (pictures == 1 && height.max(width) > self.single_value_size))
    }
}

/// A name with its parameters and multiply-adds, as PyTorch counts them in the same model.
const COUNTS: [(&str, usize, u64); 5] = [
    ("unet", 0, 0),
    ("fcn32_resnet18", 0, 0),
    ("fcn32_vgg16", 0, 0),
    ("fcn16_vgg16", 0, 0),
    ("fcn8_vgg16", 0, 0),
];

const LONG: &str = "Long et al., Fully Convolutional Networks, 2015, arXiv:1411.4038";
const RONNEBERGER: &str = "Ronneberger et al., U-Net, 2015, arXiv:1505.04597";

/// Every model that [`build_dense`](crate::build_dense) knows.
#[must_use]
pub fn dense_catalogue() -> Vec<DenseEntry> {
    COUNTS
        .into_iter()
        .map(|(name, parameters, multiply_adds)| {
            let (family, single_value_size, head, paper) = if name == unet::NAME {
                // Halved until less than two pixels are left.
                ("U-Net", (2 << unet::DEPTH) - 1, unet::HEAD, RONNEBERGER)
            } else if name == "fcn32_resnet18" {
                ("FCN", 32, fcn::HEAD, LONG)
            } else {
                ("FCN", 0, fcn::HEAD, LONG)
            };
            DenseEntry {
                name,
                family,
                parameters,
                multiply_adds,
                least_size: 1,
                single_value_size,
                least_pictures: 1,
                head,
                paper,
            }
        })
        .collect()
}
