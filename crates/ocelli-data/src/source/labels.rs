//! From samples with class names to datasets with class numbers.

use std::collections::{BTreeSet, HashMap};

use super::SourceError;
use crate::dataset::{Dataset, Location, Sample};

/// A sample whose class is still a name.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) location: Location,
    pub(super) class: Option<String>,
}

/// The splits of a source, before classes are numbered.
#[derive(Debug, Default)]
pub(super) struct Splits {
    pub(super) train: Vec<Named>,
    pub(super) val: Option<Vec<Named>>,
    pub(super) test: Option<Vec<Named>>,
}

/// The datasets of the three splits.
pub(super) type Datasets = (Dataset, Option<Dataset>, Option<Dataset>);

/// Numbers the classes of all splits as the training split has them.
pub(super) fn number(splits: Splits, location: &str) -> Result<Datasets, SourceError> {
    let train = dataset(splits.train);
    let renumber = |samples: Option<Vec<Named>>, split| {
        let Some(samples) = samples else { return Ok(None) };
        dataset(samples).with_classes(&train.classes).map(Some).map_err(|mismatch| {
            let location = location.to_owned();
            SourceError::UnknownClasses { location, split, unknown: mismatch.unknown }
        })
    };
    let val = renumber(splits.val, "val")?;
    let test = renumber(splits.test, "test")?;
    Ok((train, val, test))
}

/// Numbers classes by their sorted names, and brings the samples into order.
fn dataset(mut samples: Vec<Named>) -> Dataset {
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    let names: BTreeSet<&String> =
        samples.iter().filter_map(|sample| sample.class.as_ref()).collect();
    let classes: Vec<String> = names.into_iter().cloned().collect();
    let numbers: HashMap<&str, u32> =
        (0..).zip(&classes).map(|(i, name)| (name.as_str(), i)).collect();
    let samples = samples
        .into_iter()
        .map(|Named { name, location, class }| {
            let label = class.and_then(|class| numbers.get(class.as_str()).copied());
            Sample { name, location, label, mask: None }
        })
        .collect();
    Dataset { classes, samples, palette: None }
}
