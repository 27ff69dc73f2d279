//! Pictures and their masks.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::arrange::{Split, arrange};
use super::error::{counted, some_of};
use super::listing::{self, Ignored, Listing};
use super::{Found, Labels, Layout, Pairing, SourceError, SourceOptions, archive};
use crate::dataset::{Dataset, Location, MaskFile, Sample};

mod classes;
mod lists;
mod matching;
mod roles;
#[cfg(test)]
mod tests;

use matching::{Matched, Pair};

/// Opens a location for masks, for pictures alone, or for whichever it holds.
pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Found, SourceError> {
    let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => SourceError::Missing { path: path.to_owned() },
        _ => SourceError::Read { path: path.to_owned(), source },
    })?;
    let name = path.to_string_lossy();
    if !metadata.is_dir() && (listing::is_list(&name) || listing::is_table(&name)) {
        return open_lone_list(path, options);
    }
    let listing = if metadata.is_dir() {
        listing::folder(path)?
    } else {
        match archive::sniff(path)? {
            archive::Kind::Tar => archive::index(path)?,
            _ => return super::open_classes(path, options),
        }
    };
    let wanted = options.labels;
    if wanted == Labels::Either && names_classes(options.layout) {
        return super::open_classes(path, options);
    }
    let found = find(&listing, options, wanted == Labels::Masks)?;
    match (found, wanted) {
        (Some((layout, matched)), Labels::None) => {
            let mut found = finish(&listing, matched, layout, Vec::new())?;
            found.notes.push("masks were found beside the pictures, and are not used".to_owned());
            Ok(without_labels(found))
        }
        (None, Labels::None) => {
            let layout = Layout::Flat;
            let options = SourceOptions { labels: Labels::Classes, layout, ..options.clone() };
            arrange(listing, &options).map(without_labels)
        }
        (None, Labels::Either) if matching::are_pictures_and_masks(&listing) => {
            Err(no_masks(&listing, options))
        }
        (None, _) => super::open_classes(path, options),
        (Some((_, matched)), Labels::Either)
            if let Some(found) = class_folders_beside(path, &matched, options) =>
        {
            Ok(found)
        }
        (Some((layout, matched)), _) => {
            let mut notes = Vec::new();
            let samples: Vec<&Pair> = matched.pairs().collect();
            let palette =
                Arc::new(classes::palette(path, Some(&listing), &samples, options, &mut notes)?);
            let mut found = finish(&listing, matched, layout, notes)?;
            for dataset in found.all_mut() {
                dataset.classes = palette.names();
                dataset.palette = Some(Arc::clone(&palette));
            }
            Ok(found)
        }
    }
}

/// The class folders of a place that has masks too, somewhere else: its masks are no class, so
/// both ways to read it make sense, and classes are the commoner wish.
fn class_folders_beside(path: &Path, matched: &Matched, options: &SourceOptions) -> Option<Found> {
    let mut found = super::open_classes(path, options).ok()?;
    let masks: HashSet<&str> =
        matched.pairs().filter_map(|pair| pair.mask_location()).map(|(name, _)| name).collect();
    let has_mask = found
        .all_mut()
        .flat_map(|dataset| &dataset.samples)
        .any(|sample| masks.contains(sample.name.as_str()));
    if found.layout != Layout::Folders || has_mask {
        return None;
    }
    found.notes.push("the pictures have masks too, which are not used for classes".to_owned());
    Some(found)
}

/// Whether a layout is one of classes for whole pictures.
fn names_classes(layout: Layout) -> bool {
    matches!(layout, Layout::Folders | Layout::Names | Layout::Csv | Layout::Flat)
}

/// A table or text file that is the whole source.
fn open_lone_list(path: &Path, options: &SourceOptions) -> Result<Found, SourceError> {
    let is_table = listing::is_table(&path.to_string_lossy());
    let matched = match options.labels {
        Labels::Either | Labels::None if is_table => lists::of_table_if_any(path, options)?,
        _ if is_table => Some(lists::of_table(path, options)?),
        Labels::None => Some(lists::of_pictures(path)?),
        _ => Some(lists::of_text(path, options)?),
    };
    let Some(matched) = matched else {
        let options = SourceOptions { labels: Labels::Classes, ..options.clone() };
        let found = super::open_classes(path, &options)?;
        return Ok(match options.labels {
            Labels::None => without_labels(found),
            _ => found,
        });
    };
    let layout = if is_table { Layout::Csv } else { Layout::MaskLists };
    let listing = Listing::new(path);
    if options.labels == Labels::None {
        return finish(&listing, matched, layout, Vec::new()).map(without_labels);
    }
    let mut notes = Vec::new();
    let samples: Vec<&Pair> = matched.pairs().collect();
    let palette = Arc::new(classes::palette(path, None, &samples, options, &mut notes)?);
    let mut found = finish(&listing, matched, layout, notes)?;
    for dataset in found.all_mut() {
        dataset.classes = palette.names();
        dataset.palette = Some(Arc::clone(&palette));
    }
    Ok(found)
}

