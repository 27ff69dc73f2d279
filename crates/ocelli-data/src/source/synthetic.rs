//! The embedded sample data as a dataset.

use std::sync::Arc;

use super::listing::Ignored;
use super::{Found, Labels, Layout, Pairing, SourceError};
use crate::dataset::{Dataset, Location, MaskFile, Sample};
use crate::synth::{Birds, BirdsConfig};

/// Beyond this the list of samples itself would be a burden, and names need another digit.
const MAX_BIRDS: u64 = 10_000_000;

/// The birds of `synth://birds?…`: drawn when they are asked for, numbered from 0. Their masks are
/// their parts.
pub(super) fn open(location: &str, labels: Labels) -> Result<Found, SourceError> {
    let fail = |reason| SourceError::Synth { location: location.to_owned(), reason };
    let config = BirdsConfig::parse(location).map_err(|error| fail(error.to_string()))?;
    if config.count > MAX_BIRDS {
        return Err(fail(format!("count is {}, expected at most {MAX_BIRDS}", config.count)));
    }
    let birds = Arc::new(Birds::new(config));
    let with_masks = labels == Labels::Masks;
    let sample = |index| {
        let location = || Location::Synth { birds: Arc::clone(&birds), index };
        let name = format!("synth://birds/{index:07}");
        let mask =
            with_masks.then(|| MaskFile { name: format!("{name}/parts"), location: location() });
        let label = matches!(labels, Labels::Classes | Labels::Either).then(|| birds.label(index));
        Sample { name, location: location(), label, mask }
    };
    let samples = (0..birds.len()).map(sample).collect();
    let palette = with_masks.then(|| Arc::new(Birds::part_palette()));
    let classes = match (&palette, labels) {
        (Some(palette), _) => palette.names(),
        (None, Labels::None) => Vec::new(),
        _ => birds.class_names(),
    };
    Ok(Found {
        train: Dataset { classes, samples, palette },
        val: None,
        test: None,
        layout: Layout::Synth,
        ignored: Ignored::default(),
        notes: Vec::new(),
        pairing: with_masks.then(Pairing::default),
    })
}
