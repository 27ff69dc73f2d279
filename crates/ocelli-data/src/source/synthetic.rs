//! The embedded sample data as a dataset.

use std::sync::Arc;

use super::listing::Ignored;
use super::{Found, Layout, SourceError};
use crate::dataset::{Dataset, Location, Sample};
use crate::synth::{Birds, BirdsConfig};

/// Beyond this the list of samples itself would be a burden, and names need another digit.
const MAX_BIRDS: u64 = 10_000_000;

/// The birds of `synth://birds?…`: drawn when they are asked for, numbered from 0.
pub(super) fn open(location: &str) -> Result<Found, SourceError> {
    let fail = |reason| SourceError::Synth { location: location.to_owned(), reason };
    let config = BirdsConfig::parse(location).map_err(|error| fail(error.to_string()))?;
    if config.count > MAX_BIRDS {
        return Err(fail(format!("count is {}, expected at most {MAX_BIRDS}", config.count)));
    }
    let birds = Arc::new(Birds::new(config));
    let sample = |index| Sample {
        name: format!("synth://birds/{index:07}"),
        location: Location::Synth { birds: Arc::clone(&birds), index },
        label: Some(birds.label(index)),
    };
    let train =
        Dataset { classes: birds.class_names(), samples: (0..birds.len()).map(sample).collect() };
    Ok(Found {
        train,
        val: None,
        test: None,
        layout: Layout::Synth,
        ignored: Ignored::default(),
        notes: Vec::new(),
    })
}
