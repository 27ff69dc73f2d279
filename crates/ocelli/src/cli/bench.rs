//! The words of `ocelli bench`.

use clap::{Args, Subcommand, ValueEnum};

use super::ComputeArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time a model's step: forward, backward and optimizer, or inference
    #[command(after_help = "\
Example:
  ocelli bench step resnet18 --batch 32 --size 224")]
    Step(BenchStepArgs),
    /// Time reading, decoding and augmenting of pictures
    #[command(after_help = "\
Example:
  ocelli bench loader my-pictures/train --size 224 --batch 32 --workers 2")]
    Loader(BenchLoaderArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BenchStepArgs {
    /// A name that `ocelli models` lists
    pub(crate) model: String,
    /// Pictures a batch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) batch: u32,
    /// Height and width in pixels
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) size: u32,
    /// What a step is
    #[arg(long, value_enum, default_value_t = StepMode::Train)]
    pub(crate) mode: StepMode,
    /// What doesn't learn in a training step, as train.freeze: "backbone", a part, a pattern;
    /// several times for several
    #[arg(long, value_name = "PART")]
    pub(crate) freeze: Vec<String>,
    /// How many classes the model tells apart
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub(crate) classes: usize,
    /// Steps that are timed, after two that aren't
    #[arg(long, default_value_t = 7, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) iters: u32,
    /// Say where the time of a step went, kernel by kernel (the embedded CPU device alone knows)
    #[arg(long)]
    pub(crate) profile: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// What a timed step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StepMode {
    /// Forward, backward and an AdamW step
    Train,
    /// Forward alone
    Infer,
    /// BYOL's step: two views, through the model and its target
    Byol,
}

#[derive(Debug, Args)]
pub(crate) struct BenchLoaderArgs {
    /// A folder, .tar, .csv or synth://birds
    #[arg(value_name = "PICTURES")]
    pub(crate) location: String,
    /// Height and width in pixels
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) size: u32,
    /// Pictures a batch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) batch: u32,
    /// Loader threads
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) workers: usize,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
