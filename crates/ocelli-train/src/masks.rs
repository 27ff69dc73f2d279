//! How a run writes masks: what the dataset's own files do.

use ocelli_data::mask::{MaskEncoding, PaletteClass};
use ocelli_data::{Dataset, DecodeOptions, Palette};
use serde::{Deserialize, Serialize};

/// What the values of masks mean, and how files hold them: kept in `run.json`, so that predictions
/// need no dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskRecord {
    /// The classes, by number.
    pub classes: Vec<PaletteClass>,
    /// What counts for no class.
    pub ignored: Vec<PaletteClass>,
    /// How the dataset's own files say which class a pixel has.
    pub encoding: MaskEncoding,
}

impl MaskRecord {
    /// Of a dataset's masks; `None` where it has none.
    #[must_use]
    pub fn of(dataset: &Dataset, decode: &DecodeOptions) -> Option<Self> {
        let palette = dataset.palette.as_ref()?;
        Some(Self {
            classes: palette.classes().to_vec(),
            ignored: palette.ignored().to_vec(),
            encoding: mask_encoding(dataset, decode),
        })
    }

    /// The palette to write masks with.
    #[must_use]
    pub fn palette(&self) -> Palette {
        Palette::for_writing(self.classes.clone(), self.ignored.clone())
    }
}

/// How a dataset's mask files say which class a pixel has: as the first that can be read does.
pub(crate) fn mask_encoding(dataset: &Dataset, decode: &DecodeOptions) -> MaskEncoding {
    let files = dataset.samples.iter().filter_map(|sample| sample.mask.as_ref());
    files
        .filter_map(|file| file.location.bytes().ok())
        .find_map(|bytes| MaskEncoding::of(&bytes, decode).ok())
        .unwrap_or(MaskEncoding::Palette)
}
