//! Where a run's pictures came from, as far as they are still there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ocelli_data::dataset::Sample;
use ocelli_report::run::Run;
use ocelli_report::{Analysis, thumbnail};
use ocelli_train::pictures::{self, Pictures, decode_options};
use ocelli_train::recipe::Recipe;
use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;
use rayon::prelude::*;

use crate::terminal::progress;

/// The longer side of a point's picture, pixels.
const LONGEST: u32 = 112;

/// A run's recipe and pictures, each as far as it can be had.
pub(super) struct Source {
    pub(super) recipe: Option<Recipe>,
    pub(super) pictures: Option<Pictures>,
}

impl Source {
    /// Looks for the pictures where the run's recipe says. What is missing is told, and no reason not
    /// to show the rest.
    pub(super) fn of(run: &Run) -> (Self, Vec<String>) {
        let mut source = Self { recipe: None, pictures: None };
        let mut problems = Vec::new();
        // That there is no recipe is already told.
        if run.recipe_text.is_none() {
            return (source, problems);
        }
        let read = RecipeText::from_file(&run.path.join("recipe.toml"))
            .and_then(|text| text.parse(&[]))
            .and_then(|(recipe, text)| resolve(recipe, &text));
        match read {
            Ok(recipe) => source.recipe = Some(recipe),
            Err(error) => problems.push(error.to_string()),
        }
        let Some(recipe) = &source.recipe else { return (source, problems) };
        match pictures::open(&mut recipe.clone()) {
            Ok(pictures) => {
                let then = run.info.data_fingerprint.as_deref();
                if then.is_some_and(|then| then != pictures.fingerprint()) {
                    problems.push(format!(
                        "{}: the pictures have changed since the run began; those of the same names \
                         are shown",
                        recipe.data.train
                    ));
                }
                source.pictures = Some(pictures);
            }
            Err(error) => problems.push(format!("the run's pictures can't be shown: {error}")),
        }
        (source, problems)
    }

    /// The pictures of an analysis's points by name, small; and a word on those that can't be had.
    pub(super) fn pictures(&self, analysis: &Analysis) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
        let (Some(recipe), Some(pictures)) = (&self.recipe, &self.pictures) else {
            return (BTreeMap::new(), Vec::new());
        };
        let sets = [Some(&pictures.train), Some(&pictures.val), pictures.test.as_ref()];
        let samples: HashMap<&str, &Sample> = sets
            .into_iter()
            .flatten()
            .flat_map(|set| &set.samples)
            .map(|sample| (sample.name.as_str(), sample))
            .collect();
        let names: BTreeSet<&str> = analysis
            .projections
            .iter()
            .flat_map(|projected| &projected.snapshot.names)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        let decode = decode_options(&recipe.data);
        let bar = progress::bar("pictures");
        bar.set_length(names.len() as u64);
        let had: Vec<Result<(String, Vec<u8>), String>> = names
            .into_par_iter()
            .map(|name| {
                bar.inc(1);
                let missing = || format!("{name}: is no longer among the run's pictures");
                let sample = samples.get(name).ok_or_else(missing)?;
                let picture = sample.picture(&decode).map_err(|error| error.to_string())?;
                let (width, height) = (picture.width(), picture.height());
                thumbnail(picture.into_pixels(), width, height, LONGEST)
                    .map(|small| (name.to_owned(), small))
                    .ok_or_else(|| format!("{name}: has no pixels"))
            })
            .collect();
        bar.finish_and_clear();
        let (found, missing): (Vec<_>, Vec<_>) = had.into_iter().partition(Result::is_ok);
        let missing: Vec<String> = missing.into_iter().filter_map(Result::err).collect();
        let told = missing.first().map(|first| {
            let all = missing.len() + found.len();
            format!("{} of {all} pictures can't be shown, the first: {first}", missing.len())
        });
        (found.into_iter().filter_map(Result::ok).collect(), told.into_iter().collect())
    }
}
