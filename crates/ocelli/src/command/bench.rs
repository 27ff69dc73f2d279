//! `ocelli bench step` and `ocelli bench loader`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use ocelli_data::augment::{Pipeline, RandomFlip, RandomResizedCrop, Transform};
use ocelli_data::loader::{Loader, LoaderConfig, Order};
use ocelli_data::source::{self, SourceOptions};
use ocelli_nn::{cpu, device};
use ocelli_train::selection::Selection;
use ocelli_train::step_benchmark::{self, Step, StepBenchmark};
use serde::Serialize;

use super::{print_json, print_text};
use crate::cli::{BenchLoaderArgs, BenchStepArgs, StepMode};
use crate::compute;
use crate::failure::Failure;
use crate::terminal::progress;
use crate::terminal::table::Table;

#[derive(Serialize)]
struct StepReport<'a> {
    model: &'a str,
    mode: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    freeze: &'a [String],
    batch: u32,
    size: u32,
    threads: usize,
    isa: &'a str,
    ms_median: f64,
    ms_min: f64,
    ms_max: f64,
    images_per_second: f64,
    peak_rss_mb: Option<f64>,
    /// Every timed step, in their order.
    ms: &'a [f64],
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Vec<ProfileRow>>,
}

/// What a step spent in one kernel, at one shape.
#[derive(Serialize)]
struct ProfileRow {
    kernel: String,
    calls: f64,
    ms: f64,
    /// Of the mean step.
    share: f64,
    gflops_per_second: f64,
    gigabytes_per_second: f64,
}

pub(crate) fn step(arguments: &BenchStepArgs) -> Result<ExitCode, Failure> {
    let compute = compute::set_up(&arguments.compute)?;
    if arguments.mode == StepMode::Infer && !arguments.freeze.is_empty() {
        return Err(Failure::usage(
            "--freeze concerns training steps: nothing learns in inference",
        ));
    }
    let benchmark = StepBenchmark {
        model: arguments.model.clone(),
        step: match arguments.mode {
            StepMode::Train => Step::Train,
            StepMode::Infer => Step::Infer,
            StepMode::Byol => Step::Byol,
        },
        freeze: (!arguments.freeze.is_empty())
            .then(|| Selection::Several(arguments.freeze.clone())),
        batch: arguments.batch as usize,
        size: arguments.size as usize,
        classes: arguments.classes,
        steps: arguments.iters as usize,
    };
    let bar = progress::bar("timing");
    let mut milliseconds = step_benchmark::run(&benchmark, &compute.device, |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        if arguments.profile && done == step_benchmark::WARM_UP {
            cpu::profile::start();
        }
    })
    .map_err(Failure::usage)?;
    bar.finish_and_clear();
    let profile = arguments.profile.then(|| profile_rows(&milliseconds));
    let in_order = milliseconds.clone();
    milliseconds.sort_by(f64::total_cmp);
    let median = median_of_sorted(&milliseconds);
    let report = StepReport {
        model: &arguments.model,
        mode: match arguments.mode {
            StepMode::Train => "train",
            StepMode::Infer => "infer",
            StepMode::Byol => "byol",
        },
        freeze: &arguments.freeze,
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
        ms: &in_order,
        profile,
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        let frozen = if report.freeze.is_empty() {
            String::new()
        } else {
            format!(" with {} frozen", report.freeze.join(", "))
        };
        let memory = report
            .peak_rss_mb
            .map_or_else(String::new, |peak| format!(", peak memory {peak:.0} MB"));
        print_text(&format!(
            "{} {}{frozen}, batch {}, {} px, {} threads ({}): median {:.1} ms ({:.1} to {:.1}), {:.1} images/s{memory}\n",
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
        if let Some(rows) = &report.profile {
            print_text(&format!("\n{}", profile_table(rows)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The recorded profile as shares of a mean step, and what is left for everything that no kernel
/// of ours does.
fn profile_rows(milliseconds: &[f64]) -> Vec<ProfileRow> {
    let steps = milliseconds.len() as f64;
    let step = milliseconds.iter().sum::<f64>() / steps;
    let mut left = step;
    let mut rows: Vec<ProfileRow> = cpu::profile::finish()
        .into_iter()
        .map(|entry| {
            let seconds = entry.time.as_secs_f64();
            let ms = seconds * 1e3 / steps;
            left -= ms;
            ProfileRow {
                kernel: entry.name,
                calls: entry.calls as f64 / steps,
                ms,
                share: ms / step,
                gflops_per_second: entry.operations / seconds / 1e9,
                gigabytes_per_second: entry.bytes / seconds / 1e9,
            }
        })
        .collect();
    rows.push(ProfileRow {
        kernel: "everything else".into(),
        calls: 1.0,
        ms: left,
        share: left / step,
        gflops_per_second: 0.0,
        gigabytes_per_second: 0.0,
    });
    rows
}

fn profile_table(rows: &[ProfileRow]) -> Table {
    let mut table = Table::new(&["kernel", "calls a step", "ms", "%", "GFLOP/s", "GB/s"]);
    for row in rows {
        table.row(&[
            row.kernel.clone(),
            format!("{:.0}", row.calls),
            format!("{:.1}", row.ms),
            format!("{:.1}", row.share * 100.0),
            format!("{:.0}", row.gflops_per_second),
            format!("{:.1}", row.gigabytes_per_second),
        ]);
    }
    table
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
