//! Pictures that can't be used: listed once each, and too many of them end the run.

use std::collections::HashSet;
use std::path::PathBuf;

use ocelli_data::loader::Broken;

use super::{Observer, TrainError};
use crate::record::{BrokenRecord, Split};
use crate::run_folder::{
    RunFolder, RunFolderError, append_json_line, drop_unfinished_line, read_json_lines,
};

/// The share of a split that may be broken. More is no accident but a wrong folder, a failing
/// disk or a download cut short, and the result would be about other data than it says.
const TOLERATED_SHARE: f64 = 0.01;

/// The broken pictures of a run.
pub(super) struct BrokenPictures {
    list: PathBuf,
    seen: HashSet<(&'static str, String)>,
}

impl BrokenPictures {
    /// Those that the run folder lists already.
    pub(super) fn open(folder: &RunFolder) -> Result<Self, RunFolderError> {
        let list = folder.broken_file();
        drop_unfinished_line(&list)?;
        let seen = read_json_lines::<BrokenRecord>(&list)?
            .into_iter()
            .map(|record| (record.split.name(), record.name))
            .collect();
        Ok(Self { list, seen })
    }

    pub(super) fn count(&self) -> usize {
        self.seen.len()
    }

    /// Takes note of a batch's broken pictures.
    pub(super) fn note(
        &mut self,
        split: Split,
        total: usize,
        broken: &[Broken],
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        for picture in broken {
            if !self.seen.insert((split.name(), picture.name.clone())) {
                continue;
            }
            let record =
                BrokenRecord { split, name: picture.name.clone(), reason: picture.reason.clone() };
            append_json_line(&self.list, &record)?;
            observer.broken(&record);
        }
        if broken.is_empty() {
            return Ok(());
        }
        let count = self.seen.iter().filter(|(name, _)| *name == split.name()).count();
        if count as f64 > TOLERATED_SHARE * total as f64 {
            return Err(TrainError::TooManyBroken {
                split: split.name(),
                broken: count,
                total,
                list: self.list.clone(),
                first: format!("{}: {}", broken[0].name, broken[0].reason),
            });
        }
        Ok(())
    }
}