/// The layout and the pairs. `None` where there are none and they are not demanded.
fn find(
    listing: &Listing,
    options: &SourceOptions,
    demanded: bool,
) -> Result<Option<(Layout, Matched)>, SourceError> {
    let asked = options.layout;
    let tries = |layout: Layout| asked == layout || asked == Layout::Auto;
    if let Some(masks) = &options.masks {
        let matched = matching::with_masks_elsewhere(listing, masks, options)?;
        return Ok(Some((Layout::MaskFolders, matched)));
    }
    if tries(Layout::Csv)
        && let Some(matched) = lists::in_tables(listing, options)?
    {
        return Ok(Some((Layout::Csv, matched)));
    }
    if tries(Layout::MaskLists)
        && let Some(matched) = lists::in_texts(listing)?
    {
        return Ok(Some((Layout::MaskLists, matched)));
    }
    let mut best: Option<(Layout, Matched)> = None;
    for layout in [Layout::MaskFolders, Layout::MaskSuffixes] {
        if !tries(layout) {
            continue;
        }
        let matched = matching::by_name(listing, layout, options);
        let pairs = matched.pairs().count();
        let convincing = pairs > matched.pairing.without_mask.len() || (demanded && pairs > 0);
        if convincing && best.as_ref().is_none_or(|(_, other)| other.pairs().count() < pairs) {
            best = Some((layout, matched));
        }
    }
    if let Some((_, matched)) = &mut best {
        lists::split_by_names(listing, matched)?;
    }
    if best.is_none() && demanded {
        return Err(no_masks(listing, options));
    }
    Ok(best)
}

fn no_masks(listing: &Listing, options: &SourceOptions) -> SourceError {
    let matched = matching::by_name(listing, Layout::MaskFolders, options);
    let Pairing { without_mask, without_picture, .. } = &matched.pairing;
    let hint = match (without_mask.first(), without_picture.first()) {
        (Some(picture), Some(mask)) => {
            format!("; no names agree, as of {picture} and {mask}")
        }
        _ if listing.pictures.is_empty() => {
            "; the masks have to be files named *.png, *.bmp or *.tif".to_owned()
        }
        _ => String::new(),
    };
    SourceError::NoMasks { location: listing.root.clone(), pictures: listing.pictures.len(), hint }
}

/// Datasets of the pairs, without palette and classes.
fn finish(
    listing: &Listing,
    matched: Matched,
    layout: Layout,
    mut notes: Vec<String>,
) -> Result<Found, SourceError> {
    notes.splice(0..0, listing.notes.iter().cloned());
    let Matched { splits, pairing } = matched;
    for (names, what, one, many) in [
        (&pairing.without_mask, "without a mask", "picture", "pictures"),
        (&pairing.without_picture, "without a picture", "mask", "masks"),
        (&pairing.ambiguous, "that claim the same partner", "file", "files"),
    ] {
        if !names.is_empty() {
            let count = counted(names.len(), one, many);
            notes.push(format!("left out: {count} {what}: {}", some_of(names)));
        }
    }
    let has = |wanted| splits.iter().any(|(split, _)| *split == Some(wanted));
    let any = splits.iter().any(|(_, pairs)| !pairs.is_empty());
    let location = listing.root.clone();
    if !any {
        return Err(SourceError::NoMasks { location, pictures: 0, hint: String::new() });
    }
    let of = |wanted: &dyn Fn(Option<Split>) -> bool| {
        let mut samples: Vec<Sample> = Vec::new();
        for (split, pairs) in &splits {
            if wanted(*split) {
                samples.extend(pairs.iter().map(Pair::sample));
            }
        }
        samples.sort_by(|a, b| a.name.cmp(&b.name));
        Dataset { samples, ..Dataset::default() }
    };
    let some = |dataset: Dataset| (!dataset.is_empty()).then_some(dataset);
    let (train, val, test) = if has(Split::Train) {
        let outside = of(&|split| split.is_none());
        if !outside.is_empty() {
            let names: Vec<&str> = outside.samples.iter().map(|it| it.name.as_str()).collect();
            let count = counted(names.len(), "picture", "pictures");
            notes.push(format!("left out: {count} outside the splits: {}", some_of(&names)));
        }
        let val = some(of(&|split| split == Some(Split::Val)));
        let test = some(of(&|split| split == Some(Split::Test)));
        (of(&|split| split == Some(Split::Train)), val, test)
    } else if has(Split::Val) && has(Split::Test) {
        let (found, first) = ("val and test".to_owned(), "val".to_owned());
        return Err(SourceError::NoTrainSplit { location, found, first });
    } else {
        (of(&|_| true), None, None)
    };
    let ignored = Ignored::default();
    Ok(Found { train, val, test, layout, ignored, notes, pairing: Some(pairing) })
}

/// The same pictures without classes and masks.
fn without_labels(mut found: Found) -> Found {
    for dataset in found.all_mut() {
        dataset.classes.clear();
        dataset.palette = None;
        for sample in &mut dataset.samples {
            (sample.label, sample.mask) = (None, None);
        }
    }
    found.pairing = None;
    found
}

impl Found {
    fn all_mut(&mut self) -> impl Iterator<Item = &mut Dataset> {
        [Some(&mut self.train), self.val.as_mut(), self.test.as_mut()].into_iter().flatten()
    }
}

impl Pair {
    fn sample(&self) -> Sample {
        let mask = self.mask.clone().map(|(name, location)| MaskFile { name, location });
        Sample { name: self.name.clone(), location: self.location.clone(), label: None, mask }
    }

    fn mask_location(&self) -> Option<(&str, &Location)> {
        self.mask.as_ref().map(|(name, location)| (name.as_str(), location))
    }
}
