//! Finds the picture that a table's row names.

use std::path::{Path, PathBuf};

use super::super::listing::{Listing, extension, stem};
use crate::dataset::Location;
use crate::decode::Format;

/// Where the files that a table or list names are looked for: beside it, then in some folders there.
pub(in crate::source) struct Lookup<'a> {
    place: Place<'a>,
    /// Relative to the table's folder, with a trailing `/`.
    folders: Vec<String>,
}

enum Place<'a> {
    Disk { folder: PathBuf },
    Archive { listing: &'a Listing, scope: String },
}

impl<'a> Place<'a> {
    fn of(path: &str, location: &Location, listing: Option<&'a Listing>) -> Self {
        match (location, listing) {
            (Location::Tar { .. }, Some(listing)) => {
                let scope = path.rfind('/').map_or("", |end| &path[..=end]).to_owned();
                Self::Archive { listing, scope }
            }
            (Location::File(file), _) => {
                Self::Disk { folder: file.parent().unwrap_or(Path::new("")).to_owned() }
            }
            _ => Self::Disk { folder: PathBuf::new() },
        }
    }
}

impl<'a> Lookup<'a> {
    /// For a table at `path` of an archive's `listing`, or on the disk: pictures may also be in
    /// `images/`, in a folder named like the table, and in `train/`.
    pub(in crate::source) fn for_table(
        path: &str,
        location: &Location,
        listing: Option<&'a Listing>,
    ) -> Self {
        let mut folders = vec![String::new(), "images/".to_owned(), format!("{}/", stem(path))];
        if !folders.iter().any(|folder| folder == "train/") {
            folders.push("train/".to_owned());
        }
        Self { place: Place::of(path, location, listing), folders }
    }

    /// As [`for_table`](Self::for_table), for the masks that a table or list at `path` names.
    pub(in crate::source) fn for_masks(
        path: &str,
        location: &Location,
        listing: Option<&'a Listing>,
    ) -> Self {
        let folders = ["masks/", "labels/", "annotations/", ""].map(str::to_owned).to_vec();
        Self { place: Place::of(path, location, listing), folders }
    }

    /// The name and place of a picture. A value without an extension (`0a1b2c`) is tried with
    /// those that pictures have.
    pub(in crate::source) fn find(&self, value: &str) -> Option<(String, Location)> {
        let value = value.replace('\\', "/");
        let relative: Vec<&str> =
            value.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let relative = relative.join("/");
        let has_extension =
            extension(&value).is_some_and(|extension| Format::from_extension(extension).is_some());
        let endings = std::iter::once(String::new())
            .chain(Format::EXTENSIONS.iter().map(|extension| format!(".{extension}")))
            .take(if has_extension { 1 } else { usize::MAX });
        for ending in endings {
            if Path::new(&value).is_absolute()
                && let Some(found) = self.at(&format!("{value}{ending}"))
            {
                return Some(found);
            }
            for folder in &self.folders {
                if let Some(found) = self.at(&format!("{folder}{relative}{ending}")) {
                    return Some(found);
                }
            }
        }
        None
    }

    fn at(&self, path: &str) -> Option<(String, Location)> {
        match &self.place {
            Place::Disk { folder } => {
                let file = folder.join(path);
                let name = file.to_string_lossy().into_owned();
                file.is_file().then_some((name, Location::File(file)))
            }
            Place::Archive { listing, scope } => {
                let path = format!("{scope}{path}");
                let found =
                    listing.pictures.binary_search_by(|entry| entry.path.cmp(&path)).ok()?;
                let entry = &listing.pictures[found];
                Some((listing.full_name(&entry.path), entry.location.clone()))
            }
        }
    }

    /// The folders that are searched, for messages.
    pub(in crate::source) fn looked_in(&self) -> String {
        let folders = self.folders.iter().map(|relative| match &self.place {
            Place::Disk { folder } => folder.join(relative).display().to_string(),
            Place::Archive { listing, scope } => listing.full_name(&format!("{scope}{relative}")),
        });
        let shown = |folder: String| match folder.trim_end_matches('/') {
            "" => ".".to_owned(),
            trimmed => trimmed.to_owned(),
        };
        folders.map(shown).collect::<Vec<_>>().join(", ")
    }
}
