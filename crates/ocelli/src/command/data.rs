//! `ocelli data check`, `stats` and `synth`.

use std::process::ExitCode;

use ocelli_data::check::{self, CheckOptions};
use ocelli_data::mask::PaletteOptions;
use ocelli_data::source::{self, Found, Labels, Layout, SourceOptions};
use ocelli_data::stats;
use ocelli_data::synth::{Birds, BirdsConfig, write_image_folder};
use ocelli_data::{Dataset, DecodeOptions};

use super::{print_json, print_text};
use crate::cli::{DataArgs, LayoutArg, SynthArgs, TaskArg};
use crate::failure::Failure;
use crate::terminal::progress;

pub(crate) fn check(arguments: &DataArgs) -> Result<ExitCode, Failure> {
    let found = open(arguments)?;
    let parts = parts(&found);
    let bar = progress::bar("checking");
    let (decode, pairing) = (decode_options(arguments)?, found.pairing.clone().unwrap_or_default());
    let options = CheckOptions { decode, pairing, ..CheckOptions::default() };
    let report = check::check(&parts, &options, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    if arguments.json {
        print_json(&report)?;
    } else {
        print_text(&report.to_text())?;
    }
    Ok(if report.has_problems() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

pub(crate) fn stats(arguments: &DataArgs) -> Result<ExitCode, Failure> {
    let found = open(arguments)?;
    let decode = decode_options(arguments)?;
    for (split, dataset) in parts(&found) {
        let bar = progress::bar("measuring");
        let stats = stats::stats(dataset, &decode, &|done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .map_err(Failure::failed)?;
        bar.finish_and_clear();
        if arguments.json {
            print_json(&serde_json::json!({ "split": split, "stats": stats }))?;
        } else {
            print_text(&format!("{split}\n{}\n", stats.to_text()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn synth(arguments: &SynthArgs) -> Result<ExitCode, Failure> {
    // The text form goes through the same checks as a recipe's.
    let location = format!(
        "synth://birds?classes={}&count={}&size={}&seed={}",
        arguments.classes, arguments.count, arguments.size, arguments.seed
    );
    let config = BirdsConfig::parse(&location).map_err(Failure::usage)?;
    let birds = Birds::new(config);
    let bar = progress::bar("drawing");
    let written = write_image_folder(&birds, &arguments.folder, arguments.val, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .map_err(Failure::failed)?;
    bar.finish_and_clear();
    eprintln!(
        "{} birds of {} species in {}: train {}, val {}\nnext: ocelli train {}",
        birds.len(),
        arguments.classes,
        arguments.folder.display(),
        written.train,
        written.val,
        arguments.folder.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn open(arguments: &DataArgs) -> Result<Found, Failure> {
    let options = SourceOptions {
        layout: match arguments.layout {
            LayoutArg::Auto => Layout::Auto,
            LayoutArg::Folders => Layout::Folders,
            LayoutArg::Names => Layout::Names,
            LayoutArg::Csv => Layout::Csv,
            LayoutArg::Flat => Layout::Flat,
            LayoutArg::MaskFolders => Layout::MaskFolders,
            LayoutArg::MaskSuffixes => Layout::MaskSuffixes,
            LayoutArg::MaskLists => Layout::MaskLists,
        },
        labels: labels(arguments),
        name_pattern: arguments.name_pattern.clone(),
        masks: arguments.masks.clone(),
        palette: arguments.palette.clone(),
        image_suffix: arguments.image_suffix.clone(),
        mask_suffix: arguments.mask_suffix.clone(),
        ignore: PaletteOptions {
            ignore_index: (!arguments.ignore_index.is_empty())
                .then(|| arguments.ignore_index.clone()),
            ..PaletteOptions::default()
        },
        ..SourceOptions::default()
    };
    let found = source::open(&arguments.location, &options).map_err(Failure::failed)?;
    for note in &found.notes {
        eprintln!("note: {note}");
    }
    Ok(found)
}

/// What is looked for. Whoever speaks of masks wants them.
fn labels(arguments: &DataArgs) -> Labels {
    let speaks_of_masks = arguments.masks.is_some()
        || arguments.palette.is_some()
        || arguments.mask_suffix.is_some()
        || !arguments.ignore_index.is_empty()
        || matches!(
            arguments.layout,
            LayoutArg::MaskFolders | LayoutArg::MaskSuffixes | LayoutArg::MaskLists
        );
    match arguments.task {
        TaskArg::Segment => Labels::Masks,
        TaskArg::Auto if speaks_of_masks => Labels::Masks,
        TaskArg::Auto => Labels::Either,
        TaskArg::Classify => Labels::Classes,
        TaskArg::Colorize => Labels::None,
    }
}

fn decode_options(arguments: &DataArgs) -> Result<DecodeOptions, Failure> {
    if !(arguments.max_megapixels > 0.0 && arguments.max_megapixels.is_finite()) {
        return Err(Failure::usage(format!(
            "--max-megapixels {}: expected a positive number",
            arguments.max_megapixels
        )));
    }
    Ok(DecodeOptions {
        max_pixels: (arguments.max_megapixels * 1e6) as u64,
        ..DecodeOptions::default()
    })
}

fn parts(found: &Found) -> Vec<(&'static str, &Dataset)> {
    [("train", Some(&found.train)), ("val", found.val.as_ref()), ("test", found.test.as_ref())]
        .into_iter()
        .filter_map(|(split, dataset)| dataset.map(|dataset| (split, dataset)))
        .collect()
}
