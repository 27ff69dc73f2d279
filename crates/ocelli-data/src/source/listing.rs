//! The files of a folder or an archive, by their relative paths.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use super::SourceError;
use crate::dataset::Location;
use crate::decode::Format;

/// Files left out because they are no pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// How many.
    pub count: u64,
    /// The first few, as relative paths.
    pub examples: Vec<String>,
}

impl Ignored {
    const EXAMPLES: usize = 5;

    fn add(&mut self, path: String) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push(path);
        }
    }
}

/// A file of a listing.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Relative to the listing's root, with `/` on every system.
    pub(super) path: String,
    pub(super) location: Location,
}

/// What a folder or an archive holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The folder or archive as the user named it, without a trailing `/`.
    pub(super) root: String,
    /// Sorted by path.
    pub(super) pictures: Vec<Entry>,
    /// Sorted by path.
    pub(super) tables: Vec<Entry>,
    /// Text files, which may list pictures and masks, sorted by path. They also count as ignored.
    pub(super) lists: Vec<Entry>,
    /// Relative paths of all folders, without a trailing `/`.
    pub(super) folders: BTreeSet<String>,
    pub(super) ignored: Ignored,
    pub(super) notes: Vec<String>,
}

impl Listing {
    pub(super) fn new(root: &Path) -> Self {
        let root = root.to_string_lossy();
        let trimmed = root.trim_end_matches(['/', std::path::MAIN_SEPARATOR]);
        // The file system's own root is all separator.
        let root = if trimmed.is_empty() { root.as_ref() } else { trimmed };
        Self { root: root.to_owned(), ..Self::default() }
    }

    /// Sorts a file in by what its name says it is. Hidden files are left out in silence.
    pub(super) fn add_file(&mut self, path: String, location: Location) {
        if path.split('/').any(is_hidden) {
            return;
        }
        if is_picture(&path) {
            self.pictures.push(Entry { path, location });
        } else if is_table(&path) {
            self.tables.push(Entry { path, location });
        } else {
            if is_list(&path) {
                self.lists.push(Entry { path: path.clone(), location });
            }
            self.ignored.add(path);
        }
    }

    /// Remembers a folder: an empty one is worth a note.
    pub(super) fn add_folder(&mut self, path: &str) {
        let path = path.trim_end_matches('/');
        if !path.is_empty() && !path.split('/').any(is_hidden) {
            self.folders.insert(path.to_owned());
        }
    }

    /// Brings the files into the order that every machine sees.
    pub(super) fn sort(&mut self) {
        self.pictures.sort_by(|a, b| a.path.cmp(&b.path));
        self.tables.sort_by(|a, b| a.path.cmp(&b.path));
        self.lists.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// The pictures below a scope: `""`, or a folder with its trailing `/`.
    pub(super) fn pictures_in(&self, scope: &str) -> &[Entry] {
        let start = self.pictures.partition_point(|entry| entry.path.as_str() < scope);
        let length = self.pictures[start..].partition_point(|entry| entry.path.starts_with(scope));
        &self.pictures[start..start + length]
    }

    /// The tables directly in a scope.
    pub(super) fn tables_in(&self, scope: &str) -> Vec<&Entry> {
        let directly =
            |entry: &&Entry| entry.path.strip_prefix(scope).is_some_and(|rest| !rest.contains('/'));
        self.tables.iter().filter(directly).collect()
    }

    /// The folders directly in a scope, by name.
    pub(super) fn folders_in(&self, scope: &str) -> Vec<&str> {
        let directly = |path: &String| {
            path.get(..scope.len()).is_some_and(|start| start == scope)
                && !path[scope.len()..].contains('/')
        };
        self.folders.iter().filter(|path| directly(path)).map(|path| &path[scope.len()..]).collect()
    }

    /// A relative path as the user would write it.
    pub(super) fn full_name(&self, path: &str) -> String {
        let path = path.trim_end_matches('/');
        match (path, self.root.ends_with('/')) {
            ("", _) => self.root.clone(),
            (_, true) => format!("{}{path}", self.root),
            (_, false) => format!("{}/{path}", self.root),
        }
    }
}

/// Lists a folder, following links. A link that leads back to its own parent is not followed.
pub(super) fn folder(root: &Path) -> Result<Listing, SourceError> {
    let mut listing = Listing::new(root);
    let shown =
        |entry: &DirEntry| entry.depth() == 0 || !is_hidden(&entry.file_name().to_string_lossy());
    for entry in WalkDir::new(root).follow_links(true).into_iter().filter_entry(shown) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.loop_ancestor().is_some() || is_dangling(&error) => {
                listing.notes.push(format!("left out: {error}"));
                continue;
            }
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                return Err(SourceError::Read { path, source: error.into() });
            }
        };
        let Ok(relative) = entry.path().strip_prefix(root) else { continue };
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        let path = parts.join("/");
        if entry.file_type().is_dir() {
            listing.add_folder(&path);
        } else if entry.file_type().is_file() {
            listing.add_file(path, Location::File(entry.into_path()));
        }
    }
    listing.sort();
    Ok(listing)
}

/// A link whose target is gone.
fn is_dangling(error: &walkdir::Error) -> bool {
    error.depth() > 0
        && error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// What operating systems and unpackers leave beside pictures.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
        || matches!(name, "__MACOSX" | "@eaDir" | "$RECYCLE.BIN" | "lost+found")
        || ["thumbs.db", "desktop.ini"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn is_picture(path: &str) -> bool {
    extension(path).is_some_and(|extension| Format::from_extension(extension).is_some())
}

pub(super) fn is_table(path: &str) -> bool {
    extension(path).is_some_and(|extension| {
        ["csv", "tsv"].iter().any(|table| extension.eq_ignore_ascii_case(table))
    })
}

pub(super) fn is_list(path: &str) -> bool {
    extension(path).is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
}

/// What stands behind the last dot of a file's name.
pub(super) fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// A file's name without folders and extension.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
