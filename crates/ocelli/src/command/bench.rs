//! `ocelli bench step` and `ocelli bench loader`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use ocelli_data::augment::{Pipeline, RandomFlip, RandomResizedCrop, Transform};
use ocelli_data::loader::{Loader, LoaderConfig, Order};
use ocelli_data::source::{self, SourceOptions};
use ocelli_nn::{cpu, device};
use ocelli_train::step_benchmark::{self, StepBenchmark};
use serde::Serialize;

use super::{print_json, print_text};
use crate::cli::{BenchLoaderArgs, BenchStepArgs, StepMode};
use crate::compute;
use crate::failure::Failure;
use crate::terminal::progress;

#[derive(Serialize)]
struct StepReport<'a> {
    model: &'a str,
    mode: &'a str,
    batch: u32,
    size: u32,
    threads: usize,
    isa: &'a str,
    ms_median: f64,
    ms_min: f64,
    ms_max: f64,
    images_per_second: f64,
    peak_rss_mb: Option<f64>,
}

pub(crate) fn step(arguments: &BenchStepArgs) -> Result<ExitCode, Failure> {
    let compute = compute::set_up(&arguments.compute)?;
    let benchmark = StepBenchmark {
        model: arguments.model.clone(),
        train: arguments.mode == StepMode::Train,
        batch: arguments.batch as usize,
        size: arguments.size as usize,
        classes: arguments.classes,
        steps: arguments.iters as usize,
    };
    let bar = progress::bar("timing");
    let mut milliseconds = step_benchmark::run(&benchmark, &compute.device, |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    })
    .map_err(Failure::usage)?;
    bar.finish_and_clear();
    milliseconds.sort_by(f64::total_cmp);
    let median = median_of_sorted(&milliseconds);
    let report = StepReport {
        model: &arguments.model,
        mode: match arguments.mode {
            StepMode::Train => "train",
            StepMode::Infer => "infer",
        },
        batch: arguments.batch,
        size: arguments.size,
        threads: compute.threads,
        isa: if device::is_cpu(&compute.device) {
            cpu::instruction_set().map_err(Failure::usage)?
        } else {
            ""
        },
        ms_median: median,
        ms_min: milliseconds[0],
        ms_max: milliseconds[milliseconds.len() - 1],
        images_per_second: f64::from(arguments.batch) / median * 1e3,
        peak_rss_mb: peak_rss_mb(),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        let memory = report
            .peak_rss_mb
            .map_or_else(String::new, |peak| format!(", peak memory {peak:.0} MB"));
        print_text(&format!(
            "{} {}, batch {}, {} px, {} threads ({}): median {:.1} ms ({:.1} to {:.1}), {:.1} images/s{memory}\n",
            report.model,
            report.mode,
            report.batch,
            report.size,
            report.threads,
            report.isa,
            report.ms_median,
            report.ms_min,
            report.ms_max,
            report.images_per_second,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The most memory that this process has had, in MB (10⁶ bytes); Linux alone tells.
fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

#[derive(Serialize)]
struct LoaderReport {
    images: usize,
    images_per_second: f64,
    workers: usize,
    size: u32,
    batch: u32,
    broken: usize,
}

pub(crate) fn loader(arguments: &BenchLoaderArgs) -> Result<ExitCode, Failure> {
    let found =
        source::open(&arguments.location, &SourceOptions::default()).map_err(Failure::failed)?;
    let transforms = [
        Transform::RandomResizedCrop(RandomResizedCrop::default()),
        Transform::RandomHorizontalFlip(RandomFlip::default()),
    ];
    let pipeline = Pipeline::new(&transforms, [arguments.size; 2]).map_err(Failure::usage)?;
    let config = LoaderConfig {
        batch_size: arguments.batch as usize,
        workers: arguments.workers,
        order: Order::Shuffled,
        ..LoaderConfig::default()
    };
    let loader =
        Loader::new(Arc::new(found.train), Arc::new(pipeline), config).map_err(Failure::usage)?;
    let bar = progress::bar("loading");
    bar.set_length(loader.batches_per_epoch() as u64);
    let (mut images, mut broken) = (0, 0);
    let started = Instant::now();
    for batch in loader.epoch(1, 0) {
        let batch = batch.map_err(Failure::failed)?;
        images += batch.shape[0];
        broken += batch.broken.len();
        bar.inc(1);
    }
    let seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let report = LoaderReport {
        images,
        images_per_second: images as f64 / seconds,
        workers: arguments.workers,
        size: arguments.size,
        batch: arguments.batch,
        broken,
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print_text(&format!(
            "{images} pictures at {} px with {} workers: {:.0} a second ({broken} broken)\n",
            report.size, report.workers, report.images_per_second
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
