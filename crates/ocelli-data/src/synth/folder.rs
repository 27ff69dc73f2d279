//! Birds as files, in the layouts that other tools read too.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;

use super::{Birds, PARTS, SynthError};
use crate::picture::{Mask, Picture};

/// What [`write_image_folder`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderSummary {
    /// Pictures for training.
    pub train: u64,
    /// Pictures for validation.
    pub val: u64,
}

/// High enough that 8x8 blocks don't show at 64 px.
const JPEG_QUALITY: u8 = 92;

/// Pictures drawn between two reports of progress.
const CHUNK: u64 = 128;

/// Writes all birds to a new or empty folder:
///
/// ```text
/// folder/train/<class>/00000.jpg         an image folder: one folder for each class
/// folder/val/<class>/00008.jpg           the last val_fraction of every class
/// folder/masks/train/<class>/00000.png   the parts of the same bird, as indices with a palette
/// folder/masks/val/<class>/00008.png
/// folder/parts.csv                       index,name,r,g,b of the parts
/// ```
///
/// Masks have their own tree: whoever reads `folder/train` as an image folder finds pictures
/// only. The palette makes a mask readable by eye; its pixel values are the labels themselves.
///
/// `progress` hears how many birds are written and how many there will be. Birds are drawn on
/// rayon's threads.
///
/// # Errors
/// If `val_fraction` is not in 0 to 1 (1 excluded), the folder holds something already, or a file
/// can't be written.
pub fn write_image_folder(
    birds: &Birds,
    folder: &Path,
    val_fraction: f64,
    mut progress: impl FnMut(u64, u64),
) -> Result<FolderSummary, SynthError> {
    if !(0.0..1.0).contains(&val_fraction) {
        return Err(SynthError::BadValue {
            key: "val",
            found: val_fraction.to_string(),
            expected: "a fraction from 0 to 1, 1 excluded".to_owned(),
        });
    }
    refuse_used_folder(folder)?;
    let plan = Plan { birds, folder, val_fraction, names: birds.class_names() };
    plan.create_folders()?;
    write_file(&folder.join("parts.csv"), parts_table().as_bytes())?;
    let mut summary = FolderSummary::default();
    let mut written = 0;
    while written < birds.len() {
        let end = birds.len().min(written + CHUNK);
        let val = (written..end)
            .into_par_iter()
            .map(|index| plan.write(index).map(u64::from))
            .try_reduce(|| 0, |left, right| Ok(left + right))?;
        summary.val += val;
        summary.train += end - written - val;
        written = end;
        progress(written, birds.len());
    }
    Ok(summary)
}

/// Which bird goes where.
struct Plan<'a> {
    birds: &'a Birds,
    folder: &'a Path,
    val_fraction: f64,
    names: Vec<String>,
}

impl Plan<'_> {
    /// Whether bird `index` is among the last of its class, those for validation.
    ///
    /// A class keeps at least one picture for training.
    fn is_val(&self, index: u64) -> bool {
        let classes = u64::from(self.birds.config().classes);
        let class = index % classes;
        let of_class = (self.birds.len() - class).div_ceil(classes);
        let val = ((of_class as f64 * self.val_fraction).round() as u64).min(of_class - 1);
        index / classes >= of_class - val
    }

    fn create_folders(&self) -> Result<(), SynthError> {
        let classes = u64::from(self.birds.config().classes);
        for (class, name) in (0u64..).zip(&self.names) {
            let last = class + (self.birds.len() - class - 1) / classes * classes;
            let splits: &[&str] = if self.is_val(last) { &["train", "val"] } else { &["train"] };
            for split in splits {
                for tree in [self.folder.join(split), self.folder.join("masks").join(split)] {
                    create(&tree.join(name))?;
                }
            }
        }
        Ok(())
    }

    /// Writes one bird and its parts; whether it is for validation.
    fn write(&self, index: u64) -> Result<bool, SynthError> {
        let val = self.is_val(index);
        let split = if val { "val" } else { "train" };
        let class = &self.names[self.birds.label(index) as usize];
        let bird = self.birds.draw(index);
        let picture = self.folder.join(split).join(class).join(format!("{index:05}.jpg"));
        write_file(&picture, &jpeg(&bird.picture).map_err(failed(&picture))?)?;
        let mask =
            self.folder.join("masks").join(split).join(class).join(format!("{index:05}.png"));
        write_file(&mask, &palette_png(&bird.parts).map_err(failed(&mask))?)?;
        Ok(val)
    }
}

fn refuse_used_folder(folder: &Path) -> Result<(), SynthError> {
    create(folder)?;
    let mut entries = fs::read_dir(folder).map_err(failed(folder))?;
    match entries.next() {
        None => Ok(()),
        Some(Err(reason)) => Err(failed(folder)(reason)),
        Some(Ok(entry)) => Err(SynthError::FolderNotEmpty {
            path: folder.to_owned(),
            found: entry.file_name().to_string_lossy().into_owned(),
        }),
    }
}

fn create(folder: &Path) -> Result<(), SynthError> {
    fs::create_dir_all(folder).map_err(failed(folder))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SynthError> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(bytes)?;
        file.flush()
    };
    write().map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> SynthError {
    let path: PathBuf = path.to_owned();
    move |reason| SynthError::Write { path, reason }
}

fn parts_table() -> String {
    let mut table = String::from("index,name,r,g,b\n");
    for (index, (name, [red, green, blue])) in PARTS.iter().enumerate() {
        table.push_str(&format!("{index},{name},{red},{green},{blue}\n"));
    }
    table
}

fn jpeg(picture: &Picture) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .write_image(picture.pixels(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(std::io::Error::other)?;
    Ok(bytes)
}

/// The labels as an indexed PNG: the pixel values are the labels, the palette is for the eye.
fn palette_png(mask: &Mask) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, mask.width(), mask.height());
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(PARTS.iter().flat_map(|(_, color)| *color).collect::<Vec<u8>>());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(mask.labels())?;
    writer.finish()?;
    Ok(bytes)
}
