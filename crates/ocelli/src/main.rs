//! The `ocelli` command.
#![forbid(unsafe_code)]

mod cli;
mod command;
mod compute;
mod failure;
mod interrupt;
mod sheets;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use cli::{BenchCommand, Cli, Command, DataCommand};

/// Every training step frees and asks for the same large buffers; an allocator that keeps them
/// saves the page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    ocelli_kernels::allocator::keep_freed_memory();
    let result = match cli.command {
        Command::Train(arguments) => command::train::train(arguments),
        Command::Resume(arguments) => command::train::resume(arguments),
        Command::Sweep(arguments) => command::sweep::sweep(&arguments),
        Command::Eval(arguments) => command::eval::eval(&arguments),
        Command::Predict(arguments) => command::predict::predict(&arguments),
        Command::Embed(arguments) => command::embed::embed(&arguments),
        Command::Compare(arguments) => command::compare::compare(&arguments),
        Command::Report(arguments) => command::report::report(&arguments),
        Command::Models(arguments) => command::models::models(&arguments),
        Command::Data(DataCommand::Check(arguments)) => command::data::check(&arguments),
        Command::Data(DataCommand::Stats(arguments)) => command::data::stats(&arguments),
        Command::Data(DataCommand::Synth(arguments)) => command::data::synth(&arguments),
        Command::Weights(arguments) => command::weights::weights(&arguments),
        Command::Probe(arguments) => command::probe::probe(&arguments),
        Command::Bench(BenchCommand::Step(arguments)) => command::bench::step(&arguments),
        Command::Bench(BenchCommand::Loader(arguments)) => command::bench::loader(&arguments),
    };
    match result {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.status()
        }
    }
}
