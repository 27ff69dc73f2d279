use std::path::{Path, PathBuf};

/// The folder of committed reference data, `fixtures/` at the root of the repository.
#[must_use]
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// The folder of real pictures, `shared/data`, in the repository or beside a folder above it.
///
/// It is not part of the repository. Where it is absent, this says so on standard error and gives
/// `None`, and the test is to return.
#[must_use]
pub fn shared_data() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data"))
        .find(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: no folder shared/data in or above the repository");
    }
    found
}
