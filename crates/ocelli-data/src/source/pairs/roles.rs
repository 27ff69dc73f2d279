//! Which files are pictures, which are masks, and what they have in common.

use super::super::listing::stem;

/// Folders that hold masks, in lower case.
const MASK_FOLDERS: [&str; 16] = [
    "mask",
    "masks",
    "label",
    "labels",
    "annotation",
    "annotations",
    "annot",
    "gt",
    "groundtruth",
    "ground_truth",
    "segmentation",
    "segmentations",
    "segmentationclass",
    "segmentation_masks",
    "target",
    "targets",
];

/// What the names of such folders may end in, as in `train_masks`.
const MASK_FOLDER_ENDINGS: [&str; 9] = [
    "_masks",
    "_mask",
    "-masks",
    "_labels",
    "-labels",
    "_gt",
    "_annotations",
    "_segmentation",
    "annot",
];

/// Folders that hold pictures, in lower case.
const IMAGE_FOLDERS: [&str; 9] =
    ["image", "images", "img", "imgs", "jpegimages", "picture", "pictures", "photo", "photos"];

/// What the names of such folders may end in, as in `train_images`.
const IMAGE_FOLDER_ENDINGS: [&str; 3] = ["_images", "-images", "_img"];

/// What the names of masks may end in, before the extension.
const MASK_SUFFIXES: [&str; 12] = [
    "_mask",
    "-mask",
    "_masks",
    "_label",
    "_labels",
    "_gt",
    "_seg",
    "_segmentation",
    "_annotation",
    "_groundtruth",
    "_labelids",
    "_L",
];

/// What the names of their pictures may end in, where that isn't nothing.
const IMAGE_SUFFIXES: [&str; 7] = ["_sat", "_image", "-image", "_img", "_rgb", "_photo", "_im"];

/// A file's part in a pair, and the key that both partners have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) is_mask: bool,
    pub(super) key: String,
}

/// By the folders that a file is in. The key is the path without the folders' telling words, and
/// without the extension.
pub(super) fn by_folder(path: &str) -> Role {
    let mut is_mask = false;
    let mut key = String::new();
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
        let lower = folder.to_lowercase();
        let without = |endings: &[&str]| {
            let rest = endings.iter().find_map(|ending| lower.strip_suffix(ending));
            // Lower case has no other length for what ends in ASCII, or it is left alone.
            rest.filter(|rest| !rest.is_empty()).and_then(|rest| folder.get(..rest.len()))
        };
        let kept = if MASK_FOLDERS.contains(&lower.as_str()) {
            is_mask = true;
            continue;
        } else if IMAGE_FOLDERS.contains(&lower.as_str()) {
            continue;
        } else if let Some(rest) = without(&MASK_FOLDER_ENDINGS) {
            is_mask = true;
            rest
        } else {
            without(&IMAGE_FOLDER_ENDINGS).unwrap_or(folder)
        };
        key.push_str(kept);
        key.push('/');
    }
    key.push_str(stem(path));
    Role { is_mask, key }
}

/// Whether a file is in a folder for pictures, and in none for masks.
pub(super) fn is_image_folder(path: &str) -> bool {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let is = |folder: &str| {
        let lower = folder.to_lowercase();
        IMAGE_FOLDERS.contains(&lower.as_str())
            || IMAGE_FOLDER_ENDINGS.iter().any(|ending| lower.ends_with(ending))
    };
    folders.split('/').any(is) && !by_folder(path).is_mask
}

/// The suffixes to look for.
#[derive(Clone, Copy)]
pub(super) struct Suffixes<'a> {
    pub(super) image: Option<&'a str>,
    pub(super) mask: Option<&'a str>,
}

impl Suffixes<'_> {
    /// By what a file's name ends in. The key is the path without it.
    pub(super) fn role(&self, path: &str) -> Role {
        let end = path.len() - path.rsplit('/').next().map_or(0, str::len);
        let key = format!("{}{}", &path[..end], stem(path));
        match self.strip_mask(&key) {
            Some(key) => Role { is_mask: true, key: key.to_owned() },
            None => Role { is_mask: false, key: self.strip_image(&key).to_owned() },
        }
    }

    /// A key without a mask's suffix, if it has one.
    pub(super) fn strip_mask<'k>(&self, key: &'k str) -> Option<&'k str> {
        match self.mask {
            Some(suffix) => strip(key, suffix),
            None => MASK_SUFFIXES.iter().find_map(|suffix| strip(key, suffix)),
        }
    }

    /// A key without a picture's suffix, if it has one.
    pub(super) fn strip_image<'k>(&self, key: &'k str) -> &'k str {
        let stripped = match self.image {
            Some(suffix) => strip(key, suffix),
            None => IMAGE_SUFFIXES.iter().find_map(|suffix| strip(key, suffix)),
        };
        stripped.unwrap_or(key)
    }
}

/// Without a suffix, if something of the name is left. Suffixes in lower case fit any case.
fn strip<'k>(key: &'k str, suffix: &str) -> Option<&'k str> {
    let at = key.len().checked_sub(suffix.len())?;
    let end = key.get(at..)?;
    let exact = suffix.bytes().any(|byte| byte.is_ascii_uppercase());
    let fits = if exact { end == suffix } else { end.eq_ignore_ascii_case(suffix) };
    (fits && at > 0 && !key[..at].ends_with('/')).then(|| &key[..at])
}
