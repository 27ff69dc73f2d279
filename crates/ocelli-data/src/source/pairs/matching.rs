//! Brings pictures and masks together by their names.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::arrange::{Split, is_split};
use super::super::listing::{self, Entry, Listing, stem};
use super::super::{Layout, Pairing, SourceError, SourceOptions, archive};
use super::roles::{Role, Suffixes, by_folder, is_image_folder};
use crate::dataset::Location;

/// A picture, and its mask where masks are of interest.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) location: Location,
    pub(super) mask: Option<(String, Location)>,
}

/// Pairs by their split, and what found no partner.
#[derive(Debug, Default)]
pub(super) struct Matched {
    pub(super) splits: Vec<(Option<Split>, Vec<Pair>)>,
    pub(super) pairing: Pairing,
}

impl Matched {
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.splits.iter().flat_map(|(_, pairs)| pairs)
    }

    pub(super) fn add(&mut self, split: Option<Split>, pair: Pair) {
        match self.splits.iter_mut().find(|(other, _)| *other == split) {
            Some((_, pairs)) => pairs.push(pair),
            None => self.splits.push((split, vec![pair])),
        }
    }
}

/// A file with its key, and its name for people.
struct Keyed<'a> {
    key: String,
    entry: &'a Entry,
    name: String,
}

impl<'a> Keyed<'a> {
    fn of(listing: &Listing, entry: &'a Entry) -> Self {
        let (key, name) = (by_folder(&entry.path).key, listing.full_name(&entry.path));
        Self { key, entry, name }
    }
}

fn suffixes(options: &SourceOptions) -> Suffixes<'_> {
    Suffixes { image: options.image_suffix.as_deref(), mask: options.mask_suffix.as_deref() }
}

/// Pairs within one listing.
pub(super) fn by_name(listing: &Listing, layout: Layout, options: &SourceOptions) -> Matched {
    let suffixes = suffixes(options);
    let role = |path: &str| match layout {
        Layout::MaskSuffixes => suffixes.role(path),
        _ => by_folder(path),
    };
    let (mut pictures, mut masks) = (Vec::new(), Vec::new());
    for entry in &listing.pictures {
        let Role { is_mask, key } = role(&entry.path);
        let name = listing.full_name(&entry.path);
        (if is_mask { &mut masks } else { &mut pictures }).push(Keyed { key, entry, name });
    }
    bring_together(&pictures, &masks, &suffixes, false)
}

/// Whether each file of a listing lies in a folder for pictures or in one for masks, and there are
/// both: what finds no partner there is no class, as `images` and `masks` would be.
pub(super) fn are_pictures_and_masks(listing: &Listing) -> bool {
    let masks = listing.pictures.iter().filter(|entry| by_folder(&entry.path).is_mask).count();
    let pictures = listing.pictures.iter().filter(|entry| is_image_folder(&entry.path)).count();
    masks > 0 && pictures > 0 && masks + pictures == listing.pictures.len()
}

/// Pairs of a listing's pictures with the masks of another place.
pub(super) fn with_masks_elsewhere(
    listing: &Listing,
    place: &Path,
    options: &SourceOptions,
) -> Result<Matched, SourceError> {
    let others = if place.is_dir() {
        listing::folder(place)?
    } else if place.is_file() {
        archive::index(place)?
    } else {
        return Err(SourceError::Missing { path: place.to_owned() });
    };
    let inside = std::path::absolute(place).ok();
    let is_elsewhere = |entry: &&Entry| match (&entry.location, &inside) {
        (Location::File(file), Some(inside)) => {
            !std::path::absolute(file).is_ok_and(|file| file.starts_with(inside))
        }
        _ => true,
    };
    let pictures = listing.pictures.iter().filter(is_elsewhere);
    let pictures: Vec<Keyed<'_>> = pictures.map(|entry| Keyed::of(listing, entry)).collect();
    let masks: Vec<Keyed<'_>> =
        others.pictures.iter().map(|entry| Keyed::of(&others, entry)).collect();
    let matched = bring_together(&pictures, &masks, &suffixes(options), true);
    if matched.pairs().next().is_none() {
        return Err(SourceError::NoMasks {
            location: place.display().to_string(),
            pictures: pictures.len(),
            hint: match (pictures.first(), masks.first()) {
                (Some(picture), Some(mask)) => {
                    format!("; no names agree, as of {} and {}", picture.name, mask.name)
                }
                _ => String::new(),
            },
        });
    }
    Ok(matched)
}

/// Finds each picture's mask: the one with its key; else the one whose key is the same without
/// suffixes; else, where the masks come from another place, the only one of the same stem.
fn bring_together(
    pictures: &[Keyed<'_>],
    masks: &[Keyed<'_>],
    suffixes: &Suffixes<'_>,
    from_elsewhere: bool,
) -> Matched {
    let mut by_key: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_stem: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, mask) in masks.iter().enumerate() {
        by_key.entry(&mask.key).or_default().push(number);
        let stripped = suffixes.strip_mask(&mask.key);
        if let Some(stripped) = stripped {
            by_key.entry(stripped).or_default().push(number);
        }
        by_stem.entry(stem_of_key(stripped.unwrap_or(&mask.key))).or_default().push(number);
    }
    let candidates = |picture: &Keyed<'_>| -> Vec<usize> {
        let plain = suffixes.strip_image(&picture.key);
        let found = by_key.get(picture.key.as_str()).or_else(|| by_key.get(plain));
        let by_stem = || by_stem.get(stem_of_key(plain)).filter(|_| from_elsewhere);
        found.or_else(by_stem).cloned().unwrap_or_default()
    };
    let mut claims: Vec<Vec<usize>> = vec![Vec::new(); masks.len()];
    let wanted: Vec<Vec<usize>> = pictures.iter().map(candidates).collect();
    for (number, candidates) in wanted.iter().enumerate() {
        for &mask in candidates {
            claims[mask].push(number);
        }
    }
    let mut matched = Matched::default();
    let mut ambiguous = std::collections::BTreeSet::new();
    for (number, (picture, candidates)) in pictures.iter().zip(&wanted).enumerate() {
        match candidates.as_slice() {
            [] => matched.pairing.without_mask.push(picture.name.clone()),
            [mask] if claims[*mask] == [number] => {
                let mask = &masks[*mask];
                let pair = Pair {
                    name: picture.name.clone(),
                    location: picture.entry.location.clone(),
                    mask: Some((mask.name.clone(), mask.entry.location.clone())),
                };
                matched.add(split_of(&picture.key), pair);
            }
            several => {
                ambiguous.insert(picture.name.clone());
                ambiguous.extend(several.iter().map(|&mask| masks[mask].name.clone()));
            }
        }
    }
    matched.pairing.ambiguous = ambiguous.into_iter().collect();
    // Masks elsewhere may serve other pictures too.
    if !from_elsewhere {
        let lonely = masks.iter().zip(&claims).filter(|(_, claims)| claims.is_empty());
        matched.pairing.without_picture = lonely.map(|(mask, _)| mask.name.clone()).collect();
    }
    matched
}

fn stem_of_key(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The split by the first folder that is named after one.
fn split_of(key: &str) -> Option<Split> {
    let folders = key.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').find_map(is_split)
}

/// The pair's picture without folders and extension.
pub(super) fn picture_stem(pair: &Pair) -> &str {
    stem(&pair.name)
}
