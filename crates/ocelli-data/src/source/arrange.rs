//! Recognizes how a listing's pictures are laid out.

use std::collections::BTreeMap;

use super::error::{counted, some_of};
use super::labels::{Named, Splits, number};
use super::listing::{Entry, Listing};
use super::names::NamePattern;
use super::{Found, Layout, SourceError, SourceOptions, table};

/// Makes datasets of a listing.
pub(super) fn arrange(mut listing: Listing, options: &SourceOptions) -> Result<Found, SourceError> {
    let pattern = NamePattern::new(options)?;
    let mut notes = std::mem::take(&mut listing.notes);
    let mut arranger = Arranger { listing: &listing, options, pattern, notes: &mut notes };
    let (layout, splits) = arranger.arrange()?;
    let (train, val, test) = number(splits, &listing.root)?;
    Ok(Found { train, val, test, layout, ignored: listing.ignored, notes, pairing: None })
}

/// The folders of the splits, as scopes: with a trailing `/`.
struct SplitFolders {
    train: String,
    val: Option<String>,
    test: Option<String>,
}

/// What stands directly in a scope.
struct Top<'a> {
    /// Pictures below each folder that has any.
    folders: BTreeMap<&'a str, Vec<&'a Entry>>,
    /// Pictures beside the folders.
    loose: usize,
}

struct Arranger<'a> {
    listing: &'a Listing,
    options: &'a SourceOptions,
    pattern: NamePattern,
    notes: &'a mut Vec<String>,
}

impl<'a> Arranger<'a> {
    fn arrange(&mut self) -> Result<(Layout, Splits), SourceError> {
        let scope = self.descend();
        let folders = self.split_folders(&scope)?;
        // A table beside `train/` is meant for pictures that have no class folders.
        let tables_first = match &folders {
            Some(folders) => self.detect_without_table(&folders.train) != Layout::Folders,
            None => self.detect_without_table(&scope) != Layout::Folders,
        };
        let wants_table = match self.options.layout {
            Layout::Csv => true,
            Layout::Auto => tables_first,
            _ => false,
        };
        if wants_table
            && let Some(splits) = table::splits(self.listing, &scope, self.options, self.notes)?
        {
            return Ok((Layout::Csv, splits));
        }
        let Some(folders) = folders else {
            let layout = self.layout_of(&scope)?;
            return Ok((layout, Splits { train: self.read(&scope, layout)?, ..Splits::default() }));
        };
        self.note_pictures_outside(&scope, &folders);
        let layout = self.layout_of(&folders.train)?;
        let train = self.read(&folders.train, layout)?;
        let val = folders.val.as_deref().map(|scope| self.read(scope, layout)).transpose()?;
        let test =
            folders.test.as_deref().map(|scope| self.read_test(scope, layout)).transpose()?;
        Ok((layout, Splits { train, val, test }))
    }

    /// Looks into a single folder around everything, as unpacked archives have it.
    fn descend(&self) -> String {
        let mut scope = String::new();
        loop {
            let top = self.top(&scope);
            let mut folders = top.folders.iter();
            let (Some((folder, entries)), None) = (folders.next(), folders.next()) else {
                return scope;
            };
            let start = scope.len() + folder.len() + 1;
            let is_last = entries.iter().all(|entry| !entry.path[start..].contains('/'));
            // Where folders are asked for, a single one with pictures in it is a single class.
            let is_class = is_last && self.options.layout == Layout::Folders;
            if top.loose > 0 || is_class || !self.listing.tables_in(&scope).is_empty() {
                return scope;
            }
            scope = format!("{scope}{folder}/");
        }
    }

