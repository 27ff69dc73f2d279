use serde::{Deserialize, Serialize};

/// A way to learn without labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Guess what a slowly following copy of the network makes of another view (Grill et al. 2020,
    /// "Bootstrap Your Own Latent").
    Byol,
    /// Guess what the network itself makes of another view (Chen and He 2020, "Exploring Simple
    /// Siamese Representation Learning").
    SimSiam,
    /// Tell the other view of a picture from all other pictures (Chen et al. 2020, "A Simple
    /// Framework for Contrastive Learning of Visual Representations").
    SimClr,
    /// Make the features of two views agree and tell different things (Zbontar et al. 2021, "Barlow
    /// Twins: Self-Supervised Learning via Redundancy Reduction").
    BarlowTwins,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Byol, Self::SimSiam, Self::SimClr, Self::BarlowTwins];

    /// Its name in recipes and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Byol => "byol",
            Self::SimSiam => "simsiam",
            Self::SimClr => "simclr",
            Self::BarlowTwins => "barlow_twins",
        }
    }
}

/// What is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Task {
    /// One class a picture.
    #[default]
    Classify,
    /// One class a pixel.
    Segment,
    /// Colours for gray pictures.
    Colorize,
    /// Features, without labels.
    SelfSupervised(Method),
}

impl Task {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let supervised = [Self::Classify, Self::Segment, Self::Colorize];
        supervised.into_iter().chain(Method::ALL.map(Self::SelfSupervised))
    }

    /// Its name in recipes and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Segment => "segment",
            Self::Colorize => "colorize",
            Self::SelfSupervised(method) => method.name(),
        }
    }

    /// Whether its answers are masks or pictures.
    #[must_use]
    pub fn answers_with_pictures(self) -> bool {
        matches!(self, Self::Segment | Self::Colorize)
    }

    /// Whether it learns without labels, and how.
    #[must_use]
    pub fn method(self) -> Option<Method> {
        match self {
            Self::SelfSupervised(method) => Some(method),
            _ => None,
        }
    }
}

impl TryFrom<String> for Task {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::all().find(|task| task.name() == name).ok_or_else(|| {
            let known: Vec<String> = Self::all().map(|task| format!("`{}`", task.name())).collect();
            format!("unknown variant `{name}`, expected one of {}", known.join(", "))
        })
    }
}

impl From<Task> for String {
    fn from(task: Task) -> Self {
        task.name().to_owned()
    }
}
