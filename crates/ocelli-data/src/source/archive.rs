//! A tar archive's index: where each member's bytes are, so that they can be read in place.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use tar::{Archive, EntryType};

use super::SourceError;
use super::listing::Listing;
use crate::dataset::Location;

/// What a file turns out to be.
pub(super) enum Kind {
    Tar,
    Compressed { found: &'static str, command: String },
    Other,
}

/// Tells archives from their first bytes.
pub(super) fn sniff(path: &Path) -> Result<Kind, SourceError> {
    let read_error = |source| SourceError::Read { path: path.to_owned(), source };
    let mut start = Vec::new();
    let file = File::open(path).map_err(read_error)?;
    file.take(512).read_to_end(&mut start).map_err(read_error)?;
    let name = path.display();
    let compressed = |found, command: String| Ok(Kind::Compressed { found, command });
    match start.as_slice() {
        [0x1f, 0x8b, ..] => {
            compressed("a gzip-compressed archive", format!("gzip --decompress --keep '{name}'"))
        }
        [b'B', b'Z', b'h', ..] => {
            compressed("a bzip2-compressed archive", format!("bzip2 --decompress --keep '{name}'"))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            compressed("an xz-compressed archive", format!("xz --decompress --keep '{name}'"))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            compressed("a zstd-compressed archive", format!("zstd --decompress '{name}'"))
        }
        [b'P', b'K', 3, 4, ..] => compressed("a ZIP archive", format!("unzip '{name}'")),
        [b'7', b'z', 0xbc, 0xaf, ..] => compressed("a 7z archive", format!("7z x '{name}'")),
        [b'R', b'a', b'r', b'!', ..] => compressed("a RAR archive", format!("unrar x '{name}'")),
        // The oldest tar format has no magic; then the name has to do.
        start if start.get(257..262) == Some(b"ustar") => Ok(Kind::Tar),
        _ if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tar")) => {
            Ok(Kind::Tar)
        }
        _ => Ok(Kind::Other),
    }
}

/// Reads an archive's headers, skipping over its contents.
pub(super) fn index(path: &Path) -> Result<Listing, SourceError> {
    let read_error = |source| SourceError::Read { path: path.to_owned(), source };
    let broken = |detail: String| SourceError::BrokenArchive { path: path.to_owned(), detail };
    let file = File::open(path).map_err(read_error)?;
    let file_length = file.metadata().map_err(read_error)?.len();
    let archive: Arc<Path> = Arc::from(path);
    let mut listing = Listing::new(path);
    // Small, since most of what is buffered is contents that the next seek skips.
    let mut reader = Archive::new(BufReader::with_capacity(1 << 10, file));
    for entry in reader.entries_with_seek().map_err(|error| broken(error.to_string()))? {
        let entry = entry.map_err(|error| broken(error.to_string()))?;
        let member = member_path(&String::from_utf8_lossy(&entry.path_bytes()));
        match entry.header().entry_type() {
            EntryType::Directory => listing.add_folder(&member),
            EntryType::Regular | EntryType::Continuous => {
                let (offset, length) = (entry.raw_file_position(), entry.size());
                if offset.checked_add(length).is_none_or(|end| end > file_length) {
                    return Err(broken(format!("it ends in the middle of {member}")));
                }
                add_parents(&mut listing, &member);
                let archive = Arc::clone(&archive);
                listing.add_file(member, Location::Tar { archive, offset, length });
            }
            EntryType::GNUSparse => {
                return Err(broken(format!("{member} is a sparse file, which can't be read")));
            }
            EntryType::Link | EntryType::Symlink => {
                listing.notes.push(format!("left out: {member} is a link inside the archive"));
            }
            _ => {}
        }
    }
    keep_last_of_equals(&mut listing);
    Ok(listing)
}

/// A member's path without `./`, leading slashes, and steps out of the archive.
fn member_path(name: &str) -> String {
    let parts: Vec<&str> =
        name.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    parts.join("/")
}

/// Many archives list no folders, only files; an archive must read like the folder it was made of.
fn add_parents(listing: &mut Listing, member: &str) {
    if let Some((parent, _)) = member.rsplit_once('/')
        && !listing.folders.contains(parent)
    {
        for (end, _) in parent.match_indices('/') {
            listing.add_folder(&parent[..end]);
        }
        listing.add_folder(parent);
    }
}

/// A member that was appended a second time replaces the first, as it does when unpacking.
fn keep_last_of_equals(listing: &mut Listing) {
    // The sort is stable: of equals, the last in the archive comes last.
    listing.sort();
    for entries in [&mut listing.pictures, &mut listing.tables] {
        entries.reverse();
        entries.dedup_by(|later, earlier| later.path == earlier.path);
        entries.reverse();
    }
}