    fn top(&self, scope: &str) -> Top<'a> {
        let mut top = Top { folders: BTreeMap::new(), loose: 0 };
        for entry in self.listing.pictures_in(scope) {
            match entry.path[scope.len()..].split_once('/') {
                Some((folder, _)) => top.folders.entry(folder).or_default().push(entry),
                None => top.loose += 1,
            }
        }
        top
    }

    fn split_folders(&self, scope: &str) -> Result<Option<SplitFolders>, SourceError> {
        let top = self.top(scope);
        let of = |split| {
            let mut named = top.folders.keys().filter(|folder| is_split(folder) == Some(split));
            named.next().map(|folder| format!("{scope}{folder}/"))
        };
        let (train, val, test) = (of(Split::Train), of(Split::Val), of(Split::Test));
        let Some(train) = train else {
            let all_splits = top.folders.keys().all(|folder| is_split(folder).is_some());
            if top.folders.len() > 1 && all_splits && top.loose == 0 {
                let found: Vec<&&str> = top.folders.keys().collect();
                return Err(SourceError::NoTrainSplit {
                    location: self.listing.full_name(scope),
                    found: some_of(&found),
                    first: (*found[0]).to_owned(),
                });
            }
            return Ok(None);
        };
        let has_folders = !self.top(&train).folders.is_empty();
        // `train` beside `bus` and `car` is a vehicle.
        let is_split = val.is_some() || test.is_some() || has_folders;
        Ok(is_split.then_some(SplitFolders { train, val, test }))
    }

    fn note_pictures_outside(&mut self, scope: &str, folders: &SplitFolders) {
        let all = self.listing.pictures_in(scope);
        let scopes = [Some(&folders.train), folders.val.as_ref(), folders.test.as_ref()];
        let is_inside =
            |entry: &&Entry| scopes.iter().flatten().any(|scope| entry.path.starts_with(*scope));
        let outside: Vec<&str> =
            all.iter().filter(|entry| !is_inside(entry)).map(|entry| entry.path.as_str()).collect();
        if !outside.is_empty() {
            let count = counted(outside.len(), "picture", "pictures");
            self.notes.push(format!("left out: {count} outside the splits: {}", some_of(&outside)));
        }
    }

    /// The layout of one split's pictures.
    fn layout_of(&self, scope: &str) -> Result<Layout, SourceError> {
        if self.listing.pictures_in(scope).is_empty() {
            return Err(self.no_pictures(scope));
        }
        match self.options.layout {
            Layout::Auto => Ok(self.detect_without_table(scope)),
            Layout::Csv => Err(SourceError::WrongLayout {
                location: self.listing.full_name(scope),
                layout: Layout::Csv,
                reason: "it holds no .csv or .tsv".to_owned(),
            }),
            layout => Ok(layout),
        }
    }

    fn detect_without_table(&self, scope: &str) -> Layout {
        let top = self.top(scope);
        let in_folders: usize = top.folders.values().map(Vec::len).sum();
        // A stray preview beside class folders does not change what they are.
        if top.folders.len() >= 2 && in_folders > top.loose {
            Layout::Folders
        } else if self.options.name_pattern.is_some()
            || self.pattern.is_convincing(self.listing.pictures_in(scope))
        {
            Layout::Names
        } else {
            Layout::Flat
        }
    }

    fn read(&mut self, scope: &str, layout: Layout) -> Result<Vec<Named>, SourceError> {
        let entries = self.listing.pictures_in(scope);
        if entries.is_empty() {
            return Err(self.no_pictures(scope));
        }
        match layout {
            Layout::Folders => self.read_class_folders(scope),
            Layout::Names => self.pattern.label(self.listing, entries),
            _ => Ok(entries.iter().map(|entry| self.named(entry, None)).collect()),
        }
    }

    /// A test split may come without labels, as in a competition.
    fn read_test(&mut self, scope: &str, layout: Layout) -> Result<Vec<Named>, SourceError> {
        let top = self.top(scope);
        if layout == Layout::Folders && top.loose > 0 && top.folders.len() < 2 {
            let name = self.listing.full_name(scope);
            self.notes.push(format!("{name} has no class folders: its pictures have no labels"));
            return self.read(scope, Layout::Flat);
        }
        self.read(scope, layout)
    }

    fn read_class_folders(&mut self, scope: &str) -> Result<Vec<Named>, SourceError> {
        let top = self.top(scope);
        if top.folders.is_empty() {
            return Err(SourceError::WrongLayout {
                location: self.listing.full_name(scope),
                layout: Layout::Folders,
                reason: "its pictures are not in folders".to_owned(),
            });
        }
        if top.loose > 0 {
            let count = counted(top.loose, "picture", "pictures");
            let name = self.listing.full_name(scope);
            self.notes.push(format!("left out: {count} directly in {name}, beside class folders"));
        }
        let all = self.listing.folders_in(scope);
        let empty: Vec<&str> =
            all.into_iter().filter(|folder| !top.folders.contains_key(folder)).collect();
        if !empty.is_empty() {
            let folders = if empty.len() == 1 { "this folder" } else { "these folders" };
            let name = self.listing.full_name(scope);
            self.notes.push(format!(
                "no class is made of {folders} in {name} without pictures: {}",
                some_of(&empty)
            ));
        }
        let of_class = |(folder, entries): (&str, Vec<&Entry>)| {
            let class = folder.to_owned();
            entries.into_iter().map(|entry| self.named(entry, Some(&class))).collect::<Vec<_>>()
        };
        Ok(top.folders.into_iter().flat_map(of_class).collect())
    }

    fn named(&self, entry: &Entry, class: Option<&str>) -> Named {
        Named {
            name: self.listing.full_name(&entry.path),
            location: entry.location.clone(),
            class: class.map(str::to_owned),
        }
    }

    fn no_pictures(&self, scope: &str) -> SourceError {
        let ignored = &self.listing.ignored;
        let found = match ignored.count {
            0 => "it is empty".to_owned(),
            count => {
                let files = counted(count as usize, "other file", "other files");
                format!("{files}, such as {}", ignored.examples[0])
            }
        };
        SourceError::NoPictures { location: self.listing.full_name(scope), found }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    Train,
    Val,
    Test,
}

/// The split that a folder, table, or value of a column is named after.
pub(super) fn is_split(name: &str) -> Option<Split> {
    match name.trim().to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" => Some(Split::Val),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}
