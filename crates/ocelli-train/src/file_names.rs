//! Names of files about pictures.

use std::collections::BTreeSet;

/// The names given so far: no two are alike.
#[derive(Clone, Debug, Default)]
pub struct FileNames {
    taken: BTreeSet<String>,
}

impl FileNames {
    /// `wanted`, or where that is taken the first of `wanted-2`, `wanted-3` … that isn't.
    pub fn free(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}-{number}");
        }
        name
    }
}
