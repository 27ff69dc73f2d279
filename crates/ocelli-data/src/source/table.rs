//! Labels from a table.

use std::path::Path;

use super::labels::Splits;
use super::listing::Listing;
use super::{Found, SourceError, SourceOptions};

pub(super) fn splits(
    _listing: &Listing,
    _scope: &str,
    _options: &SourceOptions,
    _notes: &mut Vec<String>,
) -> Result<Option<Splits>, SourceError> {
    Ok(None)
}

pub(super) fn open(path: &Path, _options: &SourceOptions) -> Result<Found, SourceError> {
    Err(SourceError::NotADataset { path: path.to_owned() })
}
