//! One class a pixel, or its colour: a PNG for each picture.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_data::Picture;
use ocelli_data::dataset::{Location, Sample};
use ocelli_data::mask::{MaskEncoding, encode, overlay};
use ocelli_train::file_names::FileNames;
use ocelli_train::pictures::decode_options;
use ocelli_train::recipe::Task;
use ocelli_train::trained::Trained;
use serde::Serialize;

use super::super::{print_json, print_text};
use crate::cli::{MaskFormatArg, PredictArgs};
use crate::failure::Failure;

/// How much of an overlay is the mask.
const OPACITY: f32 = 0.5;

#[derive(Serialize)]
struct Prediction<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<&'a Path>,
    /// The share of the picture's pixels that each class has, largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Share<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Share<'a> {
    class: &'a str,
    share: f64,
}

/// What a picture became.
struct Answer<'a> {
    png: Vec<u8>,
    classes: Vec<Share<'a>>,
}

/// Writes masks, or pictures with their colours.
pub(super) fn predict(
    arguments: &PredictArgs,
    trained: &Trained,
    samples: &[Sample],
) -> Result<ExitCode, Failure> {
    let Some(folder) = &arguments.out else {
        return Err(Failure::usage(
            "--out is missing: the run answers with pictures; say into which folder",
        ));
    };
    let place = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::failed(format!("{}: could not be written: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| place(folder, &error))?;
    refuse_to_replace(folder, samples)?;
    let decode = decode_options(&trained.recipe.data);
    let mut taken = FileNames::default();
    let mut failed = 0;
    for sample in samples {
        let name = sample.name.as_str();
        let (written, classes, error) = match sample.picture(&decode) {
            Ok(picture) => {
                let path = free_path(folder, name, &mut taken);
                let answer = answered(arguments, trained, &picture)?;
                std::fs::write(&path, answer.png).map_err(|error| place(&path, &error))?;
                (Some(path), answer.classes, None)
            }
            Err(error) => (None, Vec::new(), Some(error.reason.to_string())),
        };
        if let Some(reason) = &error {
            failed += 1;
            eprintln!("error: {name}: {reason}");
        }
        if arguments.json {
            let (written, error) = (written.as_deref(), error.as_deref());
            print_json(&Prediction { path: name, written, classes, error })?;
        } else if let Some(path) = written {
            print_text(&format!("{name}: {}\n", path.display()))?;
        }
    }
    if failed > 0 {
        return Err(Failure::failed(format!(
            "{failed} of {} pictures could not be read",
            samples.len()
        )));
    }
    Ok(ExitCode::SUCCESS)
}

fn answered<'a>(
    arguments: &PredictArgs,
    trained: &'a Trained,
    picture: &Picture,
) -> Result<Answer<'a>, Failure> {
    if trained.recipe.task == Task::Colorize {
        let png = trained.colorize(picture).to_png().map_err(Failure::failed)?;
        return Ok(Answer { png, classes: Vec::new() });
    }
    let Some(masks) = &trained.info.masks else {
        return Err(Failure::failed(format!(
            "{}: run.json says nothing of masks: it is not one of segmentation",
            arguments.run.display()
        )));
    };
    let palette = masks.palette();
    let mask = trained.segment(picture);
    let encoding = match arguments.masks {
        None => Some(masks.encoding),
        Some(MaskFormatArg::Index) => Some(MaskEncoding::Index),
        Some(MaskFormatArg::Palette) => Some(MaskEncoding::Palette),
        Some(MaskFormatArg::Color) => Some(MaskEncoding::Color),
        Some(MaskFormatArg::Overlay) => None,
    };
    let png = match encoding {
        Some(encoding) => encode(&mask, &palette, encoding).map_err(Failure::failed)?,
        None => overlay(picture, &mask, &palette, OPACITY).to_png().map_err(Failure::failed)?,
    };
    let mut counts = vec![0usize; trained.info.classes.len()];
    for &class in mask.labels() {
        if let Some(count) = counts.get_mut(usize::from(class)) {
            *count += 1;
        }
    }
    let pixels = mask.labels().len().max(1) as f64;
    let shares = trained.info.classes.iter().zip(counts).filter(|(_, count)| *count > 0);
    let mut classes: Vec<Share<'_>> =
        shares.map(|(class, count)| Share { class, share: count as f64 / pixels }).collect();
    classes.sort_by(|left, right| right.share.total_cmp(&left.share));
    Ok(Answer { png, classes })
}

/// Refuses a folder in which an answer would take the place of a picture that is asked about.
fn refuse_to_replace(folder: &Path, samples: &[Sample]) -> Result<(), Failure> {
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    for sample in samples {
        let Location::File(file) = &sample.location else { continue };
        let Ok(file) = file.canonicalize() else { continue };
        if file.parent() == Some(&folder) && file.extension().is_some_and(|end| end == "png") {
            return Err(Failure::usage(format!(
                "--out {}: {} is a picture there, and its answer would take its place; say another \
                 folder",
                folder.display(),
                sample.name
            )));
        }
    }
    Ok(())
}

/// `FOLDER/NAME.png`, with a number where another picture has that name.
fn free_path(folder: &Path, name: &str, taken: &mut FileNames) -> PathBuf {
    let stem = Path::new(name).file_stem();
    let stem = stem.map_or_else(|| "picture".into(), |stem| stem.to_string_lossy());
    folder.join(format!("{}.png", taken.free(&stem)))
}
