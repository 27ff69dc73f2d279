//! What several targets need.

use std::path::{Path, PathBuf};

use ocelli_data::source::{self, Found, SourceOptions};

/// A folder of this process alone, in memory where the system has such a place.
pub fn folder(name: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = parent.join(format!("ocelli-fuzz-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the fuzzer's files");
    folder
}

/// Opens a location, and holds what was found to what every dataset promises.
pub fn open(path: &Path, options: &SourceOptions) -> Option<Found> {
    let location = path.to_str().expect("the folder's name is text");
    let found = match source::open(location, options) {
        Ok(found) => found,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let parts = [Some(&found.train), found.val.as_ref(), found.test.as_ref()];
    for dataset in parts.into_iter().flatten() {
        assert!(!dataset.is_empty(), "a part without samples");
        assert_eq!(dataset.classes, found.train.classes);
        let classes = dataset.classes.len();
        for sample in &dataset.samples {
            assert!(sample.label.is_none_or(|label| (label as usize) < classes));
        }
        let _ = dataset.fingerprint();
    }
    Some(found)
}
