//! `ocelli eval`.

use std::process::ExitCode;

use ocelli_train::record::{ColorRecord, EmbeddingRecord, EpochRecord, RegionRecord, Split};
use ocelli_train::trained::Trained;
use serde::Serialize;

use super::{look, print_json, print_text};
use crate::cli::EvalArgs;
use crate::compute;
use crate::failure::Failure;
use crate::terminal::{progress, scores};

#[derive(Serialize)]
struct Report {
    data: String,
    checkpoint: String,
    epoch: u32,
    loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top5: Option<f64>,
    #[serde(flatten)]
    regions: RegionRecord,
    #[serde(flatten)]
    colors: ColorRecord,
    #[serde(flatten)]
    embedding: EmbeddingRecord,
    pictures: u64,
    broken: Vec<BrokenPicture>,
    images_per_second: f64,
    #[serde(flatten)]
    details: Details,
}

#[derive(Serialize)]
struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    macro_average: Option<ocelli_train::record::MacroAverage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<ocelli_train::record::ClassRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    confusion: Vec<[u64; 3]>,
}

#[derive(Serialize)]
struct BrokenPicture {
    name: String,
    reason: String,
}

pub(crate) fn eval(arguments: &EvalArgs) -> Result<ExitCode, Failure> {
    let compute = compute::set_up(&arguments.compute)?;
    let mut trained = Trained::open(&arguments.run, &arguments.checkpoint, &compute.device)
        .map_err(Failure::failed)?;
    look(&mut trained, &arguments.look)?;
    let pictures =
        trained.evaluation_pictures(arguments.data.as_deref()).map_err(Failure::failed)?;
    for note in trained.notes.iter().chain(&pictures.notes) {
        eprintln!("note: {note}");
    }
    let bar = progress::bar("evaluating");
    let evaluation = trained
        .evaluate(pictures.dataset.clone(), |batch, batches| {
            bar.set_length(batches as u64);
            bar.set_position(batch as u64);
        })
        .map_err(Failure::failed)?;
    bar.finish_and_clear();
    if evaluation.pictures == 0 {
        return Err(Failure::failed(format!("{}: no picture could be read", pictures.location)));
    }
    let record: EpochRecord = evaluation.record(trained.epoch, Split::Val, &trained.info.classes);
    let report = Report {
        data: pictures.location,
        checkpoint: arguments.checkpoint.clone(),
        epoch: trained.epoch,
        loss: record.loss,
        accuracy: record.accuracy,
        top5: record.top5,
        regions: record.regions.clone(),
        colors: record.colors,
        embedding: record.embedding,
        pictures: record.pictures,
        broken: evaluation
            .broken
            .iter()
            .map(|broken| BrokenPicture {
                name: broken.name.clone(),
                reason: broken.reason.clone(),
            })
            .collect(),
        images_per_second: record.images_per_second,
        details: Details {
            macro_average: record.macro_average,
            classes: record.classes.clone(),
            confusion: record.confusion.clone(),
        },
    };
    for broken in &report.broken {
        eprintln!("left out: {}: {}", broken.name, broken.reason);
    }
    if arguments.json {
        print_json(&report)?;
    } else {
        print_text(&scores::evaluation(&report.data, &record, &trained.info.classes))?;
    }
    Ok(ExitCode::SUCCESS)
}
